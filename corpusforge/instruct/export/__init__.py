"""Finished rows as the files that trainers read, with one train/validation split for all of them.

Every form is made from the same rows by a pure function (`shapes`), so a row means the same in each.
The same rows in the same order give the same bytes. Limits: the whole set is held in memory;
single-answer forms (Alpaca, Self-Instruct) leave dialogues out and count them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from corpusforge.errors import RecipeError, nearest
from corpusforge.instruct.export import lines, selfinstruct, tables
from corpusforge.instruct.export.settings import Settings
from corpusforge.instruct.export.split import divide
from corpusforge.instruct.export.written import Written
from corpusforge.instruct.records import Row
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl

__all__ = ["FORMATS", "Settings", "Written", "write"]

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


def write(
    rows: Sequence[Row],
    directory: str,
    formats: Sequence[str] = (),
    settings: Settings | None = None,
) -> list[Written]:
    """Write rows in each form (all where none is named) and return what was written.

    `directory/export.jsonl` lists every file with its rows and the rows left out. Raises RecipeError
    for an unknown form.
    """
    settings = settings or Settings()
    for name in formats:
        if name not in FORMATS:
            raise RecipeError(f"export format {name!r} is unknown.{nearest(name, FORMATS)}")
    files.make_directory(directory)
    parts = divide(rows, settings.validation, settings.seed)
    written: list[Written] = []
    for name in sorted(set(formats or FORMATS)):
        folder = files.join(directory, name)
        files.make_directory(folder)
        written += FORMATS[name](folder, parts, settings)
    prefix = len(directory.rstrip("/")) + 1
    listed = ({"path": item.path[prefix:], "split": item.split, "rows": item.rows,
               "left_out": item.left_out} for item in written)  # fmt: skip
    write_jsonl(files.join(directory, "export.jsonl"), listed)
    return written
