"""Label Studio's own CSV and TSV exports, as the rows of its JSON-MIN export that they are.

Known by their columns `annotation_id` and `lead_time`, which no crowd table has. A control's cell is plain
text or JSON (a ranker's always is); data that are no text (`items`) are what Python writes for them. Limit:
like JSON-MIN such a table lacks skipped annotations; a cell that cannot be read refuses its row.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from corpusforge.annotate.targets.common import is_table
from corpusforge.io import layouts
from corpusforge.io.decoding import DecodingError, decode_json

__all__ = ["is_export", "table_rows"]

_COLUMNS = {"annotation_id", "lead_time"}
_TEXTS = frozenset(("task_id", "job", "checksum", "batch", "prompt", "created_at", "updated_at"))


def is_export(path: str) -> bool:
    """Whether a file is a table with Label Studio's columns."""
    if not is_table(path):
        return False
    header = next((cells for _, cells in layouts.cells(path) if not isinstance(cells, str)), [])
    return set(header) >= _COLUMNS


def table_rows(path: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Yield (row number of the table from 1, JSON-MIN's row, or why there is none).

    Answers that came back hold half surrogates for what is no UTF-8, as `layouts.cells` gives them.
    """
    header: list[str] | None = None
    for number, cells in layouts.cells(path):
        if isinstance(cells, str):
            yield number, cells
        elif header is None:
            header = [layouts.utf8(cell) for cell in cells]
        elif not set(header) >= _COLUMNS:
            yield (
                number,
                f"no table of Label Studio's: it has no columns {', '.join(sorted(_COLUMNS))}",
            )
        elif len(cells) != len(header):
            yield number, f"{len(cells)} cells under {len(header)} columns"
        else:
            yield number, _row(dict(zip(header, cells, strict=True)))


def _row(cells: dict[str, str]) -> dict[str, Any] | str:
    """The cells as JSON-MIN has them; an empty one is a control that holds nothing."""
    row: dict[str, Any] = {"annotation_id": None}
    for name, raw in cells.items():
        cell = layouts.utf8(raw)
        if name.startswith("answer_"):
            row[name] = raw
        elif name in _TEXTS:
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
