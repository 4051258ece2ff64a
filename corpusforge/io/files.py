"""Files by path: local ones directly, hf:// by the hub's client, other schemes by Beam's file systems.

Beam's own decompressing `open(...).read()` stops silently at 16 MiB, so files are opened raw here
and unpacked by `compressed`. A written file appears under its name only when it is complete.
"""

from __future__ import annotations

import glob as globbing
import hashlib
import io
import os
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from corpusforge.errors import InputError
from corpusforge.printing import say

__all__ = [
    "COMPRESSED",
    "FileInfo",
    "atomic_write",
    "exists",
    "find_files",
    "input_files",
    "is_remote",
    "join",
    "list_files",
    "make_directory",
    "on_disk",
    "open_raw",
    "read_bytes",
    "remove",
    "sha256",
    "sweep",
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


def sweep(directory: str) -> None:
    """Delete what a killed process was about to rename into a local directory or a folder below it."""
    for path in Path(directory).rglob("*"):
        if TEMPORARY.search(path.name):
            path.unlink(missing_ok=True)


def is_remote(path: str) -> bool:
    """Whether the path names a scheme (s3://, gs://) rather than a local file."""
    return "://" in path


def _store(path: str) -> Any:
    """Return the module that reads and writes a path with a scheme."""
    from corpusforge.io import hub

    if path.startswith(hub.SCHEME):
        return hub
    from corpusforge.io import remote

    return remote


def join(directory: str, *parts: str) -> str:
    """Join path parts with "/" for remote and local paths alike."""
    return "/".join([directory.rstrip("/"), *parts]) if directory != "/" else "/" + "/".join(parts)


def open_raw(path: str) -> BinaryIO:
    """Open the stored bytes of a file for reading, without decompressing."""
    if is_remote(path):
        return _store(path).open_raw(path)
    return cast(BinaryIO, Path(path).open("rb"))


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

    Hidden files, our own temporary files and links that leave the folder (`find_files`) are left out,
    the last with a warning on standard error; an empty list means nothing matched.
    """
    found, outside = find_files(pattern)
    if outside:
        say(
            f"warning: {pattern}: {len(outside)} symbolic links leave the folder and are skipped, the "
            f"first is {outside[0]!r}",
            error=True,
        )
    return found


def find_files(pattern: str) -> tuple[list[FileInfo], list[str]]:
    """Return the files of `list_files`, and the paths that a folder or glob holds but a symbolic link
    leads out of it: what lies there was not given. A path that is named itself may be such a link.

    Raises InputError for a file name that is not UTF-8.
    """
    if is_remote(pattern):
        return sorted(FileInfo(path, size) for path, size in _store(pattern).match(pattern)), []
    named = Path(pattern).exists()
    fixed, glob = _parted(pattern)
    # glob, not Path.glob: the latter takes no absolute patterns
    matched = (
        [pattern] if named else globbing.glob(globbing.escape(fixed) + glob, recursive=True)  # noqa: PTH207
    )
    fixed += re.split(r"[*?\[]", glob, maxsplit=1)[0]
    top = pattern if named else fixed.rpartition("/")[0] or "."
    leaves = _leaving("/" if top == "." and pattern.startswith("/") else top)
    files: list[FileInfo] = []
    outside: list[str] = []
    for path in map(Path, matched):
        folder = path.is_dir()
        for item in path.rglob("*") if folder else [path]:
            parts = item.relative_to(path).parts if folder else ()
            if any(part.startswith(".") for part in parts) or TEMPORARY.search(item.name):
                continue
            if item.is_file():
                _check_name(item)
                if (folder or not named) and leaves(item):
                    outside.append(item.as_posix())
                else:
                    files.append(FileInfo(item.as_posix(), item.stat().st_size))
    return sorted(set(files)), sorted(set(outside))


def _parted(pattern: str) -> tuple[str, str]:
    """Return the folder that a pattern begins with, and the glob: a folder that is there is no glob, whatever
    signs its name has."""
    parts = pattern.split("/")
    for count in range(len(parts) - 1, 0, -1):
        folder = "/".join(parts[:count])
        if folder and Path(folder).is_dir():
            return folder + "/", "/".join(parts[count:])
    return "", pattern


def _leaving(top: str) -> Callable[[Path], bool]:
    """Return the test whether a path below `top` is, through symbolic links, outside of it."""
    folders: dict[Path, str] = {}
    real = ""

    def leaves(item: Path) -> bool:
        nonlocal real
        real = real or os.path.realpath(top)
        folder = item.parent
        if folder not in folders:
            folders[folder] = os.path.realpath(folder)
        place = os.path.realpath(item) if item.is_symlink() else folders[folder]
        return os.path.commonpath([real, place]) != real

    return leaves


def _check_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise InputError(
            f"the file name {os.fsencode(path)!r} is not UTF-8. Rename it, or leave it out by a glob."
        ) from None


def exists(path: str) -> bool:
    """Whether a file or directory is there."""
    if is_remote(path):
        return _store(path).exists(path)
    return Path(path).exists()


def make_directory(path: str) -> None:
    """Create a directory and its parents; an existing one is fine. Object stores need none."""
    if is_remote(path):
        _store(path).check_directory(path)
    else:
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"cannot create directory {path!r}: {error.strerror}. Choose a writable --output."
            ) from error


def remove(path: str) -> None:
    """Delete a file; a missing one is fine."""
    if is_remote(path):
        _store(path).remove(path)
        return
    Path(path).unlink(missing_ok=True)


@contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Write a file that appears under `path` only when the block ends without an error.

    Local: a temporary name beside it, flushed to disk, then renamed. Remote: object stores show
    an object only when it is closed; on an error it is deleted.
    """
    if is_remote(path):
        with _store(path).atomic_write(path) as stream:
            yield stream
        return
    make_directory(str(Path(path).parent))
    temporary = Path(f"{path}.tmp-{uuid.uuid4().hex[:12]}")
    try:
        with _told(path):
            raw = _Written(temporary.open("wb", buffering=0), path)
        with io.BufferedWriter(raw, _CHUNK) as stream:
            yield cast(BinaryIO, stream)
            stream.flush()
            with _told(path):
                os.fsync(stream.fileno())
        with _told(path):
            temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


class _Written(io.RawIOBase):
    """A file whose writing alone raises InputError: an error of what the writer reads stays its own."""

    def __init__(self, raw: io.FileIO, path: str) -> None:
        self._raw, self._path = raw, path

    def writable(self) -> bool:
        """Return True: it is for writing only."""
        return True

    def write(self, data: Any, /) -> int:
        """Write bytes; raises InputError naming the final path where the disk does not take them."""
        with _told(self._path):
            return self._raw.write(data)

    def seekable(self) -> bool:
        """Return True: writers ask where they are."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a place; return it."""
        return self._raw.seek(offset, whence)

    def fileno(self) -> int:
        """Return the number of the open file."""
        return self._raw.fileno()

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
        super().close()


@contextmanager
def _told(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot write {path!r}: {error.strerror or error}.") from error


def write_bytes(path: str, data: bytes) -> None:
    """Write a whole file atomically."""
    with atomic_write(path) as stream:
        stream.write(data)


def input_files(patterns: Sequence[str], option: str) -> list[str]:
    """Return the files of paths, directories and globs, each once, in the order given.

    Raises InputError where a pattern matches nothing.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        paths = [info.path for info in list_files(pattern)]
        if not paths:
            raise InputError(
                f"{option} {pattern!r} matches no file. Quote globs, or check the path."
            )
        found.update(dict.fromkeys(paths))
    return list(found)
