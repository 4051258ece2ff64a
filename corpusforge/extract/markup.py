"""Small pieces of HTML read as text: where a tag ends, its attributes, what stands between tags.

For the few places that must look into markup outside the scanner (formulas, cells of wikitext). Every
function moves forward only, so time is linear in the piece's length.
"""

from __future__ import annotations

import html as entities
import re

__all__ = ["BLOCK", "Tags", "attributes", "plain"]

BLOCK = re.compile(
    r"</?(?:address|article|aside|blockquote|br|dd|div|dl|dt|fieldset|figure|footer|form|h[1-6]|header|hr"
    r"|li|main|nav|ol|p|pre|section|table|tbody|td|tfoot|th|thead|tr|ul)\b",
    re.I,
)
"""A tag that ends a line of text."""
_STOP = re.compile(b"[>\"']")
_TAG = re.compile(r"</?[a-zA-Z!][^<>]*+>")
_ATTRIBUTE = re.compile(
    r"([^\s=/>\"']++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"']++)))?", re.S
)


class Tags:
    """Finds the ends of the tags of one page; remembers which quotes are never closed."""

    def __init__(self, html: bytes) -> None:
        self._html = html
        self._open: set[bytes] = set()

    def end(self, start: int) -> int:
        """Return the place behind the tag that begins at `start`; the page's end if it has none."""
        html, place = self._html, start
        while stop := _STOP.search(html, place):
            place = stop.end()
            mark = stop[0]
            if mark == b">":
                return place
            if mark in self._open or html[stop.start() - 1] not in b"= \t\n":
                continue
            close = html.find(mark, place)
            if close < 0:
                self._open.add(mark)
            else:
                place = close + 1
        return len(html)


def attributes(tag: str) -> dict[str, str]:
    """Return a start tag's attributes, names in lower case, entities read; the first of equal ones."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(tag):
        name = match[1].lower()
        if name not in found:
            found[name] = entities.unescape(match[2] or match[3] or match[4] or "")
    return found


def plain(piece: str) -> str:
    """Return the text of a piece of markup: tags gone (block tags are line feeds), entities read."""
    if "<" in piece:
        piece = _TAG.sub(lambda tag: "\n" if BLOCK.match(tag[0]) else "", piece)
    return entities.unescape(piece) if "&" in piece else piece
