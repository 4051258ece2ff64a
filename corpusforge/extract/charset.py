"""The extractors' view of character sets: text, or UTF-8 bytes, from bytes and what the header claimed."""

from __future__ import annotations

from corpusforge.text import charset as charsets
from corpusforge.text.charset import to_utf8

__all__ = ["decode", "to_utf8"]


def decode(data: bytes, charset: str = "") -> str:
    """Return the text of HTML or plain bytes; undecodable bytes become U+FFFD, never an error.

    `charset` is what the transport claimed, "" if nothing.
    """
    return charsets.decode(data, charset)[0]
