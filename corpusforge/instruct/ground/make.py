"""Questions about a passage, answered from it, each with the words of the passage that say so.

Ours, after grounded data sets with evidence (GopherCite, Sparrow) and "quote, then answer": the model
sees one passage and writes question, answer and quote; a pair whose quote does not stand in the
passage is refused (rule "quote"). The quote goes into the row's `reasoning`, so an export can put it
before the answer or leave it out. Limit: a true quote does not make an answer follow from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpusforge.hashing import make_id
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import (
    CHUNK,
    Ask,
    Check,
    Made,
    Origin,
    Question,
    asked,
    checked,
    lineage,
    sampling_text,
    seeded,
    unanswered,
)
from corpusforge.instruct.echo import copied
from corpusforge.instruct.forms import blocks as in_blocks
from corpusforge.instruct.forms import shaped
from corpusforge.instruct.ground.passages import Passage
from corpusforge.instruct.ground.quotes import find_quote
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.profile import Finding, profile
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_instance, check_text
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request
from corpusforge.models.structured import Field, Form

__all__ = ["RULES", "Ground", "make_grounded"]

RULES: dict[str, str] = {
    "no_fields": "question, answer or quote is missing",
    "quote": "the quote does not stand in the passage, or is shorter than 3 tokens",
    "foreign_number": "the answer has a number that is not in the passage",
    "surplus": "more pairs than asked for",
    "duplicate": "the question came before",
}
"""The rules of this step, beside those for every answer."""

WRITE = Form(
    fields=(
        Field(name="question", words={"en": ("Question",), "zh": ("问题",)}),
        Field(name="answer", words={"en": ("Answer",), "zh": ("答案", "回答")}),
        Field(name="quote", words={"en": ("Quote",), "zh": ("原文", "引文")}),
    ),
    many={"en": ("questions",), "zh": ("问题列表",)},
)
"""The fields of a pair; a reply holds several."""
GROUNDS = "grounds.jsonl"
_LEAST = 3
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """Where a row's quote stands (a line of grounds.jsonl): characters of the document's text."""

    row: str
    document: str
    quote: str
    start: int
    end: int
    passage_start: int
    passage_end: int
    source: str = ""
    url: str = ""
    licence: str = ""
    title: str = ""


def make_grounded(
    language: str,
    passages: Sequence[Passage],
    settings: Settings,
    ask: Ask,
    origin: Origin,
    check: Check,
) -> Iterator[Made]:
    """Yield the rows of these passages in parts, at most `settings.questions` a passage."""
    made_of = prompt("grounded_write", language)
    for start in range(0, len(passages), CHUNK):
        made = Made()
        questions = []
        for passage in passages[start : start + CHUNK]:
            request = Request(
                messages=made_of.render(passage=passage.text, count=settings.questions),
                sampling=seeded(settings.write, settings.seed, "grounded", passage.id),
                purpose="instruct.grounded.write",
            )
            shape = shaped(
                WRITE, request, made_of.version, language, structured=settings.structured,
                most=settings.questions,
            )  # fmt: skip
            questions.append(Question(*shape, passage))
        pairs: list[tuple[Row, Ground]] = []
        for question, reply in asked(ask, questions):
            pairs += _pairs(question, reply, language, settings, origin, made)
        checked(made, [row for row, _ in pairs], check, "grounded.row")
        kept = {row.id for row in made.rows}
        made.tables[GROUNDS] = [ground for _, ground in pairs if ground.row in kept]
        yield made


def _pairs(
    question: Question[Passage], reply: Completion, language: str, settings: Settings, origin: Origin,
    made: Made,
) -> Iterator[tuple[Row, Ground]]:  # fmt: skip
    """The pairs of one reply that pass; the others become rejects."""
    step, text = "grounded.write", parse.answer(reply.text)
    finding = unanswered(reply, cut=False)
    blocks = [] if finding else in_blocks(text, WRITE, structured=settings.structured)
    if not blocks:
        nothing: Finding = ("no_fields", "question, answer, quote", "every field of the form")
        made.decide(language, step, text, finding or nothing, key=f"{reply.key}:0")
        return
    seen: set[str] = set()
    for place, block in enumerate(blocks):
        cut = reply.finish_reason == "length" and place == len(blocks) - 1
        passage = question.subject
        found = ("cut", "length", "a finished reply") if cut else None
        found = found or _check(block, passage, place, seen, language, settings)
        shown = "\n".join(f"{name}: {value}" for name, value in block.items())
        if not made.decide(language, step, shown, found, key=f"{reply.key}:{place}"):
            continue
        seen.add(block["question"])
        made_by = lineage(
            ((reply.key, question.prompt_version),), origin,
            (sampling_text("write", settings.write, reply.left_out),), (passage.document.id,), (),
            reply.model,
        )  # fmt: skip
        row = Row(
            id=make_id("instruct.grounded", f"{passage.id}\x00{block['question']}\x00{block['answer']}"),
            task=f"grounded.{passage.document.id}", instruction=block["question"],
            input=passage.text, output=block["answer"], language=language, kind="grounded",
            reasoning=block["quote"], group=f"grounded.{passage.document.id}", lineage=made_by,
        )  # fmt: skip
        yield row, _ground(row, passage, block["quote"])


def _check(
    block: dict[str, str],
    passage: Passage,
    place: int,
    seen: set[str],
    language: str,
    settings: Settings,
) -> Finding | None:
    missing = [one.name for one in WRITE.fields if one.name not in block]
    if missing:
        return "no_fields", ", ".join(missing), "every field of the form"
    if place >= settings.questions:
        return "surplus", str(place + 1), f"<= {settings.questions}"
    if block["question"] in seen:
        return "duplicate", block["question"][:80], "a new question"
    if profile(language).length(block["quote"]) < _LEAST:
        return "quote", block["quote"][:80], f">= {_LEAST} tokens"
    if find_quote(block["quote"], passage.text) is None:
        return "quote", block["quote"][:200], "words of the passage"
    numbers = set(_NUMBER.findall(passage.text)) | set(_NUMBER.findall(block["question"]))
    foreign = [number for number in _NUMBER.findall(block["answer"]) if number not in numbers]
    if foreign:
        return "foreign_number", foreign[0], "a number of the passage"
    found = check_text(block["question"], settings.allow) or check_instance(
        block["question"], passage.text, block["answer"], language, "stop", settings.allow
    )
    echoes = (copied(block[name], language, passage.text) for name in ("question", "answer"))
    return found or next(filter(None, echoes), None)


def _ground(row: Row, passage: Passage, quote: str) -> Ground:
    found = find_quote(quote, passage.text)
    assert found is not None
    document = passage.document
    start, end = passage.start + found[0], passage.start + found[1]
    return Ground(
        row=row.id, document=document.id, quote=document.text[start:end], start=start, end=end,
        passage_start=passage.start, passage_end=passage.end, source=document.source,
        url=document.url, licence=document.licence, title=document.title,
    )  # fmt: skip
