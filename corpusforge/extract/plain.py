"""Plain text and source code: newlines and stray control characters normalised, all else kept.

Limits: no reflowing, no markup; U+2028 and U+2029 stay, as they stand inside real texts.
"""

from __future__ import annotations

import re

from corpusforge.extract.result import Extracted
from corpusforge.extract.settings import Settings
from corpusforge.records import RawDocument
from corpusforge.text.charset import decode

__all__ = ["extract_plain", "normalise"]

_NEWLINE = re.compile("\r\n?|[\x0b\x0c\x85]")
_SURELY_EVEN = bytes({*range(256)} - {*range(9), *range(11, 32), 0x7F, 0xC2, 0xED})
"""Bytes of no odd character: 0xC2 leads the controls from U+0080 on, 0xED the surrogates."""
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def normalise(text: str) -> str:
    """Return the text with \\n newlines (form feeds, NEL too) and no other control characters."""
    text = text.removeprefix("\ufeff")
    # Bytes are deleted by table ten times as fast as a pattern is searched.
    if not text.encode("utf-8", "surrogatepass").translate(None, _SURELY_EVEN):
        return text
    if not _ODD.search(text):
        return text
    text = _NEWLINE.sub("\n", text)
    return _CONTROL.sub("", text)


def extract_plain(raw: RawDocument, settings: Settings) -> Extracted:
    """Return a text or code document; blank lines at both ends are cut, inner space stays."""
    content = raw.content if isinstance(raw.content, str) else decode(raw.content, raw.charset)[0]
    text = normalise(content)
    return Extracted(text.strip("\n").rstrip(), raw.title, raw.format)
