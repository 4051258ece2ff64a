"""Rows to start from: a run's rows, a file of rows, or seed tasks; and which of them are drawn.

A run is a directory with `rows.jsonl`. A file holds rows or tasks in Self-Instruct's schema, which
`instances` tells apart, rows as our Parquet exports have them, or rows of other people (`foreign`).
Limit: all rows are held in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, make_id, uniform
from corpusforge.instruct import seeds as seeding
from corpusforge.instruct.export.tables import row_of
from corpusforge.instruct.foreign import foreign_row
from corpusforge.instruct.records import Row, Task
from corpusforge.io import files, layouts

__all__ = ["digest", "draw_rows", "load_rows", "rows_of"]


def load_rows(sources: Sequence[str], languages: Sequence[str]) -> list[Row]:
    """Return the rows of these languages in file order; the built-in seeds where no source is named.

    Raises InputError naming the file and row that is neither row nor task, or a repeated id.
    """
    rows = [row for source in sources or languages for row in _read(source)]
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            raise InputError(f"the row id {row.id!r} comes twice among {list(sources)}; name one")
        seen.add(row.id)
    return [row for row in rows if row.language in languages]


def _read(source: str) -> list[Row]:
    if source in seeding.BUILTIN:
        return [row for task in seeding.load(source) for row in rows_of(task)]
    path = files.join(source, "rows.jsonl") if Path(source).is_dir() else source
    if not files.exists(path):
        raise InputError(f"{path!r} does not exist. Name a run's directory or a file of rows.")
    rows: list[Row] = []
    for number, line in enumerate(layouts.objects(path), 1):
        where = f"{path}: row {number}"
        if "instances" in line:
            rows += rows_of(seeding.parse_task(line, where))
            continue
        if whole := row_of(line):
            rows.append(whole)
            continue
        if ("id" not in line or "task" not in line) and (made := foreign_row(line, where)):
            rows.append(made)
            continue
        try:
            rows.append(msgspec.convert(line, Row))
        except msgspec.ValidationError as error:
            raise InputError(f"{where}: neither a row nor a seed task ({error})") from error
    return rows


def rows_of(task: Task) -> list[Row]:
    """Return one row an instance of a seed task."""
    return [
        Row(
            id=make_id("instruct.seed", f"{task.id}\x00{one.input}\x00{one.output}"),
            task=task.id, instruction=task.instruction, input=one.input, output=one.output,
            language=task.language, is_classification=bool(task.is_classification), group=task.id,
        )
        for one in task.instances
    ]  # fmt: skip


def draw_rows(rows: Sequence[Row], count: int, seed: int, purpose: str) -> list[Row]:
    """Return `count` rows drawn by hash (all where there are fewer), in the order of the draw.

    A larger count begins with the rows of a smaller one.
    """
    draws = uniform(id_keys(row.id for row in rows), seed, purpose)
    order = sorted(range(len(rows)), key=lambda place: (float(draws[place]), rows[place].id))
    return [rows[place] for place in order[:count]]


def digest(rows: Iterable[Row]) -> str:
    """Return 32 hex digits of the rows, everything in them counted."""
    found = hashlib.blake2b(digest_size=16)
    for row in rows:
        found.update(msgspec.json.encode(row) + b"\n")
    return found.hexdigest()
