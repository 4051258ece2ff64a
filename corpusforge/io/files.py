"""Files by path: local ones directly, `scheme://` ones through any Beam filesystem.

Beam's own decompressing `open(...).read()` stops silently at 16 MiB, so files are opened raw
and wrapped here. A written file appears under its name only when it is complete.
"""

from __future__ import annotations

import bz2
import glob as globbing
import gzip
import hashlib
import io
import lzma
import os
import re
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from corpusforge.errors import InputError

__all__ = [
    "COMPRESSED",
    "FileInfo",
    "atomic_write",
    "decompress",
    "exists",
    "is_remote",
    "join",
    "list_files",
    "make_directory",
    "on_disk",
    "open_raw",
    "open_stream",
    "read_bytes",
    "remove",
    "sha256",
    "write_bytes",
]

COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4")
TEMPORARY = re.compile(r"\.tmp-[0-9a-f]{12}$")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, order=True)
class FileInfo:
    """A file's path and its size in bytes."""

    path: str
    size: int


def is_remote(path: str) -> bool:
    """Whether the path names a scheme (s3://, gs://) rather than a local file."""
    return "://" in path


def join(directory: str, *parts: str) -> str:
    """Join path parts with "/" for remote and local paths alike."""
    return "/".join([directory.rstrip("/"), *parts]) if directory != "/" else "/" + "/".join(parts)


def open_raw(path: str) -> BinaryIO:
    """Open the stored bytes of a file for reading, without decompressing."""
    if is_remote(path):
        from corpusforge.io import remote

        return remote.open_raw(path)
    return cast(BinaryIO, Path(path).open("rb"))


def decompress(stream: BinaryIO, path: str) -> BinaryIO:
    """Wrap a raw stream by the file name's ending: .gz .bz2 .xz .zst .lz4, else unchanged.

    Multi-member gzip, multi-stream bzip2 and multi-frame zstd are read to the end.
    """
    if path.endswith(".gz"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if path.endswith(".bz2"):
        return cast(BinaryIO, bz2.BZ2File(stream))
    if path.endswith(".xz"):
        return cast(BinaryIO, lzma.LZMAFile(stream))
    if path.endswith(".zst"):
        import zstandard

        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        return cast(BinaryIO, io.BufferedReader(reader, _CHUNK))
    if path.endswith(".lz4"):
        import lz4.frame

        return cast(BinaryIO, lz4.frame.LZ4FrameFile(stream))
    return stream


def open_stream(path: str) -> BinaryIO:
    """Open a file for reading, decompressed by its name's ending."""
    return decompress(open_raw(path), path)


@contextmanager
def on_disk(path: str) -> Iterator[str]:
    """A local path of a file, for libraries that open files themselves; remote ones are copied."""
    if not is_remote(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="corpusforge-") as folder, open_raw(path) as stream:
        local = Path(folder) / "file"
        with local.open("wb") as out:
            while chunk := stream.read(_CHUNK):
                out.write(chunk)
        yield str(local)


def read_bytes(path: str) -> bytes:
    """Return a file's stored bytes."""
    with open_raw(path) as stream:
        chunks = iter(lambda: stream.read(_CHUNK), b"")
        return b"".join(chunks)


def sha256(path: str) -> str:
    """Return the hex SHA-256 of a file's stored bytes."""
    digest = hashlib.sha256()
    with open_raw(path) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def list_files(pattern: str) -> list[FileInfo]:
    """Return the files a path, directory or glob names (`**` reaches into directories), by path.

    Hidden files and our own temporary files are left out; an empty list means nothing matched.
    """
    if is_remote(pattern):
        from corpusforge.io import remote

        return sorted(FileInfo(path, size) for path, size in remote.match(pattern))
    # glob, not Path.glob: the latter takes no absolute patterns
    found = [pattern] if Path(pattern).exists() else globbing.glob(pattern, recursive=True)  # noqa: PTH207
    files: list[FileInfo] = []
    for name in found:
        path = Path(name)
        inside = path.rglob("*") if path.is_dir() else [path]
        for item in inside:
            relative = item.relative_to(path) if path.is_dir() else Path(item.name)
            hidden = path.is_dir() and any(part.startswith(".") for part in relative.parts)
            if item.is_file() and not hidden and not TEMPORARY.search(item.name):
                files.append(FileInfo(item.as_posix(), item.stat().st_size))
    return sorted(set(files))


def exists(path: str) -> bool:
    """Whether a file or directory is there."""
    if is_remote(path):
        from corpusforge.io import remote

        return remote.exists(path)
    return Path(path).exists()


def make_directory(path: str) -> None:
    """Create a directory and its parents; an existing one is fine. Object stores need none."""
    if not is_remote(path):
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot create directory {path!r}: {error.strerror}. Choose a writable --output."
            ) from error


def remove(path: str) -> None:
    """Delete a file; a missing one is fine."""
    if is_remote(path):
        from corpusforge.io import remote

        remote.remove(path)
        return
    Path(path).unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Write a file that appears under `path` only when the block ends without an error.

    Local: a temporary name beside it, flushed to disk, then renamed. Remote: object stores show
    an object only when it is closed; on an error it is deleted.
    """
    if is_remote(path):
        from corpusforge.io import remote

        with remote.atomic_write(path) as stream:
            yield stream
        return
    make_directory(str(Path(path).parent))
    temporary = Path(f"{path}.tmp-{uuid.uuid4().hex[:12]}")
    try:
        with temporary.open("wb") as stream:
            yield cast(BinaryIO, stream)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        if error.filename not in (None, str(temporary)):
            raise  # of another file, which the block reads
        raise InputError(f"cannot write {path!r}: {error.strerror or error}.") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(path: str, data: bytes) -> None:
    """Write a whole file atomically."""
    with atomic_write(path) as stream:
        stream.write(data)
