"""Files behind `scheme://` paths (s3://, gs://, hdfs://), through Beam's file systems.

Limit: objects are read as one stream; Beam buffers uploads in its own parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, cast

from corpusforge.errors import InputError
from corpusforge.startup import shared_s3_clients, without_unused

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
    if path.startswith("s3://"):
        shared_s3_clients()
    try:
        yield
    except Exception as error:  # each store has its own, and few are BeamIOError
        detail = getattr(error, "exception_details", None) or {}
        reason = next(iter(detail.values()), None) or error
        raise InputError(f"cannot {action} {path!r}: {reason}. {_NEEDS}") from error


_NEEDS = "s3:// needs corpusforge[aws], gs:// corpusforge[gcp], and credentials."


def open_raw(path: str) -> BinaryIO:
    """Open an object's stored bytes for reading."""
    with _told("read", path):
        stream = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return cast(BinaryIO, stream)


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
        if FileSystems.exists(path):
            FileSystems.delete([path])


@contextmanager
def atomic_write(path: str) -> Iterator[BinaryIO]:
    """Write an object that exists only if the block ends without an error."""
    with _told("write", path):
        stream = FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED)
    try:
        yield cast(BinaryIO, stream)
    except BaseException:
        stream.close()
        remove(path)
        raise
    with _told("write", path):
        stream.close()
