"""Ready-made corpora as dedup reads them: JSON lines and Parquet, row by row with their originals.

Rows that cannot be read (no JSON object, no text) are counted and left out; they never stop
a run, and neither does a file that is damaged: its rows up to there count. A row without an id is
named by its place, `FILE:ROW`. The survivors are written from the originals, so nothing but rows is ever
lost; a line that was repaired (`io.repair`) is written as repaired, since no strict reader would take it
as it was.
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
from corpusforge.io.parquet import read_batches
from corpusforge.io.rows import Reading
from corpusforge.text.names import Names

__all__ = ["JSONL", "PARQUET", "Columns", "FileTexts", "Rows", "distinct_ids", "read_rows"]

JSONL = (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".lz4")
_ROWS, _BYTES = 1024, 8 << 20  # of one batch
_TYPES = {"text": pa.large_string(), "score": pa.float32()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Names of the input's columns; empty = the input has none (rows are then named by their place)."""

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
    """Rows as `sign_part` takes them, and the same as they stood in the file."""

    batch: pa.RecordBatch
    originals: Sequence[bytes] | pa.RecordBatch


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


def read_rows(path: str, columns: Columns, reading: Reading | None = None) -> Iterator[Rows]:
    """Yield a file's rows in batches bounded by rows and bytes; `reading` counts all of them."""
    read = _read_parquet if kind_of(path) == "parquet" else _read_jsonl
    return read(path, columns, reading or Reading())


def _read_parquet(path: str, columns: Columns, reading: Reading) -> Iterator[Rows]:
    first = 1
    try:
        for batch in read_batches(path):
            rows = _rows_of(batch, columns, path, first, reading)
            first += batch.num_rows
            reading.seen += batch.num_rows
            reading.failed += batch.num_rows - rows.batch.num_rows
            yield rows
    except FileNotFoundError as error:
        raise InputError(f"{path}: {error.strerror}.") from error
    except (pa.ArrowException, OSError) as error:
        damage = f"{path}: not readable as Parquet ({error})"
        reading.damaged.append(" ".join(damage.split()))
        reading.seen += 1
        reading.failed += 1


def _rows_of(
    batch: pa.RecordBatch, columns: Columns, path: str, first: int, reading: Reading
) -> Rows:
    arrays: dict[str, pa.Array] = {}
    for name, column in columns.wanted().items():
        if column not in batch.schema.names:
            _missing(path, name, column, batch.schema.names)
        target = _TYPES.get(name, pa.string())
        arrays[name] = batch[column].cast(target)
    good = pc.is_valid(arrays["text"])
    ids = arrays.get("id", pa.nulls(batch.num_rows, pa.string()))
    unnamed = pc.sum(pc.and_(pc.is_null(ids), good)).as_py() or 0
    if unnamed:
        places = [f"{_base(path)}:{row}" for row in range(first, first + batch.num_rows)]
        ids = pc.coalesce(ids, pa.array(places, type=pa.string()))
        reading.unnamed += unnamed
    arrays["id"] = ids
    return Rows(pa.RecordBatch.from_pydict(arrays).filter(good), batch.filter(good))


def _base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _missing(path: str, name: str, column: str, known: Sequence[str]) -> None:
    places = ", or give --no-id-column: rows are then named by file and row" if name == "id" else ""
    raise InputError(
        f"{path}: no column {column!r} but {sorted(known)}. Name it by --{name}-column{places}."
    )


def _read_jsonl(path: str, columns: Columns, reading: Reading) -> Iterator[Rows]:
    wanted = columns.wanted()
    first: dict[str, Any] = {}
    identified = not columns.id

    def takes(value: dict[str, Any]) -> bool:
        """Whether a row has a text."""
        nonlocal identified
        first.update(value if not first else {})
        identified = identified or columns.id in value
        return isinstance(value.get(wanted["text"]), str)

    names: list[str] = []
    lines: list[bytes] = []
    values: list[dict[str, Any]] = []
    size = taken = 0
    for _, row in reading.rows([path], takes):
        given = row.value.get(columns.id) if columns.id else None
        named = isinstance(given, str | int)
        reading.unnamed += not named
        names.append(str(given) if named else f"{_base(path)}:{row.number}")
        lines.append(row.line)
        values.append(row.value)
        size += len(row.line)
        taken += 1
        if len(lines) == _ROWS or size >= _BYTES:
            yield Rows(_batch(names, values, wanted), lines)
            names, lines, values, size = [], [], [], 0
    if first and not identified:
        _missing(path, "id", columns.id, sorted(first))
    if first and not taken and columns.text not in first:
        _missing(path, "text", columns.text, sorted(first))
    if lines:
        yield Rows(_batch(names, values, wanted), lines)


def _batch(
    names: Sequence[str], values: Sequence[dict[str, Any]], wanted: dict[str, str]
) -> pa.RecordBatch:
    arrays = {"id": pa.array(names, type=pa.string())}
    for name, column in wanted.items():
        if name != "id":
            cells = [_clean(name, value.get(column)) for value in values]
            arrays[name] = pa.array(cells, type=_TYPES.get(name, pa.string()))
    return pa.RecordBatch.from_pydict(arrays)


def distinct_ids(ids: pa.Array, names: Names) -> pa.Array:
    """Return the ids, numbered where `names` has them already: the same for the same rows before.

    Both are strings [documents].
    """
    return pa.array([names.distinct(name) for name in ids.to_pylist()], type=pa.string())


def _clean(name: str, value: Any) -> Any:
    if name == "score":
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if number else None
    return value if isinstance(value, str) or value is None else str(value)


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
