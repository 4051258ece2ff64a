"""The stream in stretches: where each phase's draw of each leaf begins and ends, and a range of it in order.

`segments` finds the exact cuts from sums by bucket and the one bucket in which a cut lies; `stretch`
makes the draws with low <= v < high, from the buckets that can hold them. Stretches that tile [0, 1)
give the same stream, draw by draw, however many they are. Limit: v is a double, exact up to 2^53
tokens of a leaf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.mix.buckets import Held, Section, Sections
from corpusforge.mix.plan import PhasePlan
from corpusforge.mix.sample import COLUMNS, I64, Draws, Supply

__all__ = ["Segment", "leaf_names", "segments", "stream", "stretch"]


@dataclass(frozen=True, slots=True)
class Segment:
    """What one phase draws of one epoch of a leaf: its documents [first, stop) in order of u.

    The phase asks `asked` tokens of the leaf, `before` of which earlier epochs gave; `start` tokens
    of the epoch lie before document `first`. `key` is the id key of the last document, of which
    `last` tokens are drawn; 0 where it is drawn whole.
    """

    leaf: str
    copy: int
    phase: int
    asked: int
    before: int
    first: int
    stop: int
    start: int
    last: int = 0
    lost: int = 0
    key: int = 0


def leaf_names(phases: Sequence[PhasePlan]) -> tuple[str, ...]:
    """Return the leaves of which anything is asked, in the order that breaks ties."""
    return tuple(sorted({path for phase in phases for path, n in phase.asked.items() if n}))


def segments(
    sections: Sections, phases: Sequence[PhasePlan], incomplete: Sequence[str] = ()
) -> list[Segment]:
    """Return the segments of all leaves, each leaf's in the order in which they are drawn.

    Raises InputError where a leaf has no tokens, or is not complete and does not reach.
    """
    return [
        segment
        for leaf in leaf_names(phases)
        for segment in _walk(sections, leaf, phases, complete=leaf not in incomplete)
    ]


def _walk(
    sections: Sections, leaf: str, phases: Sequence[PhasePlan], *, complete: bool
) -> Iterator[Segment]:
    documents, tokens = (int(sums.sum()) for sums in sections.sums(sections.section(leaf, 0)))
    copy = first = start = 0
    for number, phase in enumerate(phases):
        asked, before = phase.asked.get(leaf, 0), 0
        if asked and not tokens:
            raise InputError(f"mix: {asked:,} tokens are asked of a source that has none.")
        while before < asked:
            if copy and not complete:
                raise InputError(
                    f"mix: {asked:,} tokens are asked, and the documents chosen for tokenizing gave "
                    f"{tokens:,}. Lower mix.bytes_per_token or raise mix.margin."
                )
            begun = (leaf, copy, number, asked, before, first)
            if start + asked - before >= tokens:
                yield Segment(*begun, documents, start)
                before += tokens - start
                copy, first, start = copy + 1, 0, 0
                continue
            cut = _cut(sections, sections.section(leaf, copy), start + asked - before)
            yield Segment(*begun, cut.stop, start, cut.last, cut.lost, cut.key)
            before, first, start = asked, cut.stop, cut.through
            if first == documents:
                copy, first, start = copy + 1, 0, 0


@dataclass(frozen=True, slots=True)
class _Cut:
    stop: int
    through: int
    last: int
    lost: int
    key: int


def _cut(sections: Sections, section: Section, target: int) -> _Cut:
    """The shortest head of an epoch that has `target` tokens, found in the bucket where it ends."""
    documents, tokens = sections.sums(section)
    bucket = int(np.searchsorted(np.cumsum(tokens), target))
    own = sections.rows(section, bucket, bucket + 1)
    ends = int(tokens[:bucket].sum()) + np.cumsum(own.lengths)
    place = int(np.searchsorted(ends, target))
    over = int(ends[place]) - target
    stop = int(documents[:bucket].sum()) + place + 1
    last = int(own.lengths[place]) - over if over else 0
    return _Cut(stop, int(ends[place]), last, over, int(own.keys[place]))


def stretch(
    sections: Sections,
    drawn: Sequence[Segment],
    names: tuple[str, ...],
    phase: int,
    low: float = 0.0,
    high: float = 1.0,
) -> Draws:
    """Return the draws of one phase with low <= v < high, in stream order.

    `drawn` are segments of all phases, `names` the leaves in the order that breaks ties.
    """
    pieces = [
        _columns(sections, segment, names.index(segment.leaf), low, high)
        for segment in drawn
        if segment.phase == phase
    ]
    joined = {
        name: np.concatenate([np.zeros(0, kind), *(piece[0][name] for piece in pieces)])
        for name, kind in _KINDS.items()
    }
    order = np.lexsort((joined["key"], joined["leaf"], joined["v"]))
    columns = {name: joined[name][order] for name in COLUMNS if name != "phase"}
    ids = [piece[1] for piece in pieces if piece[1] is not None]
    return Draws(
        names=names,
        phase=np.full(len(order), phase, dtype=np.int32),
        ids=pa.concat_arrays(ids).take(pa.array(order)) if ids else None,
        **columns,
    )


_KINDS: dict[str, Any] = {
    "leaf": np.int32,
    "part": np.int32,
    "row": np.int64,
    "offset": np.int64,
    "length": np.int64,
    "copy": np.int32,
    "cut": np.bool_,
    "key": np.uint64,
    "v": np.float64,
}


def _columns(
    sections: Sections, segment: Segment, leaf: int, low: float, high: float
) -> tuple[dict[str, NDArray[Any]], pa.Array | None]:
    section = sections.section(segment.leaf, segment.copy)
    documents, tokens = sections.sums(section)
    first, last = _buckets(documents, tokens, segment, low, high)
    own = sections.rows(section, first, last)
    number = int(documents[:first].sum()) + np.arange(len(own))
    begin = int(tokens[:first].sum()) + np.cumsum(own.lengths) - own.lengths
    lengths = own.lengths
    if segment.last:
        lengths = np.where(number == segment.stop - 1, segment.last, lengths)
    before = segment.before + begin - segment.start
    v = (2 * before + lengths) / np.float64(2 * segment.asked)
    inside = (number >= segment.first) & (number < segment.stop) & (v >= low) & (v < high)
    return _chosen(own, inside, lengths, v, segment.copy, leaf)


def _chosen(
    own: Supply, inside: NDArray[np.bool_], lengths: I64, v: NDArray[Any], copy: int, leaf: int
) -> tuple[dict[str, NDArray[Any]], pa.Array | None]:
    at: Any = _as_slice(inside)
    mine, lengths = own.take(at), lengths[at]
    return {
        "leaf": np.full(len(mine), leaf, dtype=np.int32),
        "part": mine.parts,
        "row": mine.rows,
        "offset": mine.offsets,
        "length": lengths,
        "copy": np.full(len(mine), copy, dtype=np.int32),
        "cut": lengths < mine.lengths,
        "key": mine.keys,
        "v": v[at],
    }, mine.ids


def _as_slice(inside: NDArray[np.bool_]) -> slice:
    """The documents inside are neighbours, since v grows along an epoch."""
    first = int(np.argmax(inside)) if inside.any() else 0
    return slice(first, first + int(inside.sum()))


def _buckets(
    documents: I64, tokens: I64, segment: Segment, low: float, high: float
) -> tuple[int, int]:
    """The buckets that can hold documents of a stretch, of which the ends are checked later."""
    ends, stops = np.cumsum(tokens), np.cumsum(documents)
    shift = segment.start - segment.before
    slack = 2 + segment.asked * 1e-12  # a bound on rounding: v and its bounds are doubles
    inside = (
        (ends >= low * segment.asked + shift - slack)
        & (ends - tokens <= high * segment.asked + shift + slack)
        & (stops > segment.first)
        & (stops - documents < segment.stop)
    )
    if not inside.any():
        return 0, 0
    return int(np.argmax(inside)), len(inside) - int(np.argmax(inside[::-1]))


def stream(supplies: Mapping[str, Supply], phases: Sequence[PhasePlan], seed: int) -> Draws:
    """Return the whole stream: each phase's leaves drawn and merged, phases one after another."""
    held = Held(supplies, seed)
    names = leaf_names(phases)
    drawn = segments(held, phases, [path for path, own in supplies.items() if not own.complete])
    return Draws.joined([stretch(held, drawn, names, number) for number in range(len(phases))])
