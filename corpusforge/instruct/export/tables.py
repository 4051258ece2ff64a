"""Parquet with the full lineage of every row, and a directory that `datasets` loads, with its card.

A nested value (most similar, lineage, turns) stays nested, so nothing of a `Row` is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from corpusforge.instruct.export.card import card
from corpusforge.instruct.export.settings import Settings
from corpusforge.instruct.export.shapes import conversation
from corpusforge.instruct.export.written import Written
from corpusforge.instruct.records import Row
from corpusforge.io import files, parquet

__all__ = ["DATASET", "ROWS", "dataset_table", "row_of", "row_table", "write_datasets",
           "write_parquet"]  # fmt: skip

_SIMILAR = pa.struct(
    [("id", pa.string()), ("lcs", pa.int32()), ("left", pa.int32()), ("right", pa.int32()),
     ("f1", pa.float64())]
)  # fmt: skip
_LINEAGE = pa.struct(
    [("seeds", pa.list_(pa.string())), ("parents", pa.list_(pa.string())),
     ("prompt_version", pa.string()), ("engine", pa.string()), ("model", pa.string()),
     ("model_licence", pa.string()), ("sampling", pa.string()), ("round", pa.int32()),
     ("requests", pa.list_(pa.string()))]
)  # fmt: skip
_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])

ROWS = pa.schema(
    [("id", pa.string()), ("task", pa.string()), ("instruction", pa.string()),
     ("input", pa.string()), ("output", pa.string()), ("language", pa.string()),
     ("kind", pa.string()), ("is_classification", pa.bool_()), ("reasoning", pa.string()),
     ("system", pa.string()), ("turns", pa.list_(_TURN)), ("group", pa.string()),
     ("most_similar", pa.list_(_SIMILAR)), ("passed", pa.int32()), ("tried", pa.int32()),
     ("agreed", pa.int32()), ("compared", pa.int32()), ("score", pa.int32()),
     ("score_reason", pa.string()), ("flags", pa.list_(pa.string())), ("lineage", _LINEAGE)]
)  # fmt: skip
"""A row with its lineage. `passed` of `tried` samples reached the right answer, `agreed` of `compared` new
answers agree with the output (0 of 0: not tried); `score` is a judge's 1 to 5, 0 without one."""

DATASET = pa.schema(
    [("id", pa.string()), ("messages", pa.list_(_TURN)), ("instruction", pa.string()),
     ("input", pa.string()), ("output", pa.string()), ("reasoning", pa.string()),
     ("language", pa.string()), ("kind", pa.string()), ("task", pa.string()),
     ("model", pa.string()), ("model_licence", pa.string())]
)  # fmt: skip
"""A row of the `datasets` directory: chat messages, their parts, and where they come from."""


_COUNTS = {"passed", "tried", "agreed", "compared"}


def row_table(rows: Sequence[Row]) -> pa.Table:
    """Return the rows as a table of `ROWS`."""
    plain = ("id", "task", "instruction", "input", "output", "language", "kind",
             "is_classification", "reasoning", "system", "group", "score", "score_reason")  # fmt: skip
    made = []
    for row in rows:
        line = {name: getattr(row, name) for name in plain}
        line["turns"] = [{"role": role, "content": text} for role, text in row.turns]
        line["most_similar"] = [
            {"id": s.id, "lcs": s.lcs, "left": s.left, "right": s.right, "f1": s.f1}
            for s in row.most_similar
        ]
        line["passed"], line["tried"] = row.pass_rate
        line["agreed"], line["compared"] = row.agreement
        line["flags"] = list(row.flags)
        lineage = row.lineage
        line["lineage"] = {item.name: getattr(lineage, item.name) for item in _LINEAGE}
        made.append(line)
    return pa.Table.from_pylist(made, schema=ROWS)


def dataset_table(rows: Sequence[Row], reasoning: str) -> pa.Table:
    """Return the rows as a table of `DATASET`."""
    made = [
        {
            **conversation(row, reasoning),
            **{
                name: getattr(row, name)
                for name in ("id", "instruction", "input", "output", "reasoning", "language", "kind",
                             "task")
            },
            "model": row.lineage.model,
            "model_licence": row.lineage.model_licence,
        }
        for row in rows
    ]  # fmt: skip
    return pa.Table.from_pylist(made, schema=DATASET)


def row_of(line: Mapping[str, Any]) -> Row | None:
    """Return the row that a line of `ROWS` or of `DATASET` was made of, None for other lines.

    Of `DATASET`, what it does not hold is empty: flags, pass rate, most similar, most of the lineage.
    """
    try:
        if line.keys() == set(ROWS.names):
            return _whole(line)
        return _listed(line) if line.keys() == set(DATASET.names) else None
    except (msgspec.ValidationError, KeyError, TypeError):
        return None


def _whole(line: Mapping[str, Any]) -> Row:
    similar = [
        {name: value for name, value in one.items() if name != "f1"} for one in line["most_similar"]
    ]
    made = {
        **{name: value for name, value in line.items() if name not in _COUNTS},
        "turns": [(one["role"], one["content"]) for one in line["turns"]],
        "most_similar": similar, "pass_rate": (line["passed"], line["tried"]),
        "agreement": (line["agreed"], line["compared"]),
    }  # fmt: skip
    return msgspec.convert(made, Row)


def _listed(line: Mapping[str, Any]) -> Row:
    said = [(one["role"], one["content"]) for one in line["messages"]]
    system = said[0][1] if said and said[0][0] == "system" else ""
    several = len(said) - bool(system) > 2
    if several and said[-1][0] == "assistant":  # the answer without the reasoning that joined it
        said[-1] = ("assistant", line["output"])
    plain = ("id", "task", "instruction", "input", "output", "language", "kind", "reasoning")
    made = {
        **{name: line[name] for name in plain}, "system": system, "turns": said if several else [],
        "group": line["task"],
        "lineage": {name: line[name] for name in ("model", "model_licence")},
    }  # fmt: skip
    return msgspec.convert(made, Row)


def write_parquet(folder: str, parts: dict[str, list[Row]], settings: Settings) -> list[Written]:
    """Write one Parquet file per split with every field of every row."""
    written = []
    for split, rows in parts.items():
        path = files.join(folder, f"{split}.parquet")
        written.append(Written(path, split, parquet.write_table(path, row_table(rows))))
    return written


def write_datasets(folder: str, parts: dict[str, list[Row]], settings: Settings) -> list[Written]:
    """Write a directory for `datasets.load_dataset(folder)`: Parquet in data/, and the card."""
    files.make_directory(files.join(folder, "data"))
    written = []
    for split, rows in parts.items():
        path = files.join(folder, "data", f"{split}-00000-of-00001.parquet")
        table = dataset_table(rows, settings.reasoning)
        written.append(Written(path, split, parquet.write_table(path, table)))
    path = files.join(folder, "README.md")
    files.write_bytes(path, card(parts, settings).encode())
    return [*written, Written(path, "", 0)]
