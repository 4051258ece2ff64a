"""`corpusforge annotate`: look after labelling jobs (docs/annotate.md)."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["add_parser"]


def add_parser(subparsers: Any) -> None:
    """Mount `corpusforge annotate` with its subcommands."""
    group = subparsers.add_parser("annotate", help="labelling jobs: delete a rater's data")
    commands = group.add_subparsers(dest="annotate_command", metavar="COMMAND", required=True)
    parser = commands.add_parser("forget", help="delete a rater's tasks and answers from a job")
    parser.add_argument("--job", required=True, metavar="DIR", help="what export_labelling wrote")
    parser.add_argument("--rater", required=True, metavar="NAME", help="name, or pseudonym (r_…)")
    parser.add_argument(
        "--import", dest="imports", action="append", default=[], metavar="DIR",
        help="what import_rankings wrote of this job; may be given repeatedly",
    )  # fmt: skip
    parser.set_defaults(run_command=_forget)


def _forget(options: argparse.Namespace) -> int:
    from corpusforge.annotate.forget import forget

    done = forget(options.job, options.rater, options.imports)
    print(
        f"forgotten: {done.tasks} tasks, {done.target_files} target files, {done.rows} rows of "
        f"imports of {done.rater}"
    )
    for path in done.derived:
        print(f"  removed, since it was made with these answers: {path}")
    print("  run import_rankings again to renew figures and training files")
    return 0
