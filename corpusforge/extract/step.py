"""extract as a step, record by record: raw documents of any medium in, documents of text out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from corpusforge.extract import Extracted, extract
from corpusforge.extract.settings import Settings
from corpusforge.hashing import make_id
from corpusforge.records import Document, Failed, RawDocument, Skipped

__all__ = ["Extract", "flags_of"]

Extraction = Callable[[RawDocument], Document | Skipped | Failed]


@dataclass(frozen=True, slots=True)
class Extract:
    """Take the main text out of each raw document of one source."""

    stage: ClassVar[str] = "extract"
    source: str
    settings: Settings = field(default_factory=Settings)

    def open(self, note: Callable[[Iterable[str]], None] | None = None) -> Extraction:
        """Return the verb on one raw document; `note` is told what the account should count."""

        def verb(raw: RawDocument) -> Document | Skipped | Failed:
            result = extract(raw, self.settings)
            if not isinstance(result, Extracted):
                return result
            if note and result.notes:
                note(result.notes)
            return _document(raw, result, self.source)

        return verb


def flags_of(raw: RawDocument) -> str:
    """Return what a reader knows beyond the document, as the `flags` column holds it."""
    return ",".join(sorted(key for key, value in raw.meta.items() if value == "1"))


def _document(raw: RawDocument, result: Extracted, source: str) -> Document:
    return Document(
        id=raw.id or make_id(source, raw.locator),
        source=source,
        category=raw.category,
        format=result.format or raw.format,
        text=result.text,
        locator=raw.locator,
        url=raw.url,
        date=raw.date,
        licence=raw.licence,
        lang=raw.lang,
        title=result.title or raw.title,
        origin=raw.origin,
        model=raw.model,
        prompt_version=raw.prompt_version,
    )
