"""The command-line options that every pipeline of rows has: directory, forms, its settings, model."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import fields
from typing import Any, TypeVar

from corpusforge.models.options import add_model_options
from corpusforge.options import Parser, add_settings, names, settings_of

__all__ = ["method_settings", "new_parser"]

T = TypeVar("T")
_PATHS = {
    "rows": ("RUN|JSONL", "rows or seed tasks to start from; the built-in seeds by default"),
    "sets": ("TOML", "labelled sets and templates; may be repeated"),
    "tasks": ("JSON|DIR", "task files of Super-NaturalInstructions; may be repeated"),
    "seeds": ("JSONL", "seed files; the built-in ones by default"),
    "questions": (
        "FILE", ".jsonl or .tsv; may be repeated (replay: questions.jsonl beside the journal)"
    ),
}  # fmt: skip
"""Settings that are files: one option each time, so that a path may hold a comma."""
_RENAMED = {"languages": "language", "kinds": "kind", "modes": "mode"}


def _paths(settings: type[Any]) -> list[str]:
    """Return the settings of a class that are lists of files."""
    return [i.name for i in fields(settings) if i.name in _PATHS and "tuple" in str(i.type)]


def new_parser(
    pipeline: str,
    description: str | None,
    settings: type[Any],
    page: str,
    *,
    skip: Collection[str] = (),
) -> Parser:
    """Return a pipeline's parser: what all of them have, and an option for each setting but `skip`."""
    options = Parser.of(pipeline, description)
    add = options.add_argument
    add("--output", required=True, metavar="DIR", help="new, empty, or a run to go on with")
    paths = _paths(settings)
    for name in paths:
        metavar, told = _PATHS[name]
        add(f"--{name}", action="append", default=[], metavar=metavar, help=told)
    add("--format", type=names, default=(), metavar="NAME,…",
        help="export forms, or your own as package.module:NAME; all of ours by default")  # fmt: skip
    add("--model-licence", default="", metavar="TEXT", help="goes into every row's lineage")
    add("--give-up", action="store_true",
        help="go on where the engine answers none of a step's requests")  # fmt: skip
    add_settings(options, settings, f"settings ({page})", skip={*skip, *paths}, rename=_RENAMED)
    add_model_options(options)
    return options


def method_settings(
    options: argparse.Namespace, settings: type[T], *, default: T | None = None, **more: Any
) -> T:
    """Return the settings that the options say, over `default`; `more` wins. Raises RecipeError."""
    paths = {name: tuple(getattr(options, name)) for name in _paths(settings)}
    return settings_of(options, settings, default=default, **{**paths, **more})
