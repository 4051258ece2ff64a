"""Opening what strangers packed: by content, not by name, and with a bound on what comes out.

A decompressed stream is cut off as a bomb when its size or its ratio of bytes out to bytes in
passes the settings' caps; gzip reaches a ratio of 1,030, text hardly 20. Limit: below the floor
(64 MiB out) no ratio is judged, so that a small file of zeros still reads.
"""

from __future__ import annotations

import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from xml.parsers.expat import ExpatError

import pyarrow as pa
import zstandard

from corpusforge.ingest.settings import Settings
from corpusforge.io import files

__all__ = [
    "DATA_ERRORS",
    "RefusedError",
    "compression",
    "name_of",
    "open_capped",
    "read_up_to",
    "reason",
    "stem",
]

MAGIC = (
    (b"\x1f\x8b", ".gz"),
    (b"BZh", ".bz2"),
    (b"\xfd7zXZ\x00", ".xz"),
    (b"\x28\xb5\x2f\xfd", ".zst"),
    (b"\x04\x22\x4d\x18", ".lz4"),
)
_CHUNK = 1 << 16
_PIECE = 1 << 20


class RefusedError(ValueError):
    """A file or archive that passes a cap, or reaches outside: the message is the reason."""


DATA_ERRORS = (
    OSError,
    MemoryError,  # a header that claims terabytes; nothing was reserved yet
    EOFError,
    ValueError,
    ArithmeticError,
    RuntimeError,  # lz4 and encrypted zip members; includes NotImplementedError
    LookupError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
    zstandard.ZstdError,
    pa.ArrowException,
    ExpatError,
)
"""What damaged bytes make the decoders raise; a reader turns each into a failed row."""


def reason(error: BaseException) -> str:
    """Return one line that says what went wrong: its class, unless it is ours, and its message."""
    message = " ".join(str(error).split())[:300]
    if isinstance(error, RefusedError):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


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


def compression(head: bytes) -> str:
    """Return the suffix that names how a file beginning with `head` is compressed, or ""."""
    return next((suffix for magic, suffix in MAGIC if head.startswith(magic)), "")


class _Counted(io.RawIOBase):
    """A raw stream that counts what was read and gives its first bytes back."""

    def __init__(self, stream: BinaryIO, head: bytes, left: int = -1) -> None:
        self.stream, self.head, self.count, self.left = stream, head, 0, left

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self.head:
            size = len(self.head) if size is None or size < 0 else size
            data, self.head = self.head[:size], self.head[size:]
        else:
            size = _CHUNK if size is None or size < 0 else size
            if self.left >= 0:
                size = min(size, self.left - self.count)
            data = self.stream.read(size)
        self.count += len(data)
        return data

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)


class _Capped(io.RawIOBase):
    """A decompressed stream that raises RefusedError when it passes a cap."""

    def __init__(self, stream: BinaryIO, raw: _Counted, settings: Settings, limit: int) -> None:
        self.stream, self.raw, self.settings, self.limit = stream, raw, settings, limit
        self.out = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        # read1: what lies before a cut is handed on before the cut is reported
        data = self.stream.read1(min(len(view), _PIECE))  # type: ignore[attr-defined]
        view[: len(data)] = data
        self.out += len(data)
        if self.limit and self.out > self.limit:
            raise RefusedError(f"more than {self.limit} bytes after decompression")
        if self.out > self.settings.ratio_floor_bytes:
            ratio = self.out / max(1, self.raw.count)
            if ratio > self.settings.max_ratio:
                raise RefusedError(
                    f"decompression bomb: {self.out} bytes out of {self.raw.count}, "
                    f"more than {self.settings.max_ratio:g} to 1"
                )
        return len(data)


@contextmanager
def open_capped(
    path: str, settings: Settings, limit: int = 0, span: tuple[int, int] = (0, 0)
) -> Iterator[BinaryIO]:
    """Open a file decompressed by its first bytes; reading past a cap raises RefusedError.

    `limit` is the most bytes that may come out, 0 for no bound but the ratio; `span` (offsets, the
    second 0 for the end) the stored bytes that are read.
    """
    with files.open_raw(path) as raw:
        raw.seek(span[0])
        head = raw.read(8)
        counted = _Counted(raw, head, span[1] - span[0] if span[1] else -1)
        stream = cast(BinaryIO, io.BufferedReader(counted, _CHUNK))
        opened = files.decompress(stream, compression(head))
        yield cast(BinaryIO, io.BufferedReader(_Capped(opened, counted, settings, limit), _CHUNK))


def read_up_to(stream: BinaryIO, limit: int) -> bytes | None:
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
