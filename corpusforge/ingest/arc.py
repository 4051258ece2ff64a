"""ARC files, the format before WARC (Internet Archive, 1996): one header line, then the bytes.

Versions 1 and 2 are read, plain or compressed; the URL may hold spaces, so a header line is split
from its end. A length that lies costs records until the next line that looks like a header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from corpusforge.ingest.dates import from_digits
from corpusforge.io.compressed import Stream

__all__ = ["ArcRecord", "read_arc"]

_HEADER = re.compile(
    rb"([a-z][a-z0-9+.-]*:\S.*?) (\S+) (\d{12,17}) (\S+)(?: \S+){0,5} (\S+)\r?\n?$", re.IGNORECASE
)
_LONGEST_LINE = 1 << 16


@dataclass(frozen=True, slots=True)
class ArcRecord:
    """One capture. `offset` counts decompressed bytes; `error` is set where it cannot be read, `cut`
    where the file ends inside it."""

    offset: int
    url: str
    date: str
    mime: str
    length: int
    payload: bytes
    error: str = ""
    cut: bool = False


def read_arc(stream: Stream, limit: int) -> Iterator[ArcRecord]:
    """Yield the captures of a decompressed ARC; the file's own description record is not one.

    A payload beyond `limit` bytes is passed over: the record then has its length and no payload.
    """
    offset = 0
    lost = False
    while line := stream.readline(_LONGEST_LINE):
        start, offset = offset, offset + len(line)
        header = _HEADER.match(line)
        length = _length(header[5]) if header else -1
        if not header or length < 0:
            bad = bool(line.strip()) and not lost and not _preface(line)
            if bad:
                error, cut = "ARC header line is damaged", not line.endswith(b"\n")
                yield ArcRecord(start, _url(header), "", "", 0, b"", error, cut)
            lost = lost or bad
            continue
        lost = False
        payload = stream.read(length) if length <= limit else b""
        left = length - len(payload) if length <= limit else _skip(stream, length)
        offset += length
        if header[1].startswith(b"filedesc:"):
            continue
        error = ""
        if left:
            stream.read(1)  # damage of the file raises here, and says where
            error = f"truncated: {length - left} of {length} bytes"
        mime = header[4].decode("latin-1").lower()
        date = from_digits(header[3].decode("ascii"))
        yield ArcRecord(start, _url(header), date, mime, length, payload, error, bool(error))


def _preface(line: bytes) -> bool:
    """Whether the line belongs to a file description whose length is wrong."""
    return line.startswith((b"filedesc:", b"URL IP-address", b"1 ", b"2 "))


def _length(text: bytes) -> int:
    return int(text) if text.isdigit() and len(text) < 16 else -1


def _url(found: re.Match[bytes] | None) -> str:
    return found[1].decode("utf-8", "replace") if found else ""


def _skip(stream: Stream, length: int) -> int:
    """Pass over bytes; return how many of them the stream does not have."""
    while length > 0 and (chunk := stream.read(min(length, 1 << 20))):
        length -= len(chunk)
    return length
