"""The records that travel along the path, and their Arrow schemas.

Between transforms documents travel as `pyarrow.RecordBatch`es of `DOCUMENT`; single records
exist only inside readers and extractors, where a document is a Python string anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Literal

import pyarrow as pa

__all__ = [
    "DOCUMENT",
    "DROPPED",
    "FAILED",
    "ORIGINS",
    "ROWS",
    "Document",
    "Dropped",
    "Failed",
    "Media",
    "RawDocument",
    "Skipped",
    "Unread",
    "document_batch",
    "dropped_batch",
    "failed_batch",
]

Media = Literal["html", "wikitext", "epub", "text", "code"]
"""What kind of content a raw document holds, and so which extractor reads it."""

ORIGINS = ("human", "model", "template", "mixed")

DOCUMENT = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("format", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("date", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("lang", pa.string()),
        pa.field("lang_score", pa.float32()),
        pa.field("title", pa.string()),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("locator", pa.string(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("model", pa.string()),
        pa.field("prompt_version", pa.string()),
    ]
)

ROWS = DOCUMENT.append(pa.field("flags", pa.string()))
"""A batch on its way through the steps. `flags`, comma-separated, are what a reader knows beyond the
document (`generated`, `vendored` …); rules see them, no file holds them."""

DROPPED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("value", pa.string()),
        pa.field("bound", pa.string()),
        pa.field("locator", pa.string()),
    ]
)

FAILED = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("source", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("error", pa.string(), nullable=False),
        pa.field("locator", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class RawDocument:
    """One record as a reader found it, before extraction.

    `locator` names it inside its source and never holds a directory of this machine: a WARC
    record id, a page id and revision, a path inside the source. `content` is bytes only where
    the extractor must decide the character set (`charset` is then what the header claimed).
    Empty strings mean "not known". `date` is ISO 8601 in UTC (2024-05-01T00:00:00Z, or a prefix).
    """

    locator: str
    content: str | bytes
    media: Media
    url: str = ""
    date: str = ""
    title: str = ""
    lang: str = ""
    licence: str = ""
    category: str = ""
    format: str = "text"
    charset: str = ""
    origin: str = "human"
    model: str = ""
    prompt_version: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)
    id: str = ""
    """Set where a document of an earlier run is read again: it keeps its id."""
    repaired: tuple[str, ...] = ()
    """What had to be mended before the record could be read, by the names of `io.repair.REPAIRS`."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that a rule of ingest or extract refuses (a redirect page, an image): counted, kept out."""

    locator: str
    rule: str
    value: str = ""
    bound: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """A record, or the rest of a file (`cut`), that could not be read. `error` says what, without
    content."""

    locator: str
    error: str
    url: str = ""
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One document as text."""

    id: str
    source: str
    category: str
    format: str
    text: str
    locator: str
    url: str = ""
    date: str = ""
    licence: str = ""
    lang: str = ""
    lang_score: float = 0.0
    title: str = ""
    origin: str = "human"
    model: str = ""
    prompt_version: str = ""

    def with_text(self, text: str) -> Document:
        """Return the same document with another text."""
        return replace(self, text=text)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Why one document was dropped: at which stage, by which rule, its value and the rule's bound."""

    id: str
    source: str
    stage: str
    rule: str
    value: str = ""
    bound: str = ""
    url: str = ""
    locator: str = ""

    @classmethod
    def of(cls, skipped: Skipped, identifier: str, source: str, stage: str) -> Dropped:
        """Return the row for a record that a reader or extractor skipped."""
        return cls(
            identifier,
            source,
            stage,
            skipped.rule,
            skipped.value,
            skipped.bound,
            skipped.url,
            skipped.locator,
        )


@dataclass(frozen=True, slots=True)
class Unread:
    """Why one record, or the rest of a file, could not be read: the row of a `Failed`."""

    id: str
    source: str
    stage: str
    error: str
    url: str = ""
    locator: str = ""

    @classmethod
    def of(cls, failed: Failed, identifier: str, source: str, stage: str) -> Unread:
        """Return the row for what a reader or extractor could not read."""
        return cls(identifier, source, stage, failed.error, failed.url, failed.locator)


def _batch(rows: Iterable[object], schema: pa.Schema) -> pa.RecordBatch:
    items = list(rows)
    columns = []
    for field_ in schema:
        values = list(map(attrgetter(field_.name), items))
        if field_.nullable:
            values = [value or None for value in values]
        columns.append(pa.array(values, type=field_.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def document_batch(
    documents: Iterable[Document], flags: Sequence[str] | None = None
) -> pa.RecordBatch:
    """Return the documents as one RecordBatch of `DOCUMENT`, or of `ROWS` where `flags` are given;
    unknown values become null.
    """
    batch = _batch(documents, DOCUMENT)
    if flags is None:
        return batch
    return pa.RecordBatch.from_arrays(
        [*batch.columns, pa.array([flag or None for flag in flags], type=pa.string())], schema=ROWS
    )


def dropped_batch(rows: Iterable[Dropped]) -> pa.RecordBatch:
    """Return the rows as one RecordBatch of `DROPPED`."""
    return _batch(rows, DROPPED)


def failed_batch(rows: Iterable[Unread]) -> pa.RecordBatch:
    """Return the rows as one RecordBatch of `FAILED`."""
    return _batch(rows, FAILED)
