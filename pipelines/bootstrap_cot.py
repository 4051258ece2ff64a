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
from corpusforge.instruct.cot import settings as choices
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.export.settings import REASONING
from corpusforge.instruct.options import common, new_parser
from corpusforge.models.options import settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, names, numbers
from corpusforge.program import guard

__all__ = ["main", "parser", "settings_of"]

_DEFAULT = Settings()
_NUMBERS = ("limit", "seed", "samples", "hints", "most", "share", "shots", "batch")
_SWITCHES = {
    "keep_wrong": "keep wrong samples, flagged",
    "drop_easy": "refuse samples of questions that all samples get right",
    "run_code": "run the tests of code answers (read docs/cot.md first)",
}


def parser() -> Parser:
    """Return the command line's parser."""
    options = new_parser("bootstrap_cot", __doc__, _DEFAULT.languages)
    add = options.add_argument
    add("--questions", action="append", default=[], metavar="FILE",
        help=".jsonl or .tsv; may be repeated (replay: questions.jsonl beside the journal)")  # fmt: skip
    add("--reasoning", choices=REASONING, default="think", help="how reasoning joins an answer")
    group = options.add_argument_group("settings (docs/cot.md)")
    group.add_argument("--triggers", type=names, default=_DEFAULT.triggers,
                       metavar=",".join(choices.TRIGGERS))  # fmt: skip
    group.add_argument("--temperatures", type=numbers, default=_DEFAULT.temperatures, metavar="X,…")
    group.add_argument("--mix", type=names, default=_DEFAULT.mix, metavar=",".join(choices.MIX))
    for name in _NUMBERS:
        default = getattr(_DEFAULT, name)
        group.add_argument(
            "--" + name.replace("_", "-"), type=type(default), default=default, metavar="N"
        )
    for name, meaning in _SWITCHES.items():
        group.add_argument("--" + name.replace("_", "-"), action="store_true", help=meaning)
    return options


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings. Raises RecipeError, also where --temperature is given."""
    if models.temperature is not None:
        raise RecipeError("--temperature: a run samples at several; give --temperatures 0.5,0.7.")
    questions = tuple(options.questions)
    if not questions and models.engine == "replay" and models.journal:
        beside = Path(models.journal).with_name("questions.jsonl")
        questions = (str(beside),) if beside.is_file() else ()
    return Settings(
        questions=questions,
        triggers=options.triggers,
        temperatures=options.temperatures,
        mix=options.mix,
        **common(options),
        top_p=_DEFAULT.top_p if models.top_p is None else models.top_p,
        max_tokens=_DEFAULT.max_tokens if models.max_tokens is None else models.max_tokens,
        **{name: getattr(options, name) for name in (*_NUMBERS, *_SWITCHES)},
    )


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.cot.run import job
    from corpusforge.instruct.export.settings import Settings as ExportSettings
    from corpusforge.instruct.session import command

    models = settings_from(options)
    form = ExportSettings(reasoning=options.reasoning, name="cot")
    return command(options, models, job(settings_of(options, models), form))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
