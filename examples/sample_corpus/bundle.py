"""Bundles: several small documents in one readable text file.

A line `@@@ KEY` opens an entry; `name: value` lines up to the first blank line are its fields
(a name may repeat); the rest, up to the next `@@@`, is its body, without the blank lines around it.
Lines before the first entry are fields of the bundle itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Bundle", "Entry", "read_bundle"]

_OPEN = "@@@ "


@dataclass(frozen=True, slots=True)
class Entry:
    """One document of a bundle."""

    key: str
    fields: Mapping[str, tuple[str, ...]]
    body: str

    def get(self, name: str, default: str = "") -> str:
        """Return the first value of a field."""
        return self.fields.get(name, (default,))[0]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A file of entries, with the fields they share."""

    fields: Mapping[str, str]
    entries: tuple[Entry, ...]


def _fields(lines: list[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        found[name.strip()] = (*found.get(name.strip(), ()), value.strip())
    return found


def _entry(block: str) -> Entry:
    head, _, body = block.partition("\n\n")
    key, *lines = head.split("\n")
    return Entry(key.strip(), _fields(lines), body.strip("\n"))


def read_bundle(path: Path) -> Bundle:
    """Return the bundle in the UTF-8 file at `path`."""
    first, *blocks = ("\n" + path.read_text("utf-8")).split("\n" + _OPEN)
    shared = {name: values[0] for name, values in _fields(first.strip().split("\n")).items()}
    return Bundle(shared, tuple(_entry(block) for block in blocks))
