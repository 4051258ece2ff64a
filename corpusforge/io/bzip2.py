"""The blocks of a bzip2 file from any byte of it on, so that workers share a file of one stream.

A bzip2 stream is a row of blocks of up to 900 kB, each with a checksum of its own, none at a whole byte: a
block begins with 48 bits that are looked for at every bit, and is unpacked as a stream of one block. Files
of many streams (`pbzip2`, multistream dumps) are read in the same way, across their borders. Format: the
reference implementation, bzip2 1.0 (there is no specification by its author). Limit: 48 bits that turn up
by chance inside a block (once in some 10^14 bits) are found by trying the block with its next one.
"""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from typing import BinaryIO

from corpusforge.cputime import earn
from corpusforge.io.compressed import Caps, DamagedError, RefusedError, TruncatedError

__all__ = ["blocks"]

_BLOCK, _END = 0x314159265359, 0x177245385090
_MAGIC_BITS, _CHECK_BITS = 48, 32
_READ = 1 << 20
_LONGEST = 1 << 20  # bytes of a packed block: 900 kB at worst grow by a few per cent
_TRIES = 3


def _patterns() -> list[tuple[int, int, bytes]]:
    """(bits before it in its first byte, the mark, the whole bytes inside it) of both marks at every bit."""
    made = []
    for mark in (_BLOCK, _END):
        for shift in range(8):
            placed = (mark << (8 - shift)).to_bytes(7, "big")
            made.append((shift, mark, placed[1:6] if shift else placed[:6]))
    return made


_PATTERNS = _patterns()


def _marks(data: bytes, base: int, first: int) -> list[tuple[int, int]]:
    """Return (bit, mark) of every mark in `data`, which begins at bit `base`, from bit `first` on."""
    found = []
    for shift, mark, inside in _PATTERNS:
        before = int(shift > 0)  # whole bytes of the mark begin in its second byte, or its first
        at = data.find(inside, (first - base) // 8)
        while at >= 0:
            bit = base + 8 * (at - before) + shift
            if bit >= first and _bits(data, bit - base, _MAGIC_BITS) == mark:
                found.append((bit, mark))
            at = data.find(inside, at + 1)
    return sorted(found)


def _bits(data: bytes, begin: int, count: int) -> int:
    """The number that `count` bits from `begin` on are; -1 where there are not so many."""
    end = begin + count
    if begin < 0 or end > 8 * len(data):
        return -1
    piece = int.from_bytes(data[begin // 8 : -(-end // 8)], "big")
    return piece >> (-end % 8) & ((1 << count) - 1)


def _unpacked(data: bytes, begin: int, end: int) -> bytes | None:
    """What the block at these bits holds, None where they are no whole block."""
    count = end - begin
    check = _bits(data, begin + _MAGIC_BITS, _CHECK_BITS)
    if check < 0:
        return None
    stream = _bits(data, begin, count) << _MAGIC_BITS + _CHECK_BITS | _END << _CHECK_BITS | check
    count += _MAGIC_BITS + _CHECK_BITS
    stream <<= -count % 8
    decoder = bz2.BZ2Decompressor()
    try:
        out = decoder.decompress(b"BZh9" + stream.to_bytes(-(-count // 8), "big"))
    except (OSError, ValueError):
        return None
    return out if decoder.eof else None


def blocks(raw: BinaryIO, start: int = 0, caps: Caps | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (byte where it begins, what it holds) of every block that begins at or behind the byte `start`.

    Raises DamagedError, TruncatedError and RefusedError (more than `caps` grant), each behind what came
    before.
    """
    caps = caps or Caps()
    out = 0
    for begin, end, data in _found(raw, start):
        out += len(data)
        earn(len(data))
        taken = end // 8 - start
        if out > caps.floor and out > caps.ratio * taken:
            raise RefusedError(
                f"decompression bomb: {out} bytes out of {taken}, more than {caps.ratio:g} to 1"
            )
        yield begin // 8, data


def _found(raw: BinaryIO, start: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield (bit where it begins, bit where it ends, what it holds) of each block from byte `start` on."""
    raw.seek(start)
    data, base = b"", 8 * start
    first = base  # no mark begins before it that was not seen
    tried: list[int] = []  # where the block in hand begins, and marks behind that ended none
    while True:
        more = raw.read(_READ)
        data += more
        for bit, mark in _marks(data, base, first):
            if tried:
                held = _unpacked(data, tried[0] - base, bit - base)
                if held is None and len(tried) < _TRIES:
                    tried.append(bit)
                    continue
                if held is None:
                    raise DamagedError(f"the bzip2 block at byte {tried[0] // 8} is damaged")
                yield tried[0], bit, held
            tried = [bit] if mark == _BLOCK else []
        if not more:
            break
        first = max(first, base + 8 * len(data) - _MAGIC_BITS + 1)
        gone = (min(first, *tried) - base) // 8 if tried else (first - base) // 8
        data, base = data[gone:], base + 8 * gone
        if len(data) > _TRIES * _LONGEST:
            raise DamagedError(f"the bzip2 block at byte {base // 8} does not end")
    if tried:
        raise TruncatedError(f"ends early, inside the bzip2 block at byte {tried[0] // 8}")
