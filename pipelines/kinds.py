"""Rows of further kinds from rows, seeds or documents: asking back, owning errors, dialogues, …

    python -m pipelines.kinds --kind clarify,admit,premise,refuse,unknown --rows RUN --language en,zh \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --output DIR
    python -m pipelines.kinds --kind dialogue --rows RUN --most 4000 … --output DIR
    python -m pipelines.kinds --kind grounded --ground PRETRAIN_RUN … --output DIR

Writes rows.jsonl, rejects.jsonl, report.json, report.html, usage.json, export/ and manifest.json
beside journal.jsonl. Killed or stopped by its budget, the same command goes on and pays for nothing
twice. Exit code: 0 finished; 1 finished without a row; 2 a wrong option, the budget, or no engine;
130 interrupted. docs/instruct_kinds.md has kinds, rules and settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.options import method_settings, new_parser
from corpusforge.models.options import settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    return new_parser("kinds", __doc__, Settings, "docs/instruct_kinds.md")


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to the writing steps, answers are greedy."""
    kinds = ("grounded",) if getattr(options, "ground", "") else _DEFAULT.kinds
    return method_settings(
        options,
        Settings,
        kinds=getattr(options, "kinds", kinds),
        write=models.sampling(_DEFAULT.write),
    )


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.kinds.run import job
    from corpusforge.instruct.session import command

    models = settings_from(options)
    return command(options, models, job(settings_of(options, models)))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
