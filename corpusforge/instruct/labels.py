"""Labelled fields of a reply: `Request: …` and `Missing: …`, English or Chinese, one after another.

Ours. A label counts at the start of a line only, bold or with a heading mark or not; a field goes on
to the next label. With `--form json` the same fields come as a JSON object (`forms`).
Limit: a field in which a line begins with one of the labels is cut there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

__all__ = ["Labels", "labelled"]

Labels = Mapping[str, Sequence[str]]
"""The words that may stand before each field; the first field begins a new block."""


def labelled(text: str, labels: Labels) -> list[dict[str, str]]:
    """Return the blocks of a reply, each its fields by name; empty fields are left out.

    Text before the first label is talk. A field named twice in a block keeps its first text, except
    that the first field's label begins the next block.
    """
    first = next(iter(labels))
    pattern = _pattern(labels)
    marks = list(pattern.finditer(text))
    blocks: list[dict[str, str]] = []
    for place, mark in enumerate(marks):
        end = marks[place + 1].start() if place + 1 < len(marks) else len(text)
        name = mark.lastgroup or ""
        body = text[mark.end() : end].strip()
        if name == first or not blocks:
            blocks.append({})
        if body:
            blocks[-1].setdefault(name, body)
    return blocks


def _pattern(labels: Labels) -> re.Pattern[str]:
    names = "|".join(
        f"(?P<{name}>{'|'.join(sorted(map(re.escape, words), key=len, reverse=True))})"
        for name, words in labels.items()
    )
    mark = r"(?:\*\*|__)?"
    head = rf"^[ \t]*+(?:\#{{1,6}}[ \t]*+|[-*][ \t]+|\d{{1,3}}[.、)][ \t]*+)?{mark}"
    return re.compile(
        rf"{head}(?:{names})[ \t]*+\d*[ \t]*+{mark}[ \t]*+[:：]{mark}[ \t]*+",
        re.MULTILINE | re.IGNORECASE,
    )
