"""The command-line options that every pipeline of rows has: directory, languages, forms, checks, model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from corpusforge.models.options import add_model_options
from corpusforge.options import Parser, names

__all__ = ["common", "new_parser"]


def new_parser(
    pipeline: str, description: str | None, languages: Sequence[str], *, rows: bool = False
) -> Parser:
    """Return a pipeline's parser with these options; `rows`: with --rows, for what starts from rows."""
    options = Parser.of(pipeline, description)
    add = options.add_argument
    add("--output", required=True, metavar="DIR", help="new, empty, or a run to go on with")
    if rows:
        add("--rows", action="append", default=[], metavar="RUN|JSONL",
            help="rows or seed tasks to start from; the built-in seeds by default")  # fmt: skip
    add("--language", type=names, default=languages, metavar="en|zh|en,zh")
    add("--format", type=names, default=(), metavar="NAME,…", help="export forms; all by default")
    add("--allow", type=names, default=(), metavar="RULE,…", help="rules left out")
    add("--evaluation", default="", metavar="FILE", help="index to decontaminate by")
    add("--model-licence", default="", metavar="TEXT", help="goes into every row's lineage")
    add("--give-up", action="store_true",
        help="go on where the engine answers none of a step's requests")  # fmt: skip
    add_model_options(options)
    return options


def common(options: argparse.Namespace) -> dict[str, Any]:
    """Return those of the options that are settings of every method."""
    found = {
        "languages": options.language,
        "allow": options.allow,
        "evaluation": options.evaluation,
    }
    return found | ({"rows": tuple(options.rows)} if "rows" in options else {})
