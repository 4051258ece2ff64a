"""What form a ready text has: running text, a table, a dialogue.

A table has the same number of tabs, bars or semicolons on nearly every line; a dialogue has lines
that begin with a speaker, and at least two speakers that return. Limit: a table of one column is
text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.classes import SPACE, class_table
from corpusforge.text.jit import jit

__all__ = ["conversation", "guess"]

_SEPARATORS = (("\t", 1), ("|", 1), (";", 2), (",", 2))
"""Each with how many a line of a table has at least."""
_WIDE_COLON = "：".encode()
_NO_SIGNS = bytes(set(range(256)) - set(b"\t|;,:\xef"))
_SPEAKER = re.compile(r"\s{0,4}[*_]{0,2}([^\W\d_][\w .'-]{0,24}?)[*_]{0,2}\s?[:：]\s?\S")
_REACH = 40  # a speaker's name and its marks are shorter
_SAMPLE = 20_000
_LEAST = 4

_IN_NAMES = np.array(
    [b > 127 or chr(b).isalnum() or chr(b) in " _.'-*\t\v\f\r" or 28 <= b < 32 for b in range(256)]
)
"""Bytes that may stand before the colon of a spoken line."""


def guess(text: str) -> str:
    """Return "table", "dialogue" or "text" for a text, from its first 20,000 characters."""
    sample = text[:_SAMPLE]
    data = sample.encode("utf-8", "surrogatepass")
    view = np.frombuffer(data, dtype=np.uint8)
    count = _full_lines(view, class_table())
    if count < _LEAST:
        return "text"
    # Too few separators or speakers in all settle it without a look at each line.
    signs = data.translate(None, _NO_SIGNS)
    lines: list[str] = []
    for separator, least in _SEPARATORS:
        if 10 * signs.count(separator.encode()) >= 9 * least * count:
            lines = lines or _lines(sample)
            if _aligned(lines, separator, least):
                return "table"
    colons = signs.count(b":") + (b"\xef" in signs and data.count(_WIDE_COLON))
    if 5 * colons < 2 * count or 5 * _named(view, _IN_NAMES) < 2 * count:
        return "text"
    return "dialogue" if _spoken(lines or _lines(sample)) else "text"


def _lines(sample: str) -> list[str]:
    return [line for line in sample.split("\n") if line.strip()]


@jit
def _full_lines(data: NDArray[np.uint8], classes: NDArray[np.uint8]) -> int:
    """Return how many lines are not blank."""
    lines, i = 0, 0
    while i < len(data):
        while i < len(data) and data[i] != 10:
            point, size = _point(data, i)
            if not classes[point] & SPACE:
                break
            i += size
        if i < len(data) and data[i] != 10:
            lines += 1
            while i < len(data) and data[i] != 10:
                i += 1
        i += 1
    return lines


@jit
def _named(data: NDArray[np.uint8], in_names: NDArray[np.bool_]) -> int:
    """Return how many lines begin with a colon behind nothing that no speaker's name has; lines
    that `_SPEAKER` takes are among them."""
    found, i = 0, 0
    while i < len(data):
        end = i + 4 * _REACH
        while i < len(data) and i < end and in_names[data[i]]:
            if data[i] == 0xEF and data[i + 1] == 0xBC and data[i + 2] == 0x9A:
                break
            i += 1
        found += i < len(data) and data[i] in (58, 0xEF)
        while i < len(data) and data[i] != 10:
            i += 1
        i += 1
    return found


@jit
def _point(data: NDArray[np.uint8], at: int) -> tuple[int, int]:
    """Return the code point at `at` and its bytes; 0 for one beyond the class table."""
    byte = int(np.int64(data[at]))
    if byte < 0x80:
        return byte, 1
    if byte < 0xE0:
        return (byte & 0x1F) << 6 | (data[at + 1] & 0x3F), 2
    if byte < 0xF0:
        return (byte & 0x0F) << 12 | (data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F), 3
    return 0, 4


def _aligned(lines: Sequence[str], separator: str, least: int) -> bool:
    """Whether nine lines in ten have one same number of separators, at least `least`; no blanks
    after commas and semicolons."""
    counts = [line.count(separator) for line in lines]
    common, times = Counter(counts).most_common(1)[0]
    if common < least or 10 * times < 9 * len(lines):
        return False
    if separator not in ",;":
        return True
    return sum(line.count(separator + " ") for line in lines) * 4 < common * len(lines)


def _spoken(lines: Sequence[str]) -> bool:
    named = (line for line in lines if ":" in line[:_REACH] or "：" in line[:_REACH])
    speakers = [found[1] for line in named if (found := _SPEAKER.match(line))]
    returning = sum(count >= 2 for count in Counter(speakers).values())
    return (
        returning >= 2
        and 5 * len(speakers) >= 2 * len(lines)
        and len(set(speakers)) * 2 <= len(speakers)
    )


def conversation(value: Any) -> str | None:
    """Return a list of messages ({role, content}, {from, value}…) as lines `role: content`, else None."""
    if not isinstance(value, list) or not value:
        return None
    turns: list[str] = []
    for message in value:
        if not isinstance(message, Mapping):
            return None
        role = message.get("role", message.get("from", message.get("speaker")))
        said = message.get("content", message.get("value", message.get("text")))
        if not isinstance(role, str) or not isinstance(said, str):
            return None
        turns.append(f"{role}: {said.strip()}")
    return "\n\n".join(turns)
