"""The files of a shard: raw ids, Megatron's index of them, and a Parquet index of documents.

`.bin` is flat little-endian uint16 or uint32 without a header, as nanoGPT memory-maps it. `.idx` is
the index of Megatron-LM's `IndexedDataset`, version 1, one sequence a document. Limit: Megatron has
no code for uint32; wide ids are declared int32, which is the same bytes for ids below 2^31.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io import files

__all__ = ["INDEX", "Idx", "index_schema", "packing_of", "read_idx", "write_idx"]

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
_CODES: dict[np.dtype[Any], int] = {np.dtype("<u2"): 8, np.dtype("<u4"): 4}
_HEADER = struct.Struct("<9sQBQQ")

INDEX = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("leaf", pa.string(), nullable=False),
        pa.field("copy", pa.int32(), nullable=False),
        pa.field("phase", pa.int32(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("tokens", pa.int32(), nullable=False),
        pa.field("cut", pa.bool_(), nullable=False),
    ]
)
"""One row per document in the shard: `start` and `tokens` count ids from the shard's beginning;
`copy` is the epoch it belongs to; `cut` is true where the ids do not end in an end-of-document id, as
pieces of a long document in packed shards do not. (A document of which the draw takes only a part
does end so; the mix stage's tables tell which these are.)"""


@dataclass(frozen=True, slots=True)
class Idx:
    """What a Megatron index says: dtype, tokens and byte offset a sequence, document bounds."""

    dtype: np.dtype[Any]
    sizes: NDArray[np.int32]
    pointers: NDArray[np.int64]
    documents: NDArray[np.int64]


def write_idx(path: str, dtype: np.dtype[Any], starts: NDArray[np.int64], sizes: Any) -> None:
    """Write the Megatron index of sequences at token offsets `starts` with `sizes` tokens.

    `starts` and `sizes` are [sequences], in tokens.
    """
    count = len(starts)
    header = _HEADER.pack(MAGIC, VERSION, _CODES[dtype], count, count + 1)
    with files.atomic_write(path) as stream:
        stream.write(header)
        stream.write(np.asarray(sizes, dtype="<i4").tobytes())
        stream.write((np.asarray(starts, dtype="<i8") * dtype.itemsize).tobytes())
        stream.write(np.arange(count + 1, dtype="<i8").tobytes())


def read_idx(path: str) -> Idx:
    """Return a Megatron index; raises InputError where the file is none, or is cut short."""
    data = files.read_bytes(path)
    if len(data) < _HEADER.size:
        raise InputError(f"{path}: {len(data)} bytes are no Megatron index; verify the run.")
    magic, version, code, count, documents = _HEADER.unpack_from(data)
    dtypes: dict[int, np.dtype[Any]] = {number: dtype for dtype, number in _CODES.items()}
    if magic != MAGIC or version != VERSION or code not in dtypes:
        raise InputError(f"{path}: no Megatron index of version {VERSION} with known ids.")
    at = _HEADER.size
    if len(data) != at + 12 * count + 8 * documents:
        raise InputError(f"{path}: {len(data)} bytes do not hold {count} sequences; it is damaged.")
    sizes = np.frombuffer(data, "<i4", count, at)
    pointers = np.frombuffer(data, "<i8", count, at + 4 * count)
    return Idx(
        dtypes[code], sizes, pointers, np.frombuffer(data, "<i8", documents, at + 12 * count)
    )


def index_schema(packing: str = "stream", sequence: int = 0) -> pa.Schema:
    """Return the schema of a shard's Parquet index; its metadata says how sequences are packed."""
    return INDEX.with_metadata({"packing": packing, "sequence": str(sequence)})


def packing_of(schema: pa.Schema) -> tuple[str, int]:
    """Return (packing, tokens of a packed sequence or 0) of a shard's Parquet index."""
    metadata = schema.metadata or {}
    packing = metadata.get(b"packing", b"stream").decode()
    return packing, int(metadata.get(b"sequence", b"0"))
