"""Files behind `scheme://` paths (s3://, gs://, hdfs://), through Beam's file systems.

What a store refuses, at once or in the middle of an object, is an InputError that names the path. Limit:
objects are read as one stream; Beam buffers uploads in its own parts.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from corpusforge.errors import InputError
from corpusforge.io import gcs, s3
from corpusforge.startup import without_unused

with without_unused("pandas", "pymongo"):
    from apache_beam.io.filesystem import CompressionTypes
    from apache_beam.io.filesystems import FileSystems
    from apache_beam.options.pipeline_options import PipelineOptions

__all__ = ["atomic_write", "check_directory", "configure", "exists", "match", "open_raw", "remove"]


def configure(options: Sequence[str]) -> None:
    """Tell Beam's file systems of the pipeline options (endpoints, credentials) before any is used."""
    FileSystems.set_options(PipelineOptions(list(options)))


@contextmanager
def _told(action: str, path: str) -> Iterator[None]:
    """Raise InputError, naming the path, for what a file system refuses."""
    if path.startswith("gs://"):
        gcs.prepare()
    if path.startswith("s3://"):
        s3.prepare()
        if (
            FileSystems._pipeline_options is None
        ):  # a command that takes none, where Beam wants some
            configure([])
    try:
        yield
    except Exception as error:  # each store has its own, and few are BeamIOError
        detail = getattr(error, "exception_details", None) or {}
        reason = str(next(iter(detail.values()), None) or error).rstrip(".")
        raise InputError(f"cannot {action} {path!r}: {reason}. {_NEEDS}") from error


_CHUNK = 1 << 20
_NEEDS = "s3:// needs corpusforge[aws], gs:// corpusforge[gcp], and credentials."


def open_raw(path: str) -> BinaryIO:
    """Open an object's stored bytes for reading."""
    with _told("read", path):
        stream = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return cast(BinaryIO, io.BufferedReader(_Told(stream, path), _CHUNK))


class _Told(io.RawIOBase):
    """An object whose reading and writing raise InputError; an error of what uses it stays its own."""

    def __init__(self, stream: Any, path: str) -> None:
        self._stream, self._path = stream, path

    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return bool(self._stream.readable())

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return bool(self._stream.writable())

    def seekable(self) -> bool:
        """Whether places can be asked for."""
        return bool(self._stream.seekable())

    def readinto(self, buffer: Any, /) -> int:
        """Read bytes into a buffer; return how many."""
        with _told("read", self._path):
            return int(self._stream.readinto(buffer))

    def write(self, data: Any, /) -> int:
        """Write bytes; return how many."""
        with _told("write", self._path):
            return int(self._stream.write(data))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to a place; return it."""
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        """Return the place."""
        return int(self._stream.tell())

    def close(self) -> None:
        """Close the object; one that was written appears now."""
        if self.closed:
            return
        try:
            with _told("write" if self.writable() else "read", self._path):
                self._stream.close()
        finally:
            super().close()


def match(pattern: str) -> Iterator[tuple[str, int]]:
    """Yield (path, size in bytes) of the objects a pattern names."""
    with _told("list", pattern):
        found = FileSystems.match([pattern])
    for metadata in found[0].metadata_list:
        yield metadata.path, int(metadata.size_in_bytes)


def check_directory(path: str) -> None:
    """Accept it: object stores need no directories."""


def exists(path: str) -> bool:
    """Whether an object is there."""
    with _told("look for", path):
        return bool(FileSystems.exists(path))


def remove(path: str) -> None:
    """Delete an object; a missing one is fine."""
    with _told("delete", path):
        if not FileSystems.exists(path):
            return
        if path.startswith("gs://"):
            gcs.delete(path)
        else:
            FileSystems.delete([path])


@contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Write an object that exists only if the block ends without an error."""
    with _told("write", path):
        raw = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
    stream = io.BufferedWriter(_Told(raw, path), _CHUNK)
    try:
        yield cast(BinaryIO, stream)
        stream.flush()
    except BaseException:
        with suppress(InputError):  # where the store is gone, the first error says so
            stream.close()
            remove(path)
        raise
    stream.close()
