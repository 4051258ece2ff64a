"""The three files dedup writes beside a document part, and how they are read back.

`PREFIX.sig`          signatures, uint32 little-endian, [documents, slots]
`PREFIX.keys`         header (magic, SLICES, blocks, documents; uint64), offsets uint64
                      [SLICES * blocks + 1], keys uint64, rows uint32: slice by slice of the key
                      space, in a slice block by block, in a block by key. Block 0 holds content
                      keys, block 1 URL keys, one more block follows for each band
`PREFIX.ids.parquet`  one row per document, columns `IDS`

A key range of all blocks is one stretch of keys and one of rows, so a worker reads only its range,
by three reads a part, and nothing is shuffled in memory. Limits: 2^32 documents a part; local
signatures are memory-mapped, remote ones are read whole.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io import files

__all__ = ["BAND_BLOCK", "CONTENT_BLOCK", "IDS", "KEY_FILE", "SLICES", "URL_BLOCK", "KeyFile",
           "PartSignatures", "read_signatures", "scattered", "write_keys"]  # fmt: skip

SLICES = 256
"""Finest division of the key space; a key range is one or more slices."""

CONTENT_BLOCK, URL_BLOCK, BAND_BLOCK = 0, 1, 2
"""Blocks of a key file: equal content, equal URL, and from `BAND_BLOCK` on one for each band."""

KEY_FILE = 2
"""Version of the key file's layout: parts signed with another one are signed again."""
_MAGIC = 0x3259454B_45474643  # "CFGEKEY2"
_HEADER = 4 * 8
_IN_MEMORY = 1 << 28  # bytes of one part's keys; more are sorted in a mapped scratch file
_ENTRIES = 1 << 22  # written at a time

IDS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("lang", pa.string()),
        pa.field("n_shingles", pa.uint32(), nullable=False),
        pa.field("text_bytes", pa.int64(), nullable=False),
        pa.field("exact_hash", pa.uint64(), nullable=False),
        pa.field("url_hash", pa.uint64(), nullable=False),  # 0: no URL
        pa.field("date", pa.string()),
        pa.field("score", pa.float32()),
        pa.field("snapshot", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class PartSignatures:
    """What `sign_part` wrote: the common prefix of the files, documents, text bytes."""

    prefix: str
    documents: int
    text_bytes: int


def read_signatures(prefix: str, slots: int) -> NDArray[np.uint32]:
    """Return a part's signatures, uint32 [documents, slots]; memory-mapped where local."""
    path = prefix + ".sig"
    if files.is_remote(path):
        flat = np.frombuffer(files.read_bytes(path), dtype="<u4")
    elif files.list_files(path) and files.list_files(path)[0].size == 0:
        flat = np.zeros(0, dtype=np.uint32)  # an empty file cannot be mapped
    else:
        flat = np.memmap(path, dtype="<u4", mode="r")
    if flat.size % slots:
        raise InputError(
            f"{path}: {flat.size} values are no whole number of signatures of {slots} slots. "
            "It was written with other settings; sign the part again."
        )
    return flat.reshape(-1, slots)


def scattered(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places starts[0], starts[0] + 1, ... (counts[0] of them), starts[1], ..."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(counts.sum())


def write_keys(
    path: str,
    documents: int,
    sizes: list[int],
    blocks: Iterable[tuple[NDArray[np.uint64], NDArray[np.uint32]]],
) -> None:
    """Write (keys ascending, rows) of each block, `sizes` values each, as one key file.

    The arrays of a block are uint64 [keys] and uint32 [keys].
    """
    edges = np.arange(1, SLICES, dtype=np.uint64) << np.uint64(64 - (SLICES.bit_length() - 1))
    with tempfile.TemporaryDirectory(prefix="corpusforge-dedup-") as scratch:
        keys = _room(Path(scratch) / "keys", sum(sizes), "<u8")
        rows = _room(Path(scratch) / "rows", sum(sizes), "<u4")
        inner = np.zeros((SLICES + 1, len(sizes)), dtype=np.int64)
        first = 0
        for block, (own, places) in enumerate(blocks):
            inner[1:-1, block] = np.searchsorted(own, edges)
            inner[-1, block] = len(own)
            inner[:, block] += first
            keys[first : first + len(own)], rows[first : first + len(own)] = own, places
            first += len(own)
        counts = np.diff(inner, axis=0)
        with files.atomic_write(path) as stream:
            head = np.array([_MAGIC, SLICES, len(sizes), documents], dtype="<u8")
            offsets = np.concatenate([[0], np.cumsum(counts.ravel())]).astype("<u8")
            stream.write(head.tobytes() + offsets.tobytes())
            step = max(1, _ENTRIES * SLICES // max(1, first))
            both: tuple[NDArray[Any], ...] = (keys, rows)
            for values in both:
                for begin in range(0, SLICES, step):
                    some = slice(begin, min(begin + step, SLICES))
                    taken = scattered(inner[some].ravel(), counts[some].ravel())
                    stream.write(values[taken].tobytes())
        del keys, rows


def _room(path: Path, count: int, kind: str) -> NDArray[Any]:
    if count * np.dtype(kind).itemsize > _IN_MEMORY:
        return np.memmap(path, dtype=kind, mode="w+", shape=count)
    return np.empty(count, dtype=kind)


class KeyFile:
    """A part's key file, read range by range."""

    def __init__(self, prefix: str) -> None:
        self.path = prefix + ".keys"
        with files.open_raw(self.path) as stream:
            header = np.frombuffer(stream.read(_HEADER), dtype="<u8")
        if len(header) < 4 or int(header[0]) != _MAGIC or int(header[1]) != SLICES:
            raise InputError(f"{self.path}: not a key file of this version. Sign the part again.")
        self.blocks, self.documents = int(header[2]), int(header[3])

    def read(
        self, first: int, last: int, blocks: tuple[int, int] | None = None
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint32], NDArray[np.int64]]:
        """Return (keys, rows, entries [slices, blocks]) of slices [first, last).

        `blocks` [low, high) may be asked for of one slice only: so much lies together.
        """
        low, high = blocks or (0, self.blocks)
        assert last - first == 1 or high - low == self.blocks
        begin, end = first * self.blocks + low, (last - 1) * self.blocks + high
        with files.open_raw(self.path) as stream:
            start = _HEADER + 8 * (SLICES * self.blocks + 1)
            stream.seek(start - 8)
            total = int(np.frombuffer(stream.read(8), dtype="<u8")[0])
            stream.seek(_HEADER + 8 * begin)
            offsets = np.frombuffer(stream.read(8 * (end - begin + 1)), dtype="<u8").astype(
                np.int64
            )
            place, count = int(offsets[0]), int(offsets[-1] - offsets[0])
            stream.seek(start + 8 * place)
            keys = np.frombuffer(stream.read(8 * count), dtype="<u8")
            stream.seek(start + 8 * total + 4 * place)
            rows = np.frombuffer(stream.read(4 * count), dtype="<u4")
        return keys, rows, np.diff(offsets).reshape(last - first, high - low)
