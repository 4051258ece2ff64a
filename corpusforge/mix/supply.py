"""From the index of token parts to the supplies that the draw takes.

Reads the narrow index only, never tokens. Part numbers are positions in the list of parts that the
caller gives (and gives to the shard writer again); nothing that is drawn depends on that order.
Limit: the index of all parts is in memory, about 60 bytes a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.draw import id_keys
from corpusforge.io.parquet import read_table
from corpusforge.mix.leaves import Node, assign, tree
from corpusforge.mix.sample import Draws, Supply, held_out
from corpusforge.mix.settings import COLUMNS, Settings

__all__ = ["Supplies", "supplies"]

_READ = ["id", "source", *COLUMNS, "offset", "tokens", "cluster"]


@dataclass(frozen=True, slots=True)
class Supplies:
    """Training and held-out supplies by leaf path, and documents of no leaf by source.

    `index` is the index of all parts, one after another; `starts` are the parts' first rows in it.
    """

    train: dict[str, Supply]
    validation: dict[str, Supply]
    unshared: dict[str, int]
    index: pa.Table
    starts: NDArray[np.int64]

    def numbers(self, draws: Draws) -> NDArray[np.int64]:
        """Return the row of `index` of each draw."""
        return self.starts[draws.part] + draws.row

    def named(self, draws: Draws) -> pa.Table:
        """Return the draws as the table that the shard writer takes: with id and source."""
        rows = self.index.select(["id", "source"]).take(pa.array(self.numbers(draws)))
        table = draws.table()
        for name in ("source", "id"):
            table = table.add_column(0, name, rows.column(name))
        return table


def supplies(
    parts: Sequence[str],
    settings: Settings,
    seed: int,
    incomplete: Sequence[str] = (),
) -> Supplies:
    """Return the supplies of all documents in `parts` (paths of `*.parquet` indexes).

    `incomplete` names the leaves of which only a head was tokenized.
    """
    tables = [read_table(path, _READ) for path in parts]
    index = pa.concat_tables(tables)
    numbers = np.repeat(np.arange(len(tables), dtype=np.int32), [t.num_rows for t in tables])
    rows = np.concatenate([np.zeros(0, np.int64), *(np.arange(t.num_rows) for t in tables)])
    nodes = _nodes(settings, index)
    leaf_of = assign(nodes, index)
    keys = id_keys(index.column("id").to_pylist())
    clusters = id_keys(index.column("cluster").to_pylist())
    validation = held_out(clusters, seed, settings.validation)
    lengths = index.column("tokens").to_numpy().astype(np.int64)
    offsets = index.column("offset").to_numpy()
    sides: tuple[dict[str, Supply], dict[str, Supply]] = ({}, {})
    leaves = [leaf.path for node in nodes for leaf in node.leaves()]
    for number, path in enumerate(leaves):
        for side, held in zip(sides, (False, True), strict=True):
            at = np.flatnonzero((leaf_of == number) & (validation == held))
            side[path] = Supply(
                keys=keys[at],
                lengths=lengths[at],
                parts=numbers[at],
                rows=rows[at],
                offsets=offsets[at],
                complete=path not in incomplete,
            )
    left = index.column("source").filter(pa.array(leaf_of < 0)).value_counts().to_pylist()
    unshared = {row["values"]: row["counts"] for row in left}
    starts = np.cumsum([0, *(table.num_rows for table in tables)])[:-1]
    return Supplies(*sides, unshared, index.combine_chunks(), starts)


def _nodes(settings: Settings, index: pa.Table) -> tuple[Node, ...]:
    named = set(settings.weights) | {name for phase in settings.phases for name in phase.weights}
    names = named or set(index.column("source").unique().to_pylist())
    return tree(dict.fromkeys(names, 1.0), settings.split)
