"""Ready-made corpora as dedup reads them: JSON lines and Parquet, row by row with their originals.

Rows that cannot be read (no JSON object, no text, no id) are counted and left out; they never stop
a run. The survivors are written from the originals, so nothing but rows is ever lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.jsonl import read_lines
from corpusforge.io.parquet import read_batches

__all__ = ["JSONL", "PARQUET", "Columns", "FileTexts", "Rows", "read_rows"]

JSONL = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".lz4")
_ROWS, _BYTES = 1024, 8 << 20  # of one batch
_TYPES = {"text": pa.large_string(), "score": pa.float32()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the input's columns; empty = the input has none."""

    id: str = "id"
    text: str = "text"
    source: str = ""
    url: str = ""
    date: str = ""
    score: str = ""
    snapshot: str = ""

    def wanted(self) -> dict[str, str]:
        """Return our names and the input's, those given."""
        names = {name: getattr(self, name) for name in self.__slots__}
        return {name: column for name, column in names.items() if column}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows as `sign_part` takes them, the same as they stood in the file, and how many failed."""

    batch: pa.RecordBatch
    originals: Sequence[bytes] | pa.RecordBatch
    failed: int


def kind_of(path: str) -> str:
    """Return "jsonl" or "parquet" by the file's name; InputError for anything else."""
    name = path
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    if name.endswith(JSONL):
        return "jsonl"
    if path.endswith(PARQUET):
        return "parquet"
    raise InputError(
        f"{path!r}: expected a file that ends in .jsonl (.gz, .zst, .bz2, .xz) or .parquet."
    )


def read_rows(path: str, columns: Columns) -> Iterator[Rows]:
    """Yield a file's rows in batches bounded by rows and bytes."""
    if kind_of(path) == "parquet":
        yield from _read_parquet(path, columns)
    else:
        yield from _read_jsonl(path, columns)


def _read_parquet(path: str, columns: Columns) -> Iterator[Rows]:
    try:
        for batch in read_batches(path):
            yield _rows_of(batch, columns, path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}).") from error


def _rows_of(batch: pa.RecordBatch, columns: Columns, path: str) -> Rows:
    arrays: dict[str, pa.Array] = {}
    for name, column in columns.wanted().items():
        if column not in batch.schema.names:
            _missing(path, name, column, batch.schema.names)
        target = _TYPES.get(name, pa.string())
        arrays[name] = batch[column].cast(target)
    good = pc.and_(pc.is_valid(arrays["text"]), pc.is_valid(arrays["id"]))
    own = pa.RecordBatch.from_pydict(arrays).filter(good)
    return Rows(own, batch.filter(good), batch.num_rows - own.num_rows)


def _missing(path: str, name: str, column: str, known: Sequence[str]) -> None:
    raise InputError(
        f"{path}: no column {column!r} but {sorted(known)}. Name it by --{name}-column."
    )


def _read_jsonl(path: str, columns: Columns) -> Iterator[Rows]:
    wanted = columns.wanted()
    values: dict[str, list[Any]] = {name: [] for name in wanted}
    lines: list[bytes] = []
    failed = size = 0
    names: set[str] | None = None
    for _, line in read_lines(path):
        if not line.strip():
            continue
        row = _decoded(line)
        names = names or (set(row) if row else None)
        own = {name: row.get(column) for name, column in wanted.items()} if row else {}
        if not isinstance(own.get("text"), str) or not isinstance(own.get("id"), str | int):
            failed += 1
            continue
        lines.append(line)
        size += len(line)
        for name, value in own.items():
            values[name].append(_clean(name, value))
        if len(lines) == _ROWS or size >= _BYTES:
            yield _batch(values, lines, failed)
            values, lines, failed, size = {name: [] for name in wanted}, [], 0, 0
    if names is not None:
        for name in ("id", "text"):
            if wanted[name] not in names and not lines and failed:
                _missing(path, name, wanted[name], sorted(names))
    if lines or failed:
        yield _batch(values, lines, failed)


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        row = decode_json(line)
    except DecodingError:
        return None
    return row if isinstance(row, dict) else None


def _clean(name: str, value: Any) -> Any:
    if name == "score":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if number else None
    return value if isinstance(value, str) or value is None else str(value)


def _batch(values: dict[str, list[Any]], lines: list[bytes], failed: int) -> Rows:
    arrays = {
        name: pa.array(column, type=_TYPES.get(name, pa.string()))
        for name, column in values.items()
    }
    return Rows(pa.RecordBatch.from_pydict(arrays), lines, failed)


class FileTexts:
    """Texts by (file, ascending rows), streaming each file forward once as long as rows ascend."""

    def __init__(self, paths: Sequence[str], columns: Columns) -> None:
        self._paths, self._columns = paths, columns
        self._part, self._first = -1, 0
        self._texts: pa.Array | None = None
        self._batches: Iterator[Rows] = iter(())

    def __call__(self, part: int, rows: NDArray[np.int64]) -> pa.Array:
        """Return the texts of ascending rows of a file, as large_string."""
        if part != self._part or (len(rows) and rows[0] < self._first):
            self._part, self._first, self._texts = part, 0, None
            self._batches = read_rows(self._paths[part], self._columns)
        pieces: list[pa.Array] = []
        done = 0
        while done < len(rows):
            held = 0 if self._texts is None else len(self._texts)
            last = int(np.searchsorted(rows, self._first + held))
            if self._texts is not None and last > done:
                pieces.append(self._texts.take(pa.array(rows[done:last] - self._first)))
                done = last
            if done < len(rows):
                self._first += held
                self._texts = next(self._batches).batch["text"]
        return pa.concat_arrays(pieces) if pieces else pa.array([], type=pa.large_string())
