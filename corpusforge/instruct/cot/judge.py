"""What a reply is worth: its answer, whether it is right, and how the samples of a question vote.

The vote is self-consistency (Wang et al. 2022): equal answers are one candidate, the largest group
wins, of equally large ones the first. Code is judged by its tests. Limits: answers are compared with
the first of their group, since a missing unit makes equality intransitive (50% = 50 and 50% = 0.5);
code answers vote by their text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from corpusforge.hashing import make_id
from corpusforge.instruct import parse
from corpusforge.instruct.cot import extract
from corpusforge.instruct.cot.answers import Answer, kind_of, match, read
from corpusforge.instruct.cot.extract import Found, find, without_answer
from corpusforge.instruct.cot.paths import path_key
from corpusforge.instruct.cot.records import Question, Sample, Vote
from corpusforge.instruct.cot.steps import Asked
from corpusforge.models import thoughts
from corpusforge.models.records import Completion

__all__ = ["Judged", "RunCode", "finished", "judge", "vote", "with_answer"]

RunCode = Callable[[str, str], bool | None]
"""(code, tests) to passed; None where code is not run."""

_BLOCK = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:\n```|\Z)", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judged:
    """A sample with its question, its answer as it is compared and as it is stated, and the keys of
    its requests."""

    question: Question
    sample: Sample
    answer: Answer | None
    stated: str
    prompt_version: str
    sampling: str
    requests: tuple[str, ...]


def judge(asked: Asked, completion: Completion, sampling: str, run_code: RunCode) -> Judged:
    """Read a reply's answer and reasoning, and compare with the gold answer."""
    question = asked.question
    text = parse.answer(completion.text)
    if question.kind == "code":
        found, reasoning = _code(text)
    else:
        found = _open_kind(question, find(text, question.kind, question.choices))
        reasoning = without_answer(text, question.kind, question.choices)
    thought = completion.reasoning or thoughts.split(completion.text).reasoning
    if thought.strip():
        reasoning = thought.strip()
    sample = Sample(
        id=make_id("cot.sample", completion.key), question=question.id, step=asked.step,
        trigger=asked.trigger, temperature=asked.temperature, repeat=asked.repeat,
        answer=found.answer.label if found.answer else "", found_by=found.by,
        right=_right(question, found, run_code), path=path_key(reasoning),
        finish_reason=completion.finish_reason, reasoning=reasoning, text=completion.text,
        request=completion.key,
    )  # fmt: skip
    return Judged(
        question, sample, found.answer, found.text, asked.prompt_version, sampling,
        (completion.key,),
    )  # fmt: skip


def with_answer(judged: Judged, completion: Completion) -> Judged:
    """Return a sample with the answer that a second request found in it."""
    question = judged.question
    text = extract.body(completion.text).strip()
    answer = read(text, question.kind, question.choices) if question.kind != "text" else None
    found = (
        Found(answer, text, "extract") if answer else find(text, question.kind, question.choices)
    )
    if found.answer is None and question.kind == "text" and text and "\n" not in text:
        found = Found(read(text, "text"), text, "extract")
    if found.answer is None or completion.finish_reason not in {"stop", "unknown"}:
        return judged
    sample = replace(
        judged.sample, answer=found.answer.label, found_by="extract",
        right=_right(question, found, lambda code, tests: None),
    )  # fmt: skip
    requests = (*judged.requests, completion.key)
    return replace(judged, sample=sample, answer=found.answer, stated=found.text, requests=requests)


def _open_kind(question: Question, found: Found) -> Found:
    """Read an answer in its own kind where neither a gold answer nor the file says the kind."""
    if question.answer or question.kind != "text" or not found.text:
        return found
    return replace(found, answer=read(found.text, kind_of(found.text)) or found.answer)


def _code(text: str) -> tuple[Found, str]:
    blocks = list(_BLOCK.finditer(text))
    if not blocks:
        return Found(None), text.strip()
    code = blocks[-1][1].strip("\n")
    return Found(Answer("code", code), code, "block"), text[: blocks[-1].start()].strip()


def _right(question: Question, found: Found, run_code: RunCode) -> bool | None:
    if question.kind == "code":
        if found.answer is None or not isinstance(found.answer.value, str):
            return False
        return run_code(found.answer.value, question.tests)
    gold = read(question.answer, question.kind, question.choices) if question.answer else None
    return match(found.answer, gold) if gold else None


def finished(samples: Sequence[Judged]) -> list[Judged]:
    """Return the samples that did not end at the token limit: what a cut one says last is no answer."""
    return [one for one in samples if one.sample.finish_reason != "length"]


def vote(
    question: Question, samples: Sequence[Judged], hinted: bool = False, kept: int = 0
) -> Vote:
    """Return the account of a question's samples (hinted ones apart); cut ones are only counted."""
    cut, samples = len(samples), finished(samples)
    cut -= len(samples)
    groups: list[list[Judged]] = []
    for one in samples:
        if one.answer is None:
            continue
        group = next((g for g in groups if match(g[0].answer, one.answer)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    largest = max(groups, key=len, default=[])
    extracted = sum(map(len, groups))
    status = "none"
    if largest:
        right = largest[0].sample.right
        status = "unknown" if right is None else "right" if right else "wrong"
    return Vote(
        question=question.id, source=question.source, kind=question.kind,
        language=question.language, gold=question.answer, samples=len(samples), cut=cut,
        extracted=extracted, right=sum(one.sample.right is True for one in samples),
        answer=largest[0].sample.answer if largest else "", votes=len(largest),
        share=len(largest) / extracted if extracted else 0.0, status=status, hinted=hinted,
        kept=kept,
    )  # fmt: skip
