"""Small changes of a text that more than one package makes: cut passages, lines joined."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["apply_edits", "one_line"]

_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_SPACE = re.compile(r"\s+")


def apply_edits(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """Return the text with the edits done; a dropped document's one edit leaves "".

    Edits are (start, end, replacement) in characters of the given text, sorted, not overlapping.
    """
    parts: list[str] = []
    place = 0
    for start, end, replacement in edits:
        parts += [text[place:start], replacement]
        place = end
    return "".join([*parts, text[place:]])


def one_line(text: str) -> str:
    """Return the text on one line; white space becomes one space, and none between CJK characters
    that a line break separated."""

    def joined(match: re.Match[str]) -> str:
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        breaks = "\n" in match.group()
        return "" if breaks and _CJK.match(before) and _CJK.match(after) else " "

    text = text.strip()
    return _SPACE.sub(joined, text)
