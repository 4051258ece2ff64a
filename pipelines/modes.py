"""Rows from task files, labelled sets, or a model alone: modes of instruction data.

    python -m pipelines.modes --mode natural_instructions --tasks tasks/ --output DIR
    python -m pipelines.modes --mode templates,xp3 --sets sets.toml --language en,zh --output DIR
    python -m pipelines.modes --mode unnatural,persona,recite --language en,zh --each 500 \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --output DIR
    python -m pipelines.modes --mode magpie --engine local --model DIR --output DIR

Writes rows.jsonl, rejects.jsonl, report.json, report.html, usage.json, export/ and manifest.json
beside journal.jsonl. The first three modes ask no model, but for xp3 with --prompts translated.
Killed or stopped by its budget, the same command goes on and pays for nothing twice. Exit code: 0
finished; 1 finished without a row; 2 a wrong option, the budget, or no engine; 130 interrupted.
docs/instruct_modes.md has modes, rules and settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.errors import RecipeError
from corpusforge.instruct.modes.settings import Settings
from corpusforge.instruct.options import method_settings, new_parser
from corpusforge.models.options import parse, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    return new_parser("modes", __doc__, Settings, "docs/instruct_modes.md")


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to the writing steps, answers are greedy. Raises
    RecipeError where magpie cannot be asked as the engine is."""
    made = method_settings(options, Settings, write=models.sampling(_DEFAULT.write))
    if "magpie" in made.modes and models.engine == "openai" and not made.pre_query:
        raise RecipeError(
            "[modes] magpie asks a server for a completion: give --pre-query, the text of the model's chat "
            r"template up to the user's words, such as $'<|im_start|>user\n' for Qwen."
        )
    if "magpie" in made.modes and models.engine == "local" and made.pre_query:
        raise RecipeError(
            "[modes] pre_query is for a server: the engine local takes the model's own chat template. Leave "
            "it out."
        )
    return made


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.modes.run import job
    from corpusforge.instruct.session import command

    models = settings_from(options)
    return command(options, models, job(settings_of(options, models)))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parse(parser(), argv)))


if __name__ == "__main__":
    sys.exit(main())
