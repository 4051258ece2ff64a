"""Does the model stand by its own rows: the question asked anew, and a score with its reason.

Self-consistency (Wang et al. 2022, "Self-Consistency Improves Chain of Thought Reasoning"): a row whose
answer is a result (`results`) is asked again `consistency` times at temperature 0.7, and the share of
answers that agree is kept with the row (`agreement`). A judge (Zheng et al. 2023; Chen et al. 2024,
"AlpaGasus") reads every row against a rubric and gives 1 to 5 with a reason (`score`, `score_reason`).
Both have a bound; `docs/instruct.md` has what they let through when read by a person. Limits: a model
that is wrong in the same way each time agrees with itself; free text has no result to compare; a small
model's judgement is weak.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from corpusforge.instruct import parse
from corpusforge.instruct.accounts import Ask, Question, asked, seeded, unanswered
from corpusforge.instruct.export import shapes
from corpusforge.instruct.forms import fields, points, shaped
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.instruct.results import agrees, result_of
from corpusforge.instruct.settings import Settings
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request, Sampling
from corpusforge.models.structured import Field, Form

__all__ = ["JUDGED", "agreed", "judged", "verify"]

_AGAIN = Sampling(temperature=0.7, top_p=0.95, max_tokens=256)
_JUDGE = Sampling(max_tokens=160)
JUDGED = Form(
    fields=(
        Field(name="reason", words={"en": ("Reason",), "zh": ("理由",)}),
        Field(name="score", words={"en": ("Score",), "zh": ("分数", "评分", "得分")}, kind="integer",
              low=1, high=5),
    )
)  # fmt: skip
"""The fields of a judge's reply."""


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
    """Ask the question of each row with a result anew; return the rows with their agreement.

    An answer that was cut or failed has no vote; a row without any keeps (0, 0) and is not refused.
    """
    results = [
        result_of(row.instruction, row.input, row.output, label=row.is_classification)
        for row in rows
    ]
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
            votes[question.subject].append(agrees(result, completion.text))
    return [_voted(row, said, settings) for row, said in zip(rows, votes, strict=True)]


def _again(row: Row, place: int, number: int) -> Question[int]:
    made = prompt("answer_again", row.language)
    sampling = seeded(_AGAIN, "consistency", row.id, number)
    request = Request(messages=made.render(task=shapes.prompt(row)), sampling=sampling, repeat=number,
                      purpose="instruct.consistency")  # fmt: skip
    return Question(request, made.version, place)


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
    questions = [_judge(row, place, settings) for place, row in enumerate(rows)]
    return [
        _scored(rows[question.subject], completion, settings)
        for question, completion in asked(ask, questions)
    ]


def _judge(row: Row, place: int, settings: Settings) -> Question[int]:
    made = prompt("judge_row", row.language)
    messages = made.render(task=shapes.prompt(row), answer=row.output)
    request = Request(messages=messages, sampling=_JUDGE, purpose="instruct.judge")
    shape = shaped(JUDGED, request, made.version, row.language, structured=settings.structured)
    return Question(*shape, place)


def _scored(row: Row, completion: Completion, settings: Settings) -> tuple[Row, Finding | None]:
    if unanswered(completion, cut=False) is not None:
        return row, None
    said = fields(parse.answer(completion.text), JUDGED, structured=settings.structured)
    score = points(said.get("score", ""), JUDGED.fields[1])
    if not score:
        return row, None
    row = replace(row, score=score, score_reason=said.get("reason", ""))
    if row.score >= settings.least_score:
        return row, None
    return row, ("low_score", str(row.score), f">= {settings.least_score}")
