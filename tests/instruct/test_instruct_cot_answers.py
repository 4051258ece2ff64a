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


@pytest.mark.parametrize(
    ("gold", "reply", "right"),
    [
        ("3", "So we have \\boxed{3x}.", False),
        ("3", "The solutions are \\boxed{1, 2, 3}.", False),
        ("3", "\\boxed{x < 3}", False),
        ("3", "\\boxed{(1, 3)}", False),
        ("5", "The answer is 5i.", False),
        ("5", "The answer is 5 \\sin x.", False),
        ("5", "The answer is 5 sin x.", False),
        ("1", "The answer is (3, 1).", False),
        ("6", "The answer is 5 or 6.", False),
        ("5", "The answer is 5 to 6.", False),
        ("3", "Adding both sides gives 3x", False),
        ("2", "这样得到 2n", False),
        ("3", "#### 3x", False),
        ("7", "The answer is 3 + 4 = 7.", True),
        ("3", "The answer is 3 + 4 = 7.", False),
        ("18", "The answer is 18!", True),
        ("18", "\\boxed{18 \\text{ eggs}}", True),
        ("18", "\\boxed{x = 18}", True),
        ("72", "That makes 72, altogether.", True),
        ("72", "The answer is 72, since 24 * 3 = 72.", True),
        ("72", "The answer is that she has 72 clips.", True),
        ("5", "答案是5个，因为 2+3=5。", True),
        ("18", "The answer is $18 per day.", True),
        ("5", "We find x = 5", True),
    ],
)
def test_mathematics_behind_or_around_a_number_is_not_that_number(
    gold: str, reply: str, right: bool
) -> None:
    found = extract.find(reply, "number")
    assert answers.match(found.answer, answers.read(gold, "number")) is right, found


def test_an_answer_that_is_no_number_still_stands_and_votes() -> None:
    """A box is the model's last word: what stands before it is not searched for another number."""
    found = extract.find("First 3, then 7. \\boxed{3x}", "number")
    assert (found.by, found.text) == ("boxed", "3x")
    assert found.answer == answers.Answer("text", "3x")
