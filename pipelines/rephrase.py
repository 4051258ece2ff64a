"""Documents rewritten by a model in other styles (FAQ, worked problems, tables …), checked, as a source.

    python -m pipelines.rephrase --input RUN --style faq,math,table,tutorial --language en,zh \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --output DIR
    python -m pipelines.rephrase --input 'docs/*.jsonl.gz' --each 2 --engine local --model DIR --output DIR

Writes documents/ (a source of kind `documents` whose origin is `model`), candidates/ (every reply with its
measures, and why it was refused), journal/ (one per part) and report.json. Killed, or stopped by its
budget, the same command goes on and pays for nothing twice; with other bounds it decides again and asks
nothing. A recipe lets the rewrites in by `origins = ["model"]`. Exit code: 0 finished; 1 no rewrite
passed; 2 a wrong option or input; 4 the model or the budget ended; 130 interrupted. docs/rephrase.md has
styles, rules and settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.errors import InputError
from corpusforge.models.options import add_model_options, parse, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, add_settings, settings_of
from corpusforge.printing import say, say_text
from corpusforge.program import guard
from corpusforge.rephrase.settings import Settings
from corpusforge.rephrase.sources import add_source_options
from corpusforge.run.local import check_workers

__all__ = ["main", "parser"]

_DEFAULT = Settings()
_RENAMED = {"styles": "style", "languages": "language"}


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("rephrase", __doc__)
    add_source_options(options)
    add = options.add_argument
    add("--workers", type=int, default=1, metavar="N",
        help="processes, each with a part and requests of its own in flight (default: 1)")  # fmt: skip
    add_settings(options, Settings, "settings (docs/rephrase.md)", rename=_RENAMED)
    add_model_options(options)
    return options


def plan_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings. Raises RecipeError."""
    return settings_of(options, Settings, write=models.sampling(_DEFAULT.write))


def run(options: argparse.Namespace) -> int:
    """Rewrite what the options name; return the exit code."""
    from corpusforge.rephrase.run import lines, rephrase
    from corpusforge.rephrase.sources import find_sources

    check_workers(options.workers)
    if not options.input:
        raise InputError("nothing to rewrite: give --input RUN|GLOB.")
    models = settings_from(options)
    report = rephrase(
        plan_of(options, models), find_sources(options.input, options.kind or ""), models, options.output,
        workers=options.workers, give_up=options.give_up,
    )  # fmt: skip
    say_text("\n".join(lines(report)))
    say(f"written to {options.output}")
    if not any(account.accepted for account in report.rewrites.values()):
        say("warning: no rewrite passed; candidates/ says why", error=True)
        return 1
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parse(parser(), argv)))


if __name__ == "__main__":
    sys.exit(main())
