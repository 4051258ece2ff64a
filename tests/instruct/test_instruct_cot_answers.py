"""Equality and extraction of answers against tables that were labelled by hand before the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpusforge.instruct.cot import answers, extract

HERE = Path(__file__).parent
PAIRS = [json.loads(line) for line in (HERE / "cot_pairs.jsonl").read_text("utf-8").splitlines()]
REPLIES = [
    json.loads(line) for line in (HERE / "cot_replies.jsonl").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda p: f"{p['kind']}:{p['left']!r}~{p['right']!r}")
def test_equal_or_not(pair: dict) -> None:
    assert answers.equal(pair["left"], pair["right"], pair["kind"]) is pair["equal"]
    assert answers.equal(pair["right"], pair["left"], pair["kind"]) is pair["equal"]


def test_the_table_is_large_enough_and_has_both_languages_and_both_verdicts() -> None:
    assert len(PAIRS) >= 150
    for language in ("en", "zh"):
        for verdict in (True, False):
            assert sum(p["language"] == language and p["equal"] is verdict for p in PAIRS) >= 30


@pytest.mark.parametrize("case", REPLIES, ids=lambda c: f"{c['kind']}:{c['reply'][-30:]!r}")
def test_the_answer_of_a_reply(case: dict) -> None:
    choices = case.get("choices", ())
    found = extract.find(case["reply"], case["kind"], choices)
    if not case["answer"]:
        assert found.answer is None
        return
    expected = answers.read(case["answer"], case["kind"], choices)
    assert expected is not None
    assert answers.match(found.answer, expected), found
