"""The command-line options of every pipeline that asks a model: one for each setting."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from corpusforge.io import files
from corpusforge.models.settings import Settings
from corpusforge.options import add_settings, settings_of
from corpusforge.printing import say

__all__ = ["add_model_options", "parse", "settings_from"]

_ELSEWHERE = {"seed": "model-seed", "workers": "model-workers"}
"""Settings whose plain names are options of the pipelines themselves."""


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add a group with one option for each setting; `settings_from` reads it back.

    Destinations begin with `model_`; seed and workers are --model-seed and --model-workers, since
    pipelines have a --seed and --workers of their own.
    """
    add_settings(parser, Settings, "model (docs/models.md)", rename=_ELSEWHERE, prefix="model_")


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed options; a replayed journal may bring the options it was made with.

    They stand beside it (`journal.args` for `journal.jsonl`), are printed, and come before the
    caller's own, which win.
    """
    own = list(sys.argv[1:] if argv is None else argv)
    found = parser.parse_args(own)
    journal = str(getattr(found, "model_journal", ""))
    if getattr(found, "model_engine", "") != "replay" or not journal:
        return found
    path = journal.removesuffix(".jsonl") + ".args"
    if not files.exists(path):
        return found
    made_with = files.read_bytes(path).decode().strip()
    say(f"replay: made with {made_with} ({path})", error=True)
    return parser.parse_args([*shlex.split(made_with), *own])


def settings_from(namespace: argparse.Namespace) -> Settings:
    """Return the settings that a parsed command line says. Raises RecipeError."""
    return settings_of(namespace, Settings, prefix="model_")
