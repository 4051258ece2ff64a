"""The choice stage: which documents to tokenize when the budget needs only some of them.

The draw takes a head of each leaf's first epoch, whose order is known before anything is tokenized.
Bytes per token are measured on the first documents of each leaf of the mixture, which are drawn in any
case. Where everything is needed (`mix.budget = "all"`) there is no such stage. One task chooses among up
to `mix.range_documents` documents; of more, `candidates` sorts groups of parts by u first, the heads are
found from sums and a bucket of each, and each group's rows are chosen by a task of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from math import ceil
from operator import add
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.manifest import Receipt, part_name
from corpusforge.mix.buckets import Filed, Held, Section, Sections, file_sections, read_sums
from corpusforge.mix.estimate import head
from corpusforge.mix.hierarchy import assign, tree
from corpusforge.mix.holdout import (
    SURE,
    Spread,
    codes,
    hold_out,
    read_spread,
    spread_table,
    spreads,
)
from corpusforge.mix.inventory import ANY, column_keys
from corpusforge.mix.plan import Plan, plan
from corpusforge.mix.repetition import Reach, times
from corpusforge.mix.sample import I64, Supply
from corpusforge.mix.settings import Settings
from corpusforge.run.context import Context
from corpusforge.run.copies import texts_at
from corpusforge.run.groups import documents_of, groups, is_large
from corpusforge.run.mix import largest_group_of
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.run.tokens import load_tokenizer
from corpusforge.survivors import components_at, kept_rows
from corpusforge.tokenize.settings import Settings as TokenizeSettings

__all__ = ["candidates_stage", "make_candidates", "make_choice", "make_marks", "stage"]

_MEASURED = 64
"""Documents of a leaf on which bytes per token are measured; `mix.margin` covers the error."""


@dataclass(frozen=True, slots=True)
class PreselectTask:
    """What a task over document parts [first, stop) is told.

    `largest` is the most documents of a group that is held out; `buckets` are those of each leaf's section;
    `reach` says, once it is known, how far each leaf is tokenized, `steps` what is held out of it.
    """

    mix: Settings
    tokenize: TokenizeSettings
    seed: int
    sources: tuple[str, ...]
    first: int
    stop: int
    largest: int = ANY
    buckets: int = 1
    reach: dict[str, Reach] | None = None
    steps: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Documents that survived: the leaf of each (-1: none), how it is held out, and where it is.

    Their lengths are bytes of text.
    """

    leaf: NDArray[np.int32]
    code: NDArray[np.int16]
    all: Supply

    def supplies(self, paths: Sequence[str]) -> dict[str, Supply]:
        """Return the documents of each leaf that may be trained on, if no steps are held out."""
        return {
            path: self.all.take(np.flatnonzero((self.leaf == number) & (self.code > 0)))
            for number, path in enumerate(paths)
        }


def _work(context: Context) -> PreselectTask:
    recipe, names = context.recipe, tuple(sorted(context.recipe.sources))
    largest = largest_group_of(context)
    return PreselectTask(
        recipe.mix, recipe.tokenize, recipe.seed, names, 0, context.part_count, largest
    )


def _stage(
    context: Context, name: str, work: Any, told: Sequence[tuple[PreselectTask, int]]
) -> Stage:
    tokenizer = load_tokenizer(context.run, context.recipe.tokenize)
    mix, seed = context.recipe.mix, context.recipe.seed
    parts = tuple(
        Part(name, number, context.run, own, (own.first, own.stop) if len(told) > 1 else (), size)
        for number, (own, size) in enumerate(told)
    )
    before = ("documents", "quality", "duplicates", "contamination", "tokenizer")
    return Stage(
        name=name,
        run=context.run,
        work=work,
        parts=parts,
        settings={"mix": mix, "seed": seed, "tokenizer": tokenizer.fingerprint},
        reads=context.reads(*before),
    )


def candidates_stage(context: Context) -> Stage | None:
    """Return the stage that sorts what may be tokenized, or None where one task chooses."""
    mix = context.recipe.mix
    if mix.budget == "all" or not is_large(context, "documents"):
        return None
    # a cut reads one bucket of all groups, so a bucket may hold what a task may
    buckets = 1 << (documents_of(context, "documents") // mix.range_documents).bit_length()
    work = replace(_work(context), buckets=buckets)
    tasks = [
        (replace(work, first=first, stop=stop), size)
        for first, stop, size in groups(context, "documents")
    ]

    def finish(_: Sequence[Receipt]) -> tuple[dict[str, Any], dict[str, int]]:
        sections = _filed(context.run, len(tasks), work)
        reach, facts = _choose(context.run, sections, _spreads(context.run, len(tasks), work), work)
        return {"reach": {path: asdict(own) for path, own in reach.items()}, "leaves": facts}, {}

    return replace(_stage(context, "candidates", make_candidates, tasks), finish=finish)


def stage(context: Context) -> Stage | None:
    """Return the choice stage, or None where every document is tokenized."""
    if context.recipe.mix.budget == "all":
        return None
    work = _work(context)
    if not is_large(context, "documents"):
        return _stage(context, "choice", make_choice, [(work, 0)])
    extra = context.manifests["candidates"].extra
    # keys of JSON objects are strings; `lost` is empty here
    reach = {path: Reach(own["copies"], own["key"]) for path, own in extra["reach"].items()}
    steps = {path: own["steps"] for path, own in extra["leaves"].items() if "steps" in own}
    tasks = [
        (replace(work, first=first, stop=stop, reach=reach, steps=steps), size)
        for first, stop, size in groups(context, "documents")
    ]

    def finish(receipts: Sequence[Receipt]) -> tuple[dict[str, Any], dict[str, int]]:
        chosen = sum(item.extra["chosen"] for item in receipts)
        return {"leaves": extra["leaves"], "chosen": chosen}, {}

    chosen = _stage(context, "choice", make_marks, tasks)
    return replace(chosen, finish=finish, reads={**chosen.reads, **context.reads("candidates")})


def make_choice(part: Part) -> PartResult:
    """Estimate each leaf's tokens, plan with them, and write the rows to tokenize, part by part."""
    work: PreselectTask = part.settings
    found, paths = _gather(part.run, work)
    spread = spreads(found.leaf, found.code, found.all.lengths, paths)
    reach, facts = _choose(part.run, Held(found.supplies(paths), work.seed), spread, work)
    made = PartResult(documents=len(found.all), extra={"leaves": facts})
    work = replace(
        work, steps={path: own["steps"] for path, own in facts.items() if "steps" in own}
    )
    _write(part.run, found, paths, reach, work, made)
    return made


def make_candidates(part: Part) -> PartResult:
    """Sort a group's documents by u, and sum them by how they may be held out."""
    work: PreselectTask = part.settings
    found, paths = _gather(part.run, work)
    path = f"candidates/{part.name}.arrow"
    sides = {"train": found.supplies(paths)}
    sums = file_sections(files.join(part.run, path), _layout(paths, work), sides, work.seed)
    made = PartResult(documents=len(found.all), outputs={path: int(sums[0].sum())})
    path = f"candidates/{part.name}.parquet"
    table = pa.table({"documents": pa.array(sums[0]), "tokens": pa.array(sums[1])})
    made.outputs[path] = write_table(files.join(part.run, path), table)
    path = f"candidates/spread-{part.name[5:]}.parquet"
    spread = spreads(found.leaf, found.code, found.all.lengths, paths)
    made.outputs[path] = write_table(files.join(part.run, path), spread_table(spread))
    return made


def make_marks(part: Part) -> PartResult:
    """Write a group's rows to tokenize, part by part."""
    work: PreselectTask = part.settings
    found, paths = _gather(part.run, work)
    made = PartResult(documents=len(found.all))
    _write(part.run, found, paths, work.reach or {}, work, made)
    return made


def _layout(paths: Sequence[str], work: PreselectTask) -> tuple[Section, ...]:
    return tuple(Section("train", path, 0, work.buckets) for path in paths)


def _filed(run: str, count: int, work: PreselectTask) -> Filed:
    layout = _layout(_leaves(work)[1], work)
    names = [files.join(run, "candidates", part_name(number)) for number in range(count)]
    sums = read_sums([f"{name}.parquet" for name in names], len(layout) * work.buckets)
    return Filed(layout, [f"{name}.arrow" for name in names], *sums, work.seed, "train")


def _spreads(run: str, count: int, work: PreselectTask) -> dict[str, Spread]:
    tables = [
        read_table(files.join(run, f"candidates/spread-{part_name(number)[5:]}.parquet"))
        for number in range(count)
    ]
    return {
        path: reduce(add, (read_spread(table, path) for table in tables))
        for path in _leaves(work)[1]
    }


def _leaves(work: PreselectTask) -> tuple[Any, list[str]]:
    named = set(work.mix.weights) | {name for phase in work.mix.phases for name in phase.weights}
    nodes = tree(dict.fromkeys(sorted(named or work.sources), 1.0), work.mix.split)
    return nodes, [leaf.path for node in nodes for leaf in node.leaves()]


def _gather(run: str, work: PreselectTask) -> tuple[Candidates, list[str]]:
    """The surviving documents of the task's parts, in the order of their parts and rows."""
    nodes, paths = _leaves(work)
    found: list[dict[str, NDArray[Any]]] = []
    for number in range(work.first, work.stop):
        table = _rows(run, number)
        found.append(
            {
                "leaf": assign(nodes, table),
                "code": _codes(table, work),
                "keys": column_keys(table["id"]),
                "lengths": table["text_bytes"].to_numpy(),
                "parts": np.full(table.num_rows, number, dtype=np.int32),
                "rows": table["row"].to_numpy(),
            }
        )
    columns = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    every = Supply(
        keys=columns["keys"],
        lengths=columns["lengths"],
        parts=columns["parts"],
        rows=columns["rows"],
        offsets=columns["rows"],  # texts have no tokens yet
    )
    return Candidates(columns["leaf"], columns["code"], every), paths


def _codes(table: pa.Table, work: PreselectTask) -> NDArray[np.int16]:
    """How each document may be held out (`mix.holdout`)."""
    keys, alike = column_keys(table["cluster"]), table["alike"].to_numpy()
    return codes(keys, alike, work.seed, work.mix.validation, work.largest)


def _rows(run: str, number: int) -> pa.Table:
    """The surviving documents of one part, as the token index will describe them, with sizes."""
    name = f"{part_name(number)}.parquet"
    kept = pa.array(kept_rows(run, number, "contamination"))
    columns = ["id", "source", "lang", "category", "format"]
    table = read_table(files.join(run, "documents", name), columns)
    stats = read_table(files.join(run, "stats", name), ["text_bytes", "rule"])
    alive = stats.filter(pc.equal(stats.column("rule"), ""))
    tier = read_table(files.join(run, "quality", name), ["tier"])
    groups = components_at(run, number)
    cluster = np.array(table.column("id").to_pylist(), dtype=object)
    cluster[groups.column("row").to_numpy()] = groups.column("component").to_pylist()
    alike = np.ones(table.num_rows, dtype=np.int32)
    alike[groups.column("row").to_numpy()] = groups.column("component_size").to_numpy()
    for column, values in (
        ("text_bytes", alive.column("text_bytes")),
        ("tier", tier.column("tier")),
        ("cluster", pa.array(cluster, type=pa.string())),
        ("alike", pa.array(alike)),
        ("row", pa.array(np.arange(table.num_rows, dtype=np.int64))),
    ):
        table = table.append_column(column, values)
    return table.filter(kept)


def _choose(
    run: str, sections: Sections, spread: Mapping[str, Spread], work: PreselectTask
) -> tuple[dict[str, Reach], dict[str, dict[str, Any]]]:
    """Plan with estimates; return how far each leaf is tokenized, and what is to be told of it.

    `spread` counts bytes of text. Of leaves of which less than an epoch is drawn, the steps that are
    held out are told: the head is longer by their share.
    """
    paths = _leaves(work)[1]
    tokenizer = load_tokenizer(run, work.tokenize)
    ratios = {path: _bytes_per_token(run, sections, path, tokenizer) for path in paths}
    tokens = {path: _estimated(spread[path], ratios[path]) for path in paths}
    steps = hold_out(work.mix.validation, tokens, {}, lambda left: _planned(work, left), SURE)
    left = {path: own.whole[1] - own.held(steps[path])[1] for path, own in tokens.items()}
    asked = {share.path: share.asked for share in _planned(work, left).shares}
    reach: dict[str, Reach] = {}
    facts: dict[str, dict[str, Any]] = {}
    for path in paths:
        settings = replace(work.mix, bytes_per_token=ratios[path])
        base = tokens[path].whole[1] - tokens[path].held(0)[1]
        longer = ceil(asked.get(path, 0) * base / left[path]) if left[path] else 0
        found = head(sections, sections.section(path, 0), longer, settings)
        reach[path] = found.reach
        facts[path] = {
            "bytes": int(sections.sums(sections.section(path, 0))[1].sum()),
            "chosen_bytes": found.bytes,
            "complete": found.reach.copies == 1,
            "bytes_per_token": round(ratios[path], 4),
        }
        if asked.get(path, 0) < left[path]:
            facts[path]["steps"] = steps[path]
    return reach, facts


def _estimated(own: Spread, ratio: float) -> Spread:
    """Return a spread of bytes as one of tokens: each document also has an end id."""
    tokens = np.round(own.tokens / ratio).astype(np.int64) + own.documents
    return replace(own, tokens=tokens)


def _planned(work: PreselectTask, tokens: Mapping[str, int]) -> Plan:
    """Plan with estimates; a binding cap is judged later, on counts."""
    policy = "redistribute" if work.mix.policy == "error" else work.mix.policy
    here = {path.split("/")[0] for path in tokens}
    available = {**{name: 0 for name in work.sources if name not in here}, **tokens}
    return plan(replace(work.mix, policy=policy), available)


def _bytes_per_token(run: str, sections: Sections, path: str, tokenizer: Any) -> float:
    section = sections.section(path, 0)
    documents, _ = sections.sums(section)
    buckets = int(np.searchsorted(np.cumsum(documents), _MEASURED)) + 1
    first = sections.rows(section, 0, min(buckets, section.buckets)).take(slice(0, _MEASURED))
    size = tokens = 0
    for number in np.unique(first.parts):
        texts = texts_at(run, int(number), np.sort(first.rows[first.parts == number]))
        ids, _ = tokenizer.encode(texts)
        tokens += len(ids)
        size += int(pc.sum(pc.binary_length(texts)).as_py() or 0)
    return size / tokens if tokens else 1.0


def _write(
    run: str,
    found: Candidates,
    paths: Sequence[str],
    reach: Mapping[str, Reach],
    work: PreselectTask,
    made: PartResult,
) -> None:
    """Write each part's rows: those held out, and each leaf's head."""
    chosen = found.code == 0
    for number, leaf in enumerate(paths):
        at = np.flatnonzero((found.leaf == number) & ~chosen)
        inside = times(found.all.keys[at], reach[leaf], work.seed) > 0
        chosen[at] = inside | (found.code[at] <= work.steps.get(leaf, 0))
    ends: I64 = np.searchsorted(found.all.parts, np.arange(work.first, work.stop + 1))
    for number, start, end in zip(range(work.first, work.stop), ends, ends[1:], strict=False):
        path = f"choice/{part_name(number)}.parquet"
        own = found.all.rows[start:end][chosen[start:end]]
        made.outputs[path] = write_table(files.join(run, path), pa.table({"row": pa.array(own)}))
    made.extra["chosen"] = int(chosen.sum())
