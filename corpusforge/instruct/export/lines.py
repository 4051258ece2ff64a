"""The forms that are JSON: Alpaca, messages, ShareGPT, TRL, OpenAI fine-tuning, LLaMA-Factory.

Alpaca's and LLaMA-Factory's files are one JSON list, as theirs are; the others are JSON lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from corpusforge.instruct.export import shapes
from corpusforge.instruct.export.settings import Settings
from corpusforge.instruct.export.written import Written
from corpusforge.instruct.records import Row
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl

__all__ = [
    "write_alpaca",
    "write_lines",
    "write_llamafactory",
    "write_messages",
    "write_openai",
    "write_sharegpt",
    "write_trl",
]

Parts = dict[str, list[Row]]
Shape = Callable[[Row, str], dict[str, Any] | None]


def _shaped(
    rows: Sequence[Row], shape: Shape, settings: Settings
) -> tuple[list[dict[str, Any]], int]:
    """Return the shaped rows and how many the form cannot hold."""
    made = [shape(row, settings.reasoning) for row in rows]
    found = [item for item in made if item is not None]
    return found, len(made) - len(found)


def write_lines(folder: str, parts: Parts, shape: Shape, settings: Settings) -> list[Written]:
    """Write each split's rows as lines of JSON in the shape that `shape` gives them; None leaves one out."""
    written = []
    for split, rows in parts.items():
        found, left_out = _shaped(rows, shape, settings)
        path = files.join(folder, f"{split}.jsonl")
        written.append(Written(path, split, write_jsonl(path, found), left_out))
    return written


def _write_list(folder: str, parts: Parts, shape: Shape, settings: Settings) -> list[Written]:
    written = []
    for split, rows in parts.items():
        found, left_out = _shaped(rows, shape, settings)
        path = files.join(folder, f"{split}.json")
        _write_json(path, found)
        written.append(Written(path, split, len(found), left_out))
    return written


def _write_json(path: str, value: Any) -> None:
    files.write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())


def write_alpaca(folder: str, parts: Parts, settings: Settings) -> list[Written]:
    """Write Stanford Alpaca's JSON list of {"instruction", "input", "output"}."""
    return _write_list(folder, parts, shapes.alpaca, settings)


def write_messages(folder: str, parts: Parts, settings: Settings) -> list[Written]:
    """Write {"id", "messages"} a line."""

    def named(row: Row, reasoning: str) -> dict[str, Any]:
        return {"id": row.id, **shapes.conversation(row, reasoning)}

    return write_lines(folder, parts, named, settings)


def write_openai(folder: str, parts: Parts, settings: Settings) -> list[Written]:
    """Write OpenAI's chat fine-tuning lines: "messages" alone, the last one the assistant's."""

    def answered(row: Row, reasoning: str) -> dict[str, Any] | None:
        made = shapes.conversation(row, reasoning)
        return made if made["messages"][-1]["role"] == "assistant" else None

    return write_lines(folder, parts, answered, settings)


def write_sharegpt(folder: str, parts: Parts, settings: Settings) -> list[Written]:
    """Write ShareGPT's {"id", "conversations"} a line, and the dataset_info.json that names the files."""
    written = write_lines(folder, parts, shapes.sharegpt, settings)
    columns = {"messages": "conversations"}
    return [*written, _write_info(folder, parts, settings, "jsonl", "sharegpt", columns)]


def write_trl(folder: str, parts: Parts, settings: Settings) -> list[Written]:
    """Write TRL's conversational prompt–completion lines."""
    return write_lines(folder, parts, shapes.trl, settings)


def write_llamafactory(folder: str, parts: Parts, settings: Settings) -> list[Written]:
    """Write LLaMA-Factory's files and the dataset_info.json that names them and their columns."""
    written = _write_list(folder, parts, shapes.llamafactory, settings)
    columns = {"prompt": "instruction", "query": "input", "response": "output",
               "system": "system", "history": "history"}  # fmt: skip
    return [*written, _write_info(folder, parts, settings, "json", "alpaca", columns)]


def _write_info(
    folder: str,
    parts: Parts,
    settings: Settings,
    ending: str,
    formatting: str,
    columns: dict[str, str],
) -> Written:
    """Write LLaMA-Factory's index of the files of a folder."""
    info = {
        f"{settings.name}_{split}": {
            "file_name": f"{split}.{ending}", "formatting": formatting, "columns": columns
        }
        for split in parts
    }  # fmt: skip
    path = files.join(folder, "dataset_info.json")
    _write_json(path, info)
    return Written(path, "", 0)
