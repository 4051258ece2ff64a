"""Links of a page as Markdown writes them: which are written, and their addresses in full.

The writer of a page's text (`htmltext`) puts `MARK` before a link's text, between text and address, and
behind the address; here the three become `[text](address)`, or the text alone where the address is of no
use outside the page.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urljoin, urlsplit

__all__ = ["MARK", "address_of", "entities_read", "written"]

MARK = "\0"
"""Stands in no page that is read: NUL is taken out before."""

_SCHEMES = frozenset(("", "http", "https", "ftp"))
"""Others run code, hold data, or repeat personal data (mailto, tel)."""
_BARE = re.compile(r"&(?!#?\w{1,40};)")
"""An ampersand that begins no whole entity: in an address it parts arguments."""
_ENDS = "".join(map(chr, range(33)))
_ESCAPES: dict[int, str | None] = {
    **dict.fromkeys(range(32)),
    **{ord(sign): f"%{ord(sign):02X}" for sign in ' ()<>|\\"`\x7f'},
}


def entities_read(text: str) -> str:
    """Return a text with entities as their characters, without soft hyphens where it had any entity."""
    return html.unescape(text).replace("\xad", "") if "&" in text else text


def address_of(href: str, base: str) -> str:
    """Return the address of a link in full, or "" where it leads nowhere outside the page.

    `href`: the attribute as the page has it; `base`: the page's own address, "" where it is not known
    (relative addresses then stay so).
    """
    address = html.unescape(_BARE.sub("&amp;", href)).strip(_ENDS).translate(_ESCAPES)
    if not address or address.startswith("#"):
        return ""
    try:
        full = urljoin(base, address)
        scheme = urlsplit(full).scheme
    except ValueError:  # no address: a bracket without its partner in the host
        return ""
    return full.translate(_ESCAPES) if scheme in _SCHEMES else ""


def _linked(text: str, href: str, base: str) -> str:
    text, address = entities_read(text), address_of(href, base)
    if not address or not text.strip():
        return text
    if text.count("[") != text.count("]"):
        text = text.replace("[", r"\[").replace("]", r"\]")
    return f"[{text}]({address})"


def written(text: str, base: str) -> str:
    """Return a page's text with its marked links written, and entities as their characters."""
    pieces = text.split(MARK)
    out = [entities_read(pieces[0])]
    for place in range(1, len(pieces) - 2, 3):
        out.append(_linked(pieces[place], pieces[place + 1], base))
        out.append(entities_read(pieces[place + 2]))
    return "".join(out)
