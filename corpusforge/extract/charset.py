"""From bytes to text: header, byte order mark, meta, detection, in the order of the HTML standard.

Method: the WHATWG sniffing order, except that valid UTF-8 with multi-byte sequences wins over any
claim (a page that decodes as UTF-8 by accident is vanishingly rare; pages that claim Latin-1 and
are UTF-8 are common). Detection is resiliparse's binding of uchardet.
Limit: detection of short texts in single-byte encodings is a guess.
"""

from __future__ import annotations

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

__all__ = ["decode", "to_utf8"]

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_META = re.compile(
    rb"<(?:meta|\?xml)[^>]{0,500}?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.I
)
_HEAD = 4096
_HIGH = bytes(range(128, 256))
_SURROGATE = re.compile("[\ud800-\udfff]")


def _codec(name: str) -> str:
    """Return Python's name for a claimed charset as browsers read it, or "" where unknown."""
    mapped = map_encoding_to_html5(name, False) if name else None
    for candidate in (mapped, name):
        if candidate:
            try:
                found = codecs.lookup(candidate).name
            except (LookupError, ValueError):
                continue
            # GB18030 is a superset of what pages labelled GBK or GB2312 really hold.
            return "gb18030" if found in ("gbk", "gb2312") else found
    return ""


def _claims(data: bytes, charset: str) -> list[str]:
    match = _META.search(data[:_HEAD])
    meta = _codec(match[1].decode("ascii", "replace")) if match else ""
    # A page whose meta tag is readable as ASCII cannot be UTF-16, whatever the tag says.
    meta = "utf-8" if meta.startswith("utf-16") else meta
    return [name for name in (_codec(charset), meta) if name]


def _attempt(data: bytes, name: str) -> str | None:
    """Return the text if hardly a byte is wrong: a cut last character, a stray byte."""
    try:
        text = data.decode(name, "replace")
    except (LookupError, UnicodeError):
        return None
    wrong = text.count("\ufffd")
    if not wrong:
        return text
    foreign = len(data) - len(data.translate(None, _HIGH))
    return text if wrong * 50 <= foreign else None


def decode(data: bytes, charset: str = "") -> str:
    """Return the text of HTML or plain bytes; undecodable bytes become U+FFFD, never an error.

    `charset` is what the transport claimed, "" if nothing.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _SURROGATE.sub("\ufffd", data[len(mark) :].decode(name, "replace"))
    claims = _claims(data, charset)
    for name in ("utf-8", *claims):
        if (text := _attempt(data, name)) is not None:
            # The UTF-8 decoder yields no surrogates, and a search of every page is not free.
            return text if name == "utf-8" else _SURROGATE.sub("\ufffd", text)
    guess = _codec(detect_encoding(data) or "") or "utf-8"
    if (text := _attempt(data, guess)) is None:
        text = data.decode("utf-8", "replace")
    return _SURROGATE.sub("\ufffd", text)


def to_utf8(data: bytes, charset: str = "") -> bytes:
    """Return what `decode` reads as UTF-8 bytes; sound UTF-8 comes back as it is."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return decode(data, charset).encode("utf-8")
    return data.removeprefix(codecs.BOM_UTF8)
