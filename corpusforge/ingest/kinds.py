"""The kinds of sources by name, and kinds of one's own: each a reader, and what its files are by default.

Adding one is one entry of `SOURCES`, or a plug-in "package.module:NAME": a `SourceKind`, or a function of
a file's path that yields texts, rows (the keys of a JSON line's), or records (docs/add-a-source.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from corpusforge.errors import InputError
from corpusforge.ingest.arxiv import read_arxiv
from corpusforge.ingest.books import read_books
from corpusforge.ingest.code import read_code
from corpusforge.ingest.documents import document_of, read_documents, read_html
from corpusforge.ingest.earlier import read_earlier
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.stackexchange import read_stackexchange
from corpusforge.ingest.streams import name_of, reason
from corpusforge.ingest.web import read_web
from corpusforge.ingest.wikipedia import read_wikipedia
from corpusforge.plugins import find
from corpusforge.records import Failed, RawDocument, Skipped

__all__ = ["SOURCES", "Reader", "Record", "SourceKind", "source_kind"]

Record = RawDocument | Skipped | Failed
Reader = Callable[..., Iterator[Record]]
"""(path, settings, root) -> records; with a fourth argument, a span, where the kind has `spans`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceKind:
    """One kind of source."""

    read: Reader
    category: str = "other"
    """Category of its documents where the source's settings name none."""
    endings: tuple[str, ...] = ()
    """Ends of file names, without compression's, that tell the kind."""
    spans: bool = False
    """Whether `read` takes a span of a large file, so that workers share it."""


SOURCES: dict[str, SourceKind] = {
    "arxiv": SourceKind(read=read_arxiv, category="papers"),
    "books": SourceKind(read=read_books, category="books", endings=(".epub", ".txt")),
    "code": SourceKind(read=read_code, category="code", endings=(".tar", ".tgz", ".zip")),
    "documents": SourceKind(
        read=read_documents,
        endings=(".jsonl", ".ndjson", ".json", ".parquet", ".arrow"),
        spans=True,
    ),
    "html": SourceKind(
        read=read_html, category="crawl", endings=(".html", ".htm", ".xhtml", ".shtml")
    ),
    "run": SourceKind(read=read_earlier),
    "stackexchange": SourceKind(read=read_stackexchange, category="forum"),
    "web": SourceKind(
        read=read_web, category="crawl", endings=(".warc", ".arc", ".wet"), spans=True
    ),
    "wikipedia": SourceKind(
        read=read_wikipedia, category="wikipedia", endings=(".xml",), spans=True
    ),
}


def source_kind(name: str) -> SourceKind:
    """Return a kind by its name: of `SOURCES`, of an installed package, or "package.module:NAME".

    Raises InputError where there is none of that name, or it is something else.
    """
    found: Any = find(name, "sources", SOURCES)
    if isinstance(found, SourceKind):
        return found
    if callable(found):
        return SourceKind(read=_Own(name, found))
    raise InputError(
        f"source kind {name!r} is {type(found).__name__}; expected a SourceKind, or a function of a path "
        "that yields texts, rows or records."
    )


@dataclass(frozen=True, slots=True)
class _Own:
    """The reader that a function of a path makes; what it raises fails the rest of the file."""

    name: str
    function: Callable[[str], Iterable[Any]]

    def __call__(self, path: str, settings: Settings, root: str = "") -> Iterator[Record]:
        place, number = name_of(path, root), 0
        try:
            for number, item in enumerate(self.function(path), 1):
                yield _record(item, place, number, settings)
        except Exception as error:  # whatever a user's function does
            told = f"source {self.name} after {number} documents: {reason(error)}"
            yield Failed(f"{place}:{number}+", told, cut=True)


def _record(item: Any, place: str, number: int, settings: Settings) -> Record:
    if isinstance(item, (Skipped, Failed)):
        return item
    if isinstance(item, RawDocument):
        return item if item.category else replace(item, category=settings.category)
    if isinstance(item, Mapping) and "id" in item and "id" not in settings.columns:
        settings = replace(settings, columns={**settings.columns, "id": "id"})
    return document_of(dict(item) if isinstance(item, Mapping) else item, place, number, settings)
