"""The collisions stage: which documents share a key, and which are connected by such keys.

It is there where the signed documents are many (or `dedup.ranges` asks for it); elsewhere the stage
`duplicates` looks at the one range itself, with the same result. First a task per key range finds who
shares a key; then rounds of tasks, one per stretch of parts, find the components (`dedup/rounds.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.dedup.lsh_buckets import choose_ranges, find_collisions
from corpusforge.dedup.rounds import PAIRS, Round, advance, joined_groups, labels, sent
from corpusforge.dedup.settings import Settings
from corpusforge.io import files
from corpusforge.io.slices import read_slice, write_slices
from corpusforge.manifest import Receipt, part_name
from corpusforge.run.context import Context
from corpusforge.run.stage import Part, PartResult, Stage

__all__ = ["Stretches", "labels_of", "make_collisions", "stage", "stretches"]


@dataclass(frozen=True, slots=True)
class Stretches:
    """Document parts as tasks have them: of stretch k parts [parts[k], parts[k + 1]) and document numbers
    [numbers[k], numbers[k + 1])."""

    parts: tuple[int, ...]
    numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.numbers) - 1

    @classmethod
    def of(cls, bases: NDArray[np.int64], count: int) -> Stretches:
        """Divide parts of documents [bases[k], bases[k + 1]) into up to `count`, of about equal documents.

        `bases` are int64 [parts + 1].
        """
        wanted = bases[-1] * np.arange(1, count) // count
        cuts = np.unique([0, *np.searchsorted(bases, wanted), len(bases) - 1])
        return cls(tuple(cuts.tolist()), tuple(bases[cuts].tolist()))

    def at(self, number: int) -> tuple[int, int]:
        """Return the first document number of a stretch, and the one after its last."""
        return self.numbers[number], self.numbers[number + 1]


@dataclass(frozen=True, slots=True)
class CollisionsTask:
    """What a task is told: the settings, all ranges and stretches, and its own.

    `reads` are the files of the round before; there are none for a key range.
    """

    settings: Settings
    ranges: int
    stretches: Stretches
    number: int
    reads: tuple[str, ...] = ()
    first: bool = False


def stage(context: Context) -> Stage | None:
    """Return the collisions stage; None where there is one range only, and where repeats are cut.

    Those need the order of all documents, which one task has.
    """
    settings = context.recipe.dedup
    signed = context.manifests["signatures"]
    ranges = choose_ranges(settings, signed.documents)
    if ranges == 1 or settings.spans != "off":
        return None
    size = sum(output.bytes for output in signed.outputs if output.path.endswith(".keys"))
    work = CollisionsTask(settings, ranges, stretches(context), 0)

    def part(index: int, work: CollisionsTask) -> Part:
        return Part("collisions", index, context.run, work, size=size // ranges)

    def more(receipts: Sequence[Receipt]) -> tuple[Part, ...]:
        count, width = len(receipts), len(work.stretches)
        last = ranges if count == ranges else width
        if count > ranges and all(item.extra["settled"] for item in receipts[-width:]):
            return ()
        reads = tuple(_path(index) for index in range(count - last, count))
        told = replace(work, reads=reads, first=count == ranges)
        return tuple(part(count + k, replace(told, number=k)) for k in range(width))

    return Stage(
        name="collisions",
        run=context.run,
        work=make_collisions,
        parts=tuple(part(number, replace(work, number=number)) for number in range(ranges)),
        settings={"method": settings.method, "urls": bool(settings.url_sources), "ranges": ranges},
        reads=context.reads("signatures"),
        more=more,
        finish=lambda receipts: (_facts(receipts, ranges, len(work.stretches)), {}),
    )


def stretches(context: Context) -> Stretches:
    """Divide the document parts into as many stretches as there are key ranges, of about equal documents."""
    signed = context.manifests["signatures"]
    rows = {output.path: output.rows for output in signed.outputs}
    names = [f"signatures/{part_name(index)}.ids.parquet" for index in range(context.part_count)]
    bases = np.cumsum([0, *(rows[name] for name in names)])
    ranges = choose_ranges(context.recipe.dedup, signed.documents)
    return Stretches.of(bases, ranges)


def _path(index: int) -> str:
    return f"collisions/{part_name(index)}.arrow"


def _facts(receipts: Sequence[Receipt], ranges: int, width: int) -> dict[str, Any]:
    return {
        "rounds": (len(receipts) - ranges) // width,
        "labels": [_path(index) for index in range(len(receipts) - width, len(receipts))],
        "documents": sum(item.extra["documents"] for item in receipts[-width:]),
    }


def make_collisions(part: Part) -> PartResult:
    """Join the documents that share a key of one range, or go a round for one stretch."""
    work: CollisionsTask = part.settings
    if work.reads:
        return _advance(part)
    names = [
        files.join(part.run, "signatures", part_name(index))
        for index in range(work.stretches.parts[-1])
    ]
    groups = find_collisions(names, work.settings, work.number, work.ranges)
    none = np.empty(0, dtype=np.uint64)
    return _written(part, Round(none, joined_groups(groups), none, settled=False), {})


def _advance(part: Part) -> PartResult:
    work: CollisionsTask = part.settings
    stretch = work.stretches.at(work.number)
    received = _received(part.run, work.reads, work.number)
    own = [] if work.first else [work.reads[work.number]]
    found = advance(received, _received(part.run, own, work.number), stretch)
    count = len(labels(received, stretch)[0])
    return _written(part, found, {"settled": found.settled, "documents": count})


def _received(run: str, reads: Sequence[str], number: int) -> NDArray[np.uint64]:
    if not reads:
        return np.empty(0, dtype=np.uint64)
    table = read_slice([files.join(run, path) for path in reads], number)
    return np.asarray(table.column("pair").combine_chunks())


def _written(part: Part, found: Round, facts: dict[str, Any]) -> PartResult:
    path = _path(part.index)
    slices = sent(found, part.settings.stretches.numbers)
    rows = write_slices(files.join(part.run, path), PAIRS, slices)
    return PartResult(outputs={path: rows}, extra=facts)


def labels_of(
    run: str, paths: Sequence[str], work: Stretches, number: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the documents of a stretch that share a key with another, and the least of their component.

    Both are int64 [documents]; `paths` are the files of the last round.
    """
    return labels(_received(run, paths, number), work.at(number))
