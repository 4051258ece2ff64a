"""The one reader of text after the first stage: documents minus what later stages removed.

Each later stage asks for the documents as they stand just before it. Rows keep their number in the
document part (`row`), by which every side table is joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.io import files
from corpusforge.io.parquet import read_batches, read_table, row_count
from corpusforge.manifest import part_name
from corpusforge.text.edits import apply_edits

__all__ = ["components_at", "kept_rows", "read_survivors"]

ORDER = ("documents", "quality", "duplicates", "contamination")
"""Whose removals apply, in this order."""


def kept_rows(run: str, index: int, upto: str) -> NDArray[np.bool_]:
    """Return, for each row of document part `index`, whether every stage through `upto` kept it.

    The result is bool [rows].
    """
    part = f"{part_name(index)}.parquet"
    kept = np.ones(row_count(files.join(run, "documents", part)), dtype=bool)
    last = ORDER.index(upto)
    if last >= 1:
        quality = read_table(files.join(run, "quality", part), ["kept"])
        kept &= quality.column("kept").to_numpy(zero_copy_only=False)
    if last >= 2:
        copies = read_table(files.join(run, "duplicates", part), ["row", "removes"])
        removes = copies.column("removes").to_numpy(zero_copy_only=False)
        kept[copies.column("row").to_numpy()[removes]] = False
    if last >= 3:
        edits = read_table(files.join(run, "contamination", part), ["row", "drop"])
        drop = edits.column("drop").to_numpy(zero_copy_only=False)
        kept[edits.column("row").to_numpy()[drop]] = False
    return kept


def components_at(run: str, index: int) -> pa.Table:
    """Return the documents of part `index` that have near copies: row, component, component_size."""
    return read_table(files.join(run, f"duplicates/components-{part_name(index)[5:]}.parquet"))


def read_survivors(
    run: str, index: int, columns: Sequence[str], upto: str, batch_rows: int = 1024
) -> Iterator[pa.RecordBatch]:
    """Yield the surviving documents of part `index` in order, with a `row` column (int64) added.

    From `upto="duplicates"` on repeated lines are gone; with "contamination" the cut passages too.
    `columns` are columns of the documents; `text` is read only if named.
    """
    kept = kept_rows(run, index, upto)
    after = ORDER.index(upto) if "text" in columns else 0
    changes = [
        _cuts(run, table)
        for needed, table in (
            (2, f"duplicates/repeats-{part_name(index)[5:]}.parquet"),
            (3, f"contamination/{part_name(index)}.parquet"),
        )
        if after >= needed
    ]
    first = 0
    path = files.join(run, "documents", f"{part_name(index)}.parquet")
    for batch in read_batches(path, columns, batch_rows):
        rows = np.arange(first, first + batch.num_rows, dtype=np.int64)
        first += batch.num_rows
        mask = kept[rows]
        if not mask.any():
            continue
        whole = pa.RecordBatch.from_arrays(
            [*batch.columns, pa.array(rows)], names=[*batch.schema.names, "row"]
        )
        whole = whole.filter(pa.array(mask))
        for edits in changes:
            whole = _edited(whole, edits)
        yield whole


def _cuts(run: str, path: str) -> dict[int, list[tuple[int, int, str]]]:
    """The cuts of a side table by row; repeats have no replacement and no drops."""
    cuts: dict[int, list[tuple[int, int, str]]] = {}
    for edit in read_table(files.join(run, path)).to_pylist():
        if not edit.get("drop", False):
            own = (edit["start"], edit["end"], edit.get("replacement", ""))
            cuts.setdefault(edit["row"], []).append(own)
    return cuts


def _edited(batch: pa.RecordBatch, edits: dict[int, list[tuple[int, int, str]]]) -> pa.RecordBatch:
    rows = batch.column("row").to_pylist()
    if not any(row in edits for row in rows):
        return batch
    place = batch.schema.get_field_index("text")
    texts = [
        apply_edits(text, edits[row]) if row in edits else text
        for row, text in zip(rows, batch.column("text").to_pylist(), strict=True)
    ]
    return batch.set_column(place, "text", pa.array(texts, type=pa.large_string()))
