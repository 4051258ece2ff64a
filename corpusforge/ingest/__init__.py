"""Ingest: one generator a kind of source; each record a document, a skip or a failure.

`read` is the only door. Readers hold one record in memory, open files through
`corpusforge.io.files`, and never raise on bad data: what cannot be read becomes a `Failed` row
that says why. Only a missing file raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from corpusforge.cputime import MEGABYTE, OverTimeError, within
from corpusforge.errors import InputError, nearest
from corpusforge.ingest.arxiv import read_arxiv
from corpusforge.ingest.books import read_books
from corpusforge.ingest.code import read_code
from corpusforge.ingest.dates import window
from corpusforge.ingest.documents import read_documents, read_html
from corpusforge.ingest.earlier import read_earlier
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.spans import WHOLE, Span
from corpusforge.ingest.stackexchange import read_stackexchange
from corpusforge.ingest.streams import DATA_ERRORS, name_of, reason
from corpusforge.ingest.web import read_web
from corpusforge.ingest.wikipedia import read_wikipedia
from corpusforge.records import Failed, RawDocument, Skipped

__all__ = ["CATEGORIES", "SOURCES", "Reader", "Settings", "read"]

Reader = Callable[[str, Settings, str], Iterator[RawDocument | Skipped | Failed]]

SOURCES: dict[str, Reader] = {
    "arxiv": read_arxiv,
    "books": read_books,
    "code": read_code,
    "documents": read_documents,
    "html": read_html,
    "run": read_earlier,
    "stackexchange": read_stackexchange,
    "web": read_web,
    "wikipedia": read_wikipedia,
}
_CUT: dict[str, Callable[[str, Settings, str, Span], Iterator[RawDocument | Skipped | Failed]]] = {
    "documents": read_documents,
    "web": read_web,
    "wikipedia": read_wikipedia,
}
CATEGORIES = {
    "arxiv": "papers",
    "books": "books",
    "code": "code",
    "documents": "other",
    "html": "crawl",
    "run": "other",
    "stackexchange": "forum",
    "web": "crawl",
    "wikipedia": "wikipedia",
}
"""The category of a kind's documents where the settings name none."""


def read(
    kind: str, path: str, settings: Settings, root: str = "", span: Span = WHOLE
) -> Iterator[RawDocument | Skipped | Failed]:
    """Yield every record of one file, each once: a document, why it was skipped, or why it failed.

    `span`, from `spans.cut`, asks for those of a stretch of the file; only kinds that can be cut have it.

    `root` is the directory above the source; names in locators are relative to it (without it, the
    base name). Raises InputError for an unknown kind or a missing file, never for what is inside.
    """
    if kind not in SOURCES:
        raise InputError(f"unknown kind of source {kind!r}.{nearest(kind, SOURCES)}")
    if not settings.category:
        settings = replace(settings, category=CATEGORIES[kind])
    try:
        reader = SOURCES[kind]
        rows = (
            reader(path, settings, root)
            if span == WHOLE
            else _CUT[kind](path, settings, root, span)
        )
        step = partial(next, iter(rows), None)
        rate = settings.cpu_seconds / MEGABYTE
        while (item := within(settings.cpu_seconds, step, rate)) is not None:
            yield window(item, settings) if isinstance(item, RawDocument) else item
    except OverTimeError:
        error = f"the reader is {settings.bound.told(0)}: the rest of the file was not read"
        yield Failed(name_of(path, root), error, cut=True)
    except (FileNotFoundError, PermissionError) as error:
        raise InputError(
            f"cannot read {path!r}: {error.strerror}. Check the source's path."
        ) from error
    except DATA_ERRORS as error:
        yield Failed(name_of(path, root), reason(error), cut=True)
