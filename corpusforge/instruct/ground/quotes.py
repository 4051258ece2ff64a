"""Does a quote stand in a text, word for word? Only white space may differ.

Runs of white space count as one space, and none counts beside a Chinese, Japanese or Korean
character, where a line break of the source says nothing. Limit: a quote with a changed dash, letter
case or an ellipsis is refused, as it should be.
"""

from __future__ import annotations

import re

__all__ = ["find_quote", "normal"]

_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_PAIRS = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』", "«": "»", "„": "“"}


def _mapped(text: str) -> tuple[str, list[int]]:
    """The normalised text, and where each of its characters stands in `text`."""
    kept: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if not character.isspace():
            if kept and kept[-1] == " " and (
                len(kept) == 1 or _CJK.match(character) or _CJK.match(kept[-2])
            ):  # fmt: skip
                kept.pop()
                places.pop()
            kept.append(character)
            places.append(place)
        elif not kept or kept[-1] != " ":
            kept.append(" ")
            places.append(place)
    if kept and kept[-1] == " ":
        kept.pop()
        places.pop()
    return "".join(kept), places


def normal(text: str) -> str:
    """Return the text with its white space normalised."""
    return _mapped(text)[0]


def find_quote(quote: str, text: str) -> tuple[int, int] | None:
    """Return where in `text` the quote first stands, as (start, end), or None.

    Quotation marks around the whole quote are left off where it does not stand there with them.
    """
    flat, places = _mapped(text)
    for wanted in _candidates(normal(quote)):
        start = flat.find(wanted) if wanted else -1
        if start >= 0:
            return places[start], places[start + len(wanted) - 1] + 1
    return None


def _candidates(quote: str) -> list[str]:
    bare = quote[1:-1].strip()
    return [quote, bare] if len(quote) > 2 and _PAIRS.get(quote[0]) == quote[-1] else [quote]
