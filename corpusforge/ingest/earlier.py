"""The documents that an earlier run of corpusforge kept: replay for a further phase of training.

Each keeps its id, so the repetition ledger recognises it, and its text as the earlier run would have
tokenized it: repeated lines and evaluation passages are cut already. Limit: documents that the
earlier mixture never drew are among them; weights decide how many are replayed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from corpusforge.ingest.settings import Settings
from corpusforge.ingest.streams import name_of
from corpusforge.io import files
from corpusforge.records import Failed, RawDocument

__all__ = ["read_earlier"]

_COLUMNS = ("id", "category", "format", "url", "date", "licence", "lang", "title", "text", "origin",
            "model", "prompt_version")  # fmt: skip
_PART = re.compile(r"^(.*)/documents/part-(\d{5})\.parquet$")


def read_earlier(path: str, settings: Settings, root: str = "") -> Iterator[RawDocument | Failed]:
    """Yield the surviving documents of one part of a finished run (`RUN/documents/part-N.parquet`)."""
    from corpusforge.survivors import read_survivors

    found = _PART.match(path)
    if not files.exists(path):
        raise FileNotFoundError(2, "no such file", path)
    if found is None:
        yield Failed(name_of(path, root), "no document part of a run: give the run's directory")
        return
    name = name_of(path, root)
    for batch in read_survivors(found[1], int(found[2]), _COLUMNS, "contamination"):
        for row in batch.to_pylist():
            form = row["format"]
            yield RawDocument(
                locator=f"{name}:{row['id']}",
                content=row["text"],
                media="code" if form == "code" else "text",
                url=row["url"] or "",
                date=row["date"] or "",
                title=row["title"] or "",
                lang=row["lang"] or "",
                licence=row["licence"] or settings.licence,
                category=row["category"],
                format=form,
                origin=row["origin"],
                model=row["model"] or "",
                prompt_version=row["prompt_version"] or "",
                id=row["id"],
            )
