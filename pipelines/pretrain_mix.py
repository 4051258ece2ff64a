"""Web, Wikipedia, books and code to tokenized shards, in one command.

    python -m pipelines.pretrain_mix --runner DirectRunner

runs the embedded sample into ./runs/sample. Options that Beam's runner reads are handed on to it. Exit code:
0; 1 where an input is damaged or ends early (what stood before the damage is in the run); 2 for something
given that is wrong; 4 where a worker was killed; 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from corpusforge.startup import hold_garbage, lean

if __name__ == "__main__":
    hold_garbage()

from corpusforge import recipe as recipes
from corpusforge.executor import open_executor
from corpusforge.ingest import SOURCES
from corpusforge.io import files
from corpusforge.kernels import ahead
from corpusforge.options import Parser, at_least, share
from corpusforge.printing import say
from corpusforge.program import fail, guard, tell_damage
from corpusforge.run import estimate
from corpusforge.run.directory import KEEP
from corpusforge.run.documents import DAMAGED
from corpusforge.run.events import EventLog
from corpusforge.run.local import LOCAL, WorkerDied
from corpusforge.run.pretrain import STAGES, Outcome
from corpusforge.run.pretrain import run as run_pretrain
from corpusforge.run.progress import Reporter
from corpusforge.run.report import print_summary

__all__ = ["main", "run"]

MOST_WORKERS = 65_536


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.pretrain_mix",
        description="Make tokenized training shards from web, Wikipedia, books and code.",
        epilog="Options not listed here go to Apache Beam, e.g. --flink_master or --temp_location.",
    )
    add = options.add_argument
    add("--recipe", default="sample", metavar="NAME|FILE.toml|list",
        help="a recipe's name or TOML file; 'list' prints the recipes (default: sample)")  # fmt: skip
    add("--source", action="append", default=[], metavar="NAME=GLOB",
        help="files of a source; may be repeated. NAME:KIND=GLOB adds a source of a kind: "
             f"{', '.join(SOURCES)}, or your own as package.module:NAME")  # fmt: skip
    add("--output", metavar="DIR",
        help="the run's directory; a local path, s3:// or gs:// (default: ./runs/RECIPE)")  # fmt: skip
    add("--workers", type=at_least(1, MOST_WORKERS), default=os.cpu_count() or 1, metavar="N",
        help="worker processes on this machine (default: all cores)")  # fmt: skip
    add("--runner", default="DirectRunner", metavar="NAME",
        help="DirectRunner (this machine), FlinkRunner, … (default: DirectRunner)")  # fmt: skip
    add(
        "--until",
        default="report",
        metavar="STAGE",
        help="stop after a stage: " + ", ".join(STAGES),
    )
    add("--force", action="append", default=[], metavar="STAGE",
        help="make a stage again even if nothing changed; may be repeated")  # fmt: skip
    add("--set", action="append", default=[], dest="overrides", metavar="SECTION.KEY=VALUE",
        help="override a recipe value, e.g. mix.budget=1000000; may be repeated")  # fmt: skip
    add("--keep", choices=KEEP, default="all",
        help="which intermediate stages stay after a complete run (default: all)")  # fmt: skip
    add("--estimate", nargs="?", type=share, const=0.01, metavar="SHARE",
        help="print hours, disk and memory of the run, from this share of each source's files; write "
             "nothing to --output (default share: 0.01)")  # fmt: skip
    add("--log", default="", metavar="FILE|-",
        help="add a JSON line an event to this file; '-' is standard output, and the summary then goes to "
             "standard error")  # fmt: skip
    add("--quiet", action="store_true", help="print no progress")
    return options


def run(argv: Sequence[str] | None = None) -> Outcome | None:
    """Run the journey as the command line `argv` says; None where it only listed the recipes or
    printed an estimate.

    Raises CorpusforgeError where something given is wrong.
    """
    options, beam_options = _parsed(argv)
    if options.recipe == "list":
        for name in recipes.names():
            say(f"{name:<16} {recipes.load(name).description}")
        return None
    recipe = recipes.load(options.recipe, options.source, options.overrides)
    output = options.output or f"runs/{recipe.name}"
    if options.runner not in LOCAL and not files.is_remote(output):
        output = str(Path(output).absolute())  # workers may have another working directory
    reporter = Reporter(quiet=options.quiet, log=_log(options, output))
    if options.estimate is not None:
        with open_executor(
            options.runner, options.workers, beam_options, watch=reporter.watch
        ) as executor:
            canary = estimate.run_canary(recipe, output, options.estimate, executor, reporter)
        say(*estimate.lines(canary, options.workers, estimate.peak_memory()))
        return None
    with (
        reporter.told(),
        ahead(options.workers, reporter.line),
        open_executor(
            options.runner, options.workers, beam_options, watch=reporter.watch
        ) as executor,
    ):
        outcome = run_pretrain(
            recipe,
            output,
            executor,
            reporter,
            until=options.until,
            force=options.force,
            keep=options.keep,
        )
    if outcome.complete:
        with contextlib.redirect_stdout(sys.stderr if options.log == "-" else sys.stdout):
            print_summary(output)
    return outcome


def _parsed(argv: Sequence[str] | None) -> tuple[argparse.Namespace, list[str]]:
    """Return the options, and those for Beam, which are known to be right."""
    own = parser()
    options, rest = own.parse_with_rest(argv)
    if rest or options.runner not in LOCAL:
        from corpusforge.beam.options import check, runner_named

        options.runner = runner_named(options.runner)
        check(rest, options.runner, own.known())
    return options, rest


def _log(options: argparse.Namespace, output: str) -> EventLog:
    return EventLog("" if options.estimate is not None else options.log, output)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0; 1 where the run ended and an input is damaged; 2 where something given is wrong."""

    def work() -> int:
        try:
            outcome = run(argv)
        except WorkerDied as error:
            fail(error)
            _leave(error, list(sys.argv[1:] if argv is None else argv))
        return tell_damage(_damaged(outcome) if outcome else [])

    return guard(work)


def _damaged(outcome: Outcome) -> list[str]:
    """One line for each source of which files could not be read to their end."""
    counts = {
        source: account.notes[DAMAGED]
        for (stage, source), account in outcome.ledger.accounts.items()
        if stage == "ingest" and account.notes[DAMAGED]
    }
    return [
        f"source {source!r}: {count} input files are damaged or end early, see {outcome.run}/failed"
        for source, count in sorted(counts.items())
    ]


def _leave(error: WorkerDied, argv: list[str]) -> None:
    """End this process, whose runner waits for the dead worker for ever; after a crash, go on."""
    sys.stdout.flush()
    sys.stderr.flush()
    if error.crashed:  # resuming isolates the record; a part that goes on crashing becomes an error
        say("going on without what crashed it", error=True)
        os.execv(sys.executable, [sys.executable, "-m", "pipelines.pretrain_mix", *argv])  # noqa: S606
    os._exit(error.exit_code)


if __name__ == "__main__":
    lean()
    sys.exit(main())
