"""How often each document stands in the stream, without the stream: from where its leaf's draw ends.

Epochs come in turn, so a document stands there once for each whole epoch of its leaf, and once more
where its place in the last, begun epoch lies before the cut. So the ledger is made from documents in
any grouping. Limit: documents with equal 64-bit keys are taken for one another at a cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.hashing import uniform
from corpusforge.mix.sample import I64
from corpusforge.mix.settings import COLUMNS
from corpusforge.mix.stream import Segment

__all__ = ["Reach", "Tally", "reaches", "repetition_ledger", "tally", "times"]


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a leaf is drawn: `copies` whole epochs, then up to the document with key `key`.

    `key` is None where no further epoch was begun. `lost` are the tokens that cuts took from
    documents, by id key.
    """

    copies: int
    key: int | None = None
    lost: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over documents of the stream: how many stand there n times; tokens by column and value."""

    repetitions: Counter[int]
    tokens: dict[str, Counter[str]]


def reaches(drawn: Sequence[Segment], documents: Mapping[str, int]) -> dict[str, Reach]:
    """Return how far each leaf of `drawn` is drawn; `documents` are the leaves' sizes."""
    found: dict[str, Reach] = {}
    for segment in drawn:
        lost = dict(found[segment.leaf].lost) if segment.leaf in found else {}
        if segment.lost:
            lost[segment.key] = lost.get(segment.key, 0) + segment.lost
        whole = segment.stop == documents[segment.leaf]
        key = None if whole else segment.key
        found[segment.leaf] = Reach(segment.copy + whole, key, lost)
    return found


def times(keys: NDArray[np.uint64], reach: Reach, seed: int) -> I64:
    """Return how often each document of a leaf stands in the stream.

    `keys` are uint64 [documents], the result int64 [documents].
    """
    count = np.full(len(keys), reach.copies, dtype=np.int64)
    if reach.key is None:
        return count
    last = np.array([reach.key], dtype=np.uint64)
    u, end = (uniform(values, seed, "mix", reach.copies) for values in (keys, last))
    return count + ((u < end[0]) | ((u == end[0]) & (keys <= last[0])))


def tally(documents: pa.Table, counted: I64, reach: Reach) -> Tally:
    """Return the sums over documents of one leaf that stand `counted` times in the stream.

    `documents` has the columns key and length, and those by which diversity is judged.
    `counted` is int64 [documents].
    """
    drawn = pa.array(counted > 0)
    documents, counted = documents.filter(drawn), counted[counted > 0]
    tokens = counted * documents.column("length").to_numpy()
    keys = documents.column("key").to_numpy()
    for key, lost in reach.lost.items():
        tokens[keys == np.uint64(key)] -= lost
    values, sizes = np.unique(counted, return_counts=True)
    sums: dict[str, Counter[str]] = {}
    for column in ("source", *COLUMNS):
        names = pc.fill_null(documents.column(column), "unknown")
        table = pa.table({"value": names, "n": pa.array(tokens)})
        rows = table.group_by("value").aggregate([("n", "sum")]).to_pylist()
        sums[column] = Counter({row["value"]: row["n_sum"] for row in rows})
    return Tally(Counter(dict(zip(values.tolist(), sizes.tolist(), strict=True))), sums)


def repetition_ledger(counted: pa.Table, earlier: pa.Table | None = None) -> pa.Table:
    """Return how often each document stands in this stream and stood in those before.

    `counted` has the columns id, source and times; `earlier` is the ledger of an earlier run.
    Columns: id, source, times, before; by id. A document keeps its id from run to run, so a
    replayed one is recognised.
    """
    names = ["id", "source", "times"]
    own = counted.select(names).group_by(names[:2]).aggregate([("times", "sum")])
    own = own.rename_columns(names)
    if earlier is None:
        table = own.append_column("before", pa.array(np.zeros(own.num_rows, dtype=np.int64)))
        return table.sort_by("id")
    total = pc.add(earlier.column("times"), earlier.column("before"))
    before = pa.table({"id": earlier.column("id"), "source_before": earlier.column("source")})
    joined = own.join(before.append_column("before", total), "id", join_type="full outer")
    return pa.table(
        {
            "id": joined.column("id"),
            "source": pc.coalesce(joined.column("source"), joined.column("source_before")),
            "times": pc.fill_null(joined.column("times"), 0),
            "before": pc.fill_null(joined.column("before"), 0),
        }
    ).sort_by("id")
