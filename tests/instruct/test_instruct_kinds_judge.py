"""The judge: both orders asked, scores put back to their answers, flips counted by hand."""

from __future__ import annotations

import pytest
from loop_kit import Told

from corpusforge.instruct.judge import Judgement, Pair, judge, summary
from corpusforge.models.client import Client
from corpusforge.models.records import Completion

PAIR = Pair(
    id="p", language="en", conversation=(("user", "Name a river."),), left="LEFT", right="RIGHT"
)


def judged(plain: str, swapped: str, pair: Pair = PAIR) -> tuple[Judgement, Told]:
    def reply(request):
        text = request.messages[-1].content
        return plain if text.index("LEFT") < text.index("RIGHT") else swapped

    engine = Told(reply)
    with Client(engine) as client:
        (found,) = judge([pair], ["Be true.", "Be short."], client.complete)
    return found, engine


@pytest.mark.parametrize(
    ("plain", "swapped", "verdict", "scores"),
    [
        ("First: 8\nSecond: 3", "First: 2\nSecond: 9", "left", ((8, 3), (9, 2))),
        ("First: 3\nSecond: 8", "First: 9\nSecond: 2", "right", ((3, 8), (2, 9))),
        ("First: 8\nSecond: 3", "First: 8\nSecond: 3", "undecided", ((8, 3), (3, 8))),
        ("First: 5\nSecond: 5", "First: 5\nSecond: 5", "tie", ((5, 5), (5, 5))),
        ("First: 8\nSecond: 3", "First: 5\nSecond: 5", "tie", ((8, 3), (5, 5))),
        ("Reason: both fine\n**First:** 10/10\n**Second:** 9", "first: 7\nsecond: 8",
         "left", ((10, 9), (8, 7))),
        ("First: 8.\nSecond: 3.", "First: 2.\nSecond: 9.", "left", ((8, 3), (9, 2))),
        ("First: 8", "First: 2\nSecond: 9", "unanswered", ((0, 0), (9, 2))),
        ("First: 0\nSecond: 11", "First: 2\nSecond: 9", "unanswered", ((0, 0), (9, 2))),
        ("First: 7.5\nSecond: 8", "First: 2\nSecond: 9", "unanswered", ((0, 0), (9, 2))),
        ("LEFT is better", "no", "unanswered", ((0, 0), (0, 0))),
    ],
)  # fmt: skip
def test_verdicts(plain: str, swapped: str, verdict: str, scores: object) -> None:
    found, engine = judged(plain, swapped)
    assert found.verdict == verdict
    assert found.scores == scores
    assert found.flipped == (verdict == "undecided")
    assert found.requests == tuple(one.key for one in engine.sent)
    assert found.prompt_version.startswith("judge_pair.v1@")


def test_chinese_and_reasons() -> None:
    pair = Pair(
        id="p", language="zh", conversation=(("user", "说一条河。"),), left="LEFT", right="RIGHT"
    )
    found, engine = judged(
        "理由：更准确\n第一个：９\n第二个：3", "理由：好\n第一个：3\n第二个：9", pair
    )
    assert found.scores == ((9, 3), (9, 3)), "full-width digits are digits"
    found, _ = judged("理由：更准确\n第一个：9\n第二个：3", "理由：好\n第一个：3\n第二个：9", pair)
    assert (found.verdict, found.reasons) == ("left", ("更准确", "好"))
    assert engine.sent[0].messages[0].content.startswith("你依据所给的原则")


def test_a_failed_request_is_unanswered() -> None:
    def reply(request):
        return Completion(key=request.key, text="", finish_reason="error", model="m", error="down")

    with Client(Told(reply)) as client:
        (found,) = judge([PAIR], ["Be true."], client.complete)
    assert (found.verdict, found.flipped) == ("unanswered", False)


def made(verdict: str, scores) -> Judgement:
    return Judgement(
        pair="p", verdict=verdict, flipped=verdict == "undecided", scores=scores,
        reasons=("", ""), requests=("a", "b"), prompt_version="", model="m",
    )  # fmt: skip


def test_the_summary_by_hand() -> None:
    """Answered: 4, one flip. First place won: reply 1 of left (yes), 2 (no: left shown second won),
    both replies of the flip (yes, yes), the one decided reply of the tie (yes)."""
    found = summary([
        made("left", ((8, 3), (9, 2))), made("undecided", ((8, 3), (3, 8))),
        made("tie", ((5, 4), (5, 5))), made("tie", ((5, 5), (5, 5))),
        made("unanswered", ((0, 0), (9, 2))),
    ])  # fmt: skip
    assert found == {
        "pairs": 5, "verdicts": {"left": 1, "tie": 2, "unanswered": 1, "undecided": 1},
        "flips": 1, "flip_rate": 0.25, "first_place": 0.8,
    }  # fmt: skip
    assert summary([])["flip_rate"] is None
