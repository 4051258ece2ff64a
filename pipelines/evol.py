"""Evol-Instruct: tasks made harder or rarer round by round, each with an answer and its parent.

    python -m pipelines.evol --rows RUN --language en,zh --engine local --model DIR --output DIR

Starts from a run's rows, or from the built-in seeds. Writes rows.jsonl (kind "evol"), rejects.jsonl,
report.json, report.html, usage.json, export/ and manifest.json beside journal.jsonl. Killed or
stopped by its budget, the same command goes on and pays for nothing twice. Exit code: 0 finished; 1
finished without a row; 2 a wrong option, the budget, or no engine; 130 interrupted. docs/cot.md has
the settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.instruct.evolve.settings import OPERATIONS, Settings
from corpusforge.instruct.options import common, new_parser
from corpusforge.models.options import settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, names
from corpusforge.program import guard

__all__ = ["main", "parser", "settings_of"]

_DEFAULT = Settings()
_NUMBERS = {
    "rounds": "times that every task is evolved",
    "each": "tasks of each language to start from; 0: all",
    "seed": "of every draw",
}


def parser() -> Parser:
    """Return the command line's parser."""
    options = new_parser("evol", __doc__, _DEFAULT.languages, rows=True)
    group = options.add_argument_group("settings (docs/cot.md)")
    group.add_argument("--operations", type=names, default=_DEFAULT.operations,
                       metavar="NAME,…", help=", ".join(OPERATIONS))  # fmt: skip
    for name, said in _NUMBERS.items():
        group.add_argument(f"--{name}", type=int, default=getattr(_DEFAULT, name), metavar="N",
                           help=said)  # fmt: skip
    group.add_argument("--no-equal", action="store_true",
                       help="do not ask whether a task says more than its parent")  # fmt: skip
    return options


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to evolving and to the answers."""
    return Settings(
        operations=options.operations, equal=not options.no_equal, **common(options),
        write=models.sampling(_DEFAULT.write), answer=models.sampling(_DEFAULT.answer),
        **{name: getattr(options, name) for name in _NUMBERS},
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.evolve.run import job
    from corpusforge.instruct.session import command

    models = settings_from(options)
    return command(options, models, job(settings_of(options, models)))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
