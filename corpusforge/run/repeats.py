"""Repeated lines or paragraphs of the survivors, found inside the duplicates stage.

The copy in the best-ranked document stays (C4 keeps the first it meets; ours is the survivor policy).
A document of which nothing would be left goes as a whole. Cuts are a side table; text stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.dedup.line_dedup import find_spans, write_spans
from corpusforge.dedup.results import Duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.io import files
from corpusforge.manifest import part_name
from corpusforge.survivors import read_survivors

__all__ = ["REPEATS", "Repeats", "find_repeats"]

REPEATS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("end", pa.int64(), nullable=False),
    ]
)
"""Characters start:end of the text in `row` of a document part leave it."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """One part's cuts as `REPEATS`, and the places (among signed rows) of documents left empty."""

    cuts: pa.Table
    emptied: NDArray[np.int64]


def find_repeats(
    run: str, settings: Settings, found: Duplicates, rows: Sequence[NDArray[np.int64]]
) -> list[Repeats]:
    """Return what to cut from each document part; nothing where `spans` is off.

    `rows[part]` are the document rows that were signed.
    """
    if settings.spans == "off":
        none = np.empty(0, dtype=np.int64)
        return [Repeats(REPEATS.empty_table(), none) for _ in rows]
    alive = [
        np.setdiff1d(np.arange(len(own)), found.removed_rows(index))
        for index, own in enumerate(rows)
    ]
    prefixes = [files.join(run, "duplicates", part_name(index)) for index in range(len(rows))]
    sizes: list[list[int]] = [[] for _ in rows]
    for index, own in enumerate(rows):
        batches = _alive(run, index, own[alive[index]], sizes[index])
        write_spans(batches, settings, prefixes[index])
    ranks = [found.ranks_of(index)[places] for index, places in enumerate(alive)]
    cuts = find_spans(prefixes, ranks)
    for prefix in prefixes:
        files.remove(prefix + ".spans")
    result = []
    for index, cut in enumerate(cuts):
        places = cut.rows.astype(np.int64)
        size = np.array(sizes[index], dtype=np.int64)
        lost = np.zeros(len(size), dtype=np.int64)
        np.add.at(lost, places, cut.ends.astype(np.int64) - cut.starts.astype(np.int64))
        gone = (lost >= size) & (size > 0)
        stays = ~gone[places]
        columns = (
            rows[index][alive[index]][places[stays]],
            cut.starts[stays].astype(np.int64),
            cut.ends[stays].astype(np.int64),
        )
        table = pa.table([pa.array(column) for column in columns], schema=REPEATS)
        result.append(Repeats(table, alive[index][np.flatnonzero(gone)]))
    return result


def _alive(
    run: str, index: int, wanted: NDArray[np.int64], sizes: list[int]
) -> Iterator[pa.RecordBatch]:
    """The texts of the wanted document rows; their lengths in characters are added to `sizes`."""
    for batch in read_survivors(run, index, ["text"], "quality"):
        mask = np.isin(batch.column("row").to_numpy(), wanted)
        own = batch.filter(pa.array(mask))
        sizes += pc.utf8_length(own.column("text")).to_pylist()
        yield own
