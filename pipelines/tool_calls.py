"""Tool calls in texts, kept where the result makes what follows likelier (Toolformer), as chat and as text.

    python -m pipelines.tool_calls --ground RUN --tools calculator,calendar,convert,search --language en,zh \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --echo-model DIR_OR_GGUF --output DIR
    python -m pipelines.tool_calls --ground texts.jsonl --engine local --model DIR --output DIR

Writes rows.jsonl, calls.jsonl (every call with its three losses), rejects.jsonl, report.json,
report.html, usage.json, export/ (tool_calls, inline and the common forms) and manifest.json beside
journal.jsonl. Killed or stopped by its budget, the same command goes on and pays for nothing twice. Exit
code: 0 finished; 1 finished without a row; 2 a wrong option, the budget, or no engine; 130 interrupted.
docs/tool_calls.md has tools, rules and settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.instruct.options import method_settings, new_parser
from corpusforge.instruct.tools.settings import Settings
from corpusforge.models.options import parse, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    return new_parser("tool_calls", __doc__, Settings, "docs/tool_calls.md", skip=("echo_model",))


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to the step that writes calls."""
    from corpusforge.models.local.name import model_name

    return method_settings(
        options, Settings, sample=models.sampling(_DEFAULT.sample),
        echo_model=model_name(models.echo_model) if models.echo_model else "",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.session import command
    from corpusforge.instruct.tools.run import job

    models = settings_from(options)
    return command(options, models, job(settings_of(options, models)))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parse(parser(), argv)))


if __name__ == "__main__":
    sys.exit(main())
