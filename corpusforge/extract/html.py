"""HTML to main text: our engine, trafilatura by choice, resiliparse as the last resort.

The fast engine scans the page into blocks (`htmlscan`, `htmlblocks`), chooses among them
(`htmlmodel`) and writes the chosen ones (`htmltext`). An engine that reaches the cap on CPU time
hands the page to the next of the chain.
Limit: text that only scripts would make is not there.
"""

from __future__ import annotations

import html as entities
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.charset import to_utf8
from corpusforge.extract.cpu import OverTimeError, within
from corpusforge.extract.formula import write_out
from corpusforge.extract.htmlblocks import SIZE, Blocks, blocks
from corpusforge.extract.htmlmodel import keep
from corpusforge.extract.htmlscan import Page, scan
from corpusforge.extract.htmltags import tables
from corpusforge.extract.htmltext import text_of
from corpusforge.extract.htmlunits import CODE_UNIT, TABLE_UNIT
from corpusforge.extract.plain import normalise
from corpusforge.extract.result import Extracted, Unreadable
from corpusforge.extract.settings import Settings
from corpusforge.extract.threads import is_thread
from corpusforge.records import RawDocument

__all__ = ["extract_html", "main_text", "whole_text"]

_SECONDS_PER_BYTE = 1e-6


def _scanned(html: bytes) -> tuple[Page, Blocks]:
    html = html.replace(b"\x00", b"") if b"\x00" in html else html
    page = scan(html, tables())
    if page.formulas:
        page = scan(write_out(html), tables())
    return page, blocks(page, tables())


def _format(page: Page, found: Blocks, kept: NDArray[np.bool_]) -> str:
    """Return what most of the kept text is: code, table, or "" for prose."""
    size = found.counts[kept, SIZE]
    sort = found.spans[kept, 3]
    for name, unit in (("code", CODE_UNIT), ("table", TABLE_UNIT)):
        if 2 * size[sort == unit].sum() > size.sum():
            return name
    return ""


def _title(page: Page) -> str:
    start, end = page.title
    title = page.data[start:end].tobytes().decode("utf-8", "replace")
    return " ".join(normalise(entities.unescape(title)).split())


def main_text(html: bytes, *, markdown: bool = False) -> Extracted:
    """Return the main text of a page in UTF-8 by the fast engine; `format` is "" for prose."""
    page, found = _scanned(html)
    kept, second = keep(page, found)
    text = normalise(text_of(page, found.spans, kept, markdown=markdown))
    notes = ("second_pass",) if second else ()
    return Extracted(text, _title(page), _format(page, found, kept), notes)


def whole_text(html: bytes) -> str:
    """Return all visible text of a document in UTF-8: for books, which have no boilerplate."""
    page, found = _scanned(html)
    return normalise(text_of(page, found.spans, np.ones(len(found.spans), np.bool_)))


def _trafilatura(html: bytes) -> Extracted:
    """Return a page's main text by trafilatura's fast mode, comments left out as ours does."""
    try:
        import trafilatura
    except ImportError as error:
        raise Unreadable("engine trafilatura is not installed: pip install trafilatura") from error
    text = (
        trafilatura.extract(html.decode("utf-8", "replace"), fast=True, include_comments=False)
        or ""
    )
    return Extracted(normalise(text), main_text(html).title, "")


def _resiliparse(html: bytes) -> Extracted:
    """Return a page's main text by resiliparse's own rules."""
    from resiliparse.extract.html2text import extract_plain_text

    text = extract_plain_text(
        html.decode("utf-8", "replace"), main_content=True, alt_texts=False, comments=False
    )
    return Extracted(normalise(text).strip(), "", "")


def _chain(settings: Settings) -> list[Callable[[bytes], Extracted]]:
    fast = partial(main_text, markdown=settings.markup == "markdown")
    return (
        [_trafilatura, fast, _resiliparse]
        if settings.engine == "trafilatura"
        else [fast, _resiliparse]
    )


def extract_html(raw: RawDocument, settings: Settings) -> Extracted:
    """Return the main text of a page.

    Raises Unreadable where every engine of the chain reaches `settings.cpu_seconds`.
    """
    if isinstance(raw.content, str):
        html = raw.content.removeprefix("\ufeff").encode("utf-8", "replace")
    else:
        html = to_utf8(raw.content, raw.charset)
    # Our engine is linear: only pages that could come near the cap at its slowest are watched.
    small = len(html) * _SECONDS_PER_BYTE < settings.cpu_seconds
    for engine in _chain(settings):
        try:
            if small and isinstance(engine, partial):
                found = engine(html)
            else:
                found = within(settings.cpu_seconds, partial(engine, html))
        except OverTimeError:
            continue
        form = "dialogue" if is_thread(html, raw.url) else found.format or raw.format
        return Extracted(found.text, raw.title or found.title, form, found.notes)
    raise Unreadable(f"every HTML engine reached {settings.cpu_seconds:g} s of CPU time")
