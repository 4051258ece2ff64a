"""`corpusforge annotate`: look after labelling jobs (docs/annotate.md)."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable
from typing import Any

from corpusforge.options import Parser
from corpusforge.printing import say

__all__ = ["add_parser"]


def add_parser(subparsers: Any) -> None:
    """Mount `corpusforge annotate` with its subcommands."""
    group = subparsers.add_parser(
        "annotate", help="labelling jobs: forget a rater, rule verdicts, attacks, distance"
    )
    commands = group.add_subparsers(dest="annotate_command", metavar="COMMAND", required=True)
    parser = commands.add_parser("forget", help="delete a rater's tasks and answers from a job")
    _job(parser)
    parser.add_argument("--rater", required=True, metavar="NAME", help="name, or pseudonym (r_…)")
    parser.add_argument(
        "--import", dest="imports", action="append", default=[], metavar="DIR",
        help="what import_rankings or export_rankings wrote of this job; may be repeated",
    )  # fmt: skip
    parser.set_defaults(run_command=_forget)
    parser = commands.add_parser("verdicts", help="rule verdicts with evidence (Sparrow)")
    _job(parser)
    parser.add_argument(
        "--rows", nargs="+", default=[], metavar="FILE", help="filled in; none: ask"
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="directory of what is written"
    )
    parser.set_defaults(run_command=_verdicts)
    parser = commands.add_parser("attacks", help="red-team records by kind, round and fix")
    parser.add_argument(
        "--rows", nargs="+", required=True, metavar="FILE", help="red-team records, JSON lines"
    )
    parser.add_argument("--rubric", default="", metavar="NAME", help="whose rules may be broken")
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="directory of what is written"
    )
    parser.set_defaults(run_command=_attacks)
    parser = commands.add_parser("distance", help="how far a job's prompts lie from real use")
    _job(parser)
    parser.add_argument("--sample", nargs="+", required=True, metavar="FILE", help="real prompts")
    parser.set_defaults(run_command=_distance)


def _job(parser: Parser) -> None:
    parser.add_argument("--job", required=True, metavar="DIR", help="what export_labelling wrote")


def _forget(options: argparse.Namespace) -> int:
    from corpusforge.annotate.erasure import forget

    done = forget(options.job, options.rater, options.imports)
    say(
        f"forgotten: {done.tasks} tasks, {done.target_files} target files, {done.rows} rows of "
        f"imports of {done.rater}"
    )
    for path in done.derived:
        say(f"  removed, since it was made with these answers: {path}")
    say("  run import_rankings again to renew figures and training files")
    return 0


def _verdicts(options: argparse.Namespace) -> int:
    from corpusforge.annotate.jobs import open_tasks, read_job, read_tasks
    from corpusforge.annotate.verdicts import read_verdicts, todo
    from corpusforge.errors import InputError
    from corpusforge.io import files
    from corpusforge.io.jsonl import write_jsonl

    job = read_job(options.job)
    if not job.rules:
        raise InputError(f"rubric {job.rubric!r} has no rules. Export with --rubric sparrow.v1.")
    if not options.rows:
        path = files.join(options.output, "verdicts.todo.jsonl")
        count = write_jsonl(path, todo(read_tasks(options.job), job))
        say(f"{count} rows to fill in (keeps, breaks, unsure; evidence): {path}")
        return 0
    tasks = open_tasks(options.job)
    _sort_out(read_verdicts(options.rows, tasks, job), options.output, "verdicts")
    tasks.close()
    return 0


def _attacks(options: argparse.Namespace) -> int:
    from corpusforge.annotate.guidelines import rubric
    from corpusforge.annotate.verdicts import attack_table, read_attacks

    rules = [rule.name for rule in rubric(options.rubric).rules] if options.rubric else []
    kept = _sort_out(read_attacks(options.rows, rules), options.output, "attacks")
    for row in attack_table(kept):
        say("  " + ", ".join(f"{name} {value}" for name, value in row.items()))
    return 0


def _sort_out(rows: Iterable[Any], output: str, name: str) -> list[Any]:
    """Write accepted and refused rows, print the ledger, and return the accepted ones."""
    from dataclasses import asdict

    from corpusforge.annotate.records import Refused
    from corpusforge.io import files
    from corpusforge.io.jsonl import write_jsonl

    found = list(rows)
    refused = [row for row in found if isinstance(row, Refused)]
    kept = [row for row in found if not isinstance(row, Refused)]
    write_jsonl(files.join(output, f"{name}.jsonl"), map(asdict, kept))
    write_jsonl(files.join(output, f"{name}.refused.jsonl"), map(asdict, refused))
    rules = dict(sorted(Counter(row.rule for row in refused).items()))
    say(f"{len(found)} rows read: {len(kept)} accepted, refused {rules or 0}")
    return kept


def _distance(options: argparse.Namespace) -> int:
    from corpusforge.annotate.distance import distances
    from corpusforge.annotate.jobs import read_tasks
    from corpusforge.annotate.private import load_private
    from corpusforge.annotate.prompts import collect
    from corpusforge.io.files import list_files

    paths = [info.path for pattern in options.sample for info in list_files(pattern)]
    rules = ("pii.v1", "secrets.v1")
    salt = load_private(options.job).salt
    sample = collect([("user", path) for path in paths], salt, rules).prompts
    pool = {task.prompt.id: task.prompt for task in read_tasks(options.job)}
    found = distances(list(pool.values()), sample)
    say(f"{len(pool)} prompts of the job against {len(sample)} of real use (0 equal, 1 apart):")
    for row in found:
        note = "  far: the job asks for other things than people do" if row.far else ""
        say(
            f"  {row.measure}: {row.value:.3f}; between halves of the sample {row.within:.3f}{note}"
        )
    return 0
