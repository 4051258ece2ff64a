"""Members of tar and zip archives, one at a time, never written to a disk.

Before the first member is handed out the whole archive is surveyed: names that reach outside,
member counts, sizes and ratios beyond the caps refuse the archive with the reason. A zip's
claimed sizes are not believed either: reading stops at the cap. A tar that ends without its end mark
(two blocks of zeros, POSIX pax) was cut, and says so behind its last member. Limits: archives inside
archives stay closed; sparse members of a tar, and zip methods but stored and deflated, are refused.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Literal, Self, cast

from corpusforge.cputime import earn
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.streams import RefusedError, open_capped, size_of
from corpusforge.io import files
from corpusforge.io.compressed import Pieces, TruncatedError

__all__ = ["Member", "check_name", "check_zip", "is_archive", "members", "open_tar"]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others are unpacked without a bound
_ENDINGS = (".tar", ".tgz", ".tbz2", ".txz", ".zip", ".whl", ".jar", ".crate", ".gem", ".nupkg")


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file of an archive: `read(limit)` returns at most `limit` of its bytes. It raises
    StreamError where the archive ends early, other errors where the member alone is damaged."""

    name: str
    size: int
    read: Callable[[int], bytes]


def is_archive(stem: str) -> bool:
    """Whether a lower-case name without compression suffix names an archive."""
    return stem.endswith(_ENDINGS)


def members(path: str, settings: Settings) -> Iterator[Member]:
    """Yield the regular files of a tar (any compression) or zip, in stored order.

    Raises RefusedError where the archive passes a cap or a name reaches outside.
    """
    earn(size_of(path))  # a zip's directory is read first
    with files.open_raw(path) as raw:
        zipped = raw.read(4)[:2] == b"PK"
    if zipped:
        with files.open_raw(path) as raw:
            seekable = raw if raw.seekable() else io.BytesIO(raw.read(settings.max_archive_bytes))
            yield from _zip(seekable, settings)
        return
    with open_capped(path, settings, settings.max_archive_bytes) as stream:
        yield from _tar(cast(BinaryIO, _TarPieces(stream)), settings)


def check_name(name: str) -> None:
    """Raise RefusedError where a member's name leads out of the archive."""
    flat = name.replace("\\", "/")
    if flat.startswith("/") or flat[1:2] == ":" or ".." in flat.split("/") or "\x00" in flat:
        raise RefusedError(f"path leaves the archive: {name[:120]!r}")


def _tar(stream: BinaryIO, settings: Settings) -> Iterator[Member]:
    with open_tar(stream, "r|") as archive:
        claimed = 0
        for count, info in enumerate(_infos(archive), 1):
            if count > settings.max_archive_files:
                raise RefusedError(f"more than {settings.max_archive_files} members")
            claimed += info.size
            if claimed > settings.max_archive_bytes:
                raise RefusedError(
                    f"claims {claimed} bytes, more than {settings.max_archive_bytes}"
                )
            check_name(info.name)
            if info.issym() or info.islnk():
                check_link(info)
            if info.isreg():
                name = info.name.removeprefix("./").encode("utf-8", "surrogateescape")
                yield Member(name.decode("utf-8", "replace"), info.size, _tar_reader(archive, info))
            vars(archive)["members"] = []  # the streaming reader would keep every header in memory


class _TarPieces(Pieces):
    """A packed tar for tarfile, which goes on reading behind the end, as far as a header claims."""

    ended = False

    def read(self, size: int = -1) -> bytes:
        data = super().read(size)
        if self.ended and not data:
            raise TruncatedError("ends early, inside a member")
        self.ended = not data
        return data


def open_tar(stream: BinaryIO, mode: Literal["r|", "r:"]) -> tarfile.TarFile:
    """Open a tar that is not packed: "r|" read once, "r:" with seeks. Raises TarError for no tar,
    TruncatedError for one that ends early, RefusedError for headers that take much memory."""
    return tarfile.open(fileobj=stream, mode=mode, tarinfo=_Info)


def _infos(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    try:
        yield from archive
    except tarfile.ReadError as error:
        if archive.offset == 0:
            raise
        raise TruncatedError(f"ends early, at byte {archive.offset}: {error}") from error


class _Info(tarfile.TarInfo):
    """A header that does not take a damaged or missing one for the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            end = type(error).__name__ == "EOFHeaderError"  # a block of zeros
            if end or archive.offset == 0:
                raise
            raise TruncatedError(f"ends early, at byte {archive.offset}: {error}") from error

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type == tarfile.GNUTYPE_SPARSE:
            raise RefusedError(f"sparse member: {self.name[:120]!r}")
        if self.type in _LONG_HEADERS and self.size > _LONGEST_HEADER:
            raise RefusedError(f"a header of {self.size} bytes, more than {_LONGEST_HEADER}")
        made: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return made


_LONG_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_LONGEST_HEADER = 1 << 20  # names and attributes; tarfile holds them in memory


def check_link(info: tarfile.TarInfo) -> None:
    """Raise RefusedError where a link points out of the archive."""
    base = info.name.split("/")[:-1] if info.issym() else []
    depth = len([part for part in base if part not in ("", ".")])
    for part in info.linkname.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            raise RefusedError(
                f"link leaves the archive: {info.name[:80]!r} → {info.linkname[:80]!r}"
            )
    if info.linkname.startswith("/") and info.islnk():
        raise RefusedError(f"link leaves the archive: {info.name[:80]!r} → {info.linkname[:80]!r}")


def _tar_reader(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        opened = archive.extractfile(info)
        try:
            data = opened.read(limit) if opened else b""
        except tarfile.ReadError as error:
            raise TruncatedError(f"ends early, inside {info.name[:120]!r}") from error
        if len(data) < min(limit, info.size):
            raise TruncatedError(f"ends early, inside {info.name[:120]!r}")
        return data

    return read


@contextmanager
def check_zip(data: bytes, settings: Settings) -> Iterator[zipfile.ZipFile]:
    """Open a zip held in memory after its directory passed every cap; see `members` for errors."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        _survey(archive, settings)
        yield archive


def _survey(archive: zipfile.ZipFile, settings: Settings) -> None:
    infos = archive.infolist()
    if len(infos) > settings.max_archive_files:
        raise RefusedError(f"more than {settings.max_archive_files} members")
    total = packed = 0
    starts = set()
    for info in infos:
        check_name(info.filename)
        if info.flag_bits & 1:
            raise RefusedError(f"encrypted member: {info.filename[:120]!r}")
        if info.compress_type not in _METHODS:
            raise RefusedError(f"zip method {info.compress_type}: {info.filename[:120]!r}")
        if info.header_offset in starts and not info.is_dir():
            raise RefusedError(f"members overlap: {info.filename[:120]!r}")
        starts.add(info.header_offset)
        total += info.file_size
        packed += info.compress_size
    if total > settings.max_archive_bytes:
        raise RefusedError(f"claims {total} bytes, more than {settings.max_archive_bytes}")
    if total > settings.ratio_floor_bytes and total > settings.max_ratio * max(1, packed):
        raise RefusedError(
            f"decompression bomb: {total} bytes out of {packed}, "
            f"more than {settings.max_ratio:g} to 1"
        )


def _zip(raw: BinaryIO, settings: Settings) -> Iterator[Member]:
    with zipfile.ZipFile(raw) as archive:
        _survey(archive, settings)
        for info in archive.infolist():
            if not info.is_dir():
                earn(info.file_size)
                yield Member(info.filename, info.file_size, _zip_reader(archive, info))


def _zip_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        with archive.open(info) as stream:
            return stream.read(limit)

    return read
