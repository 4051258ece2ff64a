"""What deduplication found: removed rows, cluster labels, accounts and alarms, part by part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup.connected import Components
from corpusforge.dedup.ranked import Corpus
from corpusforge.dedup.settings import Settings
from corpusforge.io.parquet import read_table
from corpusforge.ledger import Ledger

__all__ = [
    "CLUSTERS",
    "COMPONENTS",
    "DUPLICATES",
    "METHOD_NAMES",
    "Alarm",
    "Counts",
    "Duplicates",
    "count_removed",
    "find_alarms",
    "total",
]

METHOD_NAMES = ("", "exact", "url", "minhash")

DUPLICATES = pa.schema(
    [
        pa.field("removed", pa.string(), nullable=False),
        pa.field("kept", pa.string()),  # null: the whole cluster was dropped
        pa.field("similarity", pa.float32(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),
        pa.field("cluster_size", pa.int64(), nullable=False),
        pa.field("removed_source", pa.string(), nullable=False),
        pa.field("kept_source", pa.string()),
        pa.field("row", pa.int64(), nullable=False),
    ]
)

CLUSTERS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("row", pa.int64(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),
        pa.field("cluster_size", pa.int64(), nullable=False),
    ]
)
"""One row for each document that stays and has copies; documents without copies have no row."""


COMPONENTS = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("component", pa.string(), nullable=False),
        pa.field("component_size", pa.int64(), nullable=False),
    ]
)
"""One row for each document that stays and has a staying document of its component beside it."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A source that lost more than the set share of its documents."""

    source: str
    seen: int
    removed: int
    bound: float

    def __str__(self) -> str:
        share = self.removed / self.seen
        return (
            f"dedup removes {self.removed} of {self.seen} documents ({share:.1%}) of source "
            f"{self.source!r}, more than {self.bound:.0%}. Look at `corpusforge duplicates`, "
            "or raise dedup.alarm."
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """How much work selection was, and what its bounds left out."""

    documents: int = 0
    candidates: int = 0
    """Documents that share a bucket with another."""
    compared: int = 0
    """Pairs of signatures compared in the last sweep."""
    verified: int = 0
    """Pairs of texts compared exactly."""
    sweeps: int = 0
    unseen: int = 0
    """Kept members of crowded buckets that were not compared (`max_kept`)."""
    unchecked: int = 0
    """Pairs in the zone beyond a document's `max_exact`, taken as not similar."""


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The outcome for documents with a neighbour, by rank; read it through `table` and `clusters`."""

    corpus: Corpus
    first_part: int
    """Parts of `corpus` before this belong to an index of earlier runs."""
    kept: NDArray[np.uint32]
    """Rank of the surviving copy; a document's own rank where it is no copy."""
    similarity: NDArray[np.float32]
    method: NDArray[np.uint8]
    removed: NDArray[np.bool_]
    """Who leaves: copies under keep_one, whole clusters under drop_all, nobody under mark."""
    lost: Mapping[str, int]
    """How many documents of each source leave."""
    sizes: NDArray[np.uint32]
    """Size of the cluster whose root has this rank; 1 for a document without copies."""
    counts: Counts
    alarms: tuple[Alarm, ...]
    components: Components | None = None
    """Connected components of all verified pairs, where they were asked for."""

    @property
    def parts(self) -> int:
        """Number of new parts."""
        return len(self.corpus.prefixes) - self.first_part

    @property
    def copies(self) -> int:
        """Number of documents that are a copy of a kept one."""
        return int((self.method != 0).sum())

    def removed_rows(self, part: int) -> NDArray[np.int64]:
        """Return the rows of a part that leave, ascending: int64 [removed]."""
        rows, ranks = self._part(part)
        return rows[self.removed[ranks]]

    def documents_of(self, part: int) -> int:
        """Return the number of documents of a part."""
        place = part + self.first_part
        return int(self.corpus.bases[place + 1] - self.corpus.bases[place])

    def ids_of(self, part: int) -> pa.Array:
        """Return the id of each document of a part, by row; read from its file.

        They are strings [documents].
        """
        return self._column(part, "id")

    def sources_of(self, part: int) -> pa.Array:
        """Return the source of each document of a part, by row; read from its file.

        They are strings [documents].
        """
        return self._column(part, "source")

    def _column(self, part: int, name: str) -> pa.Array:
        prefix = self.corpus.prefixes[part + self.first_part]
        return read_table(prefix + ".ids.parquet", [name])[name].combine_chunks()

    def table(self, part: int) -> pa.Table:
        """Return a part's removed documents (under mark: its copies) as `DUPLICATES`, by row."""
        rows, ranks = self._part(part)
        told = self.removed[ranks] | (self.method[ranks] != 0)
        rows, ranks = rows[told], ranks[told]
        roots = self.kept[ranks]
        gone = pa.array(self.removed[roots])
        names = np.array(METHOD_NAMES, dtype=object)[self.method[ranks]]
        names[self.method[ranks] == 0] = "cluster"  # the root of a cluster dropped as a whole
        columns = [
            self._ids(ranks),
            _unless(gone, self._ids(roots)),
            pa.array(self.similarity[ranks]),
            pa.array(names, type=pa.string()),
            self._ids(roots),
            pa.array(self.sizes[roots].astype(np.int64)),
            self._sources(ranks),
            _unless(gone, self._sources(roots)),
            pa.array(rows),
        ]
        return pa.Table.from_arrays(columns, schema=DUPLICATES)

    def clusters(self, part: int) -> pa.Table:
        """Return a part's staying documents that have copies, as `CLUSTERS`, by row."""
        rows, ranks = self._part(part)
        told = ~self.removed[ranks] & (self.sizes[self.kept[ranks]] > 1)
        rows, ranks = rows[told], ranks[told]
        roots = self.kept[ranks]
        columns = [
            self._ids(ranks),
            pa.array(rows),
            self._ids(roots),
            pa.array(self.sizes[roots].astype(np.int64)),
        ]
        return pa.Table.from_arrays(columns, schema=CLUSTERS)

    def component_rows(self, part: int) -> pa.Table:
        """Return a part's staying documents of components with two or more, as `COMPONENTS`, by row."""
        rows, ranks = self._part(part)
        if self.components is None:
            return COMPONENTS.empty_table()
        told = ~self.removed[ranks] & (self.components.size[ranks] > 1)
        rows, ranks = rows[told], ranks[told]
        size = self.components.size[ranks].astype(np.int64)
        columns = [pa.array(rows), self._ids(self.components.first[ranks]), pa.array(size)]
        return pa.Table.from_arrays(columns, schema=COMPONENTS)

    def ranks_of(self, part: int) -> NDArray[np.uint32]:
        """Return the rank of each document of a part, by row; only where all documents are in.

        They are uint32 [documents].
        """
        rows, ranks = self._part(part)
        assert len(rows) == self.documents_of(part)
        return ranks

    def _part(self, part: int) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """Return (rows, ranks) of the documents of a part that have a neighbour, by row."""
        place = part + self.first_part
        low, high = self.corpus.edges[place : place + 2]
        rows = self.corpus.numbers[low:high].astype(np.int64) - self.corpus.bases[place]
        return rows, self.corpus.ranks[low:high]

    def _ids(self, ranks: NDArray[np.uint32]) -> pa.Array:
        return self.corpus.ids.take(pa.array(self.corpus.places[ranks])).cast(pa.string())

    def _sources(self, ranks: NDArray[np.uint32]) -> pa.Array:
        return self.corpus.sources.take(pa.array(self.corpus.places[ranks])).cast(pa.string())


def total(counts: Sequence[Counts]) -> Counts:
    """Return the work of selections of which no document is a candidate of another's."""
    names = [field.name for field in fields(Counts)]
    sums = {name: sum(getattr(own, name) for own in counts) for name in names}
    return Counts(**sums | {"sweeps": max((own.sweeps for own in counts), default=0)})


def find_alarms(
    seen: Mapping[str, int], lost: Mapping[str, int], settings: Settings
) -> tuple[Alarm, ...]:
    """Return the sources that lose more than the set share of what was seen of them, by name."""
    return tuple(
        Alarm(name, seen[name], count, settings.alarm)
        for name, count in sorted(lost.items())
        if seen.get(name, 0) >= settings.alarm_minimum and count > settings.alarm * seen[name]
    )


def count_removed(ledger: Ledger, sources: Sequence[str], removed: pa.Table) -> None:
    """Keep the account of one part: the source of each signed document, and the rows that left."""
    for source, seen in Counter(sources).items():
        account = ledger.of("dedup", source)
        account.seen += seen
        account.kept += seen
    named = (removed.column(name).to_pylist() for name in ("removed_source", "method"))
    for source, method in zip(*named, strict=True):
        account = ledger.of("dedup", source)
        account.kept -= 1
        account.dropped[method] += 1


def _unless(condition: pa.Array, values: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    return pc.if_else(condition, pa.scalar(None, pa.string()), values)
