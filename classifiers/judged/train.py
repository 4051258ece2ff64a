"""A quality classifier from a model's judgement: a sample scored by a rubric, a classifier fitted to it.

    python -m classifiers.judged.train --input 'crawl/*.warc.gz' --language en,zh \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --output DIR

Writes model.bin with its figures (model.bin.json) and card (model.bin.CARD.md), judgements.jsonl, and
journal.jsonl with every reply. Killed or stopped by its budget, the same command goes on and pays for
nothing twice. A recipe uses it as score.model = "DIR/model.bin". Exit code: 0; 2 a wrong option, the
budget, no engine, or judgements of one side alone; 130 interrupted. docs/judged.md has the settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from classifiers.command import recipe
from corpusforge.errors import InputError
from corpusforge.judged.settings import Settings
from corpusforge.models.options import add_model_options, parse, settings_from
from corpusforge.options import Parser, add_settings, settings_of
from corpusforge.printing import say
from corpusforge.program import guard
from corpusforge.rephrase.sources import add_source_options
from corpusforge.score.settings import ENGINE_NAMES

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m classifiers.judged.train", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_source_options(options)
    add = options.add_argument
    add("--classifier", choices=ENGINE_NAMES, default=ENGINE_NAMES[-1],
        help="what is fitted to the judgements (default: %(default)s)")  # fmt: skip
    add("--human", default="", metavar="JSONL",
        help="texts with a label of people (1 good, 0 not), judged as well and never trained on")  # fmt: skip
    add_settings(options, Settings, "settings (docs/judged.md)", rename={"languages": "language"})
    add_model_options(options)
    return options


def _told(figures: dict[str, Any]) -> list[str]:
    agreement, held = figures["agreement"], figures["held_out"]
    scores = ", ".join(f"{score}: {count}" for score, count in figures["scores"].items())
    lines = [f"judged {figures['documents']} documents; scores {scores}"]
    if agreement["documents"]:
        lines.append(
            f"the model's two scores of {agreement['documents']} documents: {agreement['same']:.0%} the "
            f"same, {agreement['within_one']:.0%} within one point"
        )
    for name, row in (("held out", held), *figures["human"].items()):
        if row["documents"]:
            lines.append(
                f"{name}: {row['documents']} documents, ROC-AUC {row['roc_auc']:.3f} "
                f"({row['roc_auc_low']:.3f}-{row['roc_auc_high']:.3f}), F1 {row['f1']:.3f}"
            )
    return lines


def run(options: argparse.Namespace) -> int:
    """Judge and train what the options say; return the exit code."""
    from corpusforge.judged.run import MODEL, make
    from corpusforge.models.engines import open_client
    from corpusforge.rephrase.sources import find_sources, read_source

    if not options.input:
        raise InputError("nothing to judge: give --input RUN|GLOB.")
    models = settings_from(options)
    settings = settings_of(options, Settings, judge=models.sampling(_DEFAULT.judge))
    scoring = replace(recipe("judged", {"seed": settings.seed}), engine=options.classifier)
    sources = find_sources(options.input, options.kind or "")
    documents = (document for source in sources for document in read_source(source))
    with open_client(models, options.output) as client:
        figures = make(
            documents, settings, scoring, client, options.output,
            human=options.human, give_up=options.give_up,
        )  # fmt: skip
    for line in _told(figures):
        say(line)
    say(f"{options.output}/{MODEL}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parse(parser(), argv)))


if __name__ == "__main__":
    sys.exit(main())
