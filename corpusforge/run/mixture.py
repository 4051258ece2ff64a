"""The mixture of a run too large for one task: counted, sorted and drawn in ranges, the same stream.

`supply` counts the tokens of each leaf in groups of token parts, by how they may be held out; with the
split and the plan that follow, `draws` sorts each group by u, so that the tasks of `mix` read a range
each (`mix/buckets.py` has the format). Limit: the sums by bucket of all groups pass through the driver,
16 bytes a group and bucket.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.manifest import Receipt, part_name
from corpusforge.mix.buckets import Filed, Section, file_sections, read_sums
from corpusforge.mix.holdout import Spread, read_spread, spread_table
from corpusforge.mix.inventory import SIDES, Indexed, Supplies, Totals, indexed
from corpusforge.mix.plan import PhasePlan
from corpusforge.mix.repetition import reaches
from corpusforge.mix.settings import COLUMNS
from corpusforge.mix.stream import Segment, leaf_names, segments, stretch
from corpusforge.run.context import Context
from corpusforge.run.groups import groups, is_large
from corpusforge.run.mix import (
    MixTask,
    account,
    check_any,
    finish,
    ledger_digest,
    plans,
    read_work,
    steps_of,
    token_indexes,
    write_ledger,
    write_stream,
)
from corpusforge.run.mix import stage as whole_stage
from corpusforge.run.stage import Part, PartResult, Stage

__all__ = ["draws_stage", "make_draws", "make_range", "make_supply", "mix_stage", "supply_stage"]

SUMS = "draws/sums.parquet"
_FINE = 16
"""Buckets a range of the stream: what a task reads beyond its range is about an eighth."""


@dataclass(frozen=True, slots=True)
class Group:
    """What a task over some token parts is told: parts [first, stop), what to sort, and id bounds.

    `steps` say what is held out of each leaf.
    """

    work: MixTask
    first: int
    stop: int
    layout: tuple[Section, ...] = ()
    bounds: tuple[str, ...] = ()
    steps: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Range:
    """What a task of the mixture is told: its stretch of a stream, or (`side` "") its range of ids."""

    work: MixTask
    groups: int
    layout: tuple[Section, ...]
    drawn: dict[str, tuple[Segment, ...]]
    totals: Totals
    bounds: tuple[str, ...]
    number: int
    side: str = ""
    phase: int = 0
    low: float = 0.0
    high: float = 1.0
    accounts: bool = False


def _stage(
    context: Context,
    name: str,
    work: Callable[[Part], PartResult],
    layout: tuple[Section, ...] = (),
    bounds: tuple[str, ...] = (),
    steps: Mapping[str, int] | None = None,
) -> Stage:
    task = read_work(context)
    group = Group(task, 0, 0, layout, bounds, steps or {})
    parts = tuple(
        Part(name, number, context.run, replace(group, first=first, stop=stop), (first, stop), size)
        for number, (first, stop, size) in enumerate(groups(context, "tokens"))
    )
    return Stage(
        name=name,
        run=context.run,
        work=work,
        parts=parts,
        settings={"mix": task.settings, "seed": task.seed},
        reads=context.reads("tokens", "choice"),
    )


def supply_stage(context: Context) -> Stage | None:
    """Return the stage that counts tokens by leaf, or None where one task makes the mixture."""
    if not is_large(context, "tokens"):
        return None
    stage, work = _stage(context, "supply", make_supply), read_work(context)
    return replace(stage, finish=lambda receipts: (_divided(context.run, work, receipts), {}))


def _indexed(run: str, group: Group) -> Indexed:
    work, paths = group.work, token_indexes(run, group.first, group.stop)
    return indexed(paths, work.settings, work.seed, work.sources, group.first, work.largest)


def make_supply(part: Part) -> PartResult:
    """Count the documents and tokens of each leaf in a group of parts, by how they are held out."""
    found = _indexed(part.run, part.settings)
    spread = found.spreads()
    seen, unshared = found.counts()
    made = PartResult(documents=found.index.num_rows, extra={"seen": seen, "unshared": unshared})
    made.extra["longest"] = {path: own.longest for path, own in spread.items()}
    path = f"supply/{part.name}.parquet"
    made.outputs[path] = write_table(files.join(part.run, path), spread_table(spread))
    return made


def _divided(run: str, work: MixTask, receipts: Sequence[Receipt]) -> dict[str, Any]:
    """Sum the groups, and say what is held out of each leaf and what both sides then have."""
    spread: dict[str, Spread] = {}
    seen: Counter[str] = Counter()
    unshared: Counter[str] = Counter()
    for number, item in enumerate(receipts):
        seen.update(item.extra["seen"])
        unshared.update(item.extra["unshared"])
        table = read_table(files.join(run, f"supply/{part_name(number)}.parquet"))
        for path, longest in item.extra["longest"].items():
            added = replace(read_spread(table, path), longest=longest)
            spread[path] = spread[path] + added if path in spread else added
    check_any(seen)
    steps = steps_of(work, spread)
    leaves: dict[str, dict[str, tuple[int, int, int]]] = {side: {} for side in SIDES}
    for path, own in spread.items():
        held, whole = own.held(steps[path]), own.whole
        leaves["train"][path] = (whole[0] - held[0], whole[1] - held[1], own.longest)
        leaves["val"][path] = (*held, own.longest)
    return {"totals": asdict(Totals(leaves, dict(seen), dict(unshared))), "steps": steps}


def _totals(context: Context) -> Totals:
    return Totals.of([context.manifests["supply"].extra["totals"]])


def draws_stage(context: Context) -> Stage | None:
    """Return the stage that sorts what can be drawn, or None where one task makes the mixture."""
    if not is_large(context, "tokens"):
        return None
    work, totals = read_work(context), _totals(context)
    layout = tuple(_layout(work, totals))
    bounds = _bounds(work, totals)
    phases = {side: planned.phases for side, planned in plans(work, totals).items()}
    steps = context.manifests["supply"].extra["steps"]
    stage = _stage(context, "draws", make_draws, layout, bounds, steps)
    count = len(stage.parts)

    def finish_draws(_: Sequence[Receipt]) -> tuple[dict[str, Any], dict[str, int]]:
        return _cuts(context.run, count, layout, phases, work)

    return replace(stage, finish=finish_draws)


def _layout(work: MixTask, totals: Totals) -> list[Section]:
    """The epochs that the plan can reach, each cut in as many buckets as its documents ask."""
    layout = []
    for side, planned in plans(work, totals).items():
        for leaf in leaf_names(planned.phases):
            documents, tokens, longest = totals.leaves[side][leaf]
            asked = sum(phase.asked.get(leaf, 0) for phase in planned.phases)
            asked += len(planned.phases) * longest  # what cuts take from documents
            copies = 1 if leaf in work.choice else -(-asked // max(1, tokens))
            want = documents * _FINE // work.settings.range_documents
            buckets = 1 << want.bit_length()
            layout += [Section(side, leaf, copy, buckets) for copy in range(copies)]
    return layout


def _bounds(work: MixTask, totals: Totals) -> tuple[str, ...]:
    """Bounds of the ranges of ids: ids are hexadecimal digests, so the ranges are about equal."""
    documents = sum(sums[0] for sums in totals.leaves["train"].values())
    count = -(-documents // work.settings.range_documents)
    return ("", *(f"{(k << 32) // count:08x}" for k in range(1, count)), "")


def make_draws(part: Part) -> PartResult:
    """Sort a group's documents by u for each epoch, and by id for the repetition ledger."""
    group: Group = part.settings
    have = _indexed(part.run, group).supplies(group.steps, sorted(group.work.choice))
    named = {(section.side, section.leaf) for section in group.layout}
    sides = {
        side: {
            leaf: replace(own, ids=have.ids(own))
            for leaf, own in supply.items()
            if (side, leaf) in named
        }
        for side, supply in have.sides.items()
    }
    made = PartResult(documents=have.index.num_rows)
    path = f"draws/{part.name}.arrow"
    target = files.join(part.run, path)
    documents, tokens = file_sections(target, group.layout, sides, group.work.seed)
    made.outputs[path] = int(documents.sum())
    sums = pa.table({"documents": pa.array(documents), "tokens": pa.array(tokens)})
    path = f"draws/{part.name}.parquet"
    made.outputs[path] = write_table(files.join(part.run, path), sums)
    leaves = sorted({section.leaf for section in group.layout if section.side == "train"})
    path = f"draws/ids-{part.name[5:]}.arrow"
    made.outputs[path] = _write_ids(files.join(part.run, path), have, leaves, group.bounds)
    return made


_IDS = pa.schema(
    [(name, pa.string()) for name in ("id", "source", *COLUMNS)]
    + [("leaf", pa.string()), ("key", pa.uint64()), ("length", pa.int64())]
)


def _write_ids(path: str, have: Supplies, leaves: Sequence[str], bounds: Sequence[str]) -> int:
    """Write the documents that the training stream can hold, by id, a record batch a range of ids."""
    tables = [_IDS.empty_table()]
    for leaf in leaves:
        own = have.train[leaf]
        columns = [*have.rows(own).columns, pa.array([leaf] * len(own), pa.string())]
        tables.append(pa.table([*columns, pa.array(own.keys), pa.array(own.lengths)], schema=_IDS))
    table = pa.concat_tables(tables).sort_by("id").combine_chunks()
    ids = table.column("id")
    starts = [bisect_left(range(len(ids)), low, key=lambda at: ids[at].as_py()) for low in bounds]
    starts[-1] = len(ids)
    with files.atomic_write(path) as stream, pa.ipc.new_file(stream, _IDS) as writer:
        for start, stop in itertools.pairwise(starts):
            own = table.slice(start, stop - start).combine_chunks().to_batches()
            writer.write_batch(own[0] if own else pa.RecordBatch.from_pylist([], schema=_IDS))
    return table.num_rows


def _cuts(
    run: str,
    groups: int,
    layout: tuple[Section, ...],
    phases: dict[str, tuple[PhasePlan, ...]],
    work: MixTask,
) -> tuple[dict[str, Any], dict[str, int]]:
    """Sum the groups and find where each phase's draw of each leaf ends."""
    paths = [files.join(run, "draws", f"{part_name(n)}.parquet") for n in range(groups)]
    documents, tokens = read_sums(paths, sum(section.buckets for section in layout))
    sums = pa.table({"documents": pa.array(documents), "tokens": pa.array(tokens)})
    rows = write_table(files.join(run, SUMS), sums)
    drawn = {
        side: [
            asdict(segment)
            for segment in segments(
                _filed(run, groups, layout, work, side), phases[side], sorted(work.choice)
            )
        ]
        for side in SIDES
    }
    return {"segments": drawn, "groups": groups}, {SUMS: rows}


def _filed(run: str, groups: int, layout: tuple[Section, ...], work: MixTask, side: str) -> Filed:
    documents, tokens = read_sums([files.join(run, SUMS)], sum(own.buckets for own in layout))
    paths = [files.join(run, "draws", f"{part_name(n)}.arrow") for n in range(groups)]
    return Filed(layout, paths, documents, tokens, work.seed, side)


def mix_stage(context: Context) -> Stage:
    """Return the mix stage: one task, or a task per range where `draws` has sorted the documents."""
    if not is_large(context, "tokens"):
        return whole_stage(context)
    work, totals = read_work(context), _totals(context)
    extra = context.manifests["draws"].extra
    drawn = {
        side: tuple(Segment(**segment) for segment in found)
        for side, found in extra["segments"].items()
    }
    layout, bounds = tuple(_layout(work, totals)), _bounds(work, totals)
    whole = Range(work, extra["groups"], layout, drawn, totals, bounds, 0)
    ranges = [job for side in SIDES for job in _ranges(whole, side)]
    ranges += [replace(whole, number=number) for number in range(len(bounds) - 1)]
    ranges[0] = replace(ranges[0], accounts=True)
    parts = [
        Part("mix", number, context.run, job, (job.side, job.number, job.phase, job.low, job.high))
        for number, job in enumerate(ranges)
    ]
    return Stage(
        name="mix",
        run=context.run,
        work=make_range,
        parts=tuple(parts),
        settings={"mix": work.settings, "seed": work.seed, **ledger_digest(work.settings)},
        reads=context.reads("tokens", "choice", "draws"),
        finish=lambda receipts: finish(context.run, work, receipts),
    )


def _ranges(whole: Range, side: str) -> list[Range]:
    """The stretches of a stream, in order: of each phase as many as its draws ask, at least one."""
    ranges: list[Range] = []
    for phase in range(len(plans(whole.work, whole.totals)[side].phases)):
        draws = sum(own.stop - own.first for own in whole.drawn[side] if own.phase == phase)
        count = max(1, -(-draws // whole.work.settings.range_documents))
        ranges += [
            replace(
                whole,
                side=side,
                phase=phase,
                number=len(ranges) + k,
                low=k / count,
                high=(k + 1) / count,
            )
            for k in range(count)
        ]
    return ranges


def make_range(part: Part) -> PartResult:
    """Draw a stretch of a stream, or count a range of ids for the repetition ledger."""
    job: Range = part.settings
    made = PartResult()
    if job.side:
        _draw(part.run, job, made)
    else:
        _count(part.run, job, made)
    if job.accounts:
        made.extra["totals"] = asdict(job.totals)
        made.documents = sum(job.totals.seen.values())
        account(job.totals, job.drawn, made)
    return made


def _draw(run: str, job: Range, made: PartResult) -> None:
    sections = _filed(run, job.groups, job.layout, job.work, job.side)
    phases = plans(job.work, job.totals)[job.side].phases
    drawn = job.drawn[job.side]
    draws = stretch(sections, drawn, leaf_names(phases), job.phase, job.low, job.high)
    ids = pa.array([], pa.string()) if draws.ids is None else draws.ids
    path = f"mix/{job.side}-{job.number:05d}.parquet"
    write_stream(run, path, job.side, draws, ids, made)


def _count(run: str, job: Range, made: PartResult) -> None:
    batches = []
    for group in range(job.groups):
        with files.open_raw(files.join(run, "draws", f"ids-{group:05d}.arrow")) as stream:
            batches.append(pa.ipc.open_file(stream).get_batch(job.number))
    table = pa.Table.from_batches(batches, schema=_IDS)
    sizes = {leaf: sums[0] for leaf, sums in job.totals.leaves["train"].items()}
    reach = reaches(job.drawn["train"], sizes)
    documents = {leaf: table.filter(pc.equal(table.column("leaf"), leaf)) for leaf in reach}
    bounds = job.bounds[job.number], job.bounds[job.number + 1]
    path = f"mix/repetitions-{job.number:05d}.parquet"
    write_ledger(run, path, documents, reach, job.work, made, bounds)
