"""Ingest: one generator per kind of source; each record a document, a skip or a failure.

`read` is the only door. Readers hold one record in memory, open files through
`corpusforge.io.files`, and never raise on bad data: what cannot be read becomes a `Failed` row
that says why. Only a missing file raises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from corpusforge.cputime import MEGABYTE, OverTimeError, within
from corpusforge.errors import InputError
from corpusforge.ingest.dates import window
from corpusforge.ingest.kinds import SOURCES, Record, SourceKind, source_kind
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.spans import WHOLE, Span
from corpusforge.ingest.streams import DATA_ERRORS, name_of, reason
from corpusforge.records import Failed, RawDocument, Skipped

__all__ = ["SOURCES", "Record", "Settings", "SourceKind", "read", "source_kind"]


def read(
    kind: str, path: str, settings: Settings, root: str = "", span: Span = WHOLE
) -> Iterator[Record]:
    """Yield every record of one file, each once: a document, why it was skipped, or why it failed.

    `span`, from `spans.cut`, asks for those of a stretch of the file; only kinds that can be cut have it.

    `root` is the directory above the source; names in locators are relative to it (without it, the
    base name). Raises InputError for an unknown kind or a missing file, never for what is inside.
    """
    chosen = source_kind(kind)
    if not settings.category:
        settings = replace(settings, category=chosen.category)
    try:
        whole = span == WHOLE
        rows = chosen.read(path, settings, root, *(() if whole else (span,)))
        step = partial(next, iter(rows), None)
        rate = settings.cpu_seconds / MEGABYTE
        while (item := within(settings.cpu_seconds, step, rate)) is not None:
            yield _admitted(item, settings) if isinstance(item, RawDocument) else item
    except OverTimeError:
        error = f"the reader is {settings.bound.told(0)}: the rest of the file was not read"
        yield Failed(name_of(path, root), error, cut=True)
    except (FileNotFoundError, PermissionError) as error:
        raise InputError(
            f"cannot read {path!r}: {error.strerror}. Check the source's path."
        ) from error
    except DATA_ERRORS as error:
        yield Failed(name_of(path, root), reason(error), cut=True)


def _admitted(document: RawDocument, settings: Settings) -> RawDocument | Skipped:
    """Return the document, or why its writer or its date keeps it out."""
    if document.origin not in settings.origins:
        bound = ", ".join(settings.origins)
        return Skipped(document.locator, "origin", document.origin, bound, document.url)
    return window(document, settings)
