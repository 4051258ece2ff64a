"""HTML to main text: our engine, trafilatura by choice, resiliparse as the last resort.

The fast engine scans the page into blocks (`htmlscan`, `htmlblocks`), chooses among them
(`htmlmodel`) and writes the chosen ones (`htmltext`). An engine that reaches the cap on CPU time
hands the page to the next of the chain.
An article that the page shows little of is taken from its JSON-LD (`jsonld`).
Limit: other text that only scripts would make is not there.
"""

from __future__ import annotations

import functools
import html as entities
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge import plugins
from corpusforge.cputime import OverTimeError
from corpusforge.errors import InputError
from corpusforge.extract.formula import write_out
from corpusforge.extract.htmlblocks import SIZE, Blocks, blocks
from corpusforge.extract.htmllinks import address_of
from corpusforge.extract.htmlmodel import keep
from corpusforge.extract.htmlscan import Page, scan
from corpusforge.extract.htmltags import tables
from corpusforge.extract.htmltext import text_of
from corpusforge.extract.htmlunits import CODE_UNIT, TABLE_UNIT
from corpusforge.extract.jsonld import article_body
from corpusforge.extract.plain import normalise
from corpusforge.extract.result import Extracted, Unreadable
from corpusforge.extract.settings import Settings
from corpusforge.extract.threads import is_thread
from corpusforge.records import RawDocument
from corpusforge.text.charset import to_utf8

_HIDDEN = 3
"""How much longer the article in a page's JSON-LD is than what the page shows, for it to be taken instead."""

__all__ = ["ENGINES", "engine_of", "extract_html", "main_text", "whole_text"]


def _scanned(html: bytes, *, links: bool = False) -> tuple[Page, Blocks]:
    html = html.replace(b"\x00", b"") if b"\x00" in html else html
    page = scan(html, tables(), links=links)
    if page.formulas:
        page = scan(write_out(html), tables(), links=links)
    return page, blocks(page, tables())


def _base(page: Page, url: str) -> str:
    """Return what relative addresses of a page are relative to: its <base>, itself relative to its own."""
    start, end = page.base
    return address_of(page.data[start:end].tobytes().decode("utf-8", "replace"), url) or url


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


def main_text(
    html: bytes, *, markdown: bool = False, links: bool = False, url: str = ""
) -> Extracted:
    """Return the main text of a page in UTF-8 by the fast engine; `format` is "" for prose.

    `links`: addresses of links too, in Markdown; relative ones are made whole with `url`, the page's.
    """
    page, found = _scanned(html, links=markdown and links)
    kept, second = keep(page, found)
    base = _base(page, url) if page.links else ""
    text = normalise(text_of(page, found.spans, kept, markdown=markdown, base=base))
    hidden = normalise(article_body(html, whole_text))
    if len(hidden) > _HIDDEN * len(text):
        return Extracted(hidden, _title(page), "", ("json_ld",))
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


Engine = Callable[..., Extracted]
"""From a page in UTF-8 to its main text."""

ENGINES: dict[str, Engine] = {"fast": main_text, "trafilatura": _trafilatura}
"""Every HTML engine by its name."""


def engine_of(name: str) -> Engine:
    """Return an engine by its name: of `ENGINES`, of an installed package, or "package.module:NAME".

    One's own is a function from a page (str) to its main text (str), or to an `Extracted`. Raises InputError
    where there is none of that name.
    """
    return ENGINES[name] if name in ENGINES else _own_engine(name)


@functools.cache
def _own_engine(name: str) -> Engine:
    function: Any = plugins.find(name, "extractors", ENGINES)
    if not callable(function):
        raise InputError(
            f"extractor {name!r} is {type(function).__name__}; expected a function from a page to its text."
        )

    def engine(html: bytes) -> Extracted:
        try:
            found = function(html.decode("utf-8", "replace"))
        except Exception as error:  # whatever a user's function does
            raise Unreadable(f"engine {name}: {type(error).__name__}: {error}") from error
        if isinstance(found, Extracted):
            return found
        if not isinstance(found, str):
            raise Unreadable(f"engine {name} returns {type(found).__name__}; expected a str")
        return Extracted(found, main_text(html).title, "")

    return engine


def _chain(settings: Settings, url: str) -> list[Engine]:
    """Return the engine asked for, and those that take a page on which it spends all its time."""
    fast = ENGINES["fast"]
    if settings.markup == "markdown":
        fast = partial(fast, markdown=True, links=settings.markup_links, url=url)
    first = fast if settings.engine == "fast" else engine_of(settings.engine)
    return list(dict.fromkeys((first, fast, _resiliparse)))


def extract_html(raw: RawDocument, settings: Settings) -> Extracted:
    """Return the main text of a page.

    Each engine of the chain has the time of `settings.cpu_seconds`. Raises Unreadable where all reach it.
    """
    if isinstance(raw.content, str):
        html = raw.content.removeprefix("\ufeff").encode("utf-8", "replace")
    else:
        html = to_utf8(raw.content, raw.charset)
    for engine in _chain(settings, raw.url):
        try:
            found = settings.bound.within(len(html), partial(engine, html))
        except OverTimeError:
            continue
        form = "dialogue" if is_thread(html, raw.url) else found.format or raw.format
        return Extracted(found.text, raw.title or found.title, form, found.notes)
    raise Unreadable(f"every HTML engine: {settings.bound.told(len(html))}")
