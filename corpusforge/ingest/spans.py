"""Where a large file can be cut, so that workers share it: boundaries found without reading it all.

gzip members and zstd frames of WARC files (one a record, as every crawl writes them), the streams of a
multistream bzip2 dump, row groups of Parquet. A boundary is a magic number behind which the format
really begins: a few kilobytes are decompressed to see. A dump that is plain or one bzip2 stream is cut
anywhere, since its pages begin with a tag. gzip files of one member, JSON lines (their locators are line
numbers), archives of code and a plain WARC in an object store stay whole; one on a disk is cut by going
from header to header (a page may quote a WARC, so a mark alone tells nothing).
"""

from __future__ import annotations

import bz2
import codecs
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO

import pyarrow.parquet as pq

from corpusforge.io import files
from corpusforge.io.compressed import Stream, StreamError, open_stream

__all__ = ["WHOLE", "Span", "cut"]

Span = tuple[int, int]
"""(first, stop) byte offsets, of row groups for Parquet; (0, 0) is the whole file."""

WHOLE: Span = (0, 0)
_LOOK = 1 << 16  # compressed bytes behind a boundary that are tried
_CHUNK = 1 << 20
_HEADER = 1 << 13  # bytes that hold a record's header
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


def cut(kind: str, path: str, size: int, piece: int) -> list[Span]:
    """Return spans of about `piece` stored bytes that cover the file, in order."""
    if size < 2 * piece:
        return [WHOLE]
    if kind == "documents" and path.lower().endswith(".parquet"):
        return _row_groups(path, piece)
    if kind == "web" and not files.is_remote(path) and _starts_with(path, b"WARC/"):
        return _spans(_records(path, size, piece), size)
    for (own, magic), begins in _MARKS.items():
        if own == kind and _starts_with(path, magic) and begins(_head(path, 0)):
            spans = _members(path, size, piece, magic, begins)
            break
    else:
        spans = [WHOLE]
    return _even(path, size, piece) if kind == "wikipedia" and spans == [WHOLE] else spans


def _even(path: str, size: int, piece: int) -> list[Span]:
    """Cut a dump anywhere: pages and blocks of bzip2 are found again by their marks (`io.bzip2`)."""
    with open_stream(path) as stream:
        if stream.coding not in ("", ".bz2") or not _is_utf8(stream.read(_LOOK)):
            return [WHOLE]
    return _spans(range(0, size - piece + 1, piece), size)


def _spans(starts: Sequence[int], size: int) -> list[Span]:
    """The stretches between offsets; WHOLE where there is one."""
    if len(starts) == 1:
        return [WHOLE]
    return list(zip(starts, [*starts[1:], size], strict=True))


def _records(path: str, size: int, piece: int) -> list[int]:
    """Where records of a plain WARC file begin, about `piece` bytes apart: from header to header by their
    lengths, up to the first that tells none."""
    starts, position = [0], 0
    with files.open_raw(path) as stream:
        while position < size:
            stream.seek(position)
            header, end, _ = stream.read(_HEADER).partition(b"\r\n\r\n")
            length = _LENGTH.search(header)
            if not header.startswith(b"WARC/") or not end or not length:
                break
            if position >= starts[-1] + piece:
                starts.append(position)
            position += len(header) + len(end) + int(length[1]) + len(b"\r\n\r\n")
    return starts


def _is_utf8(head: bytes) -> bool:
    return head.removeprefix(codecs.BOM_UTF8).startswith(b"<") and b"\x00" not in head


def _row_groups(path: str, piece: int) -> list[Span]:
    with files.open_raw(path) as stream:
        metadata = pq.ParquetFile(stream).metadata
        sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    spans: list[Span] = []
    first = total = 0
    for number, size in enumerate(sizes):
        total += size
        if total >= piece:
            spans.append((first, number + 1))
            first, total = number + 1, 0
    if first < len(sizes):
        spans.append((first, len(sizes)))
    return spans if len(spans) > 1 else [WHOLE]


def _members(
    path: str, size: int, piece: int, magic: bytes, begins: Callable[[bytes], bool]
) -> list[Span]:
    starts = [0]
    with files.open_raw(path) as stream:
        while starts[-1] + piece < size:
            found = next(_boundaries(stream, starts[-1] + piece, magic, begins), -1)
            if found < 0:
                break
            starts.append(found)
    return _spans(starts, size)


def _boundaries(
    stream: BinaryIO, position: int, magic: bytes, begins: Callable[[bytes], bool]
) -> Iterator[int]:
    """Yield the offsets from `position` on where a member begins."""
    stream.seek(position)
    data = b""
    while chunk := stream.read(_CHUNK):
        data += chunk
        at = data.find(magic)
        while at >= 0:
            if len(data) - at < _LOOK:  # a member may be cut off here: look at it whole
                data += stream.read(_CHUNK)
            if begins(data[at : at + _LOOK]):
                yield position + at
            at = data.find(magic, at + 1)
        keep = len(magic) - 1
        position += len(data) - keep
        data = data[-keep:]


def _starts_with(path: str, magic: bytes) -> bool:
    return _head(path, 0)[: len(magic)] == magic


def _head(path: str, position: int) -> bytes:
    with files.open_raw(path) as stream:
        stream.seek(position)
        return stream.read(_LOOK)


def _warc(data: bytes) -> bool:
    """Whether a gzip member or zstd frame begins here that holds the beginning of a record."""
    try:
        return Stream(io.BytesIO(data)).read(5) == b"WARC/"
    except StreamError:
        return False


def _bzip2_pages(data: bytes) -> bool:
    """Whether a bzip2 stream begins here (a block is up to 900 kB: only its header can be tried)."""
    try:
        bz2.BZ2Decompressor().decompress(data, 1)
    except (OSError, ValueError):
        return False
    return True


_MARKS: dict[tuple[str, bytes], Callable[[bytes], bool]] = {
    ("web", b"\x1f\x8b\x08"): _warc,
    ("web", b"\x28\xb5\x2f\xfd"): _warc,
    ("wikipedia", b"BZh91AY&SY"): _bzip2_pages,
}
