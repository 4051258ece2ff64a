"""Finished rows as the files that trainers read, with one train/validation split for all of them.

Every form is made from the same rows by a pure function (`shapes`), so a row means the same in each.
The same rows in the same order give the same bytes. Limits: the whole set is held in memory;
single-answer forms (Alpaca, Self-Instruct) leave dialogues out and count them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from corpusforge.errors import InputError, RecipeError
from corpusforge.instruct.export import lines, selfinstruct, tables
from corpusforge.instruct.export.settings import Settings
from corpusforge.instruct.export.split import divide
from corpusforge.instruct.export.written import Written
from corpusforge.instruct.records import Row
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.plugins import find, folder

__all__ = ["FORMATS", "Settings", "Writer", "Written", "find_format", "write"]

Writer = Callable[[str, dict[str, list[Row]], Settings], list[Written]]

FORMATS: dict[str, Writer] = {
    "alpaca": lines.write_alpaca,
    "datasets": tables.write_datasets,
    "llamafactory": lines.write_llamafactory,
    "messages": lines.write_messages,
    "openai": lines.write_openai,
    "parquet": tables.write_parquet,
    "selfinstruct": selfinstruct.write_steps,
    "sharegpt": lines.write_sharegpt,
    "trl": lines.write_trl,
}
"""Every form by its name; each writes into a directory of that name."""


def find_format(name: str) -> Writer:
    """Return a form by its name: of `FORMATS`, of an installed package, or "package.module:NAME".

    One's own is a function from a `Row` to an object of a JSON line, or to None where the form cannot hold
    the row. Raises RecipeError where there is none of that name, or it is no function.
    """
    if name in FORMATS:
        return FORMATS[name]
    try:
        found: Any = find(name, "formats", FORMATS)
    except InputError as error:
        raise RecipeError(f"export {error}") from error
    if not callable(found):
        raise RecipeError(
            f"export format {name!r} is {type(found).__name__}; expected a function from a row to a dict "
            "(docs/add-a-format.md)."
        )

    def writer(place: str, parts: dict[str, list[Row]], settings: Settings) -> list[Written]:
        return lines.write_lines(place, parts, lambda row, _: found(row), settings)

    return writer


def write(
    rows: Sequence[Row],
    directory: str,
    formats: Sequence[str] = (),
    settings: Settings | None = None,
    more: Mapping[str, Writer] | None = None,
) -> list[Written]:
    """Write rows in each form (all where none is named) and return what was written.

    `more` are forms that the rows' own method has beside ours. `directory/export.jsonl` lists every
    file with its rows and the rows left out. Raises RecipeError for an unknown form.
    """
    settings, more = settings or Settings(), more or {}
    names = sorted(set(formats or (*FORMATS, *more)))
    writers = {name: more[name] if name in more else find_format(name) for name in names}
    files.make_directory(directory)
    parts = divide(rows, settings.validation, settings.seed)
    written: list[Written] = []
    for name, writer in writers.items():
        place = files.join(directory, folder(name))
        files.make_directory(place)
        written += writer(place, parts, settings)
    prefix = len(directory.rstrip("/")) + 1
    listed = ({"path": item.path[prefix:], "split": item.split, "rows": item.rows,
               "left_out": item.left_out} for item in written)  # fmt: skip
    write_jsonl(files.join(directory, "export.jsonl"), listed)
    return written
