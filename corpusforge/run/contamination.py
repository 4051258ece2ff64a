"""Decontamination: the index of evaluation sets, hits in every part, then the edits.

Three stage directories: `evaluation` (one index file), `hits` (map-only, reads text), `contamination` (tasks
on narrow tables: an n-gram's frequency is known only when all parts were counted, so others decide then).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge import records as rec
from corpusforge.decontaminate.edits import EDITS, edits, gram_counts
from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.items import parse_set, read_items
from corpusforge.decontaminate.scan import HITS
from corpusforge.decontaminate.settings import BOUND_RULES, Settings, unsearched
from corpusforge.decontaminate.step import Scan
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.parquet import Writer, read_table, write_table
from corpusforge.manifest import Receipt, added, part_name
from corpusforge.recipe import resolve_path
from corpusforge.run.context import Context
from corpusforge.run.groups import few_groups
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.steps import append_column
from corpusforge.survivors import read_survivors
from corpusforge.text.fold import FOLD

__all__ = [
    "contamination_stage",
    "evaluation_stage",
    "hits_stage",
    "make_contamination",
    "make_evaluation",
    "make_evaluation_part",
    "make_hits",
    "searched_by",
]

INDEX = "evaluation/index.bin"
TOGETHER = 16_000_000
"""Stored bytes of evaluation sets that one task indexes; of more, each set is a task."""
_EXAMPLES = 5
CONTAMINATION = EDITS.insert(0, pa.field("row", pa.int64(), nullable=False))
_HITS = pa.schema([*HITS, pa.field("row", pa.int64()), pa.field("id", pa.string()),
                   pa.field("characters", pa.int64())])  # fmt: skip


def evaluation_stage(context: Context) -> Stage | None:
    """Return the stage that builds the run's index, or None where the recipe names no set."""
    settings = context.recipe.decontaminate
    if not (settings.sets or settings.index):
        return None
    parsed = [parse_set(f"{name}={spec}") for name, spec in sorted(settings.sets.items())]
    paths = [settings.index] if settings.index else [path for _, path, _ in parsed]
    described = []
    for path in paths:
        resolved = resolve_path(path)
        if not files.exists(resolved):
            raise InputError(f"decontaminate: evaluation file {path!r} does not exist.")
        described.append({"name": path, "sha256": files.sha256(resolved)})
    stage = Stage(
        name="evaluation",
        run=context.run,
        work=make_evaluation,
        parts=(Part("evaluation", 0, context.run, (settings, tuple(described))),),
        settings={"sets": settings.sets, "index": settings.index, "fold": FOLD},
        reads={},
        inputs=tuple(described),
    )
    sizes = [files.list_files(resolve_path(path))[0].size for path in paths]
    if settings.index or len(parsed) < 2 or sum(sizes) <= TOGETHER:
        return stage
    parts = tuple(
        Part("evaluation", number, context.run, (own, (about,)), (own, about["sha256"]), size)
        for number, (own, about, size) in enumerate(zip(parsed, described, sizes, strict=True))
    )
    divided = replace(stage, work=make_evaluation_part, parts=parts)
    return replace(divided, finish=lambda receipts: _merge(context.run, len(receipts)))


def make_evaluation(part: Part) -> PartResult:
    """Build the index from the recipe's sets, or copy the given one after checking it.

    Raises InputError, naming the file, where a set is not what it was when the run looked at it first.
    """
    settings: Settings
    settings, described = part.settings
    if settings.index:
        index = EvalIndex.load(resolve_path(settings.index))
    else:
        parsed = [parse_set(f"{name}={spec}") for name, spec in sorted(settings.sets.items())]
        index = EvalIndex.merged([_index(*own) for own in parsed])
    _check_unchanged(described)
    index.save(files.join(part.run, INDEX))
    return PartResult(outputs={INDEX: len(index.item_ids)}, extra={"items": _items(index)})


def make_evaluation_part(part: Part) -> PartResult:
    """Build the index of one evaluation set, as `make_evaluation` does that of all."""
    own, described = part.settings
    index = _index(*own)
    _check_unchanged(described)
    path = f"evaluation/{part.name}.bin"
    index.save(files.join(part.run, path))
    return PartResult(outputs={path: len(index.item_ids)})


def _index(name: str, path: str, fields: tuple[str, ...]) -> EvalIndex:
    return EvalIndex.part(read_items(name, resolve_path(path), fields))


def _merge(run: str, count: int) -> tuple[dict[str, Any], dict[str, int]]:
    paths = [files.join(run, "evaluation", f"{part_name(n)}.bin") for n in range(count)]
    index = EvalIndex.merged([EvalIndex.load(path) for path in paths])
    index.save(files.join(run, INDEX))
    return {"items": _items(index)}, {INDEX: len(index.item_ids)}


def _items(index: EvalIndex) -> dict[str, int]:
    return dict(Counter(index.name_of(number)[0] for number in range(len(index.item_ids))))


def _check_unchanged(described: tuple[dict[str, str], ...]) -> None:
    for item in described:
        if files.sha256(resolve_path(item["name"])) != item["sha256"]:
            raise InputError(
                f"evaluation file {item['name']!r} changed while the run was reading it (its SHA-256 is "
                "not the one of the start). Start the run again."
            )


def hits_stage(context: Context) -> Stage:
    """Return the stage that looks for evaluation items in every document."""
    settings = context.recipe.decontaminate
    searched = bool(settings.sets or settings.index)
    parts = tuple(
        Part("hits", index, context.run, (settings, searched), size=context.part_size(index))
        for index in range(context.part_count)
    )
    return Stage(
        name="hits",
        run=context.run,
        work=make_hits,
        parts=parts,
        settings={**searched_by(settings), "searched": searched},
        reads=context.reads("documents", "quality", "duplicates", "evaluation"),
        pace=10.0 if searched else 40.0,
        finish=lambda receipts: ({"sources": [item.extra["sources"] for item in receipts]}, {}),
    )


def searched_by(settings: Settings) -> dict[str, Any]:
    """Return what hits depend on beside the index and the texts."""
    return {
        "rules": settings.rules,
        "share": settings.fuzzy_share,
        "max_steps": settings.max_steps,
        "cpu_seconds": settings.cpu_seconds,
        "fold": FOLD,
    }


def make_hits(part: Part) -> PartResult:
    """Scan the surviving documents of one part; write a row a hit, and how many were scanned."""
    settings, searched = part.settings
    path = f"hits/{part.name}.parquet"
    sources: Counter[str] = Counter()
    scan = Scan(files.join(part.run, INDEX), settings).open() if searched else None
    with Writer(files.join(part.run, path), _HITS) as writer:
        columns = ["id", "source", "text"] if searched else ["id", "source"]
        for batch in read_survivors(part.run, part.index, columns, "duplicates"):
            sources.update(batch.column("source").to_pylist())
            hits = scan(batch).tables["hits"] if scan else None
            if hits is not None and hits.num_rows:
                row = batch.column("row").take(hits.column("document"))
                writer.write(append_column(hits, "row", row).select(_HITS.names).cast(_HITS))
    documents = sources.total()
    return PartResult(
        outputs={path: writer.rows}, documents=documents, extra={"sources": dict(sources)}
    )


@dataclass(frozen=True, slots=True)
class ContaminationTask:
    """What a task over document parts [first, stop) is told: the documents scanned in each of them.

    `counted` are files of how many documents each n-gram hits, by all parts; a task without any counts.
    """

    settings: Settings
    first: int
    stop: int
    searched: bool
    sources: tuple[dict[str, int], ...]
    decides: bool = False
    counted: tuple[str, ...] = ()


@dataclass(slots=True)
class _Found:
    """What was found of one evaluation set: its items, documents cut, documents dropped."""

    items: set[str] = field(default_factory=set)
    cut: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)

    def facts(self) -> dict[str, Any]:
        """Return the items, and how many documents: those of tasks add up, a document being of one part."""
        return {
            "items": dict.fromkeys(sorted(self.items), 1),
            "documents": len(self.cut | self.dropped),
            "cut": len(self.cut - self.dropped),
            "dropped": len(self.dropped),
        }


def contamination_stage(context: Context) -> Stage:
    """Return the stage that turns hits into cuts and drops; tasks count n-grams first, then others decide."""
    settings = context.recipe.decontaminate
    scanned = context.manifests["hits"].extra["sources"]
    searched = bool(settings.sets or settings.index)
    groups = few_groups(context)
    size = sum(output.bytes for output in context.manifests["hits"].outputs) // len(groups)

    def parts(begun: int, counted: tuple[str, ...], *, decides: bool) -> tuple[Part, ...]:
        tasks = [
            ContaminationTask(
                settings, first, stop, searched, tuple(scanned[first:stop]), decides, counted
            )
            for first, stop, _ in groups
        ]
        return tuple(
            Part("contamination", begun + number, context.run, work, (work.first, work.stop), size)
            for number, work in enumerate(tasks)
        )

    def more(receipts: Sequence[Receipt]) -> tuple[Part, ...]:
        if len(receipts) > len(groups):
            return ()
        counted = tuple(output.path for item in receipts for output in item.outputs)
        return parts(len(receipts), counted, decides=True)

    counts = searched and settings.max_documents > 0
    return Stage(
        name="contamination",
        run=context.run,
        work=make_contamination,
        parts=parts(0, (), decides=not counts),
        settings={"decontaminate": settings},
        reads=context.reads("documents", "duplicates", "evaluation", "hits"),
        pace=10.0,
        more=more if counts else None,
        finish=lambda receipts: (_facts(receipts), {}),
    )


def _facts(receipts: Sequence[Receipt]) -> dict[str, Any]:
    told = [item.extra for item in receipts if "found" in item.extra]
    found = added([own["found"] for own in told])
    return {
        "benchmarks": {
            name: {**own, "items": len(own["items"])} for name, own in sorted(found.items())
        },
        "examples": [row for own in told for row in own["examples"]][:_EXAMPLES],
        "ignored_grams": told[0]["ignored_grams"],
    }


def make_contamination(part: Part) -> PartResult:
    """Count how many documents each n-gram hits, or decide: edits and drop rows per document part."""
    work: ContaminationTask = part.settings
    run, settings = part.run, work.settings
    index = EvalIndex.load(files.join(run, INDEX)) if work.searched else None
    tables = [
        read_table(files.join(run, "hits", f"{part_name(n)}.parquet"))
        for n in range(work.first, work.stop)
    ]
    if not work.decides:
        joined = pa.concat_tables(tables)
        place = joined.schema.get_field_index("document")
        counts = gram_counts(joined.set_column(place, "document", joined["id"]))
        path = f"grams/{part_name(part.index)}.parquet"
        return PartResult(outputs={path: write_table(files.join(run, path), counts)})
    ignored = _ignored(run, work.counted, settings)
    made = PartResult(documents=sum(sum(counts.values()) for counts in work.sources))
    summary: dict[str, _Found] = {}
    examples: list[dict[str, Any]] = []
    numbered = zip(range(work.first, work.stop), tables, work.sources, strict=True)
    for number, table, seen in numbered:
        decided = _decide(table, index, settings, ignored)
        path = f"contamination/{part_name(number)}.parquet"
        made.outputs[path] = write_table(files.join(run, path), decided)
        _account(run, number, decided, seen, settings, made)
        _tell(decided, summary, examples)
    made.extra = {
        "found": {name: found.facts() for name, found in summary.items()},
        "examples": examples,
        "ignored_grams": len(ignored),
    }
    return made


def _ignored(run: str, counted: tuple[str, ...], settings: Settings) -> set[int]:
    """Return the n-grams that hit too many documents, of the whole run."""
    if not counted:
        return set()
    every = pa.concat_tables([read_table(files.join(run, path)) for path in counted])
    sums = every.group_by("gram").aggregate([("documents", "sum")])
    often = pc.greater(sums["documents_sum"], settings.max_documents)
    return set(sums["gram"].filter(often).to_pylist())


def _tell(decided: pa.Table, summary: dict[str, _Found], examples: list[dict[str, Any]]) -> None:
    """Add a part's edits to what was found of each evaluation set."""
    bounded = pc.is_in(decided["rule"], pa.array(BOUND_RULES))
    for row in decided.filter(pc.invert(bounded)).to_pylist():
        bench = summary.setdefault(row["benchmark"], _Found())
        bench.items.add(row["item"])
        (bench.dropped if row["drop"] else bench.cut).add(row["id"])
        if len(examples) < _EXAMPLES:
            keys = ("id", "benchmark", "item", "rule", "drop")
            examples.append({key: row[key] for key in keys})


def _decide(
    table: pa.Table, index: EvalIndex | None, settings: Settings, ignored: set[int]
) -> pa.Table:
    """Return one part's edits with the row of the document part."""
    if index is None or not table.num_rows:
        return CONTAMINATION.empty_table()
    rows = table.column("row").to_numpy()
    distinct, first, number = np.unique(rows, return_index=True, return_inverse=True)
    ids = table.column("id").take(pa.array(first)).to_pylist()
    sizes = table.column("characters").to_numpy()[first]
    place = table.schema.get_field_index("document")
    hits = table.set_column(place, "document", pa.array(number.astype(np.int64))).select(HITS.names)
    decided = edits(hits, ids, sizes, index, settings, ignored)
    row_of = dict(zip(ids, distinct.tolist(), strict=True))
    own = pa.array([row_of[name] for name in decided.column("id").to_pylist()], type=pa.int64())
    return pa.table([own, *decided.columns], schema=CONTAMINATION)


def _account(
    run: str,
    number: int,
    decided: pa.Table,
    counts: dict[str, int],
    settings: Settings,
    made: PartResult,
) -> None:
    path = files.join(run, "documents", f"{part_name(number)}.parquet")
    for source, seen in counts.items():
        account = made.ledger.of("decontaminate", source)
        account.seen += seen
        account.kept += seen
    cuts = decided.filter(pc.invert(decided.column("drop")))
    sources = read_table(path, ["source"]).take(cuts.column("row")).column("source").to_pylist()
    for source, rule in zip(sources, cuts.column("rule").to_pylist(), strict=True):
        made.ledger.of("decontaminate", source).notes[f"cut:{rule}"] += 1
    drops = decided.filter(decided.column("drop"))
    documents = read_table(path, ["id", "url", "source", "locator"]).take(drops.column("row"))
    pairs = list(zip(documents.to_pylist(), drops.to_pylist(), strict=True))
    gone = [pair for pair in pairs if pair[1]["rule"] not in BOUND_RULES]
    over = [pair for pair in pairs if pair[1]["rule"] in BOUND_RULES]
    _write(run, f"dropped/contamination-{part_name(number)}.parquet", _dropped(gone, made), made)
    if over:
        _write(
            run,
            f"failed/contamination-{part_name(number)}.parquet",
            _failed(over, settings, made),
            made,
        )


def _write(run: str, path: str, batch: pa.RecordBatch, made: PartResult) -> None:
    made.outputs[path] = write_table(files.join(run, path), pa.Table.from_batches([batch]))


def _dropped(gone: list[tuple[dict[str, Any], dict[str, Any]]], made: PartResult) -> pa.RecordBatch:
    """Count (document, edit that drops it); return the rows that say why."""
    rows = []
    for document, drop in gone:
        account = made.ledger.of("decontaminate", document["source"])
        account.kept -= 1
        account.dropped[drop["rule"]] += 1
        value = f"{drop['benchmark']} {drop['item']}"
        rows.append(
            rec.Dropped(
                document["id"], document["source"], "decontaminate", drop["rule"], value, "no overlap",
                document["url"] or "", document["locator"],
            )
        )  # fmt: skip
    return rec.dropped_batch(rows)


def _failed(
    over: list[tuple[dict[str, Any], dict[str, Any]]], settings: Settings, made: PartResult
) -> pa.RecordBatch:
    """Count the documents whose search reached a bound; return the rows that say so."""
    rows = []
    for document, drop in over:
        source = document["source"]
        account = made.ledger.of("decontaminate", source)
        account.kept -= 1
        account.failed += 1
        place = document["url"] or "", document["locator"]
        rows.append(
            rec.Unread(
                document["id"], source, "decontaminate", unsearched(drop["rule"], settings), *place
            )
        )
    return rec.failed_batch(rows)
