"""Asking a model for points by a rubric: one request per document and sample, the reply an object.

After FineWeb-Edu (Penedo et al. 2024), whose additive scale of educational value an annotator model gives
to a sample; the rubrics are this project's own. A reply without a score is a missing judgement, never a 0.
Limits: a model's taste is not truth, and small models like the middle of the scale; the card says how far it
agrees with itself and with people.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpusforge.errors import RecipeError
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import CHUNK, Ask, Question, asked, seeded, unanswered
from corpusforge.instruct.forms import fields
from corpusforge.judged.settings import Settings
from corpusforge.models.prompts import Prompt, own_prompt, prompt
from corpusforge.models.records import Completion, Request
from corpusforge.models.structured import Field, Form

__all__ = ["HIGHEST", "Judged", "Text", "judge", "rubrics"]

HIGHEST = 5
FORM = Form(
    fields=(
        Field(name="reason", words={"en": ("Reason",), "zh": ("理由",)}, most=600),
        Field(name="score", words={"en": ("Score",), "zh": ("分数", "得分")}, kind="integer",
              low=0, high=HIGHEST),
    )
)  # fmt: skip
"""The fields of a judgement; the reason comes first, so that the score follows from it."""
_SCORE = re.compile(r"\W*([0-5])(?:\.0+)?(?:\s*(?:/\s*5|points?\b|分))?(?!\.?\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The beginning of a document, which is judged; `stratum` counts from 0, low scores first."""

    id: str
    language: str
    text: str
    document: str = ""
    """The document's id; the first of several with the same beginning."""
    stratum: int = 0
    human: int = -1
    """1 or 0 where people have judged it, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What the model said of one text (a line of judgements.jsonl); -1 where a reply has no score."""

    id: str
    language: str
    stratum: int
    scores: tuple[int, ...]
    reasons: tuple[str, ...]
    faults: tuple[str, ...]
    """Why a reply has no score, "" where it has one."""
    requests: tuple[str, ...]
    prompt_version: str
    model: str
    text: str
    document: str = ""
    human: int = -1

    @property
    def mean(self) -> float | None:
        """The mean of the scores that were given, None without any."""
        given = [score for score in self.scores if score >= 0]
        return sum(given) / len(given) if given else None


def rubrics(settings: Settings) -> dict[str, Prompt]:
    """Return the rubric of each language. Raises RecipeError where one is missing, InputError for a file."""
    own = {one.language: one for name in settings.rubric if name != "education"
           for one in [own_prompt(name)]}  # fmt: skip
    found = {}
    for language in settings.languages:
        if language not in own and "education" not in settings.rubric:
            raise RecipeError(
                f"[judged] no rubric in {language!r}: give --rubric NAME.{language}.v1.txt, or --language "
                "without it."
            )
        made = own.get(language) or prompt("rubric_education", language)
        if made.placeholders != {"text"}:
            holes = ", ".join(sorted(made.placeholders)) or "none"
            raise RecipeError(
                f"rubric {made.version} ({language}) has the holes [{holes}], not text."
            )
        found[language] = made
    return found


def judge(texts: Sequence[Text], settings: Settings, ask: Ask) -> Iterator[Judged]:
    """Yield the judgements of the texts in their order."""
    known = rubrics(settings)
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        questions = [
            Question(_request(text, known[text.language], number, settings), "", text)
            for text in chunk
            for number in range(settings.samples)
        ]
        replies = [(*_read(reply), reply) for _, reply in asked(ask, questions)]
        for place, text in enumerate(chunk):
            own = replies[place * settings.samples : (place + 1) * settings.samples]
            yield Judged(
                id=text.id, language=text.language, stratum=text.stratum, text=text.text,
                document=text.document, human=text.human,
                prompt_version=known[text.language].version + "+json",
                scores=tuple(score for score, *_ in own),
                reasons=tuple(reason for _, reason, *_ in own),
                faults=tuple(fault for _, _, fault, _ in own),
                requests=tuple(reply.key for *_, reply in own),
                model=own[0][3].model,
            )  # fmt: skip


def _request(text: Text, rubric: Prompt, number: int, settings: Settings) -> Request:
    sampling = seeded(settings.judge, settings.seed, "judged", text.id, number)
    request = Request(
        messages=rubric.render(text=text.text), sampling=sampling, repeat=number,
        purpose=f"judged.{rubric.name}",
    )  # fmt: skip
    return FORM.asked(request, text.language)


def _read(reply: Completion) -> tuple[int, str, str]:
    """The score (-1: none), the reason and the fault of a reply."""
    if (found := unanswered(reply, cut=False)) is not None:
        return -1, "", found[0]
    said = fields(parse.answer(reply.text), FORM, structured=True)
    match = _SCORE.match(unicodedata.normalize("NFKC", said.get("score", "")))
    if match is None:
        return -1, said.get("reason", ""), "cut" if reply.finish_reason == "length" else "no_score"
    return int(match[1]), said.get("reason", ""), ""
