"""Which scripts a text is written in, as shares of its letters.

One pass over packed UTF-8; ranges are Unicode 15's main blocks of each script. Limit: scripts
that are not listed count as `other`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.text.classes import ALPHA, LIMIT, class_table
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed

__all__ = ["SCRIPTS", "script_table", "scripts"]

_RANGES: dict[str, tuple[tuple[int, int], ...]] = {
    "latin": (
        (0x41, 0x24F),
        (0x250, 0x2AF),
        (0x1E00, 0x1EFF),
        (0x2C60, 0x2C7F),
        (0xA720, 0xA7FF),
        (0xFF21, 0xFF5A),
    ),
    "han": (
        (0x3005, 0x3007),
        (0x3400, 0x4DBF),
        (0x4E00, 0x9FFF),
        (0xF900, 0xFAFF),
        (0x20000, 0x31FFF),
    ),
    "kana": ((0x3041, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F)),
    "hangul": ((0x1100, 0x11FF), (0x3130, 0x318F), (0xA960, 0xA97F), (0xAC00, 0xD7FF)),
    "cyrillic": ((0x400, 0x52F), (0x1C80, 0x1C8F), (0x2DE0, 0x2DFF), (0xA640, 0xA69F)),
    "greek": ((0x370, 0x3FF), (0x1F00, 0x1FFF)),
    "arabic": ((0x600, 0x6FF), (0x750, 0x77F), (0x8A0, 0x8FF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC)),
    "hebrew": ((0x590, 0x5FF), (0xFB1D, 0xFB4F)),
    "devanagari": ((0x900, 0x97F), (0xA8E0, 0xA8FF)),
    "bengali": ((0x980, 0x9FF),),
    "gurmukhi": ((0xA00, 0xA7F),),
    "gujarati": ((0xA80, 0xAFF),),
    "oriya": ((0xB00, 0xB7F),),
    "tamil": ((0xB80, 0xBFF),),
    "telugu": ((0xC00, 0xC7F),),
    "kannada": ((0xC80, 0xCFF),),
    "malayalam": ((0xD00, 0xD7F),),
    "sinhala": ((0xD80, 0xDFF),),
    "thai": ((0xE00, 0xE7F),),
    "lao": ((0xE80, 0xEFF),),
    "tibetan": ((0xF00, 0xFFF),),
    "myanmar": ((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F)),
    "georgian": ((0x10A0, 0x10FF), (0x1C90, 0x1CBF), (0x2D00, 0x2D2F)),
    "armenian": ((0x530, 0x58F), (0xFB13, 0xFB17)),
    "ethiopic": ((0x1200, 0x139F), (0x2D80, 0x2DDF), (0xAB00, 0xAB2F)),
    "khmer": ((0x1780, 0x17FF),),
    "mongolian": ((0x1800, 0x18AF),),
    "thaana": ((0x780, 0x7BF),),
    "syriac": ((0x700, 0x74F),),
}

SCRIPTS = (*_RANGES, "other")
"""Script names, in the order of the columns."""


@functools.cache
def script_table() -> NDArray[np.uint8]:
    """Return each code point's index in `SCRIPTS`, or 255 where it is no letter; uint8 [LIMIT]."""
    table = np.full(LIMIT, 255, dtype=np.uint8)
    letters = (class_table() & ALPHA) != 0
    table[letters] = len(SCRIPTS) - 1
    for number, ranges in enumerate(_RANGES.values()):
        for low, high in ranges:
            part = table[low : high + 1]
            part[part != 255] = number
    table.flags.writeable = False
    return table


@jit
def _count(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    table: NDArray[np.uint8],
    counts: NDArray[np.int64],
) -> None:
    for t in range(len(offsets) - 1):
        i, end = offsets[t], offsets[t + 1]
        while i < end:
            b = np.uint32(data[i])
            if b < 0x80:
                c = b
                i += 1
            elif b < 0xE0:
                c = (b & 0x1F) << 6 | (data[i + 1] & 0x3F)
                i += 2
            elif b < 0xF0:
                c = (b & 0x0F) << 12 | (data[i + 1] & 0x3F) << 6 | (data[i + 2] & 0x3F)
                i += 3
            else:
                c = (
                    (b & 0x07) << 18
                    | (data[i + 1] & 0x3F) << 12
                    | (data[i + 2] & 0x3F) << 6
                    | (data[i + 3] & 0x3F)
                )
                i += 4
            if c < len(table) and table[c] != 255:
                counts[t, table[c]] += 1


def scripts(texts: pa.Array | Sequence[str]) -> pa.RecordBatch:
    """Return one float32 column a script: its share of the text's letters (0 without letters).

    `texts` are strings [texts]; a row for each.
    """
    data, offsets = packed(texts)
    counts = np.zeros((len(offsets) - 1, len(SCRIPTS)), dtype=np.int64)
    _count(data, offsets, script_table(), counts)
    shares = (counts / np.maximum(1, counts.sum(axis=1, keepdims=True))).astype(np.float32)
    return pa.RecordBatch.from_arrays(
        [pa.array(np.ascontiguousarray(shares[:, i])) for i in range(len(SCRIPTS))],
        names=list(SCRIPTS),
    )
