"""Instruction files of other people as rows to start from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpusforge.errors import InputError
from corpusforge.instruct.inputs import load_rows

U, A = {"role": "user", "content": "Name a bird."}, {"role": "assistant", "content": "A robin."}
READ: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"instruction": "Name a bird.", "input": "", "output": "A robin."}, ("Name a bird.", "", "A robin.")),
    ({"instruction": "Name it.", "input": "Red breast", "output": "A robin."},
     ("Name it.", "Red breast", "A robin.")),
    ({"instruction": "Sum up.", "context": "It opens at nine.", "response": "Nine."},
     ("Sum up.\n\nIt opens at nine.", "", "Nine.")),
    ({"messages": [U, A]}, ("Name a bird.", "", "A robin.")),
    ({"id": "x", "conversations": [{"from": "human", "value": "Name a bird."},
                                   {"from": "gpt", "value": "A robin."}]}, ("Name a bird.", "", "A robin.")),
    ({"prompt": [U], "completion": [A]}, ("Name a bird.", "", "A robin.")),
    ({"prompt": "Name a bird.", "completion": "A robin."}, ("Name a bird.", "", "A robin.")),
]  # fmt: skip


@pytest.mark.parametrize("array", [False, True])
@pytest.mark.parametrize(("value", "expected"), READ, ids=lambda value: json.dumps(value)[:40])
def test_a_foreign_row_is_read(
    tmp_path: Path, value: dict[str, Any], expected: tuple[str, str, str], array: bool
) -> None:
    path = tmp_path / ("rows.json" if array else "rows.jsonl")
    path.write_text(json.dumps([value] if array else value), "utf-8")
    (row,) = load_rows([str(path)], ["en"])
    assert (row.instruction, row.input, row.output) == expected
    assert row.kind == "instruct"


def test_several_turns_are_a_dialogue_and_chinese_is_chinese(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    more = [
        U,
        A,
        {"role": "user", "content": "And a fish?"},
        {"role": "assistant", "content": "A trout."},
    ]
    lines = [{"messages": more}, {"instruction": "说出一种鸟的名字。", "output": "知更鸟。"}]
    path.write_text("\n".join(json.dumps(line) for line in lines), "utf-8")
    first, second = load_rows([str(path)], ["en", "zh"])
    assert first.kind == "dialogue"
    assert [role for role, _ in first.turns] == ["user", "assistant", "user", "assistant"]
    assert first.output == "A trout."
    assert second.language == "zh"


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"messages": [U, {"role": "tool", "content": "12"}, A]}, "tool_turn"),
        ({"messages": [U, {"role": "narrator", "content": "12"}]}, "unknown_role"),
        ({"messages": [U, A, A]}, "roles"),
        ({"messages": [U, A, U]}, "roles"),
        ({"instruction": "What is here?", "images": ["a"], "output": "A bird."}, "unread_field"),
    ],
    ids=str,
)
def test_a_row_that_is_not_understood_whole_is_refused_by_its_place(
    tmp_path: Path, value: dict[str, Any], rule: str
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(value), "utf-8")
    with pytest.raises(InputError, match=f"row 1: not understood whole .{rule}"):
        load_rows([str(path)], ["en"])
