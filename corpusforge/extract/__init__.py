"""Extract: one raw document of any medium becomes text.

An extractor is a function (raw, settings) -> Extracted; it raises `Unreadable` where the content
cannot be read, which becomes a counted `Failed` row here. Adding a medium is one entry of
`EXTRACTORS`. Limit: documents are held whole in memory, up to `settings.max_bytes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from corpusforge.cputime import OverTimeError
from corpusforge.extract.epub import extract_epub
from corpusforge.extract.html import ENGINES, extract_html
from corpusforge.extract.plain import extract_plain
from corpusforge.extract.result import Extracted, Unreadable
from corpusforge.extract.settings import Settings
from corpusforge.extract.wikitext import extract_wikitext
from corpusforge.records import Failed, Media, RawDocument, Skipped
from corpusforge.text.fold import compose

__all__ = ["ENGINES", "EXTRACTORS", "Extracted", "Extractor", "Settings", "extract"]

Extractor = Callable[[RawDocument, Settings], Extracted]

EXTRACTORS: Mapping[Media, Extractor] = MappingProxyType(
    {
        "html": extract_html,
        "wikitext": extract_wikitext,
        "epub": extract_epub,
        "text": extract_plain,
        "code": extract_plain,
    }
)
"""The extractor of each medium."""


def _composed(raw: RawDocument, settings: Settings) -> Extracted:
    """Run the medium's extractor; texts but code in normal form C where it is wanted, and without soft
    hyphens, which only say where a line may break."""
    found = EXTRACTORS[raw.media](raw, settings)
    if settings.unicode != "nfc" or raw.media == "code" or found.format == "code":
        return found
    if found.text.isascii() and found.title.isascii():
        return found
    text, title = (compose(part.replace("\xad", "")) for part in (found.text, found.title))
    same = text == found.text and title == found.title
    return found if same else replace(found, text=text, title=title)


def extract(raw: RawDocument, settings: Settings) -> Extracted | Skipped | Failed:
    """Return a raw document's text, or why there is none; bad data never raises.

    Skipped rules: `too_long` (content over `settings.max_bytes`), `empty_text` (nothing but markup
    or boilerplate).
    """
    size = len(raw.content)
    if size > settings.max_bytes:
        return Skipped(raw.locator, "too_long", str(size), str(settings.max_bytes), raw.url)
    try:
        found = settings.bound.within(size, partial(_composed, raw, settings))
    except OverTimeError:
        reason = f"{raw.media} extractor: {settings.bound.told(size)}"
        return Failed(raw.locator, reason, raw.url)
    except Unreadable as error:
        return Failed(raw.locator, str(error), raw.url)
    except (RecursionError, MemoryError, ValueError, ArithmeticError, LookupError) as error:
        return Failed(raw.locator, f"{raw.media} extractor: {type(error).__name__}", raw.url)
    if not found.text.strip():
        return Skipped(raw.locator, "empty_text", "0", "1", raw.url)
    return found
