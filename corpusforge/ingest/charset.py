"""Bytes of a text file → text: byte-order mark, strict UTF-8, declared name, then detection.

Detection is uchardet (through resiliparse); what it names must decode strictly, else the next
candidate is tried, and Windows-1252 with Latin-1's holes takes everything. UTF-16 without a mark
is told by its line feeds and commas. Limit: a few hundred bytes of Latin script are not enough to
tell Windows-1252 from its Central European sisters. HTML has rules of its own (`extract.charset`): there
a claim inside the page counts, here only the file's bytes do.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

__all__ = ["controls", "decode"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SAMPLE = 1 << 16
# What a label means in the wild: Latin-1 and ASCII stand on Windows-1252, GBK on GB18030.
_WIDER = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
_COMMON = re.compile("[\\n ，。、\u3000]")


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Return (text without a byte-order mark, name of the character set); never raises."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace"), name
    for name in _candidates(data, declared):
        text = _strict(data, name)
        if text is not None:
            return text, name
    return _latin(data), "cp1252"


_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")


def controls(text: str) -> float:
    """Return the share (0..1) of control and replacement characters in the first 65,536.

    Text has none, or a stray few; bytes that are no text have 10 % and more in any character set.
    """
    sample = text[:_SAMPLE]
    return len(_CONTROLS.findall(sample)) / max(1, len(sample))


def _candidates(data: bytes, declared: str) -> Iterator[str]:
    yield from _wide(data[:_SAMPLE])
    yield "utf-8"
    yield _known(declared)
    yield from _detected(data)


def _strict(data: bytes, name: str) -> str | None:
    if not name:
        return None
    if name == "cp1252":
        return _latin(data)
    try:
        return data.decode(name)
    except UnicodeError:
        return None


def _latin(data: bytes) -> str:
    """Windows-1252, with its five holes read as Latin-1's controls."""
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return "".join(_HOLES.get(byte) or bytes([byte]).decode("cp1252") for byte in data)


_HOLES = {byte: chr(byte) for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}


def _known(name: str) -> str:
    try:
        found = codecs.lookup(name.strip().lower()).name if name.strip() else ""
    except (LookupError, ValueError):
        return ""
    return _WIDER.get(found, found)


def _wide(sample: bytes) -> tuple[str, ...]:
    """UTF-16 without a mark: as such the sample has the blanks, line feeds and commas of a text."""
    if b"\x00" not in sample:
        return ()
    even = sample[: len(sample) // 2 * 2]
    found = {
        name: len(_COMMON.findall(even.decode(name, "replace")))
        for name in ("utf-16-le", "utf-16-be")
    }
    name = max(found, key=found.__getitem__)
    enough = found[name] * 100 > len(even) and found[name] > 4 * min(found.values())
    return (name,) if enough else ()


def _detected(data: bytes) -> tuple[str, ...]:
    from resiliparse.parse.encoding import detect_encoding

    name = detect_encoding(data, max_len=_SAMPLE, html5_compatible=False) or ""
    return (_known(name), _known(detect_encoding(data, max_len=_SAMPLE) or ""))
