"""What a step is: one verb over a batch of documents, and what it made of them.

A step is a frozen value: settings, nothing loaded. `open` loads what it needs (models, kernels, word
lists) and returns the verb itself, a function from a batch to an `Outcome`. The staged run, the commands,
the notebook face and the Beam transforms are callers of the same steps.

A batch is a `pyarrow.RecordBatch` of `records.ROWS`. Reading and extraction go record by record, since raw
documents differ in size by a factor of a million; `batches` makes batches of what they yield.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.cputime import Bound, OverTimeError
from corpusforge.ledger import Ledger
from corpusforge.records import Document, Dropped, Unread, document_batch

__all__ = [
    "BATCH_CHARACTERS",
    "BATCH_ROWS",
    "Outcome",
    "Step",
    "Verb",
    "append_column",
    "batches",
    "bounded",
    "dropped",
    "failed",
    "opened",
    "run_steps",
    "with_columns",
    "without",
]

BATCH_ROWS = 1000
BATCH_CHARACTERS = 8_000_000
"""A batch is closed at so many documents or characters of text, whichever comes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a step made of a batch: the rows that go on, the others with their reasons.

    `notes` counts what was changed and not removed (redactions, cut lines); `tables` are side tables by
    name, such as the statistics of `filter`.
    """

    rows: pa.RecordBatch
    dropped: Sequence[Dropped] = ()
    failed: Sequence[Unread] = ()
    notes: Mapping[str, int] = field(default_factory=dict)
    tables: Mapping[str, pa.RecordBatch] = field(default_factory=dict)


Verb = Callable[[pa.RecordBatch], Outcome]


class Step(Protocol):
    """One verb with its settings."""

    @property
    def stage(self) -> str:
        """The ledger's name of the verb."""

    def open(self) -> Verb:
        """Load models, kernels and lists; return the verb. Raises InputError where a file is wrong."""


def opened(steps: Iterable[Step]) -> list[tuple[str, Verb]]:
    """Return (stage, verb) of each step, loaded."""
    return [(step.stage, step.open()) for step in steps]


def bounded(verb: Verb, stage: str, bound: Bound) -> Verb:
    """Return a verb whose documents have a bound on their CPU time: one over it is a failed row.

    A batch has the time of a document of its size. One that is over is done again: without the document
    that the verb had in hand (`cputime.each`), else in halves, down to the document that is over alone.
    """

    def within(rows: pa.RecordBatch) -> Outcome:
        texts = rows.column("text")
        size = pc.sum(pc.binary_length(texts)).as_py() or 0
        try:
            return bound.within(size, partial(verb, rows))
        except OverTimeError as error:
            if rows.num_rows > 1 and error.place is None:
                half = rows.num_rows // 2
                return _joined([within(rows.slice(0, half)), within(rows.slice(half))])
            place = error.place or 0
            size = error.size if error.place is not None else size
        lost = failed(rows, {place: bound.told(size)}, stage)
        rest = without(rows, [place])
        over = Outcome(rows=rest.slice(0, 0), failed=lost)
        return _joined([within(rest), over]) if rest.num_rows else over

    return within


def _joined(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcomes of neighbouring batches as that of one."""
    notes: Counter[str] = Counter()
    tables: dict[str, list[pa.RecordBatch]] = {}
    for outcome in outcomes:
        notes.update(outcome.notes)
        for name, table in outcome.tables.items():
            tables.setdefault(name, []).append(table)
    return Outcome(
        rows=_concatenated([outcome.rows for outcome in outcomes]),
        dropped=[row for outcome in outcomes for row in outcome.dropped],
        failed=[row for outcome in outcomes for row in outcome.failed],
        notes=notes,
        tables={name: _concatenated(own) for name, own in tables.items()},
    )


def _concatenated(parts: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the batches as one; of those without rows, whose columns may differ, the first."""
    full = [part for part in parts if part.num_rows] or parts[:1]
    return (
        pa.Table.from_batches(full).combine_chunks().to_batches()[0] if len(full) > 1 else full[0]
    )


def run_steps(
    verbs: Sequence[tuple[str, Verb]], rows: pa.RecordBatch, ledger: Ledger, source: str
) -> Outcome:
    """Take one batch of one source through opened steps, and keep the account.

    Neighbouring steps of one stage share its account: what the first sees and the last keeps.
    """
    dropped: list[Dropped] = []
    failed: list[Unread] = []
    notes: Counter[str] = Counter()
    tables: dict[str, pa.RecordBatch] = {}
    for place, (stage, verb) in enumerate(verbs):
        account = ledger.of(stage, source)
        if place == 0 or verbs[place - 1][0] != stage:
            account.seen += rows.num_rows
        outcome = verb(rows) if rows.num_rows else Outcome(rows=rows)
        rows = outcome.rows
        account.dropped.update(Counter(row.rule for row in outcome.dropped))
        account.failed += len(outcome.failed)
        account.notes.update(outcome.notes)
        if place + 1 == len(verbs) or verbs[place + 1][0] != stage:
            account.kept += rows.num_rows
        dropped += outcome.dropped
        failed += outcome.failed
        notes.update(outcome.notes)
        tables.update(outcome.tables)
    return Outcome(rows=rows, dropped=dropped, failed=failed, notes=notes, tables=tables)


def dropped(
    rows: pa.RecordBatch, places: Sequence[int], stage: str, reasons: Sequence[tuple[str, str, str]]
) -> list[Dropped]:
    """Return the drop rows of the documents at `places`; reasons are (rule, value, bound) of each."""
    if not places:
        return []
    named = rows.select(["id", "source", "url", "locator"]).take(pa.array(places, type=pa.int64()))
    return [
        Dropped(row["id"], row["source"], stage, *reason, row["url"] or "", row["locator"] or "")
        for row, reason in zip(named.to_pylist(), reasons, strict=True)
    ]


def failed(rows: pa.RecordBatch, errors: Mapping[int, str], stage: str) -> list[Unread]:
    """Return the rows of documents that a step failed on; errors by their place in the batch."""
    if not errors:
        return []
    places = pa.array(list(errors), type=pa.int64())
    named = rows.select(["id", "source", "url", "locator"]).take(places)
    return [
        Unread(row["id"], row["source"], stage, error, row["url"] or "", row["locator"] or "")
        for row, error in zip(named.to_pylist(), errors.values(), strict=True)
    ]


def with_columns(rows: pa.RecordBatch, **columns: pa.Array) -> pa.RecordBatch:
    """Return the rows with some columns replaced; their schema stays."""
    arrays = [columns.get(name, rows.column(name)) for name in rows.schema.names]
    return pa.RecordBatch.from_arrays(arrays, schema=rows.schema)


def append_column(rows: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    """Return the rows with one more column, or with that column replaced where it is there.

    `values` are [rows].
    """
    columns = dict(zip(rows.schema.names, rows.columns, strict=True)) | {name: values}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def without(rows: pa.RecordBatch, places: Sequence[int]) -> pa.RecordBatch:
    """Return the rows but those at `places`; the same object where there are none."""
    if not places:
        return rows
    kept = np.ones(rows.num_rows, dtype=np.bool_)
    kept[list(places)] = False
    return rows.filter(pa.array(kept))


def batches(documents: Iterable[tuple[Document, str]]) -> Iterator[pa.RecordBatch]:
    """Yield (document, flags) pairs as batches of `records.ROWS`, of bounded rows and characters."""
    rows: list[tuple[Document, str]] = []
    size = 0
    for row in documents:
        rows.append(row)
        size += len(row[0].text)
        if len(rows) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield _batch(rows)
            rows, size = [], 0
    if rows:
        yield _batch(rows)


def _batch(rows: Sequence[tuple[Document, str]]) -> pa.RecordBatch:
    return document_batch((row[0] for row in rows), flags=[row[1] for row in rows])
