"""Chain-of-thought data: reasoning sampled from a model, its answers checked, its copies merged.

    python -m pipelines.bootstrap_cot --questions train.jsonl --engine local --model DIR --output DIR

Writes rows.jsonl (kind "cot", reasoning in a field of its own), samples.jsonl, votes.jsonl,
rejects.jsonl, usage.json, report.json, report.html, export/ and manifest.json, beside journal.jsonl,
which holds every reply. Killed or stopped by its budget, the same command goes on and pays for
nothing twice. Exit code: 0 every question was asked; 2 a wrong option, the budget, or no engine; 130
interrupted. docs/cot.md has the settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from corpusforge.errors import RecipeError
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.export.settings import REASONING
from corpusforge.instruct.options import method_settings, new_parser
from corpusforge.models.options import settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser", "settings_of"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = new_parser(
        "bootstrap_cot", __doc__, Settings, "docs/cot.md", skip=("top_p", "max_tokens")
    )
    options.add_argument("--reasoning", choices=REASONING, default="think",
                         help="how reasoning joins an answer")  # fmt: skip
    options.add_argument("--ask", default="", metavar="TEXT",
                         help="rlvr: stands behind each question, as the form of answer that the "
                              "reward function looks for")  # fmt: skip
    options.add_argument("--data-source", default="", metavar="NAME",
                         help="rlvr: verl's data_source, OpenRLHF's datasource; the questions' file "
                              "by default")  # fmt: skip
    return options


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings. Raises RecipeError, also where --temperature is given."""
    if models.temperature is not None:
        raise RecipeError("--temperature: a run samples at several; give --temperatures 0.5,0.7.")
    questions = tuple(options.questions)
    if not questions and models.engine == "replay" and models.journal:
        beside = Path(models.journal).with_name("questions.jsonl")
        questions = (str(beside),) if beside.is_file() else ()
    given = {name: getattr(models, name) for name in ("top_p", "max_tokens")}
    own = {name: value for name, value in given.items() if value is not None}
    return method_settings(options, Settings, questions=questions, **own)


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.cot.run import job
    from corpusforge.instruct.export.settings import Settings as ExportSettings
    from corpusforge.instruct.session import command

    models = settings_from(options)
    form = ExportSettings(
        reasoning=options.reasoning, name="cot", ask=options.ask, data_source=options.data_source
    )
    return command(options, models, job(settings_of(options, models), form))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
