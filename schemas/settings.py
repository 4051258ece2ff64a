"""docs/settings.md: every setting of a recipe with its type, default and meaning, from the classes."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from corpusforge.fields import descriptions
from corpusforge.ingest.settings import Settings as Ingest
from corpusforge.recipe import SECTIONS, Recipe, Source

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
_HEAD = """# Every setting of a recipe

Written by `python -m schemas.build` from the settings classes; the same descriptions stand in `--help` and in
`schemas/recipe.v1.json`. On the command line: `--set SECTION.KEY=VALUE`, values as in TOML; a key with dots
or colons stands in quotes.
"""


def page() -> str:
    """Return the page's text."""
    lines = [_HEAD, *_section("", Recipe), *_section("sources.NAME", Source), *_rows(Ingest), ""]
    for name, cls in SECTIONS.items():
        lines += _section(name, cls)
    return "\n".join(lines)


def _section(name: str, cls: Any) -> list[str]:
    hints = typing.get_type_hints(cls)
    title = f"## [{name}]" if name else "## The whole recipe"
    about = (cls.__doc__ or "").split("\n\n")[0].strip()
    head = ["| key | type | default | meaning |", "|---|---|---|---|"]
    lines = [title, "", about, "", *head, *_rows(cls), ""]
    if cls is Source:
        lines.pop()  # the reader's settings stand in the same table
    for item in dataclasses.fields(cls):
        if dataclasses.is_dataclass(hints[item.name]) and cls not in (Recipe, Source):
            lines += _section(f"{name}.{item.name}", hints[item.name])
    return lines


def _rows(cls: Any) -> list[str]:
    hints, rows = typing.get_type_hints(cls), []
    told = descriptions(cls)
    for item in dataclasses.fields(cls):
        hint = hints[item.name]
        parts = (hint, *typing.get_args(hint))
        if cls in (Recipe, Source) and any(map(dataclasses.is_dataclass, parts)):
            continue
        kind = hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
        kind = kind.rsplit("settings.", 1)[-1].replace("typing.", "").replace("|", "or")
        kind = re.sub(r"tuple\[(\w+), \.\.\.\]", r"list of \1", kind)
        meaning = told.get(item.name, "").replace("|", "\\|")
        rows.append(f"| `{item.name}` | {kind} | {_default(item)} | {meaning} |")
    return rows


def _default(item: dataclasses.Field[Any]) -> str:
    if item.default_factory is not dataclasses.MISSING:
        value = item.default_factory()
        return "" if dataclasses.is_dataclass(value) else f"`{_toml(value)}`"
    if item.default is dataclasses.MISSING:
        return "must be given"
    return "" if item.default is None else f"`{_toml(item.default)}`"


def _toml(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
