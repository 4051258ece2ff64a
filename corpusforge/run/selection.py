"""The duplicates stage of a large run: waves of tasks that select by component, as one task would.

gather   a stretch of document parts: what is known of documents with a neighbour, for their components' tasks
ask      a task's components: of which documents the texts will be compared
texts    a stretch: those texts go to the tasks that asked
select   a task's components: selection; what it finds goes to the stretches
write    a stretch: the tables of its document parts
audit    one task, where the recipe asks for an audit

Rows go by files of a slice per reader (`io/slices.py`) in `neighbours/`. A task holds the signatures and ids
of its documents with a neighbour and what selection takes, about 1.5 kB each (measured, 128 slots); the
ranges (one for 4.2 million signed documents) bound how many those are. Limits: a component is one task's,
however large; texts that were asked for are in memory; an audit reads all survivors in one task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.dedup.by_component import (
    COPIES,
    asked_for,
    divided,
    found_tables,
    neighbours,
    select,
    with_rows,
)
from corpusforge.dedup.plan import make_plan
from corpusforge.dedup.results import Counts, Duplicates, find_alarms, total
from corpusforge.dedup.settings import Settings
from corpusforge.io import files
from corpusforge.io.parquet import read_table, row_count
from corpusforge.io.slices import one_batch, read_slice, write_slices
from corpusforge.manifest import Receipt, added, part_name
from corpusforge.run.collisions import Stretches, labels_of, stretches
from corpusforge.run.context import Context
from corpusforge.run.copies import audited, merged, signed_rows, texts_at, write_part
from corpusforge.run.repeats import REPEATS
from corpusforge.run.stage import Part, PartResult, Stage

__all__ = ["component_facts", "make_selection", "stage"]

I64 = NDArray[np.int64]

_NUMBERS = pa.schema([pa.field("number", pa.uint32(), nullable=False)])
_TEXTS = _NUMBERS.append(pa.field("text", pa.large_string()))


@dataclass(frozen=True, slots=True)
class SelectionTask:
    """What a task is told: the settings, stretches, how many tasks select, the files of components, its job.

    `components`: whether a split into sides follows, for which all verified pairs are joined.
    """

    settings: Settings
    components: bool
    stretches: Stretches
    tasks: int
    labels: tuple[str, ...]
    job: str = "gather"
    number: int = 0


def stage(context: Context) -> Stage:
    """Return the duplicates stage where the stage `collisions` has found the components."""
    settings, split = context.recipe.dedup, context.recipe.mix.validation > 0
    found = context.manifests["collisions"]
    size = sum(output.bytes for output in context.manifests["signatures"].outputs)
    ranges = int(found.settings["ranges"])
    work = SelectionTask(settings, split, stretches(context), ranges, tuple(found.extra["labels"]))
    waves = _waves(work)

    def parts(first: int, job: str) -> tuple[Part, ...]:
        return tuple(
            Part("duplicates", first + number, context.run, replace(work, job=job, number=number),
                 (job,), size // waves[job])
            for number in range(waves[job])
        )  # fmt: skip

    def more(receipts: Sequence[Receipt]) -> tuple[Part, ...]:
        first = 0
        for job, count in waves.items():
            if first == len(receipts):
                return parts(first, job)
            first += count
        return ()

    return Stage(
        name="duplicates",
        run=context.run,
        work=make_selection,
        parts=parts(0, "gather"),
        settings={"dedup": settings, "components": split},
        reads=context.reads("documents", "quality", "signatures", "collisions"),
        more=more,
        finish=lambda receipts: (_facts(work, receipts), {}),
    )


def _waves(work: SelectionTask) -> dict[str, int]:
    """Return the jobs in order, and how many tasks there are of each."""
    counts = {"gather": len(work.stretches)}
    if work.settings.method == "fuzzy":
        counts |= {"ask": work.tasks, "texts": len(work.stretches)}
    counts |= {"select": work.tasks, "write": len(work.stretches)}
    return counts | ({"audit": 1} if work.settings.audit_sample else {})


def make_selection(part: Part) -> PartResult:
    """Do the job of one task."""
    return _JOBS[part.settings.job](part.run, part.settings)


def _path(job: str, number: int) -> str:
    return f"neighbours/{job}-{number:05d}.arrow"


def _paths(run: str, job: str, count: int) -> list[str]:
    return [files.join(run, _path(job, number)) for number in range(count)]


def _bases(run: str, work: SelectionTask, number: int) -> I64:
    """Return the first document number of each part of a stretch, and the end: int64 [parts + 1]."""
    names = _prefixes(run, work, number)
    rows = [row_count(f"{name}.ids.parquet") for name in names]
    return work.stretches.numbers[number] + np.cumsum([0, *rows])


def _prefixes(run: str, work: SelectionTask, number: int) -> list[str]:
    first, stop = work.stretches.parts[number : number + 2]
    return [files.join(run, "signatures", part_name(index)) for index in range(first, stop)]


def _numbers(table: pa.Table, name: str = "number") -> I64:
    return table.column(name).to_numpy().astype(np.int64)


def _gather(run: str, work: SelectionTask) -> PartResult:
    numbers, least = labels_of(run, work.labels, work.stretches, work.number)
    names, bases = _prefixes(run, work, work.number), _bases(run, work, work.number)
    batch = neighbours(names, bases, numbers, work.settings)
    path = _path("gather", work.number)
    target = files.join(run, path)
    rows = write_slices(target, batch.schema, divided(batch, least, work.tasks))
    seen: Counter[str] = Counter()
    for name in names:
        seen.update(read_table(f"{name}.ids.parquet", ["source"]).column("source").to_pylist())
    return PartResult(outputs={path: rows}, extra={"seen": dict(seen)})


def _gathered(run: str, work: SelectionTask) -> pa.Table:
    return read_slice(_paths(run, "gather", len(work.stretches)), work.number)


def _ask(run: str, work: SelectionTask) -> PartResult:
    table = _gathered(run, work)
    rows = asked_for(table, work.settings, components=work.components)
    asked = table.select(["number"]).take(pa.array(rows))
    path = _path("ask", work.number)
    slices = _by_stretch(asked, "number", work.stretches)
    return PartResult(outputs={path: write_slices(files.join(run, path), _NUMBERS, slices)})


def _by_stretch(table: pa.Table, column: str, own: Stretches) -> Iterator[pa.RecordBatch]:
    """Yield the rows of each stretch; they ascend by document number."""
    edges = np.searchsorted(_numbers(table, column), own.numbers)
    for first, stop in pairwise(edges):
        yield one_batch(table.slice(first, stop - first))


def _texts(run: str, work: SelectionTask) -> PartResult:
    asked = [_numbers(read_slice([path], work.number)) for path in _paths(run, "ask", work.tasks)]
    wanted = np.sort(np.concatenate(asked))  # a document is of one task
    table = pa.table([pa.array(wanted.astype(np.uint32)), _read(run, work, work.number, wanted)],
                     schema=_TEXTS)  # fmt: skip
    path = _path("texts", work.number)
    slices = (one_batch(table.take(pa.array(np.searchsorted(wanted, own)))) for own in asked)
    return PartResult(outputs={path: write_slices(files.join(run, path), _TEXTS, slices)})


def _read(run: str, work: SelectionTask, number: int, wanted: I64) -> pa.Array:
    """Return the texts of some documents of a stretch, in order of their numbers."""
    pieces = [pa.array([], pa.large_string())]
    bases, first = _bases(run, work, number), work.stretches.parts[number]
    cuts = np.searchsorted(wanted, bases)
    for index, (low, high) in enumerate(pairwise(cuts)):
        if high > low:
            rows = signed_rows(run, first + index)[wanted[low:high] - bases[index]]
            pieces.append(texts_at(run, first + index, rows).cast(pa.large_string()))
    return pa.concat_arrays(pieces)


def _select(run: str, work: SelectionTask) -> PartResult:
    table = _gathered(run, work)
    numbers = _numbers(table)
    text_of = _text_of(run, work, numbers) if work.settings.method == "fuzzy" else None
    found = select(table, work.settings, text_of, components=work.components)
    made = PartResult()
    for name, own in found_tables(found, 0).items():
        path = _path(name, work.number)
        slices = _by_stretch(with_rows(own, numbers), "row", work.stretches)
        made.outputs[path] = write_slices(files.join(run, path), COPIES[name], slices)
    made.extra = {
        "counts": asdict(found.counts),
        "components": component_facts(found),
        "lost": dict(found.lost),
        "copies": found.copies,
    }
    return made


def _text_of(run: str, work: SelectionTask, numbers: I64) -> Callable[[I64], pa.Array]:
    """Return what gives the texts of a task's rows: those asked for, others from their part."""
    asked = read_slice(_paths(run, "texts", len(work.stretches)), work.number).combine_chunks()
    known = _numbers(asked)  # ascending: stretch by stretch

    def text_of(rows: I64) -> pa.Array:
        wanted = numbers[rows]
        places = np.searchsorted(known, wanted)
        here = np.append(known, -1)[places] == wanted
        fresh = wanted[~here]
        owners = np.searchsorted(work.stretches.numbers, fresh, side="right") - 1
        read = [_read(run, work, int(k), fresh[owners == k]) for k in np.unique(owners)]
        sent = asked.column("text").take(pa.array(places[here]))
        texts = pa.chunked_array([*sent.chunks, *read], pa.large_string())
        order = np.argsort(np.concatenate([wanted[here], fresh]))
        return texts.take(pa.array(order)).combine_chunks()

    return text_of


def _write(run: str, work: SelectionTask) -> PartResult:
    tables = {
        name: read_slice(_paths(run, name, work.tasks), work.number).sort_by("row")
        for name in COPIES
    }
    bases, made = _bases(run, work, work.number), PartResult()
    for place in range(len(bases) - 1):
        index = work.stretches.parts[work.number] + place
        own = {name: _between(table, *bases[place : place + 2]) for name, table in tables.items()}
        write_part(run, index, own, REPEATS.empty_table(), signed_rows(run, index), made)
    made.extra = merged([made.extra])
    made.documents = int(bases[-1] - bases[0])
    return made


def _between(table: pa.Table, first: int, stop: int) -> pa.Table:
    """Return the rows of documents [first, stop), with their places among those."""
    low, high = np.searchsorted(_numbers(table, "row"), [first, stop])
    own = table.slice(low, high - low)
    place = table.schema.get_field_index("row")
    rows = pc.subtract(own.column("row"), int(first))
    return own.set_column(place, table.schema.field(place), rows)


def _audit(run: str, work: SelectionTask) -> PartResult:
    return PartResult(extra={"audit": audited(run, work.stretches.parts[-1], work.settings)})


_JOBS: dict[str, Callable[[str, SelectionTask], PartResult]] = {
    "gather": _gather,
    "ask": _ask,
    "texts": _texts,
    "select": _select,
    "write": _write,
    "audit": _audit,
}


def component_facts(found: Duplicates) -> dict[str, int]:
    """What is to be told of the components: of their documents, the largest, and the work."""
    own = found.components
    if own is None:
        return {}
    new = ~found.removed & (own.size > 1)
    new[: found.corpus.frozen] = False
    return {
        "documents": int(new.sum()),
        "largest": int(own.size[new].max(initial=1)),
        **{
            name: getattr(own.links, name)
            for name in ("compared", "verified", "unseen", "unchecked")
        },
    }


def _facts(work: SelectionTask, receipts: Sequence[Receipt]) -> dict[str, Any]:
    """What one task would have told, from what all tasks told."""
    told: dict[str, list[dict[str, Any]]] = {}
    every = iter(receipts)
    for job, count in _waves(work).items():
        told[job] = [next(every).extra for _ in range(count)]
    seen = added([own["seen"] for own in told["gather"]])
    lost = added([own["lost"] for own in told["select"]])
    counts = total([Counts(**own["counts"]) for own in told["select"]])
    parts = [own["components"] for own in told["select"]]
    components = added(parts)
    if components:
        components["largest"] = max(own["largest"] for own in parts)
    return {
        "audit": told["audit"][0]["audit"] if "audit" in told else None,
        "plan": asdict(make_plan(work.settings)),
        "counts": asdict(replace(counts, documents=work.stretches.numbers[-1])),
        "components": components,
        "alarms": [str(alarm) for alarm in find_alarms(seen, lost, work.settings)],
        "copies": sum(own["copies"] for own in told["select"]),
        **merged(told["write"]),
    }
