"""A model as judge of two answers, asked twice with the places swapped.

Judges favour a place (Zheng et al. 2023, "Judging LLM-as-a-Judge"), so each pair is shown in both
orders and decided only where both replies agree. Every score is kept with the key of its request.
Limits: agreement of a model with itself is not truth; length and style still sway both replies; a
model that judges its own answers favours them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from corpusforge.instruct import parse
from corpusforge.instruct.accounts import Ask, Question, asked, unanswered
from corpusforge.instruct.chat import Turns, transcript
from corpusforge.instruct.forms import fields, points, shaped
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request, Sampling
from corpusforge.models.structured import Field, Form

__all__ = ["Judgement", "Pair", "judge", "summary"]

Verdict = Literal["left", "right", "tie", "undecided", "unanswered"]

JUDGED = Form(
    fields=(
        Field(name="reason", words={"en": ("Reason",), "zh": ("理由",)}),
        Field(name="first", words={"en": ("First", "First answer"), "zh": ("第一个", "第一个回答")},
              kind="integer", low=1, high=10),
        Field(name="second", words={"en": ("Second", "Second answer"), "zh": ("第二个", "第二个回答")},
              kind="integer", low=1, high=10),
    )
)  # fmt: skip
"""The fields of a judgement."""
_SAMPLING = Sampling(max_tokens=300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two answers to one conversation, which ends with a user's turn."""

    id: str
    language: str
    conversation: Turns
    left: str
    right: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a judge said of a pair (a line of judgements.jsonl).

    `scores` are (left, right) of the reply that saw left first and of the one that saw right first;
    (0, 0) where a reply gave no scores. `requests` are their journal keys. `flipped`: the two replies
    prefer different answers, so the places decided.
    """

    pair: str
    verdict: Verdict
    flipped: bool
    scores: tuple[tuple[int, int], tuple[int, int]]
    reasons: tuple[str, str]
    requests: tuple[str, str]
    prompt_version: str
    model: str


def judge(
    pairs: Sequence[Pair],
    principles: Sequence[str],
    ask: Ask,
    purpose: str = "instruct.judge.pair",
    *,
    structured: bool = False,
) -> list[Judgement]:
    """Return one judgement a pair, in order; both orders of all pairs are asked in one step.

    `structured`: the fields are asked for as a JSON object (`forms`).
    """
    questions = [
        _question(pair, principles, purpose, swapped=swapped, structured=structured)
        for pair in pairs
        for swapped in (False, True)
    ]
    answers = list(asked(ask, questions))
    return [
        _judged(pair, answers[2 * place], answers[2 * place + 1], structured=structured)
        for place, pair in enumerate(pairs)
    ]


def _question(
    pair: Pair, principles: Sequence[str], purpose: str, *, swapped: bool, structured: bool
) -> Question[Pair]:
    made = prompt("judge_pair", pair.language)
    first, second = (pair.right, pair.left) if swapped else (pair.left, pair.right)
    messages = made.render(
        principles=principles,
        conversation=transcript(pair.conversation),
        first=first,
        second=second,
    )
    request = Request(messages=messages, sampling=_SAMPLING, purpose=purpose)
    shape = shaped(JUDGED, request, made.version, pair.language, structured=structured)
    return Question(*shape, pair)


def _scores(reply: Completion, structured: bool) -> tuple[tuple[int, int], str]:
    """((first, second), reason) of a reply; (0, 0) where it does not say both."""
    if unanswered(reply, cut=False):
        return (0, 0), ""
    said = fields(parse.answer(reply.text), JUDGED, structured=structured)
    _, *places = JUDGED.fields
    first, second = (points(said.get(one.name, ""), one) for one in places)
    return (first, second) if first and second else (0, 0), said.get("reason", "")


def _judged(
    pair: Pair,
    plain: tuple[Question[Pair], Completion],
    swapped: tuple[Question[Pair], Completion],
    *,
    structured: bool,
) -> Judgement:
    scores, reason = _scores(plain[1], structured)
    (right, left), other = _scores(swapped[1], structured)
    both = (scores, (left, right))
    verdict = _verdict(both)
    return Judgement(
        pair=pair.id, verdict=verdict, flipped=verdict == "undecided", scores=both,
        reasons=(reason, other), requests=(plain[1].key, swapped[1].key),
        prompt_version=plain[0].prompt_version, model=plain[1].model,
    )  # fmt: skip


def _verdict(scores: tuple[tuple[int, int], tuple[int, int]]) -> Verdict:
    if (0, 0) in scores:
        return "unanswered"
    signs = {(left > right) - (left < right) for left, right in scores}
    if signs == {1}:
        return "left"
    if signs == {-1}:
        return "right"
    return "undecided" if signs == {1, -1} else "tie"


def summary(judgements: Sequence[Judgement]) -> dict[str, object]:
    """Return verdicts counted, the flip rate, and how often a place won.

    `flip_rate` is the share of answered pairs whose two replies prefer different answers;
    `first_place` the share of replies with a preference that prefer the answer shown first (0.5
    where places do not matter). Both are None where nothing can be said.
    """
    verdicts = Counter(one.verdict for one in judgements)
    answered = [one for one in judgements if one.verdict != "unanswered"]
    places = [
        (left > right) == first
        for one in answered
        for (left, right), first in zip(one.scores, (True, False), strict=True)
        if left != right
    ]
    flips = sum(one.flipped for one in answered)
    return {
        "pairs": len(judgements),
        "verdicts": dict(sorted(verdicts.items())),
        "flips": flips,
        "flip_rate": round(flips / len(answered), 4) if answered else None,
        "first_place": round(sum(places) / len(places), 4) if places else None,
    }
