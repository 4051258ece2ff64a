"""Shards as datasets: Parquet files, or a directory that `datasets.load_from_disk` opens.

One row per document, in stream order: id, source, leaf, copy, cut and its ids. Packed shards give one
row a sequence, with the bounds of the documents in it. Limit: ids take more room than in `.bin`
(offsets, ids of documents), so an export is a copy for tools that want columns, not an archive.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.ipc
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_batches
from corpusforge.manifest import fingerprint
from corpusforge.shard.formats import packing_of, read_idx

__all__ = ["card", "export"]

_CONFIGS = ["configs:", "- config_name: default", "  data_files:", "  - split: train"]
_CONFIGS += ['    path: "*.parquet"']
"""What the hub's viewer and `datasets.load_dataset` read of a directory."""
ROWS = 1 << 20
"""Ids of one record batch, about 2 to 4 MB."""


def export(
    directory: str | Path, output: str | Path, form: Literal["parquet", "arrow"], notes: str = ""
) -> dict[str, int]:
    """Write the shards of `directory` as a dataset in `output`; return rows and ids written.

    `arrow` opens with `datasets.load_from_disk`; both hold a card, README.md, with `notes`.
    """
    shards = sorted(Path(directory).glob("*.bin"))
    if not shards:
        raise InputError(f"{directory}: no shards (*.bin). Give shards/train of a run.")
    out = Path(output)
    if out.resolve() == Path(directory).resolve():
        raise InputError(f"{output}: these are the shards themselves. Give a new directory.")
    files.make_directory(str(out))
    totals = Counter(rows=0, tokens=0)
    names = []
    for number, path in enumerate(shards):
        prefix = str(path.with_suffix(""))
        if form == "parquet":
            names.append(f"{path.stem}.parquet")
            write_batches(str(out / names[-1]), _schema(prefix), _counted(prefix, totals))
        else:
            names.append(f"data-{number:05d}-of-{len(shards):05d}.arrow")
            _write_arrow(str(out / names[-1]), prefix, totals)
    if form == "arrow":
        _describe(out, names, _schema(str(shards[0].with_suffix(""))))
    files.write_bytes(str(out / "README.md"), card(directory, totals, notes, form).encode())
    return dict(totals)


def card(
    directory: str | Path, totals: Mapping[str, int], notes: str = "", form: str = "arrow"
) -> str:
    """Return a dataset card: what a row is, ids by source, and the notes."""
    tokens: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    for path in sorted(Path(directory).glob("*.parquet")):
        table = read_table(str(path), ["source", "tokens"])
        sums = table.group_by("source").aggregate([("tokens", "sum"), ("tokens", "count")])
        for row in sums.to_pylist():
            tokens[row["source"]] += row["tokens_sum"]
            documents[row["source"]] += row["tokens_count"]
    total = sum(tokens.values())
    rows = [
        f"| {name} | {documents[name]:,} | {count:,} | {count / total:.2%} |"
        for name, count in sorted(tokens.items())
    ]
    lines = [
        "---",
        *(_CONFIGS if form == "parquet" else ["configs: []"]),
        "---",
        "# Tokenized training stream",
        "",
        f"{totals['rows']:,} rows, {totals['tokens']:,} ids, in the order in which they are trained on.",
        "",
        "| source | documents as drawn | ids | share |",
        "| --- | --- | --- | --- |",
        *rows,
    ]
    return "\n".join([*lines, *(["", notes] if notes else [])]) + "\n"


def _schema(prefix: str) -> pa.Schema:
    packed = packing_of(read_table(f"{prefix}.parquet", []).schema)[1]
    ids = pa.list_(pa.from_numpy_dtype(read_idx(f"{prefix}.idx").dtype))
    if packed:
        bounds = pa.list_(pa.int32())
        return pa.schema([("input_ids", ids), ("starts", bounds), ("lengths", bounds)])
    text = pa.string()
    return pa.schema(
        [
            ("id", text),
            ("source", text),
            ("leaf", text),
            ("copy", pa.int32()),
            ("cut", pa.bool_()),
            ("input_ids", ids),
        ]
    )


def _counted(prefix: str, totals: Counter[str]) -> Iterator[pa.RecordBatch]:
    for batch in _batches(prefix):
        totals["rows"] += batch.num_rows
        totals["tokens"] += len(batch.column("input_ids").flatten())
        yield batch


def _batches(prefix: str) -> Iterator[pa.RecordBatch]:
    table = read_table(f"{prefix}.parquet").combine_chunks()
    dtype = read_idx(f"{prefix}.idx").dtype
    empty = not Path(f"{prefix}.bin").stat().st_size
    ids = np.zeros(0, dtype) if empty else np.asarray(np.memmap(f"{prefix}.bin", dtype, "r"))
    packed = packing_of(table.schema)[1]
    schema = _schema(prefix)
    if packed:
        yield from _packed_batches(table, ids, packed, schema)
        return
    ends = table.column("start").to_numpy() + table.column("tokens").to_numpy()
    begin = 0
    while begin < len(ends):
        base = int(ends[begin - 1]) if begin else 0
        stop = max(int(np.searchsorted(ends, base + ROWS)), begin + 1)
        rows = table.slice(begin, stop - begin).combine_chunks()
        offsets = np.concatenate([[base], ends[begin:stop]]) - base
        lists = _lists(ids[base : int(ends[stop - 1])], offsets)
        named = [rows.column(name).combine_chunks() for name in schema.names[:-1]]
        yield pa.RecordBatch.from_arrays([*named, lists], schema=schema)
        begin = stop


def _packed_batches(
    table: pa.Table, ids: NDArray[Any], sequence: int, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    starts = table.column("start").to_numpy()
    lengths = table.column("tokens").to_numpy()
    count = len(ids) // sequence
    step = max(1, ROWS // sequence)
    for first in range(0, count, step):
        last = min(count, first + step)
        edges = np.searchsorted(starts, np.arange(first, last + 1) * sequence)
        inside = slice(int(edges[0]), int(edges[-1]))
        offsets = edges - edges[0]
        yield pa.RecordBatch.from_arrays(
            [
                _lists(
                    ids[first * sequence : last * sequence], np.arange(last - first + 1) * sequence
                ),
                _lists((starts[inside] % sequence).astype(np.int32), offsets),
                _lists(lengths[inside].astype(np.int32), offsets),
            ],
            schema=schema,
        )


def _lists(values: NDArray[Any], offsets: NDArray[np.int64]) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))


def _write_arrow(path: str, prefix: str, totals: Counter[str]) -> None:
    schema = _schema(prefix)
    with files.atomic_write(path) as stream, pa.ipc.new_stream(stream, schema) as writer:
        for batch in _counted(prefix, totals):
            writer.write_batch(batch)


def _describe(out: Path, names: list[str], schema: pa.Schema) -> None:
    """Write the two JSON files that `datasets` reads beside its Arrow files."""
    import datasets

    features = datasets.Features.from_arrow_schema(schema)
    info = {"features": features.to_dict(), "description": "", "citation": "", "license": ""}
    digests = [files.sha256(str(out / name)) for name in names]
    state: dict[str, Any] = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": fingerprint(digests)[:16],
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    for name, value in (("dataset_info.json", info), ("state.json", state)):
        files.write_bytes(str(out / name), json.dumps(value, indent=1, sort_keys=True).encode())
