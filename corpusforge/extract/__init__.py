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

from corpusforge.extract.cpu import OverTimeError, within
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

_SECONDS_PER_BYTE = 1e-6
"""A tenth of the slowest extractor's measured speed: shorter content needs no watcher."""


def _guarded(raw: RawDocument, settings: Settings) -> Extracted:
    """Run the medium's extractor; watched where the content is long enough to matter.

    HTML watches each engine of its chain by itself.
    """
    run = partial(EXTRACTORS[raw.media], raw, settings)
    if raw.media == "html" or len(raw.content) * _SECONDS_PER_BYTE < settings.cpu_seconds:
        return run()
    return within(settings.cpu_seconds, run)


def _composed(found: Extracted) -> Extracted:
    """Return the same in normal form C without soft hyphens, which only say where a line may break."""
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
        found = _guarded(raw, settings)
    except OverTimeError:
        reason = f"{raw.media} extractor reached {settings.cpu_seconds:g} s of CPU time"
        return Failed(raw.locator, reason, raw.url)
    except Unreadable as error:
        return Failed(raw.locator, str(error), raw.url)
    except (RecursionError, MemoryError, ValueError, ArithmeticError, LookupError) as error:
        return Failed(raw.locator, f"{raw.media} extractor: {type(error).__name__}", raw.url)
    if settings.unicode == "nfc" and raw.media != "code" and found.format != "code":
        found = _composed(found)
    if not found.text.strip():
        return Skipped(raw.locator, "empty_text", "0", "1", raw.url)
    return found
