"""What both forms of the stage `duplicates` share: texts by row, and the tables of a document part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge import records as rec
from corpusforge.dedup.audit import Audit, audit_survivors
from corpusforge.dedup.by_component import with_rows
from corpusforge.dedup.results import count_removed
from corpusforge.dedup.settings import Settings, is_byte_exact
from corpusforge.io import files
from corpusforge.io.parquet import read_batches, read_table, write_table
from corpusforge.manifest import part_name
from corpusforge.run.stage import PartResult
from corpusforge.survivors import kept_rows, read_survivors

__all__ = ["SignedRows", "audited", "merged", "signed_rows", "texts_at", "write_part"]

_EXAMPLES = 5


def signed_rows(run: str, index: int) -> NDArray[np.int64]:
    """Return the rows of document part `index` that were signed, ascending: int64 [signed]."""
    return np.flatnonzero(kept_rows(run, index, "quality"))


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
            self._held = index, signed_rows(self._run, index)
        return self._held[1]


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


def write_part(
    run: str,
    index: int,
    tables: Mapping[str, pa.Table],
    cuts: pa.Table,
    rows: NDArray[np.int64],
    made: PartResult,
) -> None:
    """Write what selection found in a document part, and add it to the accounts and facts of `made`.

    `tables` are those of `COPIES`, with places among the signed rows (`rows`, int64 [signed]); `cuts` are
    repeats.
    """
    number = part_name(index)[5:]
    own = {name: with_rows(table, rows) for name, table in tables.items()}
    table = own["copies"]
    removed = table.filter(table.column("removes"))
    for path, content in (
        (f"duplicates/components-{number}.parquet", own["components"]),
        (f"duplicates/repeats-{number}.parquet", cuts),
        (f"duplicates/{part_name(index)}.parquet", table),
        (f"duplicates/clusters-{number}.parquet", own["clusters"]),
        (f"dropped/duplicates-{part_name(index)}.parquet", _dropped(run, index, removed)),
    ):
        made.outputs[path] = write_table(files.join(run, path), content)
    _account(run, index, rows, removed, cuts, made)
    _tell(table, cuts, made.extra)


def _tell(table: pa.Table, cuts: pa.Table, facts: dict[str, Any]) -> None:
    """Add a part's copies to the facts of a task: they are summed, so that tasks can be merged."""
    facts.setdefault("methods", Counter()).update(table.column("method").to_pylist())
    removed, kept = (table.column(f"{name}_source").to_pylist() for name in ("removed", "kept"))
    pairs = (f"{one} of {other or '-'}" for one, other in zip(removed, kept, strict=True))
    facts.setdefault("sources", Counter()).update(pairs)
    facts["repeats"] = facts.get("repeats", 0) + cuts.num_rows
    examples = facts.setdefault("examples", [])
    examples += _examples(table, _EXAMPLES - len(examples))


def merged(facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of all parts, of those of tasks in the order of their parts."""
    every: dict[str, Counter[str]] = {"methods": Counter(), "sources": Counter()}
    for name, counts in every.items():
        for own in facts:
            counts.update(own.get(name, {}))
    examples = [row for own in facts for row in own.get("examples", ())]
    return {
        **{name: dict(counts) for name, counts in every.items()},
        "repeats": sum(own.get("repeats", 0) for own in facts),
        "examples": examples[:_EXAMPLES],
    }


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
    run: str,
    index: int,
    rows: NDArray[np.int64],
    removed: pa.Table,
    cuts: pa.Table,
    made: PartResult,
) -> None:
    path = files.join(run, "documents", f"{part_name(index)}.parquet")
    sources = read_table(path, ["source"]).column("source")
    count_removed(made.ledger, sources.take(pa.array(rows)).to_pylist(), removed)
    places = np.unique(cuts.column("row").to_numpy())
    for source, count in Counter(sources.take(pa.array(places)).to_pylist()).items():
        made.ledger.of("dedup", source).notes["cut:repeats"] += count


def _examples(table: pa.Table, wanted: int) -> Sequence[dict[str, Any]]:
    near = table.filter(pc.equal(table.column("method"), "minhash"))
    columns = ["removed", "kept", "similarity", "removed_source", "kept_source"]
    return near.select(columns).slice(0, max(0, wanted)).to_pylist()


def audited(run: str, parts: int, settings: Settings) -> dict[str, Any] | None:
    """Compare a sample of the survivors with all of them, exactly and without bands or estimates.

    Raises InputError where more of them still have a copy than the recipe allows.
    """
    if not settings.audit_sample:
        return None

    def survivors(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for index in range(parts):
            for batch in read_survivors(run, index, [*columns, "source"], "duplicates"):
                yield _near(batch, settings)

    found: Audit = audit_survivors(survivors, settings)
    found.check(settings.audit_limit)
    return asdict(found)


def _near(batch: pa.RecordBatch, settings: Settings) -> pa.RecordBatch:
    """The documents that may have near copies."""
    if not settings.byte_exact:
        return batch
    return batch.filter(pc.invert(is_byte_exact(batch.column("source"), settings)))
