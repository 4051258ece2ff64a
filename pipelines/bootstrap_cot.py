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

from corpusforge.errors import CorpusforgeError, RecipeError
from corpusforge.instruct.cot import settings as choices
from corpusforge.instruct.cot.play import State
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.export.settings import REASONING
from corpusforge.models.options import add_model_options, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, names, numbers
from corpusforge.printing import say, say_text
from corpusforge.program import fail, guard, stopped

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
    options = Parser(
        prog="python -m pipelines.bootstrap_cot",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("--output", required=True, metavar="DIR", help="new, empty, or a run to go on with")
    add("--questions", action="append", default=[], metavar="FILE",
        help=".jsonl or .tsv; may be repeated (replay: questions.jsonl beside the journal)")  # fmt: skip
    add("--format", type=names, default=(), metavar="NAME,…", help="export forms; all by default")
    add("--reasoning", choices=REASONING, default="think", help="how reasoning joins an answer")
    add("--model-licence", default="", metavar="TEXT", help="goes into every row's lineage")
    add("--give-up", action="store_true",
        help="go on where the engine answers none of a step's requests")  # fmt: skip
    group = options.add_argument_group("settings (docs/cot.md)")
    group.add_argument("--language", type=names, default=_DEFAULT.languages, metavar="en|zh|en,zh")
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
    group.add_argument("--allow", type=names, default=(), metavar="RULE,…", help="rules left out")
    group.add_argument("--evaluation", default="", metavar="FILE", help="index to decontaminate by")
    add_model_options(options)
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
        languages=options.language,
        triggers=options.triggers,
        temperatures=options.temperatures,
        mix=options.mix,
        allow=options.allow,
        evaluation=options.evaluation,
        top_p=_DEFAULT.top_p if models.top_p is None else models.top_p,
        max_tokens=_DEFAULT.max_tokens if models.max_tokens is None else models.max_tokens,
        **{name: getattr(options, name) for name in (*_NUMBERS, *_SWITCHES)},
    )


def _show(asked: int, state: State) -> None:
    say(f"{asked} questions asked: {len(state.rows)} rows", error=True)


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.cot.report import funnel_text
    from corpusforge.instruct.cot.run import run as play
    from corpusforge.instruct.export.settings import Settings as ExportSettings
    from corpusforge.models.engines import open_client

    models = settings_from(options)
    settings = settings_of(options, models)
    form = ExportSettings(reasoning=options.reasoning, name="cot")
    with open_client(models, options.output) as client:
        done = play(
            settings, options.output, client, formats=options.format, form=form,
            model_licence=options.model_licence, give_up=options.give_up, show=_show,
        )  # fmt: skip
    say_text(funnel_text(done.report))
    say(f"written to {options.output}")
    if isinstance(done.error, CorpusforgeError):
        return fail(done.error)
    if done.error is not None:
        return stopped(done.error)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
