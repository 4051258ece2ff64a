"""The command-line options of every pipeline that asks a model: one for each setting."""

from __future__ import annotations

import argparse
import shlex
import sys
import typing
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from corpusforge.io import files
from corpusforge.models import settings as choices
from corpusforge.models.settings import Settings
from corpusforge.printing import say

__all__ = ["add_model_options", "parse", "settings_from"]

_METAVARS = {int: "N", float: "X", str: "TEXT"}
_HELP = {
    "engine": "local, openai or replay (docs/models.md)",
    "model": "directory, hub id, or the server's name of the model",
    "journal": "file of replies (default: journal.jsonl in the output directory)",
    "base_url": "where the OpenAI-compatible server is, /v1 included",
    "api_key_env": "name of the environment variable that holds the key",
    "max_tokens_total": "budget in tokens, over all runs on the journal",
    "max_requests": "budget in requests, over all runs on the journal",
    "max_cost": "budget in money, over all runs on the journal",
    "price_in": "price of 10^6 prompt tokens",
    "price_out": "price of 10^6 completion tokens",
    "retries": "tries after 429, 5xx, a time-out, or a cut or malformed reply",
    "device": "auto, cpu, cuda, cuda:0, or a list cuda:0,cuda:1",
    "workers": "processes on the CPU",
}


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add a group with one option for each setting; `settings_from` reads it back.

    Destinations begin with `model_`; seed and workers are --model-seed and --model-workers, since
    pipelines have a --seed and --workers of their own.
    """
    group = parser.add_argument_group("model (docs/models.md)")
    for name, kind in _kinds().items():
        prefix = "--model-" if name in {"seed", "workers"} else "--"
        group.add_argument(
            prefix + name.replace("_", "-"),
            dest=f"model_{name}",
            type=kind,
            default=getattr(_DEFAULT, name),
            choices=choices.ENGINES if name == "engine" else None,
            metavar=None if name == "engine" else _METAVARS[kind],
            help=_HELP.get(name, "see docs/models.md"),
        )


def parse(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed options; a replayed journal may bring the options it was made with.

    They stand beside it (`journal.args` for `journal.jsonl`), are printed, and come before the
    caller's own, which win.
    """
    own = list(sys.argv[1:] if argv is None else argv)
    found = parser.parse_args(own)
    if found.model_engine != "replay" or not found.model_journal:
        return found
    path = str(found.model_journal).removesuffix(".jsonl") + ".args"
    if not files.exists(path):
        return found
    made_with = files.read_bytes(path).decode().strip()
    say(f"replay: made with {made_with} ({path})", error=True)
    return parser.parse_args([*shlex.split(made_with), *own])


def settings_from(namespace: argparse.Namespace) -> Settings:
    """Return the settings that a parsed command line says. Raises RecipeError."""
    values: dict[str, Any] = {name: getattr(namespace, f"model_{name}") for name in _kinds()}
    return Settings(**values)


def _kinds() -> dict[str, type[Any]]:
    hints = typing.get_type_hints(Settings)
    kinds = {}
    for item in fields(Settings):
        inner = [kind for kind in typing.get_args(hints[item.name]) if kind is not type(None)]
        kinds[item.name] = inner[0] if inner else hints[item.name]
    return kinds


_DEFAULT = Settings()
