"""Recite, then answer (Sun et al. 2022): the model writes down what it knows of a question, then answers it.

The recitation is the row's `reasoning`, so that an export can put it before the answer. Rows to start from
whose answer is a result (a number, a verdict, a name) check the new answer: another result is refused, and
`agreement` says that it was compared. Limit: a recitation is the model's own word, also where the answer is
right; nobody looks it up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from corpusforge.errors import InputError
from corpusforge.instruct.accounts import CHUNK, Check, Made, checked
from corpusforge.instruct.echo import copied
from corpusforge.instruct.inputs import draw_rows
from corpusforge.instruct.modes.asking import Draft, Maker, whole
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.instruct.results import Result, agrees, result_of, same
from corpusforge.instruct.rules import check_text
from corpusforge.instruct.tokens import unicode_tokens

__all__ = ["make_recite", "starts"]

_LEAST = 12  # tokens: a sentence; shorter "recitations" of small models are the answer itself


def starts(rows: Sequence[Row], language: str, each: int, seed: int) -> list[Row]:
    """Return the rows drawn to start from. Raises InputError where there is none."""
    fit = [row for row in rows if row.language == language and not row.turns]
    if not fit:
        raise InputError(
            f"no single-turn row in {language!r} to recite for: name other --rows, or leave it out for the "
            "built-in seeds."
        )
    return draw_rows(fit, each, seed, f"recite {language}")


def make_recite(maker: Maker, rows: Sequence[Row], check: Check) -> Iterator[Made]:
    """Yield the rows of one language in parts, one new row at most from each given row."""
    for start in range(0, len(rows), CHUNK):
        yield _part(maker, {row.id: row for row in rows[start : start + CHUNK]}, check)


def _part(maker: Maker, parents: Mapping[str, Row], check: Check) -> Made:
    made = Made()
    drafts = [
        Draft(key=row.id, parents=(row.id,), texts={"task": row.instruction, "input": row.input})
        for row in parents.values()
    ]
    drafts = maker.step(
        "write", drafts, "recite_write", lambda draft: {"task": whole(draft)},
        lambda draft: _judge(maker, draft), made,
    )  # fmt: skip
    drafts = [draft.with_texts(reasoning=draft.texts["reply"]) for draft in drafts]
    drafts = maker.step(
        "answer", drafts, "recite_answer",
        lambda draft: {"task": whole(draft), "recitation": draft.texts["reasoning"]},
        lambda draft: _compare(maker, draft, parents[draft.key]), made,
        sampling=maker.settings.answer,
    )  # fmt: skip
    checked(made, [_row(maker, one, parents[one.key]) for one in drafts], check, "recite.row")
    return made


def _judge(maker: Maker, draft: Draft) -> tuple[Finding | None, str]:
    """Judge a recitation: long enough, of facts, and not our own prompt."""
    text = draft.texts["reply"]
    size = len(unicode_tokens(text))
    if size < _LEAST:
        return ("no_recitation", str(size), f">= {_LEAST} tokens"), ""
    finding = check_text(text, maker.settings.allow)
    return finding or copied(
        text, maker.language, f"{draft.texts['task']}\n{draft.texts['input']}"
    ), ""


def _result(parent: Row) -> Result | None:
    return result_of(
        parent.instruction, parent.input, parent.output, label=parent.is_classification
    )


def _compare(maker: Maker, draft: Draft, parent: Row) -> tuple[Finding | None, str]:
    """Judge an answer, and compare it with the parent's where that is a result."""
    finding, nearest = maker.judge_answer(draft)
    result, output = _result(parent), draft.texts["reply"]
    if finding is None and result is not None:
        new = result_of(parent.instruction, parent.input, output, label=parent.is_classification)
        if not (same(result, new) if new else agrees(result, output)):
            finding = "other_result", output[:80], result.text[:80]
    return finding, nearest


def _row(maker: Maker, draft: Draft, parent: Row) -> Row:
    made = maker.row(draft, parent.task)
    return replace(
        made, group=parent.group or parent.task, is_classification=parent.is_classification,
        agreement=(1, 1) if _result(parent) else (0, 0),
    )  # fmt: skip
