r"""Answers of several parts: tuples and intervals in order, sets and lists of numbers in any order.

"(1/2, 3)" is "(0.5, 3)", "\{1,2,3\}" is "\{3,2,1\}", "1 and 2" is "2, 1", "\pm 3" is "-3, 3". Brackets
count: [0, 1) is not (0, 1]. Limits: a bare list is one of numbers or of equations (x = 1), since
order and commas mean something in words; parts are compared as numbers or by their letters.
"""

from __future__ import annotations

import re

from corpusforge.instruct.cot import quantity as quantities
from corpusforge.instruct.cot.plain import plain, text_key

__all__ = ["several_key"]

_ENCLOSED = re.compile(r"(\\?[{(\[])([^{}()\[\]]*)([})\]])")
_PART = re.compile(r" ?(?:[,，;；、] ?(?:and|or|和|或)?|(?<= )(?:and|or)(?= )|[和或]) ?")
_EQUATION = re.compile(r"([a-z](?:_?\d)?)\s*=\s*(.+)", re.IGNORECASE)


def several_key(text: str) -> str:
    """Return what two spellings of one answer of several parts share; "" where it is no such answer."""
    bare = plain(text)
    if "," not in bare and not re.search(r"±|[、;；和或]|\b(?:and|or)\b", bare):
        return ""
    found = _ENCLOSED.fullmatch(bare)
    if found:
        opening, inside, closing = found[1][-1], found[2].removesuffix("\\"), found[3]
        parts = [_part(one) for one in _split(inside)]
        if len(parts) < 2 or not all(parts):
            return ""
        ordered = sorted(set(parts)) if opening == "{" else parts
        return opening + ",".join(ordered) + closing
    return _listed(bare)


def _listed(bare: str) -> str:
    """The key of a list without brackets, every part of which is a number or an equation."""
    pieces = _split(bare)
    equations = [_EQUATION.fullmatch(one) for one in pieces]
    names = {found[1] for found in equations if found}
    if len(names) == 1 and len(pieces) > 1 and equations[0]:
        # x = 1 or x = 2: one unknown, so its name says nothing
        pieces = [found[2] if found else one for found, one in zip(equations, pieces, strict=True)]
    parts: list[str] = []
    for piece in pieces:
        sign = "±" if piece.startswith("±") else ""
        made = _part(piece.removeprefix("±").strip())
        if not made or not (made.startswith("#") or "=#" in made):
            return ""
        parts += [made, _part("-" + piece[1:].strip())] if sign else [made]
    return "{" + ",".join(sorted(parts)) + "}" if len(parts) > 1 else ""


def _split(text: str) -> list[str]:
    return [one.strip() for one in _PART.split(text)]


def _part(text: str) -> str:
    if found := _EQUATION.fullmatch(text):
        return f"{found[1]}={_part(found[2])}"
    number = quantities.quantity(text)
    if number is None or number.dimension or number.counted:
        return text_key(text)
    return f"#{number.value}"
