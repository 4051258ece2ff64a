"""Does the model stand by its own rows: the question asked anew, and a score with its reason.

Self-consistency (Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning"): a row whose
answer is a result (a number, a verdict, a label, a name) is asked again `consistency` times at
temperature 0.7, and the share of answers that agree is kept with the row (`agreement`). A judge
(Zheng et al. 2023; Chen et al. 2024, "AlpaGasus") reads every row against a rubric and gives 1 to 5
with a reason (`score`, `score_reason`). Both have a bound; `docs/instruct.md` has what they let through
when read by a person. Limits: a model that is wrong in the same way each time agrees with itself; free
text has no result to compare; a small model's judgement is weak.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from corpusforge.instruct import parse
from corpusforge.instruct.accounts import Ask, Question, asked, seeded, unanswered
from corpusforge.instruct.cot import extract
from corpusforge.instruct.cot.answers import Answer, kind_of, match, read
from corpusforge.instruct.cot.quantity import Quantity
from corpusforge.instruct.labels import Labels, labelled
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import asks_for_code
from corpusforge.instruct.settings import Settings
from corpusforge.instruct.tokens import unicode_tokens
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request, Sampling

__all__ = ["PROMPTS", "RULES", "Result", "agreed", "agrees", "judged", "result_of", "verify"]

RULES: dict[str, str] = {
    "inconsistent": "too few of the model's own new answers agree with the row's (consistency)",
    "low_score": "the judge gives the row too few points (judge)",
}
PROMPTS = ("answer_again", "judge_row")

_AGAIN = Sampling(temperature=0.7, top_p=0.95, max_tokens=256)
_JUDGE = Sampling(max_tokens=160)
_SENTENCE = 40  # tokens of the longest output whose last number is taken for its result
_NAME = 8  # tokens of the longest output that is a result as it stands
_JUDGED: Labels = {"reason": ("Reason", "理由"), "score": ("Score", "分数", "评分", "得分")}
_POINTS = re.compile(r"\D{0,3}([1-5])(?!\d|\.\d)")
_COUNTS = re.compile(
    r"\bhow (?:many|much|long|old|far|tall|often|fast|big)\b|\b(?:calculate|compute|count|sum|total|average"
    r"|mean|median|product|difference|percent(?:age)?|number of|convert|solve|value of|area|perimeter"
    r"|volume|cost|price|distance|remainder|factorial)\b"
    r"|多少|几[个只本人天块条次岁元米里位]|计算|求|算[出一]|总和|平均|百分|换算|面积|体积|周长",
    re.IGNORECASE,
)
_ASKS = re.compile(r"[?？]\s*\Z|\A\W*(?:what|which|who|whose|when|where|is|are|does|do|did|can|was|were)\b"
                   r"|\b(?:identify|determine|decide|name the|find the|tell whether|say whether)\b"
                   r"|判断|哪|谁|是否|找出", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What of an output can be compared: its kind (`cot.answers.KINDS`) and the answer read."""

    kind: str
    answer: Answer
    text: str


def result_of(row: Row) -> Result | None:
    """Return the row's result, None where its output is free text that only a reader can judge.

    A result is a short output that answers a question, labels or counts, or the number at the end of a
    calculation. A short output of an order without input ("Suggest a name") has no one right answer.
    """
    if asks_for_code(row.instruction) or "```" in row.output:
        return None
    kind = kind_of(row.output)
    if kind == "text" and _COUNTS.search(f"{row.instruction}\n{row.input}"):
        found = extract.find(row.output, "number")
        sure = found.by != "last" or len(unicode_tokens(row.output)) <= _SENTENCE
        if sure and found.answer is not None and found.answer.kind == "number":
            return Result("number", found.answer, found.text)
    if "\n" in row.output.strip() or len(unicode_tokens(row.output)) > _NAME:
        return None
    definite = row.is_classification or row.input or _ASKS.search(row.instruction)
    if kind == "text" and not definite:
        return None
    answer = read(row.output, kind)
    return Result(kind, answer, row.output) if answer else None


def agrees(result: Result, reply: str) -> bool | None:
    """Whether a new answer comes to the result; None where it comes to nothing that can be read.

    A number agrees where it rounds to the other at the decimals of the coarser of the two, one at
    least; a name agrees where it is the other with a word or two more.
    """
    if result.kind == "text":
        other = read(_final(reply), "text")
        if other is None:
            return None
        return match(result.answer, other) or _within(str(result.answer.value), str(other.value))
    found = extract.find(reply, result.kind)
    if found.answer is None:
        return None
    return match(result.answer, found.answer) or _rounds(result, found)


def _rounds(result: Result, found: extract.Found) -> bool:
    left, right = result.answer.value, found.answer.value if found.answer else ""
    if not (isinstance(left, Quantity) and isinstance(right, Quantity)):
        return False
    places = min(_places(result.text), _places(found.text))
    return places > 0 and 2 * abs(left.figure - right.figure) <= Fraction(1, 10**places)


def _places(text: str) -> int:
    """Decimals of the last number of a text."""
    found = re.findall(r"\d(?:\.(\d+))?(?!\d|\.\d)", text)
    return len(found[-1]) if found else 0


def _final(reply: str) -> str:
    """What stands behind the last "Answer:" of a reply, or its last line."""
    blocks = labelled(
        parse.answer(reply), {"answer": ("Answer", "Final answer", "答案", "最终答案")}
    )
    lines = [line for line in parse.answer(reply).splitlines() if line.strip()]
    return blocks[-1].get("answer", "") if blocks else (lines[-1] if lines else "")


def _within(left: str, right: str) -> bool:
    """Whether one result stands in the other with some words more: "Paris", "the capital … is Paris"."""
    shorter, longer = sorted((left, right), key=len)
    least = 3 if shorter.isascii() else 2
    return len(shorter) >= least and shorter in longer and len(longer) <= 8 * len(shorter)


def verify(rows: Sequence[Row], settings: Settings, ask: Ask) -> list[tuple[Row, Finding | None]]:
    """Return the rows with what the model says of them, each with the rule it breaks or None.

    Every row's questions are asked in two steps, new answers first; a row that these refuse is not
    judged.
    """
    checked: list[tuple[Row, Finding | None]] = [(row, None) for row in rows]
    if settings.consistency:
        checked = agreed(rows, settings, ask)
    if not settings.judge:
        return checked
    standing = [row for row, finding in checked if finding is None]
    scored = iter(judged(standing, settings, ask))
    return [(row, finding) if finding else next(scored) for row, finding in checked]


def agreed(rows: Sequence[Row], settings: Settings, ask: Ask) -> list[tuple[Row, Finding | None]]:
    """Ask the question of each row with a result anew; return the rows with their agreement."""
    results = [result_of(row) for row in rows]
    questions = [
        _again(row, place, number)
        for place, (row, result) in enumerate(zip(rows, results, strict=True))
        for number in range(settings.consistency)
        if result is not None
    ]
    votes: list[list[bool]] = [[] for _ in rows]
    for question, completion in asked(ask, questions):
        result = results[question.subject]
        assert result is not None
        if unanswered(completion) is None:
            vote = agrees(result, completion.text)
            votes[question.subject] += [] if vote is None else [vote]
    return [_voted(row, said, settings) for row, said in zip(rows, votes, strict=True)]


def _again(row: Row, place: int, number: int) -> Question[int]:
    made = prompt("answer_again", row.language)
    sampling = seeded(_AGAIN, "consistency", row.id, number)
    request = Request(messages=made.render(task=_task(row)), sampling=sampling, repeat=number,
                      purpose="instruct.consistency")  # fmt: skip
    return Question(request, made.version, place)


def _task(row: Row) -> str:
    return f"{row.instruction}\n\n{row.input}" if row.input else row.instruction


def _voted(row: Row, votes: Sequence[bool], settings: Settings) -> tuple[Row, Finding | None]:
    if not votes:
        return row, None
    agreement = (sum(votes), len(votes))
    row = replace(row, agreement=agreement)
    least = Fraction(str(settings.least_agreement))
    if Fraction(*agreement) >= least:
        return row, None
    return row, (
        "inconsistent",
        f"{agreement[0]}/{agreement[1]}",
        f">= {settings.least_agreement:g}",
    )


def judged(rows: Sequence[Row], settings: Settings, ask: Ask) -> list[tuple[Row, Finding | None]]:
    """Return the rows with a judge's score (0 where the reply has none) and reason."""
    questions = [_judge(row, place) for place, row in enumerate(rows)]
    return [
        _scored(rows[question.subject], completion, settings)
        for question, completion in asked(ask, questions)
    ]


def _judge(row: Row, place: int) -> Question[int]:
    made = prompt("judge_row", row.language)
    messages = made.render(task=_task(row), answer=row.output)
    request = Request(messages=messages, sampling=_JUDGE, purpose="instruct.judge")
    return Question(request, made.version, place)


def _scored(row: Row, completion: Completion, settings: Settings) -> tuple[Row, Finding | None]:
    if unanswered(completion, cut=False) is not None:
        return row, None
    fields: dict[str, str] = {}
    for block in labelled(parse.answer(completion.text), _JUDGED):
        fields |= block
    points = _POINTS.match(fields.get("score", ""))
    if points is None:
        return row, None
    row = replace(row, score=int(points[1]), score_reason=fields.get("reason", ""))
    if row.score >= settings.least_score:
        return row, None
    return row, ("low_score", str(row.score), f">= {settings.least_score}")
