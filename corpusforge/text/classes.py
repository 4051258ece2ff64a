"""Classes of code points: the one table behind every meaning of "word".

A *word* is a maximal run of word characters (Python's `\\w`), except that every character of a
script written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) is a word of its own.
The tables are built from Python's own Unicode data, so a pure-Python twin that uses `re`,
`str.lower` and `str.isspace` must agree with the kernels on every text.
"""

from __future__ import annotations

import functools
import itertools
import re
import sys
import unicodedata

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALPHA",
    "DIGIT",
    "HAN",
    "LIMIT",
    "PUNCT",
    "SPACE",
    "UNSPACED",
    "UPPER",
    "WORD",
    "categories",
    "class_table",
    "is_unspaced",
    "lower_table",
]

WORD = 1  # Python's \w
SPACE = 2  # str.isspace
ALPHA = 4  # str.isalpha
DIGIT = 8  # str.isdigit
UPPER = 16  # str.isupper
UNSPACED = 32  # one word a character
HAN = 64  # CJK ideographs
PUNCT = 128  # Unicode category P*

LIMIT = 0x32000
"""Code points from here on have class 0 (no assigned letters lie beyond in Unicode 15)."""

_UNSPACED_RANGES = (
    (0x0E00, 0x0E7F),  # Thai
    (0x0E80, 0x0EFF),  # Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # ideographic iteration mark, zero
    (0x3040, 0x30FF),  # hiragana, katakana
    (0x31F0, 0x31FF),  # katakana extensions
    (0x3400, 0x4DBF),  # CJK extension A
    (0x4E00, 0x9FFF),  # CJK unified
    (0xF900, 0xFAFF),  # CJK compatibility
    (0xFF66, 0xFF9D),  # half-width katakana
    (0x20000, 0x31FFF),  # CJK extensions B..H
)
_HAN_RANGES = (
    (0x3005, 0x3007),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x31FFF),
)


def is_unspaced(character: str) -> bool:
    """Whether the character belongs to a script written without spaces (and is a word character)."""
    return bool(class_table()[min(ord(character), LIMIT - 1)] & UNSPACED)


@functools.cache
def categories() -> NDArray[np.bytes_]:
    """Return the two-letter Unicode category of each code point, "S2", shape [0x110000]."""
    names = "".join(map(unicodedata.category, map(chr, range(sys.maxunicode + 1))))
    return np.frombuffer(names.encode("ascii"), dtype="S2")


@functools.cache
def class_table() -> NDArray[np.uint8]:
    """Return the class bits of each code point below `LIMIT`, uint8, shape [LIMIT]."""
    table = np.zeros(LIMIT, dtype=np.uint8)
    points = [chr(c) for c in range(LIMIT)]
    points[0xD800:0xE000] = ["\x00"] * 0x800
    for match in re.finditer(r"\w+", "".join(points)):
        table[match.start() : match.end()] |= WORD
    for bit, test in (
        (SPACE, str.isspace),
        (ALPHA, str.isalpha),
        (DIGIT, str.isdigit),
        (UPPER, str.isupper),
    ):
        table[np.fromiter(map(test, points), dtype=bool, count=LIMIT)] |= bit
    table[categories()[:LIMIT].astype("S1") == b"P"] |= PUNCT
    for low, high in _UNSPACED_RANGES:
        part = table[low : high + 1]
        part[(part & WORD) != 0] |= UNSPACED
    for low, high in _HAN_RANGES:
        part = table[low : high + 1]
        part[(part & WORD) != 0] |= HAN
    table.flags.writeable = False
    return table


@functools.cache
def lower_table() -> NDArray[np.uint32]:
    """Return the lower case of each code point below `LIMIT`, where that is one code point; uint32.

    The table is uint32 [LIMIT].
    """
    table = np.arange(LIMIT, dtype=np.uint32)
    # Only letters, their numerals and signs have a lower case; line feeds keep them apart, as the
    # case of a final sigma depends on its neighbours.
    cased = np.flatnonzero(np.isin(categories()[:LIMIT].astype("S1"), [b"L", b"N", b"S", b"M"]))
    lowered = "\n".join(map(chr, cased.tolist())).lower().split("\n")
    single = np.fromiter(map(len, lowered), dtype=np.int64, count=len(cased)) == 1
    kept = "".join(itertools.compress(lowered, single.tolist()))
    table[cased[single]] = np.frombuffer(kept.encode("utf-32-le"), dtype="<u4")
    table.flags.writeable = False
    return table
