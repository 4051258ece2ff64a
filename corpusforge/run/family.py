"""A document's family in other directories: its rewrites, instructions grounded in it, judgements of it.

A directory is known by its files: `candidates/` (pipelines.rephrase), `grounds.jsonl` and `rows.jsonl`
(pipelines.kinds), `judgements.jsonl` (classifiers.judged.train). Limit: every file is read once for each
question; a directory of many gigabytes takes its time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.errors import RunError
from corpusforge.io import files
from corpusforge.io.jsonl import read_jsonl
from corpusforge.io.parquet import read_table

__all__ = ["parents", "relatives"]

_SHOWN = 100


def parents(name: str, directories: Sequence[str]) -> list[str]:
    """Return the document that a rewrite or grounded row `name` was made from, else `name` itself.

    Raises RunError for a directory that holds nothing of a family.
    """
    for directory in directories:
        if not any(files.exists(files.join(directory, one)) for one in _TELLERS):
            raise RunError(
                f"{directory!r} holds none of {', '.join(sorted(_TELLERS))}; name directories of "
                "pipelines.rephrase, pipelines.kinds or classifiers.judged.train."
            )
    found = {row["parent"] for at in directories for row in _rewrites(at, "id", name)}
    found |= {row["document"] for at in directories for row in _grounds(at) if row["row"] == name}
    return sorted(found) or [name]


def relatives(name: str, directories: Sequence[str]) -> Iterator[str]:
    """Yield a line for everything that the directories hold of the document `name`."""
    for directory in directories:
        for tell in _TELLERS.values():
            yield from tell(directory, name)


def _rewrites(directory: str, column: str, value: str) -> Iterator[dict[str, Any]]:
    names = ["id", "parent", "style", "start", "end", "model", "rule", "value", "bound"]
    for info in files.list_files(files.join(directory, "candidates", "part-*.parquet")):
        table: pa.Table = read_table(info.path, names)
        yield from table.filter(pc.equal(table.column(column), value)).to_pylist()


def _tell_rewrites(directory: str, name: str) -> Iterator[str]:
    for row in _rewrites(directory, "parent", name):
        fate = (
            f"refused: {row['rule']} = {row['value']} (bound {row['bound']})"
            if row["rule"]
            else "kept"
        )
        what = f"rewritten as {row['style']} by {row['model']} from {row['start']}..{row['end']}"
        yield f"{what}: {row['id']}, {fate}"


def _grounds(directory: str) -> Iterator[dict[str, Any]]:
    path = files.join(directory, "grounds.jsonl")
    return read_jsonl(path) if files.exists(path) else iter(())


def _tell_grounded(directory: str, name: str) -> Iterator[str]:
    own = {row["row"]: row for row in _grounds(directory) if row["document"] == name}
    if not own:
        return
    for row in read_jsonl(files.join(directory, "rows.jsonl")):
        if ground := own.get(row["id"]):
            asked = " ".join(row["instruction"].split())[:_SHOWN]
            by = row["lineage"]["model"]
            yield f"asked about by {by} at {ground['start']}..{ground['end']}: {row['id']}, {asked!r}"


def _tell_judged(directory: str, name: str) -> Iterator[str]:
    path = files.join(directory, "judgements.jsonl")
    for row in read_jsonl(path) if files.exists(path) else ():
        if row.get("document") == name:
            scores = ", ".join(str(score) if score >= 0 else "none" for score in row["scores"])
            yield f"judged by {row['model']}, {row['prompt_version']}: {scores}"


_TELLERS = {
    "candidates": _tell_rewrites,
    "grounds.jsonl": _tell_grounded,
    "judgements.jsonl": _tell_judged,
}
"""What tells of a family, by the file that a directory of it has."""
