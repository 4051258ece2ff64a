"""Opening what strangers packed: by content, not by name, and with a bound on what comes out.

A decompressed stream is cut off as a bomb when its size or its ratio of bytes out to bytes in
passes the settings' caps; gzip reaches a ratio of 1,030, text hardly 20. Limit: below the floor
(64 MiB out) no ratio is judged, so that a small file of zeros still reads.
"""

from __future__ import annotations

import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO, TypeVar
from xml.parsers.expat import ExpatError

import pyarrow as pa

from corpusforge.cputime import OverTimeError
from corpusforge.ingest.settings import Settings
from corpusforge.io import files
from corpusforge.io.compressed import Caps, RefusedError, Stream, StreamError, open_stream
from corpusforge.records import Failed

__all__ = [
    "DATA_ERRORS",
    "RefusedError",
    "StreamError",
    "bounded",
    "caps_of",
    "name_of",
    "open_capped",
    "read_up_to",
    "reason",
    "size_of",
    "stem",
]

_PIECE = 1 << 20
T = TypeVar("T")

DATA_ERRORS = (
    OSError,
    MemoryError,  # a header that claims terabytes; nothing was reserved yet
    EOFError,
    ValueError,
    ArithmeticError,
    RuntimeError,  # encrypted zip members; includes NotImplementedError
    LookupError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    tarfile.TarError,
    pa.ArrowException,
    ExpatError,
)
"""What damaged bytes make the decoders raise; a reader turns each into a failed row."""


def reason(error: BaseException) -> str:
    """Return one line that says what went wrong: its class, unless it is ours, and its message."""
    message = " ".join(str(error).split())[:300]
    if isinstance(error, (RefusedError, StreamError)):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def bounded(
    settings: Settings, locator: str, size: int, make: Callable[[], T], url: str = ""
) -> T | Failed:
    """Return what a reader makes of one record of so many bytes; a failed row where it takes more CPU
    time than `settings.cpu_seconds` grants, so that the records behind it are read."""
    try:
        return settings.bound.within(size, make)
    except OverTimeError:
        return Failed(locator, settings.bound.told(size), url)


def name_of(path: str, root: str = "") -> str:
    """Return the file's name inside its source: its path below `root`, else its base name."""
    path = path.replace("\\", "/")
    top = root.replace("\\", "/").rstrip("/")
    if top and path.startswith(top + "/"):
        return path[len(top) + 1 :]
    return path.rstrip("/").rsplit("/", 1)[-1]


def stem(name: str) -> str:
    """Return a lower-case file name without a compression suffix (`book.TXT.gz` → `book.txt`)."""
    name = name.lower()
    for suffix in files.COMPRESSED:
        if name.endswith(suffix):
            return name[: -len(suffix)]
    return name


def caps_of(settings: Settings, limit: int = 0) -> Caps:
    """Return the settings' bounds on what one file may unpack to; `limit` 0 bounds the ratio alone."""
    return Caps(limit=limit, ratio=settings.max_ratio, floor=settings.ratio_floor_bytes)


@contextmanager
def open_capped(
    path: str, settings: Settings, limit: int = 0, span: tuple[int, int] = (0, 0)
) -> Iterator[Stream]:
    """Open a file decompressed by its first bytes; reading past a cap raises RefusedError.

    `limit` is the most bytes that may come out, 0 for no bound but the ratio; `span` (offsets, the
    second 0 for the end) the stored bytes that are read. What comes before a damaged place is read
    before the damage raises StreamError.
    """
    with open_stream(path, caps_of(settings, limit), *span) as stream:
        yield stream


def size_of(path: str) -> int:
    """Return how many bytes a file stores."""
    with files.open_raw(path) as raw:
        raw.seek(0, 2)
        return raw.tell()


def read_up_to(stream: BinaryIO | Stream, limit: int) -> bytes | None:
    """Return the rest of a stream, or None where it is longer than `limit` bytes.

    Memory follows what is there, not the limit: `read(limit)` would reserve all of it.
    """
    parts: list[bytes] = []
    size = 0
    while chunk := stream.read(_PIECE):
        size += len(chunk)
        if size > limit:
            return None
        parts.append(chunk)
    return b"".join(parts)
