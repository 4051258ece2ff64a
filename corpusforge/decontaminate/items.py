"""Items of evaluation sets, read from JSON lines.

A passage is one text field of an item. Fields of one item are kept apart, since in a corpus a
question stands without its answer as often as with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge.errors import InputError
from corpusforge.io.layouts import objects

__all__ = ["DEFAULT_FIELDS", "EvalItem", "parse_set", "read_items"]

DEFAULT_FIELDS = ("question", "prompt", "problem", "instruction", "text", "input")
"""Without named fields the first of these that holds a string is the item."""

_ID_FIELDS = ("id", "task_id", "item_id", "qid")


@dataclass(frozen=True, slots=True)
class EvalItem:
    """One item: the set's name, the item's id inside it, its passages."""

    benchmark: str
    item: str
    passages: tuple[str, ...]


def parse_set(option: str) -> tuple[str, str, tuple[str, ...]]:
    """Split NAME=FILE[:field,field] into (name, file, fields); raise InputError for another form.

    A colon of a scheme (s3://) belongs to the file.
    """
    name, equals, rest = option.partition("=")
    if not equals or not name or not rest:
        raise InputError(f"--set {option!r}: expected NAME=FILE or NAME=FILE:field,field.")
    path, colon, fields = rest.rpartition(":")
    if not colon or fields.startswith("//") or "/" in fields:
        return name, rest, ()
    names = tuple(field.strip() for field in fields.split(","))
    if not path or not all(names):
        raise InputError(
            f"--set {option!r}: a field name is empty. Expected NAME=FILE:field,field."
        )
    return name, path, names


def _value(row: Any, field: str) -> Any:
    for part in field.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return row


def _passages(row: dict[str, Any], fields: Sequence[str], place: str) -> tuple[str, ...]:
    if not fields:
        for field in DEFAULT_FIELDS:
            if isinstance(row.get(field), str) and row[field].strip():
                return (row[field],)
        raise InputError(
            f"{place}: none of {', '.join(DEFAULT_FIELDS)} holds text; the item has "
            f"{', '.join(sorted(row))}. Name the fields: NAME=FILE:field,field."
        )
    found: list[str] = []
    for field in fields:
        value = _value(row, field)
        if not isinstance(value, str):
            raise InputError(
                f"{place}: field {field!r} is {type(value).__name__}, expected text; the item has "
                f"{', '.join(sorted(row))}."
            )
        found.append(value)
    return tuple(found)


def read_items(benchmark: str, path: str, fields: Sequence[str] = ()) -> Iterator[EvalItem]:
    """Yield the items of a file of rows (JSON, Parquet or a table).

    A field may reach inside by dots ("question.stem").

    The id is the row's id, task_id, item_id or qid, else its number from 0. Raises InputError for a
    row without the fields.
    """
    for number, row in enumerate(objects(path)):
        names = [str(row[f]) for f in _ID_FIELDS if isinstance(row.get(f), str | int)]
        passages = _passages(row, fields, f"{path}, item {number}")
        yield EvalItem(benchmark, names[0] if names else str(number), passages)
