"""Rows of other people's files: each is understood whole, or dropped by a rule that names the cause."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpusforge.annotate.prompts import collect
from corpusforge.annotate.understand import RULES, NotUnderstood, asked

PART = {"type": "text", "text": "Name a lake."}


def turn(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def said(speaker: str, text: str) -> dict[str, Any]:
    return {"from": speaker, "value": text}


U, A = turn("user", "Name a lake."), turn("assistant", "Garda.")

KEPT: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    ({"messages": [U, A, turn("user", [PART])]},
     [("user", "Name a lake."), ("assistant", "Garda."), ("user", "Name a lake.")]),
    ({"messages": [turn("user", [PART, {"type": "text", "text": "In Italy."}])]},
     [("user", "Name a lake.\nIn Italy.")]),
    ({"messages": [turn("developer", "Be short."), U]},
     [("system", "Be short."), ("user", "Name a lake.")]),
    ({"conversations": [said("human", "Hi"), said("bing", "Yes?"), said("human", "Go")]},
     [("user", "Hi"), ("assistant", "Yes?"), ("user", "Go")]),
    ({"messages": [turn(" User", "Hi"), A]}, [("user", "Hi")]),
    ({"messages": json.dumps([U])}, [("user", "Name a lake.")]),
    ({"prompt": '[{"a": 1}] What is this?'}, [("user", '[{"a": 1}] What is this?')]),
    ({"instruction": "Sort.", "input": ["3", "1"]}, [("user", "Sort.\n\n3\n1")]),
    ({"instruction": "Sort.", "input": "<noinput>"}, [("user", "Sort.")]),
    ({"instruction": "Sort.", "context": "3 1", "response": "1 3"}, [("user", "Sort.\n\n3 1")]),
    ({"instruction": "And now?", "history": [["Hi", "Yes?"]]},
     [("user", "Hi"), ("assistant", "Yes?"), ("user", "And now?")]),
    ({"question": "What do cows drink?", "answer": "Water"}, [("user", "What do cows drink?")]),
    ({"prompt": "\n\nHuman: Hi\n\nAssistant: Yes?\n\nHuman: Go\n\nAssistant:"},
     [("user", "Hi"), ("assistant", "Yes?"), ("user", "Go")]),
    ({"chosen": [U, A], "rejected": [U, turn("assistant", "Rome.")]}, [("user", "Name a lake.")]),
    ({"context": [U], "completions": []}, [("user", "Name a lake.")]),
]  # fmt: skip

DROPPED: list[tuple[dict[str, Any], str]] = [
    ({"messages": [U, turn("narrator", "It rains."), U]}, "unknown_role"),
    ({"messages": [U, {**turn("assistant", None), "tool_calls": [{"id": "1"}]}, U]}, "tool_turn"),
    ({"messages": [U, turn("tool", "12 C"), U]}, "tool_turn"),
    ({"conversations": [said("human", "Hi"), said("observation", "7"), said("human", "Go")]},
     "tool_turn"),
    ({"messages": [turn("user", [PART, {"type": "image_url", "image_url": {}}])]}, "not_text"),
    ({"messages": [U, turn("assistant", None), U]}, "not_text"),
    ({"messages": [U, turn("assistant", 5), U]}, "not_text"),
    ({"messages": [U, turn("assistant", " "), U]}, "empty_turn"),
    ({"messages": [U, U]}, "roles"),
    ({"messages": [A, U]}, "roles"),
    ({"messages": [U, turn("system", "Be short."), U]}, "roles"),
    ({"instruction": "What is here?", "images": ["a.png"]}, "unread_field"),
    ({"question": "Which one?", "choices": ["a", "b"]}, "unread_field"),
    ({"instruction": "Sort.", "input": {"a": 1}}, "not_text"),
    ({"messages": [A]}, "no_prompt"),
    ({"chosen": "Garda.", "rejected": "Rome."}, "no_prompt"),
    ({"prompt": 5}, "not_text"),
    ({"title": "no question"}, "no_prompt"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "messages"), KEPT, ids=lambda value: json.dumps(value)[:50])
def test_a_row_is_understood_whole(row: dict[str, Any], messages: list[tuple[str, str]]) -> None:
    assert [(one.role, one.content) for one in asked(row)] == messages


@pytest.mark.parametrize(("row", "rule"), DROPPED, ids=lambda value: json.dumps(value)[:50])
def test_or_it_is_dropped_by_a_rule(row: dict[str, Any], rule: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        asked(row)
    assert caught.value.rule == rule


def test_dropped_rows_say_what_was_not_understood(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    rows = [row for row, _ in DROPPED] + [row for row, _ in KEPT]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = collect([("user", str(path))], "salt", ())
    assert [one.rule for one in found.dropped] == [rule for _, rule in DROPPED]
    assert len(found.prompts) == len(KEPT)
    assert found.dropped[0].value == "narrator"
    assert found.dropped[0].bound == RULES["unknown_role"]
