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

from corpusforge.instruct.evolve.settings import Settings
from corpusforge.instruct.options import method_settings, new_parser
from corpusforge.models.options import settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser", "settings_of"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    return new_parser("evol", __doc__, Settings, "docs/cot.md")


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to evolving and to the answers."""
    return method_settings(
        options,
        Settings,
        write=models.sampling(_DEFAULT.write),
        answer=models.sampling(_DEFAULT.answer),
    )


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
