"""A recipe's own text with what each key means above it: what `corpusforge recipe show` prints.

Only comments are added, so the text is the same recipe still. Meanings are those of the settings classes.
"""

from __future__ import annotations

import dataclasses
import re
import textwrap
import typing
from collections.abc import Iterator
from typing import Any

from corpusforge.fields import descriptions
from corpusforge.ingest.settings import Settings as IngestSettings
from corpusforge.recipe import Recipe, Source

__all__ = ["explained"]

_TABLE = re.compile(r"\[{1,2}([^\[\]]+)\]{1,2}\s*(#.*)?")
_KEY = re.compile(r"([A-Za-z0-9_-]+)\s*=")
_QUOTES = re.compile("\"\"\"|'''")
_WIDTH = 96


def explained(text: str) -> Iterator[str]:
    """Yield the lines of a recipe's TOML text, before each key a comment with its meaning.

    A table's comment stands below its name; in tables of free names, as weights, it is the only one.
    """
    classes, within_string = _classes(Recipe, [])[0], False
    for line in text.splitlines():
        if not within_string and (table := _TABLE.fullmatch(line.strip())):
            names = [part.strip(" \"'") for part in table[1].split(".")]
            classes, about = _classes(Recipe, names)
            yield line
            yield from _comment(about)
            continue
        if not within_string and (key := _KEY.match(line)):
            told = (descriptions(cls) for cls in classes)
            yield from _comment(next((d[key[1]] for d in told if key[1] in d), ""))
        within_string ^= len(_QUOTES.findall(line)) % 2 == 1
        yield line


def _classes(cls: Any, names: list[str]) -> tuple[tuple[Any, ...], str]:
    """The classes whose fields a table's keys are, none for a table of free names, and what it is."""
    about, left = "", iter(names)
    for name in left:
        hint = typing.get_type_hints(cls).get(name)
        about = descriptions(cls).get(name, "")
        inner = [c for c in (hint, *typing.get_args(hint)) if dataclasses.is_dataclass(c)]
        if not inner:
            return (), about
        cls = inner[0]
        about = about or " ".join((cls.__doc__ or "").split("\n\n")[0].split())
        if typing.get_origin(hint) is dict:
            next(left, None)  # the table's own name, as in [sources.NAME]
    return ((Source, IngestSettings), "") if cls is Source else ((cls,), about)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, _WIDTH)]
