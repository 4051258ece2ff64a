"""Words of a text, by the one meaning that `classes` gives: the pure, slow definition.

A word is a maximal run of word characters and of the combining marks that follow them (so that a
decomposed "é" or a Devanagari vowel sign does not cut it), lower-cased code point by code point;
each character of a script written without spaces is a word of its own. Limit: an apostrophe or
a hyphen ends a word ("don't" is two).
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.classes import LIMIT, UNSPACED, WORD, are, class_table, lower_table

__all__ = ["mark_table", "words"]

_JOINERS = (0x200C, 0x200D)  # zero-width (non-)joiner: inside Persian, Hindi and emoji runs


@functools.cache
def mark_table() -> NDArray[np.bool_]:
    """Return which code points below `LIMIT` are combining marks or joiners; bool, [LIMIT]."""
    table = are("M")
    table[list(_JOINERS)] = True
    table.flags.writeable = False
    return table


def words(text: str) -> list[str]:
    """Return the words of `text` in order, lower-cased one code point at a time."""
    classes, lower, marks = class_table(), lower_table(), mark_table()
    found: list[str] = []
    inside = False
    for character in text:
        point = ord(character)
        bits = int(classes[point]) if point < LIMIT else 0
        small = chr(lower[point]) if point < LIMIT else character
        if bits & UNSPACED:
            found.append(small)
            inside = True
        elif bits & WORD:
            if inside and not _unspaced(found[-1][0]):
                found[-1] += small
            else:
                found.append(small)
            inside = True
        elif inside and point < LIMIT and marks[point]:
            found[-1] += character
        else:
            inside = False
    return found


def _unspaced(character: str) -> bool:
    point = ord(character)
    return point < LIMIT and bool(class_table()[point] & UNSPACED)
