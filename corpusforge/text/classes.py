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
    "are",
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
_CASED = (
    "Lu",
    "Ll",
    "Lt",
    "Lm",
    "N",
    "S",
    "M",
)  # letters, their numerals and signs may have a case
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
    """Return the two-letter Unicode category of each code point, "S2", shape [0x110000].

    Beyond `LIMIT` only the first 512 of plane 14, and private use in planes 15 and 16, are not "Cn"; the
    tests look at all of them.
    """
    table = np.full(sys.maxunicode + 1, b"Cn", dtype="S2")
    for low, high in ((0, LIMIT), (0xE0000, 0xE0200)):
        names = "".join(map(unicodedata.category, map(chr, range(low, high))))
        table[low:high] = np.frombuffer(names.encode("ascii"), dtype="S2")
    table[0xF0000:0xFFFFE] = table[0x100000:0x10FFFE] = b"Co"
    table.flags.writeable = False
    return table


def are(*names: str, below: int = LIMIT) -> NDArray[np.bool_]:
    """Return which code points are of some categories ("Pe"), or groups of them ("L"); bool, [below]."""
    group, kind = categories()[:below].view(np.uint8).reshape(-1, 2).T
    found = np.zeros(len(group), dtype=np.bool_)
    for name in names:
        same = group == ord(name[0])
        found |= same & (kind == ord(name[1])) if name[1:] else same
    return found


def _points(*names: str) -> list[int]:
    """The code points below `LIMIT` of some categories."""
    points: list[int] = np.flatnonzero(are(*names)).tolist()
    return points


@functools.cache
def class_table() -> NDArray[np.uint8]:
    """Return the class bits of each code point below `LIMIT`, uint8, shape [LIMIT]."""
    table = np.zeros(LIMIT, dtype=np.uint8)
    points = np.arange(LIMIT, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    for bit, pattern in ((WORD, r"\w+"), (SPACE, r"\s+")):
        for match in re.finditer(pattern, points):
            table[match.start() : match.end()] |= bit
    for bit, test, names in ((DIGIT, str.isdigit, "N"), (UPPER, str.isupper, _CASED)):
        table[[point for point in _points(*names) if test(chr(point))]] |= bit
    table[are("L")] |= ALPHA
    table[are("P")] |= PUNCT
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
    # Line feeds keep them apart, as the case of a final sigma depends on its neighbours.
    cased = np.array(_points(*_CASED))
    lowered = "\n".join(map(chr, cased)).lower().split("\n")
    single = np.fromiter(map(len, lowered), dtype=np.int64, count=len(cased)) == 1
    kept = "".join(itertools.compress(lowered, single.tolist()))
    table[cased[single]] = np.frombuffer(kept.encode("utf-32-le"), dtype="<u4")
    table.flags.writeable = False
    return table
