"""Programming problems with solutions and unit tests, kept where the tests pass; pass@k stored.

    python -m pipelines.code_tests --run-code --language en,zh --each 200 --samples 8 --pass-at 1,4,8 \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --output DIR

Writes rows.jsonl, problems.jsonl (solution, tests, passes, pass@k), rejects.jsonl, report.json, report.html,
usage.json, export/ and manifest.json beside journal.jsonl. Killed or stopped by its budget, the same command
goes on and pays for nothing twice. Exit code: 0 finished; 1 finished without a row; 2 a wrong option, the
budget, or no engine; 130 interrupted. docs/code_tests.md has steps, rules and settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.instruct.code.settings import Settings
from corpusforge.instruct.options import method_settings, new_parser
from corpusforge.models.options import parse, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    return new_parser("code_tests", __doc__, Settings, "docs/code_tests.md")


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to the step that writes problems."""
    return method_settings(options, Settings, write=models.sampling(_DEFAULT.write))


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.code.run import job
    from corpusforge.instruct.session import command

    models = settings_from(options)
    return command(options, models, job(settings_of(options, models)))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parse(parser(), argv)))


if __name__ == "__main__":
    sys.exit(main())
