"""From the index of token parts to the supplies that the draw takes.

Reads the narrow index only, part by part, never tokens. Part numbers are positions in the list of
parts that the caller gives (and gives to the shard writer again); nothing that is drawn depends on
that order. Limit: the index of the given parts is in memory, in columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.hashing import id_keys
from corpusforge.io.parquet import read_table
from corpusforge.mix.hierarchy import Node, assign, tree
from corpusforge.mix.holdout import Spread, codes, spreads
from corpusforge.mix.sample import I64, Draws, Supply
from corpusforge.mix.settings import COLUMNS, Settings

__all__ = ["ANY", "SIDES", "Indexed", "Supplies", "Totals", "column_keys", "indexed", "supplies"]

SIDES = ("train", "val")
_READ = ["id", "source", *COLUMNS, "offset", "tokens", "cluster", "alike"]
_KEPT = ["id", "source", *COLUMNS]
ANY = 1 << 30
"""No bound on the documents of a group that is held out."""
_HASHED = 1 << 16
"""Strings of a column that are Python objects at a time."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of supplies: by side and leaf (documents, tokens, tokens of the longest), by source.

    `seen` and `unshared` are documents by source, the latter of no leaf.
    """

    leaves: dict[str, dict[str, tuple[int, int, int]]]
    seen: dict[str, int]
    unshared: dict[str, int]

    def tokens(self, side: str) -> dict[str, int]:
        """Return the tokens of each leaf of a side."""
        return {path: sums[1] for path, sums in self.leaves[side].items()}

    @classmethod
    def of(cls, found: Sequence[dict[str, Any]]) -> Totals:
        """Return the sum of totals that are plain values (as receipts hold them)."""
        total = cls({side: {} for side in SIDES}, {}, {})
        for one in found:
            for side, leaves in one["leaves"].items():
                for path, (documents, tokens, longest) in leaves.items():
                    have = total.leaves[side].get(path, (0, 0, 0))
                    sums = (have[0] + documents, have[1] + tokens, max(have[2], longest))
                    total.leaves[side][path] = sums
            for mine, theirs in ((total.seen, one["seen"]), (total.unshared, one["unshared"])):
                for source, count in theirs.items():
                    mine[source] = mine.get(source, 0) + count
        return total


@dataclass(frozen=True, slots=True)
class Supplies:
    """Training and held-out supplies by leaf path, and documents of no leaf by source.

    `index` holds id, source and the columns of splits of all parts, one part after another;
    `starts` are the parts' first rows in it, `first` the number of the first part.
    """

    train: dict[str, Supply]
    validation: dict[str, Supply]
    unshared: dict[str, int]
    index: pa.Table
    starts: I64
    first: int = 0

    @property
    def sides(self) -> dict[str, dict[str, Supply]]:
        """The supplies by side and leaf."""
        return dict(zip(SIDES, (self.train, self.validation), strict=True))

    @property
    def totals(self) -> Totals:
        """The sums of these supplies."""
        leaves = {
            side: {
                path: (len(own), own.tokens, int(own.lengths.max(initial=0)))
                for path, own in supply.items()
            }
            for side, supply in self.sides.items()
        }
        return Totals(leaves, _counts(self.index.column("source")), self.unshared)

    def numbers(self, places: Draws | Supply) -> I64:
        """Return the row of `index` of each draw, or of each document of a supply.

        The numbers are int64 [draws].
        """
        part, row = (
            (places.part, places.row)
            if isinstance(places, Draws)
            else (places.parts, places.rows)
        )  # fmt: skip
        return self.starts[part - self.first] + row

    def ids(self, places: Draws | Supply) -> pa.Array:
        """Return the ids of draws, or of the documents of a supply: strings [draws]."""
        return self.rows(places, ["id"]).column("id").combine_chunks()

    def rows(self, places: Draws | Supply, columns: Sequence[str] = _KEPT) -> pa.Table:
        """Return rows of the index as plain columns."""
        rows = self.index.select(list(columns)).take(pa.array(self.numbers(places)))
        return rows.cast(pa.schema([(name, pa.string()) for name in columns]))

    def named(self, draws: Draws) -> pa.Table:
        """Return the draws as the table that the shard writer takes: with id and source."""
        return named(draws, self.ids(draws))


def named(draws: Draws, ids: pa.Array | None) -> pa.Table:
    """Return the draws as the table that the shard writer takes, given their ids.

    `ids` are strings [draws].
    """
    assert ids is not None
    sources = pa.array([path.split("/")[0] for path in draws.names], pa.string())
    source = pa.DictionaryArray.from_arrays(pa.array(draws.leaf), sources).cast(pa.string())
    return draws.table().add_column(0, "source", source).add_column(0, "id", ids)


def supplies(
    parts: Sequence[str],
    settings: Settings,
    seed: int,
    incomplete: Sequence[str] = (),
    sources: Sequence[str] = (),
    first: int = 0,
    steps: Mapping[str, int] | None = None,
    largest: int = ANY,
) -> Supplies:
    """Return the supplies of all documents in `parts` (paths of `*.parquet` indexes).

    `incomplete` names the leaves of which only a head was tokenized; `sources` all sources, where
    `parts` are some of the parts, from number `first` on; `steps` says how much more than
    `settings.validation` is held out of each leaf, `largest` of how many documents a group at most.
    """
    found = indexed(parts, settings, seed, sources, first, largest)
    return found.supplies(steps or {}, incomplete)


@dataclass(frozen=True, slots=True)
class Indexed:
    """The index of some parts, not yet divided in sides: columns of equal length, one part after another.

    `paths` are the leaves by number.
    """

    columns: Mapping[str, NDArray[Any]]
    index: pa.Table
    starts: I64
    first: int
    paths: tuple[str, ...]

    def spreads(self) -> dict[str, Spread]:
        """Return how the documents of each leaf spread over the steps of holding out."""
        own = self.columns
        return spreads(own["leaf"], own["code"], own["lengths"], self.paths)

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the documents of each source, and those of no leaf."""
        column = self.index.column("source")
        return _counts(column), _counts(column.filter(pa.array(self.columns["leaf"] < 0)))

    def supplies(self, steps: Mapping[str, int], incomplete: Sequence[str] = ()) -> Supplies:
        """Return the supplies, of each leaf with so many steps held out."""
        columns = self.columns
        sides: tuple[dict[str, Supply], dict[str, Supply]] = ({}, {})
        for number, path in enumerate(self.paths):
            held = columns["code"] <= steps.get(path, 0)
            for side, chosen in zip(sides, (~held, held), strict=True):
                at = np.flatnonzero((columns["leaf"] == number) & chosen)
                own = {name: columns[name][at] for name in ("keys", "lengths", "parts", "offsets")}
                rows = at - self.starts[own["parts"] - self.first]
                side[path] = Supply(rows=rows, complete=path not in incomplete, **own)
        return Supplies(*sides, self.counts()[1], self.index, self.starts, self.first)


def indexed(
    parts: Sequence[str],
    settings: Settings,
    seed: int,
    sources: Sequence[str] = (),
    first: int = 0,
    largest: int = ANY,
) -> Indexed:
    """Return the index of `parts`, as `supplies` takes them."""
    nodes = tuple(_nodes(settings, sources or _sources(parts)))
    read = [_read(path, nodes, settings, seed, n, largest) for n, path in enumerate(parts, first)]
    columns = {
        name: np.concatenate([part[1][name] for part in read]) if read else np.zeros(0, kind)
        for name, kind in _ARRAYS.items()
    }
    index = pa.concat_tables([part[0] for part in read]).unify_dictionaries().combine_chunks()
    starts = np.cumsum([0, *(part[0].num_rows for part in read)])[:-1]
    paths = tuple(leaf.path for node in nodes for leaf in node.leaves())
    return Indexed(columns, index, starts, first, paths)


_ARRAYS: dict[str, Any] = {
    "leaf": np.int32,
    "code": np.int16,
    "keys": np.uint64,
    "lengths": np.int64,
    "parts": np.int32,
    "offsets": np.int64,
}


def _read(
    path: str, nodes: Sequence[Node], settings: Settings, seed: int, number: int, largest: int
) -> tuple[pa.Table, dict[str, NDArray[Any]]]:
    table = read_table(path, _READ)
    groups = column_keys(table.column("cluster"))
    alike = pc.fill_null(table.column("alike"), 0).to_numpy()
    columns = {
        "leaf": assign(nodes, table),
        "code": codes(groups, alike, seed, settings.validation, largest),
        "keys": column_keys(table.column("id")),
        "lengths": table.column("tokens").to_numpy().astype(np.int64),
        "parts": np.full(table.num_rows, number, dtype=np.int32),
        "offsets": table.column("offset").to_numpy(),
    }
    coded = [table.column(name).dictionary_encode() for name in _KEPT[1:]]
    return pa.table([table.column("id"), *coded], names=_KEPT), columns


def column_keys(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    """Return the id key of each string of a column.

    `column` is strings [rows], the result uint64 [rows].
    """
    pieces = [
        id_keys(column.slice(start, _HASHED).to_pylist())
        for start in range(0, len(column), _HASHED)
    ]
    return np.concatenate([np.zeros(0, np.uint64), *pieces])


def _sources(parts: Sequence[str]) -> list[str]:
    found: set[str] = set()
    for path in parts:
        found.update(read_table(path, ["source"]).column("source").unique().to_pylist())
    return sorted(found)


def _nodes(settings: Settings, sources: Sequence[str]) -> tuple[Node, ...]:
    named = set(settings.weights) | {name for phase in settings.phases for name in phase.weights}
    return tree(dict.fromkeys(named or sources, 1.0), settings.split)


def _counts(values: pa.ChunkedArray) -> dict[str, int]:
    return {row["values"]: row["counts"] for row in pc.value_counts(values).to_pylist()}
