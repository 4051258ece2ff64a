"""Answers criticised and revised by a written constitution; revisions preferred to first answers.

    python -m pipelines.critique_revise --rows RUN --language en,zh --judge \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --output DIR

Writes rows.jsonl (last answers) with export/, steps.jsonl (answer, principle, critique, revision of
each step), preferences/ (job, rankings and training files of the annotation journey, the rater being
a model), judgements.jsonl with --judge, rejects.jsonl, report.json, report.html, usage.json and
manifest.json, beside journal.jsonl. Killed or stopped by its budget, the same command goes on and
pays for nothing twice. Exit code: 0 finished; 1 finished without a row; 2 a wrong option, the
budget, or no engine; 130 interrupted. docs/instruct_kinds.md has the settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.instruct.constitution.settings import Settings
from corpusforge.instruct.options import method_settings, new_parser
from corpusforge.models.options import settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    return new_parser("critique_revise", __doc__, Settings, "docs/instruct_kinds.md")


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to the first answers and the revisions."""
    return method_settings(
        options,
        Settings,
        first=models.sampling(_DEFAULT.first),
        revise=models.sampling(_DEFAULT.revise),
    )


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.constitution.run import job
    from corpusforge.instruct.session import command

    models = settings_from(options)
    return command(options, models, job(settings_of(options, models)))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
