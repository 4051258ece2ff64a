"""Label Studio's own CSV and TSV exports, as the rows of its JSON-MIN export that they are.

Known by their columns `annotation_id` and `lead_time`, which no crowd table has. A control's cell is plain
text or JSON (a ranker's always is); data that are no text (`items`) are what Python writes for them. Limit:
like JSON-MIN such a table lacks skipped annotations; a cell that cannot be read refuses its row.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import io
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from corpusforge.annotate.imports import stream
from corpusforge.annotate.targets.common import LONGEST_CELL, is_table
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.startup import long_cells

__all__ = ["is_export", "table_rows"]

_COLUMNS = {"annotation_id", "lead_time"}
_TEXTS = frozenset(("task_id", "job", "checksum", "batch", "prompt", "created_at", "updated_at"))


def is_export(path: str) -> bool:
    """Whether a file is a table with Label Studio's columns."""
    if not is_table(path):
        return False
    with stream.opened(path) as plain, contextlib.suppress(csv.Error):
        return set(next(_reader(plain, path), ())) >= _COLUMNS
    return False


def table_rows(path: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield (line number of the table from 1, JSON-MIN's row, or why there is none)."""
    with stream.opened(path) as plain:
        reader = _reader(plain, path)
        header: list[str] = []
        with contextlib.suppress(csv.Error):
            header = next(reader, [])
        number = 1
        while True:
            number += 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                yield number, str(error)
                continue
            if cells is None:
                return
            if len(cells) != len(header):
                yield number, f"{len(cells)} cells under {len(header)} columns"
            elif any(cell.strip() for cell in cells):
                yield number, _row(dict(zip(header, cells, strict=True)))


def _reader(plain: Any, path: str) -> Any:
    long_cells(LONGEST_CELL)
    text = io.TextIOWrapper(plain, encoding="utf-8-sig", errors="replace", newline="")
    tabs = ".tsv" in PurePosixPath(path).name.lower()
    return csv.reader(text, delimiter="\t" if tabs else ",")


def _row(cells: dict[str, str]) -> dict[str, Any] | str:
    """The cells as JSON-MIN has them; an empty one is a control that holds nothing."""
    row: dict[str, Any] = {"annotation_id": None}
    for name, cell in cells.items():
        if name in _TEXTS or name.startswith("answer_"):
            row[name] = cell
        elif cell.strip() and name == "annotation_id":
            row[name] = cell.strip().removesuffix(".0")  # a column with gaps is one of floats
        elif cell.strip():
            try:
                row[name] = _value(name, cell)
            except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
                return f"{name} is no JSON: {str(error)[:80]}. Export JSON or JSON-MIN instead."
    return row


def _value(name: str, cell: str) -> Any:
    """A cell's value: JSON where it looks so, else its text. Raises ValueError, SyntaxError."""
    if not cell.lstrip().startswith(("[", "{")):
        return cell
    try:
        return decode_json(cell.strip().encode())
    except DecodingError as error:
        if name == "answer":
            return cell  # a written answer may begin with a bracket
        if name in ("items", "annotator"):
            return ast.literal_eval(cell.strip())
        raise ValueError(str(error)) from error
