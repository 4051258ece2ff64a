"""WARC files as fastwarc takes them, whatever packs them, and whether such a file ends where it should.

fastwarc unpacks gzip and zstd itself; bzip2, xz and lz4 reach it through `io.compressed`. It takes the
end of a file that is cut inside a gzip member, or inside a record that nobody reads, for the end of the
archive: `unfinished` reads the last record once more. Limit: of records inside one gzip member, or
across members, that means the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, cast

from corpusforge.ingest.settings import Settings
from corpusforge.ingest.streams import DATA_ERRORS, caps_of, open_capped, reason
from corpusforge.io import files
from corpusforge.io.compressed import Pieces, Stream, coding_of, skippable

__all__ = ["MARKS", "Ending", "next_record", "open_warc", "unfinished"]

MARKS = {".gz": b"\x1f\x8b\x08", ".zst": b"\x28\xb5\x2f\xfd", ".lz4": b"\x04\x22\x4d\x18"}
"""How a unit of a file begins that may be looked for behind damage."""

_DICTIONARY = b"\x5d\x2a\x4d\x18"
_PIECE = 1 << 20
_LONGEST_LINE = 1 << 16


@dataclass(frozen=True, slots=True)
class Source:
    """What fastwarc reads, how the file is packed, and the stream that unpacks it, if it is ours."""

    raw: BinaryIO
    coding: str
    stream: Stream | None = None


@contextmanager
def open_warc(path: str, settings: Settings, start: int = 0) -> Iterator[Source]:
    """Open a file for fastwarc, from a stored byte on where a record begins."""
    with files.open_raw(path) as raw:
        head = raw.read(10)
        coding = coding_of(head, path)
        if coding in (".bz2", ".xz", ".lz4"):
            raw.seek(start)
            stream = Stream(raw, path, caps_of(settings), start)
            yield Source(cast(BinaryIO, Pieces(stream)), coding, stream)
            return
        if start or coding == ".gz" or not head:
            raw.seek(start)
        else:
            raw.seek(_first_frame(raw, head))
        yield Source(raw, coding)


def _first_frame(raw: BinaryIO, head: bytes) -> int:
    """Where fastwarc may begin: behind skippable frames, unless one is a dictionary, which it reads."""
    place = 0
    while skippable(head) and len(head) >= 8 and not head.startswith(_DICTIONARY):
        place += 8 + int.from_bytes(head[4:8], "little")
        raw.seek(place)
        head = raw.read(10)
    return place


def next_record(path: str, position: int) -> int:
    """Return the offset of the next thing that looks like a record's first byte, or -1."""
    with files.open_raw(path) as raw:
        if not raw.seekable():
            return -1
        mark = MARKS.get(coding_of(raw.read(10), path), b"\nWARC/")
        shift = 1 if mark == b"\nWARC/" else 0
        raw.seek(position)
        kept = b""
        while chunk := raw.read(_PIECE):
            data = kept + chunk
            found = data.find(mark)
            if found >= 0:
                return position - len(kept) + found + shift
            position += len(chunk)
            kept = data[-len(mark) + 1 :]
    return -1


@dataclass(frozen=True, slots=True)
class Ending:
    """What is wrong at the end of a file ("" if nothing is), and whether that is in the header of the
    very record that was asked about: what a reader made of that header is then worth nothing."""

    error: str = ""
    headless: bool = False


def unfinished(path: str, settings: Settings, first: int, last: int) -> Ending:
    """Read what stands from the record at `last` on (-1: none), with which reading from `first` on ended.

    For plain and gzip files: fastwarc tells itself where a zstd file is cut.
    """
    for begin in dict.fromkeys((max(first, last), first)):
        tail = _Tail()
        try:
            with open_capped(path, settings, span=(begin, 0)) as stream:
                head = stream.read(5)
                if head == b"WARC/":
                    return Ending(tail.read(stream), tail.headless)
                if last < 0:
                    return Ending(f"no record begins: {head!r}" if head else "")
                # else inside a record: its unit holds several, or a part of one
        except DATA_ERRORS as error:
            return Ending(reason(error), tail.headless)
    return Ending()


class _Tail:
    """The records at the end of a file being passed over."""

    headless = True  # inside the header of the first of them

    def read(self, stream: Stream) -> str:
        """Pass over records, of the first of which 5 bytes are read; say where the last breaks off."""
        while True:
            length = 0
            while line := stream.readline(_LONGEST_LINE):
                name, _, value = line.partition(b":")
                if name.strip().lower() == b"content-length" and value.strip().isdigit():
                    length = int(value)
                if not line.strip():
                    break
            if not line:
                return "ends early, inside the header of a record"
            self.headless = False
            while length > 0 and (data := stream.read(min(length, _PIECE))):
                length -= len(data)
            if length > 0:
                return f"ends early, {length} bytes before the end of a record"
            line = b"\n"
            while line and not line.strip():
                line = stream.readline(5)
            if line != b"WARC/":
                return f"no record begins behind the last: {line!r}" if line else ""
