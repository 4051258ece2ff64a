"""Files of rows of any layout, packed or not, cut into rows without holding a file in memory.

A JSON array (cut at the commas between its elements by a kernel that follows strings and brackets), JSON
lines (cut at newlines), one JSON object, Parquet, and tables (CSV, TSV). `values` and `objects` are what
commands read other people's rows with. A row that is no JSON is still a row: the caller refuses it. Limit:
after an unbalanced quote an array's rest is one row.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io import files, parquet
from corpusforge.io.compressed import RefusedError, StreamError, open_stream
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.jsonl import Bad, Row, read_value, say_repaired
from corpusforge.startup import long_cells
from corpusforge.text.jit import jit

__all__ = ["MAX_ROW", "cells", "decode", "objects", "opened", "rows", "utf8", "values"]

MAX_ROW = 256 << 20
"""Bytes after which a row is given up (with the rest of its file) instead of collected."""

LONGEST_CELL = 1 << 28
"""Characters of a table's cell, at most."""

_CHUNK = 1 << 20
_HEAD = 1 << 16
_SPACE = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"


def rows(path: str) -> Iterator[tuple[int, bytes]]:
    """Yield (row number from 1, its bytes) for a JSON array, JSON lines or one object.

    Empty lines and an empty file give no row. Raises InputError where the file cannot be read.
    """
    with opened(path) as stream:
        head = stream.read(_HEAD).removeprefix(_MARK).lstrip(_SPACE)
        if head.startswith(b"["):
            yield from _elements(stream, head[1:])
            return
    with opened(path) as stream:
        opening = head.partition(b"\n")[0].strip(_SPACE)
        yield from _whole(stream) if opening == b"{" else _lines(stream)


def values(path: str) -> Iterator[Row | Bad]:
    """Yield a `Row` or `Bad` for each row of JSON or Parquet, numbered from 1 (JSON lines: by line).

    What strict JSON refuses is repaired where it can be, and told on standard error. A row of Parquet has
    no bytes. Raises InputError where the file cannot be read to its end.
    """
    if _is_parquet(path):
        yield from _table(path)
        return
    repaired: Counter[str] = Counter()
    for number, data in rows(path):
        try:
            value, reasons = read_value(data)
        except DecodingError as error:
            yield Bad(number, str(error))
            continue
        repaired.update(reasons)
        yield Row(number, data, value, reasons)
    say_repaired(path, repaired)


def objects(path: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file of objects alone: JSON, Parquet, or a table whose first row names its columns.

    Raises InputError naming the first row that is none.
    """
    if _is_table(path):
        yield from _named(path)
        return
    for row in values(path):
        if isinstance(row, Row) and isinstance(row.value, dict):
            yield row.value
            continue
        wrong = f"not JSON: {row.error}" if isinstance(row, Bad) else type(row.value).__name__
        raise InputError(
            f"{path}:{row.number}: expected an object, got {wrong}. Give one object per line, an array of "
            "objects, Parquet, or a table (.csv, .tsv) with names in its first row."
        )


def _is_table(path: str) -> bool:
    return not {".csv", ".tsv"}.isdisjoint(PurePosixPath(path.lower()).suffixes)


def _named(path: str) -> Iterator[dict[str, Any]]:
    names: list[str] = []
    for number, row in cells(path):
        if isinstance(row, str):
            raise InputError(
                f"{path}:{number}: {row}. Write the table again as UTF-8 with quoted cells."
            )
        if not names:
            names = row
            if len(set(names)) < len(names):
                raise InputError(f"{path}:{number}: two columns of one name ({', '.join(names)}).")
        elif len(row) != len(names):
            raise InputError(
                f"{path}:{number}: {len(row)} cells for {len(names)} columns ({', '.join(names)}). Quote "
                "cells that hold the separator."
            )
        else:
            yield dict(zip(names, map(utf8, row), strict=True))


def _is_parquet(path: str) -> bool:
    if path.endswith(".parquet"):
        return True
    try:
        with files.open_raw(path) as stream:
            return stream.read(4) == b"PAR1"
    except OSError:
        return False  # told where the file is opened as a stream


def _table(path: str) -> Iterator[Row]:
    number = 0
    try:
        for batch in parquet.read_batches(path):
            for value in batch.to_pylist():
                number += 1
                yield Row(number, b"", value)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: no Parquet file that can be read ({error}).") from error


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Open a file, decompressed by its first bytes; damage met while reading raises InputError."""
    try:
        with open_stream(path) as stream:
            yield cast(BinaryIO, stream)
    except (StreamError, RefusedError, OSError) as error:
        raise InputError(
            f"cannot read {path!r}: {error}. Fetch or make the file again; nothing was read in."
        ) from error


def decode(row: bytes) -> Any:
    """Return a row's JSON value, or None where it is none."""
    try:
        return decode_json(row)
    except DecodingError:
        return None


def cells(path: str) -> Iterator[tuple[int, list[str] | str]]:
    """Yield (row number from 1, its cells, or in words why it has none) of a CSV or TSV file; no blank rows.

    Bytes that are no UTF-8 stand as half surrogates, so that texts in other encodings can be compared.
    Raises InputError where the file cannot be read.
    """
    long_cells(LONGEST_CELL)
    tabs = ".tsv" in PurePosixPath(path).name.lower()
    with opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        table = csv.reader(text, delimiter="\t" if tabs else ",")
        number = 0
        while True:
            number += 1
            try:
                row = next(table, None)
            except csv.Error as error:
                yield number, str(error)
                continue
            if row is None:
                return
            if any(cell.strip() for cell in row):
                yield number, row


def utf8(cell: str) -> str:
    """Return a cell with U+FFFD for bytes that are no UTF-8."""
    return cell.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _whole(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield a file that is one object over many lines."""
    yield 1, stream.read(MAX_ROW).removeprefix(_MARK)


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(MAX_ROW):
        number += 1
        row = line.removeprefix(_MARK).strip(_SPACE)
        if row:
            yield number, row


def _elements(stream: BinaryIO, head: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the elements of an array whose "[" has been read."""
    state = np.array([1, 0, 0], dtype=np.int64)
    number, pending, chunk = 0, bytearray(), head or stream.read(_CHUNK)
    while chunk and state[0] > 0 and len(pending) <= MAX_ROW:
        start = 0
        for cut in _cuts(np.frombuffer(chunk, dtype=np.uint8), state):
            pending += chunk[start:cut]
            start = int(cut) + 1
            if row := bytes(pending.strip(_SPACE)):
                number += 1
                yield number, row
            pending.clear()
        pending += chunk[start:]
        chunk = stream.read(_CHUNK)
    pending += chunk + stream.read(MAX_ROW)  # after the end, or after a row that never ended
    if pending.strip(_SPACE):
        yield number + 1, bytes(pending)


@jit
def _cuts(text: NDArray[np.uint8], state: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of commas at depth 1 and of the closing bracket; `state` is carried on.

    `state` is (depth, inside a string, after a backslash).
    """
    found = np.empty(text.size, dtype=np.int64)
    count = 0
    depth, quoted, escaped = state[0], state[1], state[2]
    for index in range(text.size):
        byte = text[index]
        if quoted:
            if escaped:
                escaped = 0
            elif byte == 92:  # backslash
                escaped = 1
            elif byte == 34:  # quotation mark
                quoted = 0
        elif byte == 34:
            quoted = 1
        elif byte in (91, 123):  # [ {
            depth += 1
        elif byte in (93, 125):  # ] }
            depth -= 1
            if depth == 0:
                found[count] = index
                count += 1
                break
        elif byte == 44 and depth == 1:  # comma
            found[count] = index
            count += 1
    state[0], state[1], state[2] = depth, quoted, escaped
    return found[:count]
