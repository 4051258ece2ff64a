"""Texts as fastText should see them: one line, characters of unspaced scripts set apart.

fastText stops at a newline and cuts words at white space only, so a Chinese sentence would be one
word. Letters keep their case, as in DCLM's published model.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.text.classes import SPACE, UNSPACED, class_table
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed

__all__ = ["spaced"]


@jit
def _spaced(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    classes: NDArray[np.uint8],
    out: NDArray[np.uint8],
) -> NDArray[np.int64]:
    ends = np.zeros(len(offsets), dtype=np.int64)
    at = 0
    for t in range(len(offsets) - 1):
        i, end = offsets[t], offsets[t + 1]
        while i < end:
            b = np.uint32(data[i])
            size = 1 if b < 0x80 else 2 if b < 0xE0 else 3 if b < 0xF0 else 4
            c = b if size == 1 else b & (0x7F >> size)
            for j in range(i + 1, i + size):
                c = c << 6 | (data[j] & 0x3F)
            kind = classes[c] if c < len(classes) else np.uint8(0)
            if kind & SPACE or c == 0:
                out[at] = 0x20
                at += 1
            else:
                for j in range(i, i + size):
                    out[at] = data[j]
                    at += 1
                if kind & UNSPACED:
                    out[at] = 0x20
                    at += 1
            i += size
        ends[t + 1] = at
    return ends


def spaced(texts: pa.Array | Sequence[str]) -> list[str]:
    """Return each text on one line, a space after each character that is a word of its own.

    `texts` are strings [texts], and so many results.
    """
    data, offsets = packed(texts)
    out = np.empty(2 * int(offsets[-1] - offsets[0]) + 1, dtype=np.uint8)
    bounds = _spaced(data, offsets, class_table(), out).tolist()
    whole = out[: bounds[-1]].tobytes()
    return [whole[a:b].decode("utf-8") for a, b in itertools.pairwise(bounds)]
