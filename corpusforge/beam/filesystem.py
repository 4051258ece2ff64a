"""Files behind `scheme://` paths (s3://, gs://, hdfs://), through Beam's file systems.

Limit: objects are read as one stream; Beam buffers uploads in its own parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from corpusforge.errors import InputError

__all__ = ["atomic_write", "exists", "match", "open_raw", "remove"]


def open_raw(path: str) -> BinaryIO:
    """Open an object's stored bytes for reading."""
    try:
        stream = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    except (BeamIOError, ValueError) as error:
        raise InputError(f"cannot read {path!r}: {error}.") from error
    return cast(BinaryIO, stream)


def match(pattern: str) -> Iterator[tuple[str, int]]:
    """Yield (path, size in bytes) of the objects a pattern names."""
    try:
        found = FileSystems.match([pattern])
    except (BeamIOError, ValueError) as error:
        raise InputError(
            f"cannot list {pattern!r}: {error}. s3:// needs corpusforge[aws], gs:// corpusforge[gcp]."
        ) from error
    for metadata in found[0].metadata_list:
        yield metadata.path, int(metadata.size_in_bytes)


def exists(path: str) -> bool:
    """Whether an object is there."""
    return bool(FileSystems.exists(path))


def remove(path: str) -> None:
    """Delete an object; a missing one is fine."""
    if FileSystems.exists(path):
        FileSystems.delete([path])


@contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Write an object that exists only if the block ends without an error."""
    stream = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
    try:
        yield cast(BinaryIO, stream)
    except BaseException:
        stream.close()
        remove(path)
        raise
    stream.close()
