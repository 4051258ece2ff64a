"""Question files of other people: the gold answer is read under each name, or the row says why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpusforge.instruct.cot import questions

Q = "What is two and three, taken together?"
READ: list[tuple[dict[str, Any], str, str, tuple[str, ...]]] = [
    ({"problem": Q, "solution": "2+3=5, so $\\boxed{5}$."}, "number", "5", ()),
    ({"question": Q, "solution": "2+3=5 so \\boxed{5}"}, "number", "5", ()),
    ({"question": Q, "solution": "2+3=5\n#### 5"}, "number", "5", ()),
    ({"problem": Q, "answer": "5"}, "number", "5", ()),
    ({"question": Q, "answer": ["5"]}, "number", "5", ()),
    ({"question": Q, "answer": None}, "text", "", ()),
    ({"question": Q, "final_answer": 5}, "number", "5", ()),
    ({"prompt": [{"role": "user", "content": Q}], "reward_model": {"ground_truth": "5"}}, "number", "5", ()),
    ({"question": {"stem": Q, "choices": [{"text": "4", "label": "A"}, {"text": "5", "label": "B"}]},
      "answerKey": "B"}, "choice", "B", ("4", "5")),
    ({"question": Q, "choices": {"text": ["4", "5"], "label": ["1", "2"]}, "answerKey": "2"},
     "choice", "B", ("4", "5")),
    ({"question": Q, "choices": ["four", "five"], "answer": 1}, "choice", "B", ("four", "five")),
    ({"question": Q, "options": ["A)4", "B)5"], "correct": "B"}, "choice", "B", ("4", "5")),
    ({"question": Q, "options": {"A": "4", "B": "5"}, "answer": "B"}, "choice", "B", ("4", "5")),
    ({"question": "Is it five?", "answer": True}, "yesno", "yes", ()),
    ({"question": "Is it four?", "answer": False}, "yesno", "no", ()),
]  # fmt: skip


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_gold_answers_are_read_under_each_name(tmp_path: Path, suffix: str) -> None:
    for place, (row, *expected) in enumerate(READ):
        path = tmp_path / f"q{place}{suffix}"
        path.write_text(json.dumps(row if suffix == ".jsonl" else [row]), "utf-8")
        made, rejects = questions.load(str(path))
        assert rejects == [], row
        assert [[one.kind, one.answer, one.choices] for one in made] == [expected], row


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"problem": Q, "solution": "It is five."}, "unread_gold"),
        ({"question": Q, "answer": {"value": 5}}, "unread_gold"),
        ({"question": Q, "answer": "red", "answers": ["red", "green"]}, "several_answers"),
        ({"question": Q, "answers": ["red", "green"]}, "several_answers"),
        ({"question": Q, "choices": ["0", "1"], "answer": 1}, "ambiguous_answer"),
        ({"question": Q, "choices": ["four", "five"], "answer": 7}, "no_such_choice"),
    ],
    ids=str,
)
def test_a_gold_answer_that_is_not_read_refuses_the_row(
    tmp_path: Path, row: dict[str, Any], rule: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    made, rejects = questions.load(str(path))
    assert (made, [one.rule for one in rejects]) == ([], [rule])
