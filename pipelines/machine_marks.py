"""Marks of machine text beside documents: curvature, a detector's band, a watermark's z-score; nothing is
dropped.

    python -m pipelines.machine_marks --fit labelled.jsonl --engine local --model DIR --output curve
    python -m pipelines.machine_marks --input RUN --curve curve/curve.json --engine local --model DIR \
        --output marks
    python -m pipelines.machine_marks --input 'docs/*.jsonl' --no-likelihood --watermark-key 15485863 \
        --watermark-gamma 0.25 --watermark-tokenizer DIR/tokenizer.json --output marks

Writes marks.jsonl (one line a document) and report.json, or curve.json, beside journal.jsonl. Killed or
stopped by its budget, the same command goes on and pays for nothing twice. Exit code: 0 finished; 2 a
wrong option or input, the budget, or no engine; 130 interrupted. docs/machine_marks.md has what the marks
are worth.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import nullcontext

from corpusforge.errors import InputError
from corpusforge.marks.settings import Settings
from corpusforge.models.options import add_model_options, parse, settings_from
from corpusforge.options import Parser, add_settings, settings_of
from corpusforge.printing import say
from corpusforge.program import guard
from corpusforge.rephrase.sources import add_source_options

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("machine_marks", __doc__)
    add_source_options(options)
    add_settings(options, Settings, "settings (docs/machine_marks.md)")
    add_model_options(options)
    return options


def run(options: argparse.Namespace) -> int:
    """Mark what the options name; return the exit code."""
    from corpusforge.marks.run import run as marked
    from corpusforge.models.engines import open_client
    from corpusforge.rephrase.sources import find_sources, read_source

    settings = settings_of(options, Settings)
    if not options.input and not settings.fit:
        raise InputError("nothing to mark: give --input RUN|GLOB.")
    documents = (one for source in find_sources(options.input) for one in read_source(source))
    models = settings_from(options)
    with open_client(models, options.output) if settings.likelihood else nullcontext() as client:
        report = marked(settings, documents, client, options.output)
    for name, told in (report.get("languages") or report).items():
        say(f"{name}: {told}")
    say(f"written to {options.output}")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parse(parser(), argv)))


if __name__ == "__main__":
    sys.exit(main())
