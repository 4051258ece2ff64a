"""A kept path as rows: plain, and the four mixed formats of LMs can self-improve (Huang et al. 2022).

Worked examples of a few-shot row are drawn by its id from the few-shot prompt's own demonstrations.
Reasoning is always the row's own field and joins the answer only at export; direct formats have none.
Limit: direct rows of two paths with one answer are one row.
"""

from __future__ import annotations

import functools
from dataclasses import replace

from corpusforge.hashing import make_id, word64
from corpusforge.instruct.cot.extract import find, without_answer
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.records import Row
from corpusforge.models.prompts import prompt

__all__ = ["formats"]

_TRIGGER = {"en": "Let's think step by step.", "zh": "请一步一步地思考。"}
_SHOT = {
    "en": ("Question: {}\nAnswer: {}", "{}\nThe answer is {}."),
    "zh": ("问题：{}\n回答：{}", "{}\n答案是{}。"),
}


def formats(row: Row, settings: Settings) -> list[Row]:
    """Return a plain row in each format that the settings name; the format is its last flag."""
    return [_format(row, name, settings) for name in settings.mix]


def _format(row: Row, name: str, settings: Settings) -> Row:
    if name == "plain":
        return row
    text = row.instruction
    if name.startswith("few_shot"):
        text = _shots(row, name.endswith("cot"), settings)
    if name == "zero_shot_cot":
        text = f"{text}\n\n{_TRIGGER[row.language]}"
    reasoning = row.reasoning if name.endswith("cot") else ""
    return replace(
        row,
        id=make_id(f"cot.{name}.{row.task}", f"{text}\x00{reasoning}\x00{row.output}"),
        instruction=text, reasoning=reasoning, flags=(*row.flags, name),
    )  # fmt: skip


def _shots(row: Row, thought: bool, settings: Settings) -> str:
    """The question after worked examples; a direct row's are drawn by its question, so that equal
    answers stay equal rows."""
    worked = _worked(row.language)
    key = row.id if thought else row.task
    order = sorted(range(len(worked)), key=lambda k: word64(settings.seed, "cot.shots", key, k))
    around, whole = _SHOT[row.language]
    parts = []
    for place in order[: settings.shots]:
        question, reasoning, answer = worked[place]
        parts.append(
            around.format(question, whole.format(reasoning, answer) if thought else answer)
        )
    return "\n\n".join([*parts, around.format(row.instruction, "").rstrip()])


@functools.cache
def _worked(language: str) -> tuple[tuple[str, str, str], ...]:
    """(question, reasoning, answer) of each demonstration."""
    made = []
    for shown in prompt("cot_few_shot", language).demonstrations:
        last = shown.reply.rsplit("\n", 1)[-1]
        reasoning = without_answer(shown.reply, "text")
        made.append((str(shown.values["question"]), reasoning, find(last, "text").text))
    return tuple(made)
