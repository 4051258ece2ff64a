"""The input files of a run: found by source, sorted by name, grouped into parts.

Names are relative to the source's fixed directory, so ids and parts do not depend on where files lie.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.ingest.spans import WHOLE, Span, cut
from corpusforge.io import files
from corpusforge.recipe import Recipe, resolve_path

__all__ = [
    "PART_BYTES",
    "InputFile",
    "check_unchanged",
    "find_inputs",
    "group",
    "part_bytes",
    "pieces",
]

PART_BYTES = 4_000_000
"""Fewest stored bytes of neighbouring files of one source that make a part, where there are more."""
LARGEST_PART_BYTES = 256_000_000
_PARTS = 128
"""Parts grow by doubling as long as a run has more than this many: enough to balance 64 workers to
within a few per cent, few enough to list. The input decides, never the number of workers."""


@dataclass(frozen=True, slots=True, order=True)
class InputFile:
    """One input file: its source, its name inside the source, size in bytes, change time, path.

    `span` is the stretch of it that a part reads (`ingest.spans`), one of `pieces`. `outside`: a
    symbolic link that leaves the source's folder; it is skipped by name, never opened.
    """

    source: str
    name: str
    size: int
    modified: int
    path: str
    span: Span = WHOLE
    pieces: int = 1
    outside: bool = False

    @property
    def weight(self) -> int:
        """Stored bytes of the stretch that is read, about (row groups count as equal)."""
        return self.size // self.pieces if self.pieces > 1 else self.size


def find_inputs(recipe: Recipe) -> tuple[list[InputFile], list[str]]:
    """Return all input files, sorted by (source, name), and the names of optional sources not found.

    Raises InputError for a source that is not optional and has no file, or only empty ones.
    """
    inputs: list[InputFile] = []
    skipped: list[str] = []
    for name, source in sorted(recipe.sources.items()):
        patterns = [_parts(path) if source.kind == "run" else path for path in source.path]
        matched = [item for pattern in patterns for item in _match(name, pattern)]
        if not matched and source.optional:
            skipped.append(name)
        elif not matched:
            looked = ", ".join(patterns) or "(no path given)"
            raise InputError(
                f"source {name!r}: no file matches {looked}. Give --source {name}=GLOB, or set "
                f"optional = true in [sources.{name}]."
            )
        elif not any(item.size for item in matched):
            links = sum(item.outside for item in matched)
            leave = f", {links} of them links that leave its folder" if links else ""
            raise InputError(f"source {name!r}: all of its {len(matched)} files are empty{leave}.")
        inputs += matched
    if not inputs:
        raise InputError("no source has any file. Give --source NAME=GLOB.")
    return _named_apart(_once(inputs)), skipped


def check_unchanged(item: InputFile) -> None:
    """Raise InputError, naming the file, where it is gone or is not what it was at the start."""
    if item.outside:
        return
    found = files.list_files(item.path)
    if len(found) != 1:
        raise InputError(f"input file {item.path!r} vanished while the run was reading it.")
    modified = 0 if files.is_remote(item.path) else Path(item.path).stat().st_mtime_ns
    if (found[0].size, modified) != (item.size, item.modified):
        raise InputError(
            f"input file {item.path!r} changed while the run was reading it ({item.size} bytes at the "
            f"start, {found[0].size} now). Start the run again."
        )


def _once(found: list[InputFile]) -> list[InputFile]:
    """Sort, and keep each file of a source once, however many patterns or spellings name it."""
    kept: list[InputFile] = []
    seen: set[tuple[str, str]] = set()
    for item in sorted(found):
        own = files.is_remote(item.path) or item.outside
        real = item.path if own else os.path.realpath(item.path)
        if (item.source, real) not in seen:
            seen.add((item.source, real))
            kept.append(item)
    return kept


def _named_apart(found: list[InputFile]) -> list[InputFile]:
    """Give files of one source that share a name (`a/x.jsonl`, `b/x.jsonl` of two patterns) as many more
    folders as tell them apart, so that no two records have one locator."""
    while True:
        often = Counter((item.source, item.name) for item in found)
        longer = [
            _longer_name(item) if often[item.source, item.name] > 1 else item for item in found
        ]
        if longer == found:
            return sorted(found)
        found = longer


def _longer_name(item: InputFile) -> InputFile:
    before = item.path.removesuffix(item.name).rstrip("/")
    folder = before.rpartition("/")[2]
    return replace(item, name=f"{folder}/{item.name}") if folder else item


def _parts(run: str) -> str:
    """The document parts of an earlier run, whose directory is given; it must be finished."""
    run = resolve_path(run).rstrip("/")
    if not files.exists(files.join(run, "manifest.json")):
        raise InputError(f"{run!r} holds no finished run (manifest.json). Give a run's directory.")
    return files.join(run, "documents", "part-*.parquet")


def _match(source: str, pattern: str) -> Iterator[InputFile]:
    pattern = resolve_path(pattern)
    root = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    directory = root == pattern and (files.is_remote(root) or Path(root).is_dir())
    if not directory:
        root = root.rpartition("/")[0]
    found, outside = files.find_files(pattern)
    for link in outside:
        name = link.removeprefix(root).lstrip("/")
        yield InputFile(source, name, 0, 0, Path(link).absolute().as_posix(), outside=True)
    for info in found:
        name = info.path.removeprefix(root).lstrip("/")
        if files.is_remote(info.path):
            yield InputFile(source, name, info.size, 0, info.path)
        else:  # absolute: workers may have another working directory
            path = Path(info.path).absolute()
            yield InputFile(source, name, info.size, path.stat().st_mtime_ns, path.as_posix())


def part_bytes(inputs: Sequence[InputFile]) -> int:
    """Return how many stored bytes make a part of this run."""
    total = sum(item.size for item in inputs)
    size = PART_BYTES
    while size < LARGEST_PART_BYTES and total > _PARTS * size:
        size *= 2
    return size


def pieces(recipe: Recipe, inputs: Sequence[InputFile]) -> Iterator[InputFile]:
    """Yield the files, large ones cut where their format allows into stretches of about a part."""
    size = part_bytes(inputs)
    for item in inputs:
        spans = cut(recipe.sources[item.source].kind, item.path, item.size, size)
        for span in spans:
            yield replace(item, span=span, pieces=len(spans))


def group(inputs: Sequence[InputFile], limit: int) -> Iterator[list[InputFile]]:
    """Yield the files, or stretches of one, of each part of about `limit` stored bytes."""
    part: list[InputFile] = []
    size = 0
    for item in inputs:
        if part and (item.source != part[0].source or size + item.weight > limit):
            yield part
            part, size = [], 0
        part.append(item)
        size += item.weight
    if part:
        yield part
