"""Shards as MosaicML's MDS, which `streaming.StreamingDataset` and LLM Foundry read.

Method: the layout of mosaicml-streaming's version 2. A file begins with the number of its samples and their
offsets (uint32), then the description of the columns as JSON, then the samples; a sample begins with the
sizes of its columns that have no fixed size. `index.json` names the files. Limit: nothing is compressed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpusforge.io import files
from corpusforge.shard.rows import samples, schema_of

__all__ = ["write_mds"]

SIZE = 1 << 26
"""Bytes of a file at most, of one sample at least: mosaicml-streaming's default."""
_IDS = "tokens"
"""What LLM Foundry calls the column of ids."""


def write_mds(prefixes: Sequence[str], out: Path) -> None:
    """Write `shard.NNNNN.mds` and `index.json`: a sample per document, or per packed sequence."""
    columns = _columns(schema_of(prefixes[0]))
    about = {
        "version": 2,
        "format": "mds",
        "compression": None,
        "hashes": [],
        "size_limit": SIZE,
        "column_names": list(columns),
        "column_encodings": [encoding for encoding, _ in columns.values()],
        "column_sizes": [_SIZES.get(encoding) for encoding, _ in columns.values()],
    }
    header = json.dumps(about, sort_keys=True).encode()
    shards: list[dict[str, Any]] = []
    waiting: list[bytes] = []
    filled = 0

    def flush() -> None:
        name = f"shard.{len(shards):05d}.mds"
        size = _write(out / name, header, waiting)
        raw = {"basename": name, "bytes": size, "hashes": {}}
        shards.append({**about, "raw_data": raw, "samples": len(waiting), "zip_data": None})
        waiting.clear()

    for prefix in prefixes:
        for row, ids in samples(prefix):
            sample = _sample({**row, _IDS: ids}, columns)
            if waiting and 8 + len(header) + filled + len(sample) + 4 > SIZE:
                flush()
                filled = 0
            waiting.append(sample)
            filled += len(sample) + 4
    flush()
    index = json.dumps({"version": 2, "shards": shards}, sort_keys=True)
    files.write_bytes(str(out / "index.json"), index.encode())


_Encode = Callable[[Any], bytes]


def _array(values: Any) -> bytes:
    """An array of one dimension whose length is not fixed: a byte that says so, the length, the values."""
    code = next(n for n in range(4) if len(values) < 1 << (8 << n))
    return bytes([1 << 2 | code]) + len(values).to_bytes(1 << code, "little") + values.tobytes()


_KINDS: dict[pa.DataType, tuple[str, _Encode]] = {
    pa.string(): ("str", str.encode),
    pa.int32(): ("int32", lambda value: int(value).to_bytes(4, "little", signed=True)),
    pa.bool_(): ("uint8", lambda value: bytes([value])),
    pa.list_(pa.int32()): ("ndarray:int32", lambda value: _array(np.asarray(value, "<i4"))),
    pa.list_(pa.uint16()): ("ndarray:uint16", _array),
    pa.list_(pa.uint32()): ("ndarray:uint32", _array),
}
_SIZES = {"int32": 4, "uint8": 1}
"""Bytes of the encodings that have a fixed size."""


def _columns(schema: pa.Schema) -> dict[str, tuple[str, _Encode]]:
    """Return the columns in MDS's order, which is by name."""
    kinds = {field.name: _KINDS[field.type] for field in schema}
    kinds[_IDS] = kinds.pop("input_ids")
    return dict(sorted(kinds.items()))


def _sample(row: Mapping[str, Any], columns: Mapping[str, tuple[str, _Encode]]) -> bytes:
    values = [encode(row[name]) for name, (_, encode) in columns.items()]
    sizes = [
        len(value).to_bytes(4, "little")
        for value, (encoding, _) in zip(values, columns.values(), strict=True)
        if encoding not in _SIZES
    ]
    return b"".join([*sizes, *values])


def _write(path: Path, header: bytes, given: Sequence[bytes]) -> int:
    """Write one file; return its bytes."""
    first = 4 + 4 * (len(given) + 1) + len(header)
    offsets = np.cumsum([first, *map(len, given)])
    with files.atomic_write(str(path)) as stream:
        stream.write(len(given).to_bytes(4, "little") + offsets.astype("<u4").tobytes() + header)
        for sample in given:
            stream.write(sample)
    return int(offsets[-1])
