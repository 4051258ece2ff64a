"""The article that a page's JSON-LD holds: for pages that show it by a script, or behind a wall.

schema.org's `articleBody`, the longest of a page, wherever in the objects, lists and `@graph`s of its
scripts of type application/ld+json it stands (as trafilatura's own fallback reads it). Publishers write it
as text, as markup, or as markup in entities; comments and CDATA marks around the JSON are left out; of JSON
that is broken the field alone is read. Limit: what scripts would fetch is not there.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Callable, Iterator
from typing import Any

from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.repair import repair

__all__ = ["article_body"]

_OPENS = re.compile(rb"<script\b([^<>]{0,400})>", re.IGNORECASE)
_KIND = re.compile(rb"\btype\s{0,9}=\s{0,9}[\"']?application/ld\+json", re.IGNORECASE)
_CLOSES = re.compile(rb"</script", re.IGNORECASE)
_BEGINS = re.compile(rb"<!--|(?://|/\*)?\s{0,9}<!\[CDATA\[(?:\s{0,9}\*/)?")
_ENDS = (b"*/", b"]]>", b"//", b"/*", b"-->")
_TAG = re.compile(
    r"</?(?:p|br|div|h[1-6]|li|ul|ol|strong|em|b|i|a|span|blockquote)\b[^<>]*>", re.IGNORECASE
)
_ENTITY = re.compile(r"&(?:[a-zA-Z]{2,8}|#\d{1,7}|#x[0-9a-fA-F]{1,6});")
_FIELD = re.compile(rb'"articleBody"\s*:\s*"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_MOST_LEVELS = 20


def article_body(html: bytes, whole_text: Callable[[bytes], str] | None = None) -> str:
    """Return the longest `articleBody` of a page in UTF-8, "" where there is none.

    `whole_text` reads it where it is markup; without it, markup stays.
    """
    if b"articleBody" not in html:
        return ""
    bodies = (body for script in _scripts(html) for body in _bodies(_read(script)))
    body = max(bodies, key=len, default="")
    if _ENTITY.search(body):
        body = entities.unescape(body)
    if whole_text is not None and _TAG.search(body):
        body = whole_text(body.encode("utf-8", "replace"))
    return body.strip()


def _scripts(html: bytes) -> Iterator[bytes]:
    """Yield what stands in each script of the kind."""
    place = 0
    while opened := _OPENS.search(html, place):
        closed = _CLOSES.search(html, opened.end())
        if closed is None:
            return
        if _KIND.search(opened[1]):
            yield html[opened.end() : closed.start()]
        place = closed.end()


def _read(data: bytes) -> Any:
    """The JSON of a script; where it is broken, its articles by themselves."""
    data = data.strip()
    if begun := _BEGINS.match(data):
        data = data[begun.end() :]
        for mark in _ENDS:
            data = data.removesuffix(mark).strip()
    if b"articleBody" not in data:
        return None
    try:
        return decode_json(data)
    except DecodingError:
        return [_repaired(b"{" + field + b"}") for field in _FIELD.findall(data)]


def _repaired(data: bytes) -> Any:
    try:
        return decode_json(repair(data).line)
    except DecodingError:
        return None


def _bodies(value: Any, level: int = 0) -> Iterator[str]:
    """Every `articleBody` that is text."""
    if level > _MOST_LEVELS:
        return
    if isinstance(value, dict):
        body = value.get("articleBody")
        if isinstance(body, str):
            yield body
        for inner in value.values():
            yield from _bodies(inner, level + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _bodies(inner, level + 1)
