"""The duplicates stage: one task that compares all signatures and names every removed document.

It reads band keys range by range and text only where an estimate is uncertain; its tables are written
per document part, so later stages join them without a shuffle.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge import records as rec
from corpusforge.dedup.audit import Audit, audit_survivors
from corpusforge.dedup.plan import make_plan
from corpusforge.dedup.results import Duplicates, count_removed
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings, is_byte_exact
from corpusforge.io import files
from corpusforge.io.parquet import read_batches, read_table, write_table
from corpusforge.manifest import part_name
from corpusforge.run.collisions import collision_paths
from corpusforge.run.context import Context
from corpusforge.run.repeats import Repeats, find_repeats
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.survivors import kept_rows, read_survivors

__all__ = ["make_duplicates", "stage"]

_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class DuplicatesTask:
    """What the task is told: the settings, how many document parts there are, who collides.

    `components`: whether a split into sides follows, for which all verified pairs are joined.
    """

    settings: Settings
    parts: int
    collisions: tuple[str, ...] | None
    components: bool


def stage(context: Context) -> Stage:
    """Return the duplicates stage."""
    size = sum(output.bytes for output in context.manifests["signatures"].outputs)
    paths = collision_paths(context)
    split = context.recipe.mix.validation > 0
    told = None if paths is None else tuple(paths)
    work = DuplicatesTask(context.recipe.dedup, context.part_count, told, split)
    return Stage(
        name="duplicates",
        run=context.run,
        work=make_duplicates,
        parts=(Part("duplicates", 0, context.run, work, size=size),),
        settings={"dedup": context.recipe.dedup, "components": split},
        reads=context.reads("documents", "quality", "signatures", "collisions"),
    )


class SignedRows(Sequence[NDArray[np.int64]]):
    """Rows of the signed documents of each document part; that of one part at a time is held."""

    def __init__(self, run: str, parts: int) -> None:
        self._run, self._parts = run, parts
        self._held: tuple[int, NDArray[np.int64]] | None = None

    def __len__(self) -> int:
        return self._parts

    def __getitem__(self, index: Any) -> Any:
        if not 0 <= index < self._parts:
            raise IndexError(index)
        if self._held is None or self._held[0] != index:
            self._held = index, np.flatnonzero(kept_rows(self._run, index, "quality"))
        return self._held[1]


def make_duplicates(part: Part) -> PartResult:
    """Find the duplicates among all parts; write removed rows, clusters and drop rows per part."""
    work: DuplicatesTask = part.settings
    run = part.run
    rows = SignedRows(run, work.parts)

    def text_of(index: int, wanted: NDArray[np.int64]) -> pa.Array:
        return texts_at(run, index, rows[index][wanted])

    prefixes = [files.join(run, "signatures", part_name(index)) for index in range(work.parts)]
    duplicates = find_duplicates(
        prefixes, work.settings, text_of, collisions=work.collisions, components=work.components
    )
    repeats = find_repeats(run, work.settings, duplicates, rows)
    result = PartResult(documents=duplicates.counts.documents, input_bytes=part.size)
    methods: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    examples: list[dict[str, Any]] = []
    for index, own in enumerate(rows):
        table = _write_part(run, index, duplicates, repeats[index], own, result)
        methods.update(table.column("method").to_pylist())
        sources = zip(
            table.column("removed_source").to_pylist(),
            table.column("kept_source").to_pylist(),
            strict=True,
        )
        pairs.update(f"{removed} of {kept or '-'}" for removed, kept in sources)
        examples += _examples(table, _EXAMPLES - len(examples))
    checked = _audit(run, work) if work.settings.audit_sample else None
    if checked is not None:
        checked.check(work.settings.audit_limit)
    result.extra = {
        "audit": asdict(checked) if checked is not None else None,
        "plan": asdict(make_plan(work.settings)),
        "counts": asdict(duplicates.counts),
        "components": _components(duplicates),
        "alarms": [str(alarm) for alarm in duplicates.alarms],
        "methods": dict(methods),
        "sources": dict(pairs),
        "copies": duplicates.copies,
        "repeats": sum(item.cuts.num_rows for item in repeats),
        "examples": examples,
    }
    return result


def _components(found: Duplicates) -> dict[str, int]:
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


def _audit(run: str, work: DuplicatesTask) -> Audit:
    """Compare a sample of the survivors with all of them, exactly and without bands or estimates."""

    def survivors(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for index in range(work.parts):
            for batch in read_survivors(run, index, [*columns, "source"], "duplicates"):
                yield _audited(batch, work.settings)

    return audit_survivors(survivors, work.settings)


def _audited(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    """The documents that may have near copies."""
    if not settings.byte_exact:
        return batch
    return batch.filter(pc.invert(is_byte_exact(batch.column("source"), settings)))


def texts_at(run: str, index: int, rows: NDArray[np.int64]) -> pa.Array:
    """Return the texts of ascending rows of a document part, reading it once, batch by batch.

    `rows` are int64 [rows], the texts strings [rows].
    """
    pieces: list[pa.Array] = []
    first = 0
    path = files.join(run, "documents", f"{part_name(index)}.parquet")
    for batch in read_batches(path, ["text"]):
        low, high = np.searchsorted(rows, [first, first + batch.num_rows])
        if high > low:
            pieces.append(batch.column("text").take(pa.array(rows[low:high] - first)))
        first += batch.num_rows
    return pa.concat_arrays(pieces) if pieces else pa.array([], type=pa.large_string())


def _write_part(
    run: str,
    index: int,
    found: Duplicates,
    repeats: Repeats,
    rows: NDArray[np.int64],
    made: PartResult,
) -> pa.Table:
    name = part_name(index)
    marked = _with_emptied(found, index, repeats.emptied)
    out = np.concatenate([found.removed_rows(index), repeats.emptied])
    gone = np.isin(marked.column("row").to_numpy(), out)
    table = _with_rows(marked, rows).append_column("removes", pa.array(gone))
    clusters = _with_rows(found.clusters(index), rows)
    path, cluster_path = f"duplicates/{name}.parquet", f"duplicates/clusters-{name[5:]}.parquet"
    component_path = f"duplicates/components-{name[5:]}.parquet"
    components = _with_rows(found.component_rows(index), rows)
    made.outputs[component_path] = write_table(files.join(run, component_path), components)
    cut_path = f"duplicates/repeats-{name[5:]}.parquet"
    made.outputs[cut_path] = write_table(files.join(run, cut_path), repeats.cuts)
    made.outputs[path] = write_table(files.join(run, path), table)
    made.outputs[cluster_path] = write_table(files.join(run, cluster_path), clusters)
    removed = table.filter(table.column("removes"))
    target = f"dropped/duplicates-{name}.parquet"
    made.outputs[target] = write_table(files.join(run, target), _dropped(run, index, removed))
    _account(run, index, rows, removed, made)
    return table


def _with_emptied(found: Duplicates, index: int, emptied: NDArray[np.int64]) -> pa.Table:
    """The part's copies, and the documents of which repeats leave nothing, in row order."""
    table = found.table(index)
    if not len(emptied):
        return table
    ids = found.ids_of(index).take(pa.array(emptied))
    sources = found.sources_of(index).take(pa.array(emptied))
    count = len(emptied)
    columns = {
        "removed": ids,
        "kept": pa.nulls(count, pa.string()),
        "similarity": pa.array(np.ones(count, dtype=np.float32)),
        "method": pa.array(["repeats"] * count, pa.string()),
        "cluster": ids,
        "cluster_size": pa.array(np.ones(count, dtype=np.int64)),
        "removed_source": sources,
        "kept_source": pa.nulls(count, pa.string()),
        "row": pa.array(emptied),
    }
    return pa.concat_tables([table, pa.table(columns, schema=table.schema)]).sort_by("row")


def _with_rows(table: pa.Table, rows: NDArray[np.int64]) -> pa.Table:
    """Replace row numbers among the signed documents by rows of the document part."""
    place = table.schema.get_field_index("row")
    own = pa.array(rows[table.column("row").to_numpy()], type=pa.int64())
    return table.set_column(place, pa.field("row", pa.int64(), nullable=False), own)


def _dropped(run: str, index: int, removed: pa.Table) -> pa.Table:
    path = files.join(run, "documents", f"{part_name(index)}.parquet")
    documents = read_table(path, ["url", "locator"]).take(removed.column("row"))
    count = removed.num_rows
    values = [f"{value:.4f}" for value in removed.column("similarity").to_pylist()]
    bounds = [f"copy of {kept}" if kept else "" for kept in removed.column("kept").to_pylist()]
    columns = {
        "id": removed.column("removed"),
        "url": documents.column("url"),
        "source": removed.column("removed_source"),
        "stage": pa.array(["dedup"] * count, pa.string()),
        "rule": removed.column("method"),
        "value": pa.array(values, pa.string()),
        "bound": pa.array(bounds, pa.string()),
        "locator": documents.column("locator"),
    }
    return pa.table(columns, schema=rec.DROPPED)


def _account(
    run: str, index: int, rows: NDArray[np.int64], removed: pa.Table, made: PartResult
) -> None:
    path = files.join(run, "documents", f"{part_name(index)}.parquet")
    sources = read_table(path, ["source"]).column("source").take(pa.array(rows)).to_pylist()
    count_removed(made.ledger, sources, removed)
    cut = read_table(files.join(run, f"duplicates/repeats-{part_name(index)[5:]}.parquet"), ["row"])
    places = np.unique(cut.column("row").to_numpy())
    every = read_table(path, ["source"]).column("source").take(pa.array(places))
    for source, count in Counter(every.to_pylist()).items():
        made.ledger.of("dedup", source).notes["cut:repeats"] += count


def _examples(table: pa.Table, wanted: int) -> Sequence[dict[str, Any]]:
    near = table.filter(pc.equal(table.column("method"), "minhash"))
    columns = ["removed", "kept", "similarity", "removed_source", "kept_source"]
    return near.select(columns).slice(0, max(0, wanted)).to_pylist()
