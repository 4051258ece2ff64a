"""Code: single files of a tree, archives (tar.gz/bz2/xz/zst, zip), Parquet of The Stack's shape.

Every regular file is one document or one skipped row; comments stay. Language, licence (SPDX
expression and class) and the flags generated, minified, vendored, data_like go into `meta` for
the filter. An archive is read twice: once for its licences and against its caps, once for its
files. Limit: the licence of a single file is looked for in the directories above it up to the
source's root only.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa

from corpusforge.cputime import Bound, OverTimeError
from corpusforge.ingest.archives import is_archive, members
from corpusforge.ingest.codekind import flags
from corpusforge.ingest.languages import PROSE, language_of
from corpusforge.ingest.licences import Evidence, evidence, is_evidence, of_header, resolve
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.spdx import expression, licence_class
from corpusforge.ingest.streams import (
    DATA_ERRORS,
    StreamError,
    bounded,
    name_of,
    open_capped,
    reason,
    stem,
)
from corpusforge.io import files, parquet
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.text import charset

__all__ = ["Licences", "read_code", "survey"]

Item = RawDocument | Skipped | Failed
_EVIDENCE_BYTES = 1 << 18
_HEADERS = 400  # files whose first lines are read for "or later" notices
_STACK = {
    "content": ("content", "text", "code"),
    "path": ("max_stars_repo_path", "path", "file_path", "filename"),
    "repository": ("max_stars_repo_name", "repo_name", "repository", "repo"),
    "licence": ("max_stars_repo_licenses", "licenses", "license", "detected_licenses"),
    "language": ("lang", "language", "programming_language"),
    "id": ("hexsha", "blob_id", "id"),
}


@dataclass(frozen=True, slots=True)
class Licences:
    """Licences of a tree: by directory, and the tree's own for files below none of them."""

    by_directory: Mapping[str, str]
    default: str = ""

    def of(self, path: str) -> str:
        """Return the expression of the nearest directory above `path` that states one."""
        directory = path.rpartition("/")[0]
        while True:
            if directory in self.by_directory:
                return self.by_directory[directory]
            if not directory:
                return self.default
            directory = directory.rpartition("/")[0]


def read_code(path: str, settings: Settings, root: str = "") -> Iterator[Item]:
    """Yield every file of an archive, every row of a Parquet file, or the one file itself."""
    name = name_of(path, root)
    short = stem(name)
    if short.endswith(".parquet"):
        yield from _stack(path, name, settings)
    elif is_archive(short):
        yield from _archive(path, name, settings)
    else:
        yield _single(path, name, settings, root)


def survey(found: Sequence[Evidence]) -> Licences:
    """Return the licences of a tree from all its evidence."""
    spoken = [item for item in found if item.kind != "header"]
    reviewed = [item for item in spoken if item.kind == "debian"]
    notices = [item for item in found if item.kind == "header"]
    directories = {item.directory for item in spoken if item.kind != "debian"}
    by_directory = {
        directory: resolve(
            [*[i for i in spoken if i.directory == directory], *_below(notices, directory)]
        )
        for directory in directories
    }
    by_directory = {directory: expr for directory, expr in by_directory.items() if expr}
    if reviewed:
        default = reviewed[0].expr
    elif by_directory:
        default = by_directory[min(by_directory, key=lambda d: (d.count("/") + bool(d), d))]
    else:
        default = resolve(notices)
    return Licences(by_directory, default)


def _below(notices: Sequence[Evidence], directory: str) -> list[Evidence]:
    inside = f"{directory}/" if directory else ""
    return [item for item in notices if f"{item.directory}/".startswith(inside)]


def _archive(path: str, name: str, settings: Settings) -> Iterator[Item]:
    licences = survey(list(_evidence(path, settings)))
    for member in members(path, settings):
        locator = f"{name}:{member.name}"
        if member.size > settings.max_file_bytes:
            yield _too_large(locator, member.size, settings)
            continue
        try:
            data = member.read(settings.max_file_bytes + 1)
        except StreamError:
            raise
        except DATA_ERRORS as error:
            yield Failed(locator, reason(error))
            continue
        if len(data) > settings.max_file_bytes:
            yield _too_large(locator, len(data), settings)
        else:
            repository = member.name.split("/", 1)[0] if "/" in member.name else _bare(name)
            make = partial(_file, locator, member.name, data, licences, repository, settings)
            yield bounded(settings, locator, len(data), make)


def _bare(name: str) -> str:
    short = stem(name.rsplit("/", 1)[-1])
    return short.rsplit(".", 1)[0] if is_archive(short) else short


def _evidence(path: str, settings: Settings) -> Iterator[Evidence]:
    """Yield what an archive says of its licences; of a cut one, what its whole members say."""
    headers = 0
    with suppress(StreamError):  # told when the members are read
        for member in members(path, settings):
            stated = is_evidence(member.name)
            if not stated and headers >= _HEADERS:
                continue
            try:
                data = member.read(_EVIDENCE_BYTES if stated else _EVIDENCE_BYTES >> 6)
            except StreamError:
                return
            except DATA_ERRORS:  # a damaged member of a zip
                continue
            headers += not stated
            make = partial(_stated, member.name, data, stated=stated)
            found = bounded(settings, member.name, len(data), make)
            if isinstance(
                found, Evidence
            ):  # one over its time states nothing; it is a document too
                yield found


def _stated(name: str, data: bytes, *, stated: bool) -> Evidence | None:
    if stated:
        return evidence(name, charset.decode(data)[0])
    expr = of_header(data.decode("utf-8", "replace"))
    return Evidence(name.rpartition("/")[0], "header", expr, name) if expr else None


def _single(path: str, name: str, settings: Settings, root: str) -> Item:
    with open_capped(path, settings) as stream:
        data = stream.read(settings.max_file_bytes + 1)
    if len(data) > settings.max_file_bytes:
        return _too_large(name, len(data), settings)
    directory = path.rpartition("/")[0]
    top = root.rstrip("/") if root and path.startswith(root.rstrip("/") + "/") else directory
    licence = _licence_above(directory, top, settings.bound)
    repository = name.split("/", 1)[0] if "/" in name else top.rpartition("/")[2]
    make = partial(_file, name, name, data, Licences({}, licence), repository, settings)
    return bounded(settings, name, len(data), make)


@functools.lru_cache(maxsize=4096)
def _licence_above(directory: str, top: str, bound: Bound) -> str:
    """The licence that a directory's files state, else the nearest one's above, up to `top`.

    A file over the bound on CPU time states nothing.
    """
    found = []
    for info in files.list_files(directory) if files.is_remote(directory) else _beside(directory):
        if info.path.rpartition("/")[0] == directory and is_evidence(info.path):
            with files.open_raw(info.path) as stream:
                data = stream.read(_EVIDENCE_BYTES)
            with suppress(OverTimeError):
                name = info.path.rsplit("/", 1)[-1]
                said = bound.within(len(data), partial(_stated, name, data, stated=True))
                if said:
                    found.append(said)
    expr = resolve(found)
    if expr or directory == top or not directory:
        return expr
    return _licence_above(directory.rpartition("/")[0], top, bound)


def _beside(directory: str) -> list[files.FileInfo]:
    return [
        files.FileInfo(entry.as_posix(), entry.stat().st_size)
        for entry in sorted(Path(directory).iterdir())
        if entry.is_file()
    ]


def _too_large(locator: str, size: int, settings: Settings) -> Skipped:
    return Skipped(locator, "file_size", str(size), str(settings.max_file_bytes))


def _file(
    locator: str, path: str, data: bytes, licences: Licences, repository: str, settings: Settings
) -> Item:
    if not data.strip():
        return Skipped(locator, "empty_file", str(len(data)), "")
    if b"\x00" in data[:8192] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Skipped(locator, "content_type", "binary", "text")
    text, _ = charset.decode(data)
    language = language_of(path, text)
    notice = "" if language in PROSE or is_evidence(path) else of_header(text)
    licence = notice or licences.of(path) or settings.licence
    return _document(locator, path, text, licence, repository, language, settings)


def _document(
    locator: str,
    path: str,
    text: str,
    licence: str,
    repository: str,
    language: str,
    settings: Settings,
) -> RawDocument:
    prose = language in PROSE
    meta = {
        "path": path,
        "language": language,
        "repository": repository,
        "licence_class": licence_class(licence),
        **flags(path, text, language),
    }
    return RawDocument(
        locator,
        text,
        "text" if prose else "code",
        licence=licence,
        category=settings.category,
        format="text" if prose else "table" if language == "CSV" else "code",
        title=path.rsplit("/", 1)[-1],
        meta=meta,
    )


def _stack(path: str, name: str, settings: Settings) -> Iterator[Item]:
    number = 0
    for batch in parquet.read_batches(path, batch_rows=256):
        batch.validate(full=True)
        columns = _columns(batch)
        for row in range(batch.num_rows):
            values = {key: column[row].as_py() for key, column in columns.items()}
            make = partial(_row, values, f"{name}:{number}", settings)
            yield bounded(settings, f"{name}:{number}", 0, make)
            number += 1


def _columns(batch: pa.RecordBatch) -> dict[str, pa.Array]:
    found = {}
    for key, names in _STACK.items():
        name = next((name for name in names if name in batch.schema.names), "")
        if name:
            found[key] = batch.column(name)
    return found


def _row(values: Mapping[str, object], locator: str, settings: Settings) -> Item:
    text = values.get("content")
    if not isinstance(text, str):
        return Failed(locator, "no text in a column named content, text or code")
    if len(text) > settings.max_file_bytes:
        return _too_large(locator, len(text), settings)
    if not text.strip():
        return Skipped(locator, "empty_file", str(len(text)), "")
    said = values.get("licence") or []
    names = [said] if isinstance(said, str) else [str(item) for item in said]  # type: ignore[attr-defined]
    licence = " AND ".join(dict.fromkeys(filter(None, map(expression, names)))) or settings.licence
    path = str(values.get("path") or "")
    repository, language = str(values.get("repository") or ""), str(values.get("language") or "")
    language = language or language_of(path, text)
    return _document(locator, path, text, licence, repository, language, settings)
