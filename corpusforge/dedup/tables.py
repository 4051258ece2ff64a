"""Ready-made corpora as dedup reads them: JSON lines and Parquet, row by row with their originals.

Rows that cannot be read (no JSON object, no text) are counted and left out; they never stop
a run, and neither does a file that is damaged: its rows up to there count. A row without an id is
named by its place, `FILE:ROW`. The survivors are written from the originals, so nothing but rows is ever
lost; a line that was repaired (`io.repair`) is written as repaired, since no strict reader would take it
as it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io import jsonl
from corpusforge.io.parquet import read_batches
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
    """Rows as `sign_part` takes them, the same as they stood in the file, how many failed, what was
    repaired in how many, what damage ends the file (it is one of the failed), and how many have no id."""

    batch: pa.RecordBatch
    originals: Sequence[bytes] | pa.RecordBatch
    failed: int
    repaired: Counter[str] = field(default_factory=Counter)
    damage: str = ""
    unnamed: int = 0


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
    fields = {
        "id": pa.string(),
        **{name: _TYPES.get(name, pa.string()) for name in columns.wanted()},
    }
    schema, first = pa.schema(list(fields.items())), 1
    try:
        for batch in read_batches(path):
            yield _rows_of(batch, columns, path, first)
            first += batch.num_rows
    except FileNotFoundError as error:
        raise InputError(f"{path}: {error.strerror}.") from error
    except (pa.ArrowException, OSError) as error:
        empty = pa.RecordBatch.from_pylist([], schema)
        damage = f"{path}: not readable as Parquet ({error})"
        yield Rows(empty, empty, 1, damage=" ".join(damage.split()))


def _rows_of(batch: pa.RecordBatch, columns: Columns, path: str, first: int) -> Rows:
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
    arrays["id"] = ids
    own = pa.RecordBatch.from_pydict(arrays).filter(good)
    return Rows(own, batch.filter(good), batch.num_rows - own.num_rows, unnamed=unnamed)


def _base(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _missing(path: str, name: str, column: str, known: Sequence[str]) -> None:
    places = ", or give --no-id-column: rows are then named by file and row" if name == "id" else ""
    raise InputError(
        f"{path}: no column {column!r} but {sorted(known)}. Name it by --{name}-column{places}."
    )


def _read_jsonl(path: str, columns: Columns) -> Iterator[Rows]:
    wanted = columns.wanted()
    rows = _Collected(path, wanted)
    names: set[str] | None = None
    identified = not columns.id
    for row in jsonl.read_rows(path):
        value = row.value if isinstance(row, jsonl.Row) else None
        if isinstance(row, jsonl.Bad) and row.cut:
            rows.damage = f"{path}: {row.error} (line {row.number})"
        if isinstance(value, dict):
            names = names or set(value)
            identified = identified or columns.id in value
        if isinstance(row, jsonl.Row) and isinstance(value, dict) and rows.takes(value):
            rows.add(row, value)
        else:
            rows.failed += 1
        if rows.full:
            yield rows.batch()
            rows = _Collected(path, wanted)
    if names is not None:
        if not identified:
            _missing(path, "id", columns.id, sorted(names))
        if columns.text not in names and not rows.lines and rows.failed:
            _missing(path, "text", columns.text, sorted(names))
    if rows.lines or rows.failed:
        yield rows.batch()


class _Collected:
    """Rows of JSON lines until they are a batch."""

    def __init__(self, path: str, wanted: dict[str, str]) -> None:
        self.path, self.wanted = path, wanted
        self.values: dict[str, list[Any]] = {"id": [], **{name: [] for name in wanted}}
        self.lines: list[bytes] = []
        self.failed = self.size = self.unnamed = 0
        self.repaired: Counter[str] = Counter()
        self.damage = ""

    def takes(self, value: dict[str, Any]) -> bool:
        """Whether a row has a text."""
        return isinstance(value.get(self.wanted["text"]), str)

    def add(self, row: jsonl.Row, value: dict[str, Any]) -> None:
        """Take a row and its line."""
        self.lines.append(row.line)
        self.size += len(row.line)
        self.repaired.update(row.repaired)
        for name, column in self.wanted.items():
            if name != "id":
                self.values[name].append(_clean(name, value.get(column)))
        given = value.get(self.wanted["id"]) if "id" in self.wanted else None
        named = isinstance(given, str | int)
        self.unnamed += not named
        self.values["id"].append(str(given) if named else f"{_base(self.path)}:{row.number}")

    @property
    def full(self) -> bool:
        """Whether the rows are enough for a batch."""
        return len(self.lines) == _ROWS or self.size >= _BYTES

    def batch(self) -> Rows:
        """Return the rows."""
        arrays = {
            name: pa.array(column, type=_TYPES.get(name, pa.string()))
            for name, column in self.values.items()
        }
        made = pa.RecordBatch.from_pydict(arrays)
        return Rows(made, self.lines, self.failed, self.repaired, self.damage, self.unnamed)


def distinct_ids(ids: pa.Array, names: Names) -> pa.Array:
    """Return the ids, numbered where `names` has them already: the same for the same rows before."""
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
