"""The three files dedup writes beside a document part, and how they are read back.

`PREFIX.sig`          signatures, uint32 little-endian, [documents, slots]
`PREFIX.keys`         header (magic, SLICES, entries; uint64), then a block a band: offsets uint64
                      [SLICES + 1], keys uint64 [entries] ascending, rows uint32 [entries]
`PREFIX.ids.parquet`  one row a document, columns `IDS`

A key range of a band is a slice of every part, so a worker reads only its range and nothing is
shuffled in memory. Limits: 2^32 documents a part; local signatures are memory-mapped, remote ones
are read whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io import files

__all__ = ["IDS", "SLICES", "KeyFile", "PartSignatures", "read_signatures", "write_keys"]

SLICES = 256
"""Finest division of a band's key space; any power of two up to it may be asked for."""

_MAGIC = 0x3159454B_45474643  # "CFGEKEY1"
_HEADER = 3 * 8
_OFFSETS = 8 * (SLICES + 1)

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


def write_keys(
    path: str, entries: int, bands: Iterable[tuple[NDArray[np.uint64], NDArray[np.uint32]]]
) -> None:
    """Write (keys ascending, rows) of each band, `entries` values each, as one key file."""
    step = np.uint64(64 - (SLICES.bit_length() - 1))
    edges = np.arange(1, SLICES, dtype=np.uint64) << step
    with files.atomic_write(path) as stream:
        stream.write(np.array([_MAGIC, SLICES, entries], dtype="<u8").tobytes())
        for keys, rows in bands:
            inner = np.searchsorted(keys, edges)
            stream.write(np.concatenate([[0], inner, [entries]]).astype("<u8").tobytes())
            stream.write(keys.astype("<u8", copy=False).tobytes())
            stream.write(rows.astype("<u4", copy=False).tobytes())


class KeyFile:
    """A part's key file, read slice by slice."""

    def __init__(self, prefix: str) -> None:
        self.path = prefix + ".keys"
        with files.open_raw(self.path) as stream:
            header = np.frombuffer(stream.read(_HEADER), dtype="<u8")
        if len(header) < 3 or int(header[0]) != _MAGIC or int(header[1]) != SLICES:
            raise InputError(f"{self.path}: not a key file of this version. Sign the part again.")
        self.entries = int(header[2])

    def read(
        self, band: int, part: int, ranges: int
    ) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """Return (keys, rows) of range `part` of `ranges` (a power of two, at most SLICES)."""
        start = _HEADER + band * (_OFFSETS + 12 * self.entries)
        with files.open_raw(self.path) as stream:
            stream.seek(start)
            offsets = np.frombuffer(stream.read(_OFFSETS), dtype="<u8")
            first = int(offsets[part * SLICES // ranges])
            count = int(offsets[(part + 1) * SLICES // ranges]) - first
            stream.seek(start + _OFFSETS + 8 * first)
            keys = np.frombuffer(stream.read(8 * count), dtype="<u8")
            stream.seek(start + _OFFSETS + 8 * self.entries + 4 * first)
            rows = np.frombuffer(stream.read(4 * count), dtype="<u4")
        return keys, rows
