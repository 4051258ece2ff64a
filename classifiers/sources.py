"""Texts of any file that `corpusforge.ingest` reads, by glob, the kind guessed from the name.

Windows count by kind: a dump of Wikipedia and a crawl become the sources `wikipedia` and `web` of
the model's figures. Limit: a name without a known ending is read as a book (plain text).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa

from corpusforge import ingest
from corpusforge.extract import Extracted, extract
from corpusforge.extract import Settings as ExtractSettings
from corpusforge.ingest.names import kind_of
from corpusforge.io.files import input_files
from corpusforge.printing import say
from corpusforge.records import Failed, RawDocument

__all__ = ["texts_by_kind"]

_BATCH_BYTES = 8 << 20


def _texts(paths: Sequence[str], kind: str, damaged: list[str]) -> Iterator[pa.Array]:
    settings, extraction = ingest.Settings(), ExtractSettings()
    batch: list[str] = []
    size = failed = 0
    for path in paths:
        for item in ingest.read(kind, path, settings):
            found = extract(item, extraction) if isinstance(item, RawDocument) else item
            if isinstance(found, Extracted):
                batch.append(found.text)
                size += len(found.text)
            if isinstance(found, Failed):
                failed += 1
                if found.cut:
                    damaged.append(f"{path}: {found.error} ({found.locator})")
            if size > _BATCH_BYTES:
                yield pa.array(batch, type=pa.large_string())
                batch, size = [], 0
    if batch:
        yield pa.array(batch, type=pa.large_string())
    if failed:
        say(f"{kind}: {failed} records could not be read", error=True)


def texts_by_kind(
    globs: Sequence[str], option: str, damaged: list[str] | None = None
) -> dict[str, Iterator[pa.Array]]:
    """Return batches of texts by kind; raises InputError for a glob that matches nothing.

    While the batches are read, files that end early are noted in `damaged`.
    """
    paths: dict[str, list[str]] = {}
    for path in input_files(globs, option):
        paths.setdefault(kind_of(path, "books"), []).append(path)
    told = [] if damaged is None else damaged
    return {kind: _texts(sorted(names), kind, told) for kind, names in sorted(paths.items())}
