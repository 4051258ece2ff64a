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

__all__ = ["conversation", "guess"]

_SEPARATORS = "\t|;,"
_SPEAKER = re.compile(r"\s{0,4}[*_]{0,2}([^\W\d_][\w .'-]{0,24}?)[*_]{0,2}\s?[:：]\s?\S")
_REACH = 40  # a speaker's name and its marks are shorter
_SAMPLE = 20_000
_LEAST = 4


def guess(text: str) -> str:
    """Return "table", "dialogue" or "text" for a text, from its first 20,000 characters."""
    sample = text[:_SAMPLE]
    lines = [line for line in sample.split("\n") if line.strip()]
    if len(lines) < _LEAST:
        return "text"
    # Too few separators or colons in all settle it without a look at each line.
    for separator in _SEPARATORS:
        if 10 * sample.count(separator) >= 9 * len(lines) and _aligned(lines, separator):
            return "table"
    colons = sample.count(":") + sample.count("：")
    return "dialogue" if 5 * colons >= 2 * len(lines) and _spoken(lines) else "text"


def _aligned(lines: Sequence[str], separator: str) -> bool:
    """Whether nine lines in ten have one same number of separators; commas need three and no blank."""
    least = 2 if separator in ",;" else 1
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
