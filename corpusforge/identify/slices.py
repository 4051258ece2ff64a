"""Short slices of each text, safe for any language engine.

A language is decided by a few hundred bytes; reading on only costs time. Slices are measured in
bytes, not characters, because a byte of Chinese carries about as much as a byte of English. What
an engine cannot take is replaced by a space: controls and line ends (fastText stops at a
newline) and noncharacters (CLD2 refuses them). Full-width and mathematical letters become plain ones:
engines have not met them and answer anything. Limit: what stands between slices is not seen.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.text.jit import jit
from corpusforge.text.packed import packed

__all__ = ["cut"]

SEARCH = 24  # bytes to look ahead for a space, so that most slices begin with a whole word


@jit
def _plain(data: NDArray[np.uint8], at: int, size: int) -> int:
    """Return the ASCII letter that a full-width or mathematical letter stands for, 0 for any other."""
    high, low = np.int64(data[at + size - 2]) & 0x3F, np.int64(data[at + size - 1]) & 0x3F
    code = (high << 6) | low
    if size == 3:  # U+F000 and more: FF21..FF3A, FF41..FF5A
        if 0xF21 <= code <= 0xF3A or 0xF41 <= code <= 0xF5A:
            return int(code - 0xEE0)
        return 0
    if data[at + 1] == 0x9D and 0x400 <= code <= 0x6A3:  # U+1D400..1D6A3, in alphabets of 52
        letter = (code - 0x400) % 52
        return int(65 + letter if letter < 26 else 71 + letter)
    return 0


@jit
def _copy(data: NDArray[np.uint8], start: int, end: int, out: NDArray[np.uint8], at: int) -> int:
    """Copy bytes, controls and noncharacters as spaces; return the end of what was written."""
    i = start
    while i < end:
        b = data[i]
        size = 1 if b < 0x80 else 2 if b < 0xE0 else 3 if b < 0xF0 else 4
        bad = b < 0x20 or b == 0x7F
        if size == 2 and b == 0xC2 and data[i + 1] < 0xA0:  # U+0080..U+009F
            bad = True
        elif size == 3 and b == 0xEF:  # U+FDD0..U+FDEF, U+FFFE, U+FFFF
            second, third = data[i + 1], data[i + 2]
            bad = (second == 0xB7 and 0x90 <= third <= 0xAF) or (second == 0xBF and third >= 0xBE)
        elif size == 4:  # U+nFFFE, U+nFFFF
            bad = data[i + 1] & 0x0F == 0x0F and data[i + 2] == 0xBF and data[i + 3] >= 0xBE
        plain = 0
        if (size == 3 and b == 0xEF) or (size == 4 and b == 0xF0):
            plain = _plain(data, i, size)
        if bad or plain:
            out[at] = plain if plain else 0x20
            at += 1
        else:
            for j in range(i, min(i + size, end)):
                out[at] = data[j]
                at += 1
        i += size
    return at


@jit
def _boundary(data: NDArray[np.uint8], at: int, end: int, search: int) -> int:
    """Return the first byte of a word near `at`, or of a character where no space is near."""
    while at < end and data[at] & 0xC0 == 0x80:
        at += 1
    for i in range(at, min(at + search, end)):
        if data[i] == 0x20 or data[i] == 0x0A:
            return i + 1
    return at


@jit
def _cut(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    places: NDArray[np.float64],
    length: int,
    search: int,
    out: NDArray[np.uint8],
) -> NDArray[np.int64]:
    n = len(offsets) - 1
    ends = np.zeros(n + 1, dtype=np.int64)
    at = 0
    for t in range(n):
        start, end = offsets[t], offsets[t + 1]
        size = end - start
        if length == 0 or size <= length * len(places):
            at = _copy(data, start, end, out, at)
        else:
            reached = start
            for k in range(len(places)):
                first = max(reached, start + int((size - length) * places[k]))
                if first > start:
                    first = _boundary(data, first, end, search)
                last = min(end, first + length)
                while last < end and data[last] & 0xC0 == 0x80:
                    last += 1
                at = _copy(data, first, last, out, at)
                out[at] = 0x20
                at += 1
                reached = last
        ends[t + 1] = at
    return ends


def cut(
    texts: pa.Array | Sequence[str], places: Sequence[float], length: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return (data, offsets) of the sliced texts, packed as `corpusforge.text.packed` packs them.

    `length` is the bytes of each slice (0: the full text); a text no longer than all slices
    together is taken whole. Slices of one text never overlap and are separated by a space.
    `texts` are strings [texts]; data is uint8 [bytes], offsets int64 [texts + 1].
    """
    data, offsets = packed(texts)
    sizes = np.diff(offsets)
    if length:
        # a slice may grow by 3 bytes to the end of a character, and is followed by a space
        sizes = np.minimum(sizes, (length + 4) * len(places))
    out = np.empty(int(sizes.sum()) + 4 * len(places) + 8, dtype=np.uint8)
    ends = _cut(data, offsets, np.asarray(places, dtype=np.float64), length, SEARCH, out)
    return out[: ends[-1]], ends
