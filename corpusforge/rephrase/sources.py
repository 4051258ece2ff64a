"""The documents that are rewritten: those that a run kept, or files of any kind of source.

A part is a part of the run's documents, or one file. Limit: a file is one part, however large.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from corpusforge import ingest
from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.extract.step import Extract
from corpusforge.ingest.names import kind_of
from corpusforge.instruct.ground.passages import Document
from corpusforge.io import files
from corpusforge.io.files import input_files
from corpusforge.manifest import Manifest
from corpusforge.options import Parser
from corpusforge.plugins import choice
from corpusforge.records import Document as Whole
from corpusforge.records import RawDocument
from corpusforge.survivors import ORDER, read_survivors

__all__ = ["Source", "add_source_options", "find_sources", "read_source"]

_COLUMNS = ("id", "source", "url", "licence", "lang", "title", "text", "origin")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the documents of a part are: a part of a run up to a stage, or a file of a kind.

    `fingerprint` changes when the documents do; `size` is in stored bytes.
    """

    path: str
    kind: str
    index: int
    upto: str
    size: int
    fingerprint: tuple[object, ...]


def add_source_options(options: Parser) -> None:
    """Add --input and --kind, which `find_sources` takes, and --output and --give-up."""
    add = options.add_argument
    add("--input", action="append", default=[], metavar="RUN|GLOB",
        help="a run of pretrain_mix, or files of any kind of source; may be repeated")  # fmt: skip
    add("--kind", type=choice("sources", ingest.SOURCES), metavar="NAME",
        help=f"kind of every file, instead of its name's: {', '.join(ingest.SOURCES)}, or your own as "
        "package.module:NAME")  # fmt: skip
    add("--output", required=True, metavar="DIR", help="new, empty, or a run to go on with")
    add("--give-up", action="store_true",
        help="go on where the engine answers none of some requests that are asked together")  # fmt: skip


def find_sources(inputs: list[str], kind: str = "") -> list[Source]:
    """Return the parts of runs (their directories) and of files (names, directories, globs), in order.

    `kind` is that of all files; without it their names tell. Raises InputError.
    """
    found: list[Source] = []
    for given in inputs:
        if files.exists(files.join(given, "documents", "manifest.json")):
            found += _parts(given.rstrip("/"))
            continue
        for path in input_files([given], "--input"):
            size = files.list_files(path)[0].size
            changed = 0 if files.is_remote(path) else Path(path).stat().st_mtime_ns
            own = kind or kind_of(path)
            found.append(
                Source(path, own, -1, "", size, (own, PurePosixPath(path).name, size, changed))
            )
    return found


def _parts(run: str) -> Iterator[Source]:
    """The document parts of a run as its last stage that removes documents left them."""
    upto, told = ORDER[0], []
    for stage in ORDER:
        made: Manifest | None = records.read_json(files.join(run, stage, "manifest.json"), Manifest)
        if made is None:
            break
        upto = stage
        told.append(made.digest)
    parts = files.list_files(files.join(run, "documents", "part-*.parquet"))
    if not parts:
        raise InputError(f"{run!r} has no documents. Name a run that is past its first stage.")
    for index, part in enumerate(parts):
        yield Source(run, "run", index, upto, part.size, (*told, index))


def read_source(source: Source) -> Iterator[Document]:
    """Yield the documents of one part that people wrote, in order: a rewrite is not rewritten."""
    if source.kind != "run" or source.index < 0:
        yield from _of_file(source)
        return
    for batch in read_survivors(source.path, source.index, _COLUMNS, source.upto):
        for row in batch.select(list(_COLUMNS)).to_pylist():
            if row.pop("origin") == "human":
                yield Document(**{name: value or "" for name, value in row.items()})


def _of_file(source: Source) -> Iterator[Document]:
    settings, extract = ingest.Settings(), Extract(source.kind).open()
    for item in ingest.read(source.kind, source.path, settings):
        found = extract(item) if isinstance(item, RawDocument) else item
        if isinstance(found, Whole):
            yield Document(
                id=found.id, text=found.text, source=found.source, url=found.url,
                licence=found.licence, lang=found.lang, title=found.title,
            )  # fmt: skip
