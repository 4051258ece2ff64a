"""Sub-mixes: the tree of weights, and which of its leaves each document belongs to.

A source without a split is one leaf. A split shares a source (or sub-mix) among the values of one
column of the token index; its parts may be split again. Limit: a document belongs to exactly one
leaf, so splits along two columns of the same source must be nested.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.errors import RecipeError, nearest
from corpusforge.mix.settings import Settings, Split

__all__ = ["Node", "assign", "check", "leaf_paths", "tree"]

OTHERS = "*"


@dataclass(frozen=True, slots=True)
class Node:
    """A source or sub-mix: its path (`web/en`), weight among its siblings, and its own parts.

    `column` and `value` say which documents of the parent are meant; empty for a source.
    """

    path: str
    weight: float
    column: str = ""
    value: str = ""
    parts: tuple[Node, ...] = ()

    def leaves(self) -> tuple[Node, ...]:
        """Return the nodes that have no parts, in order."""
        if not self.parts:
            return (self,)
        return tuple(leaf for part in self.parts for leaf in part.leaves())


def tree(weights: Mapping[str, float], splits: Mapping[str, Split]) -> tuple[Node, ...]:
    """Return one node a source, by name, with the splits that hang below it."""
    return tuple(Node(name, weights[name], parts=_parts(name, splits)) for name in sorted(weights))


def _parts(path: str, splits: Mapping[str, Split]) -> tuple[Node, ...]:
    split = splits.get(path)
    if split is None:
        return ()
    return tuple(
        Node(
            f"{path}/{value}",
            split.weights[value],
            split.by,
            value,
            _parts(f"{path}/{value}", splits),
        )
        for value in sorted(split.weights)
    )


def check(settings: Settings, sources: Sequence[str]) -> None:
    """Raise RecipeError where weights, caps, phases or splits name what is not in the recipe."""
    named = {
        "weights": settings.weights,
        "reported_epochs": settings.reported_epochs,
        **{f"phases {phase.name!r} weights": phase.weights for phase in settings.phases},
    }
    for key, names in named.items():
        for name in names:
            if name not in sources:
                raise RecipeError(f"mix.{key}: no source {name!r}.{nearest(name, sources)}")
    nodes = tree(dict.fromkeys(sources, 1.0), settings.split)
    paths = _paths(nodes)
    for key, given in _by_path(settings):
        for path in given:
            if path not in paths:
                raise RecipeError(f"mix.{key}: nothing is called {path!r}.{nearest(path, paths)}")


def _by_path(settings: Settings) -> tuple[tuple[str, Mapping[str, object]], ...]:
    return (
        ("split", settings.split),
        ("epoch_caps", settings.epoch_caps),
        ("counts", settings.counts),
    )


def _paths(nodes: Sequence[Node]) -> list[str]:
    return [path for node in nodes for path in (node.path, *_paths(node.parts))]


def leaf_paths(settings: Settings, sources: Sequence[str]) -> tuple[str, ...]:
    """Return the paths of all leaves of the weighted sources (of all `sources` without weights)."""
    named = set(settings.weights) | {name for phase in settings.phases for name in phase.weights}
    nodes = tree(dict.fromkeys(named or sources, 1.0), settings.split)
    return tuple(leaf.path for node in nodes for leaf in node.leaves())


def assign(nodes: Sequence[Node], index: pa.Table) -> NDArray[np.int32]:
    """Return the number of each row's leaf (in the order of the nodes' leaves), -1 where none.

    `index` needs the column source and those that the splits name; the result is int32 [rows].
    """
    leaf_of = np.full(index.num_rows, -1, dtype=np.int32)
    numbers = {leaf.path: n for n, leaf in enumerate(x for node in nodes for x in node.leaves())}
    for node in nodes:
        inside = pc.equal(index.column("source"), node.path)
        _assign(node, np.asarray(inside.combine_chunks()), index, numbers, leaf_of)
    return leaf_of


def _assign(
    node: Node,
    inside: NDArray[np.bool_],
    index: pa.Table,
    numbers: Mapping[str, int],
    leaf_of: NDArray[np.int32],
) -> None:
    if not node.parts:
        leaf_of[inside] = numbers[node.path]
        return
    values = pc.fill_null(index.column(node.parts[0].column), "").combine_chunks()
    named = [part.value for part in node.parts if part.value != OTHERS]
    for part in node.parts:
        chosen = (
            pc.invert(pc.is_in(values, pa.array(named, pa.string())))
            if part.value == OTHERS
            else pc.equal(values, part.value)
        )
        _assign(part, inside & np.asarray(chosen), index, numbers, leaf_of)
