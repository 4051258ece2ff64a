"""Unnatural Instructions (Honovich et al. 2022): three examples elicit a fourth, which is then worded anew.

As there, fifteen hand-written examples with input and constraints, three drawn for each request; the task is
answered apart, greedily; further wordings share input and answer. Ours: the constraints join the instruction,
English and Chinese, the novelty gate over examples and tasks, and a wording must differ in its letters from
those before it. Limit: nobody checks that a new wording asks for the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

from corpusforge.errors import InputError
from corpusforge.instruct.accounts import CHUNK, Check, Made, checked
from corpusforge.instruct.echo import copied
from corpusforge.instruct.material import says_none
from corpusforge.instruct.modes.asking import Draft, Maker
from corpusforge.instruct.modes.ready import drawn
from corpusforge.instruct.profile import Finding, language_of, profile
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_text
from corpusforge.io import files, layouts
from corpusforge.models.structured import Field, Form

__all__ = ["Shown", "examples_of", "make_unnatural"]

WRITE = Form(
    fields=(
        Field(name="instruction", words={"en": ("Instruction",), "zh": ("指令",)}),
        Field(name="input", words={"en": ("Input",), "zh": ("输入",)}),
        Field(name="constraints", words={"en": ("Constraints", "Constraint"), "zh": ("限制",)}),
    )
)
"""The fields of a `write` reply."""

_SHOWN = 3
_EXAMPLE = {"en": "Example", "zh": "示例"}
_NONE = {"en": "none", "zh": "无"}
_JOINED = {"en": " ", "zh": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A hand-written example: a line of seeds/unnatural.jsonl, or of one's own file."""

    id: str
    language: str
    instruction: str
    input: str
    constraints: str = ""
    output: str = ""


def examples_of(path: str, languages: Sequence[str]) -> dict[str, list[Shown]]:
    """Return what is shown, by language: the examples of a file, or the built-in ones ("").

    Raises InputError naming the row that is no example, or a language with fewer than are shown.
    """
    built_in = resources.files("corpusforge.instruct").joinpath("seeds", "unnatural.jsonl")
    name = path or str(built_in)
    if not files.exists(name):
        raise InputError(f"--examples {name!r} does not exist.")
    rows = [_shown(row, f"{name}: row {n}", n) for n, row in enumerate(layouts.objects(name), 1)]
    found = {one: [row for row in rows if row.language == one] for one in languages}
    if few := next((one for one, shown in found.items() if len(shown) < _SHOWN), ""):
        raise InputError(
            f"{name}: {len(found[few])} examples in {few!r}; a request shows {_SHOWN}."
        )
    return found


def _shown(row: Mapping[str, Any], where: str, number: int) -> Shown:
    texts = {key: row.get(key) or "" for key in ("instruction", "input", "constraints", "output")}
    for key, text in texts.items():
        if not isinstance(text, str) or (key in ("instruction", "input") and not text.strip()):
            raise InputError(f"{where}: `{key}` is {text!r}; expected a text.")
    name = str(row.get("id") or f"example_{number}")
    return Shown(
        id=name, language=row.get("language") or language_of(texts["instruction"]), **texts
    )


def make_unnatural(maker: Maker, shown: Sequence[Shown], check: Check) -> Iterator[Made]:
    """Yield the rows of one language in parts: tasks with their answers, then their further wordings."""
    for one in shown:
        maker.gate.add(one.id, one.instruction)
    for start in range(0, maker.settings.each, CHUNK):
        numbers = range(start, min(start + CHUNK, maker.settings.each))
        yield _part(maker, shown, numbers, check)


def _part(maker: Maker, shown: Sequence[Shown], numbers: Sequence[int], check: Check) -> Made:
    made, by_id = Made(), {one.id: one for one in shown}

    def judge(draft: Draft) -> tuple[Finding | None, str]:
        return _judge(maker, draft, [by_id[name] for name in draft.seeds])

    drafts = [_draft(maker, shown, number) for number in numbers]
    drafts = maker.step(
        "write", drafts, "unnatural_write",
        lambda draft: {"examples": _told([by_id[n] for n in draft.seeds], maker.language)},
        judge, made, form=WRITE,
    )  # fmt: skip
    drafts = maker.answered([_joined(draft, maker.language) for draft in drafts], made)
    rows = {maker.row(draft).id: draft for draft in drafts}
    checked(made, [maker.row(draft) for draft in drafts], check, "unnatural.row")
    bases = [(row, rows[row.id]) for row in made.rows]
    _paraphrase(maker, bases, check, made)
    return made


def _draft(maker: Maker, shown: Sequence[Shown], number: int) -> Draft:
    order = drawn([one.id for one in shown], _SHOWN, maker.settings.seed, f"unnatural {number}")
    return Draft(key=str(number), seeds=tuple(shown[place].id for place in order))


def _told(shown: Sequence[Shown], language: str) -> str:
    """The examples as the reply should look, one below the other."""
    words = [one.key(language) for one in WRITE.fields]
    colon = "：" if language == "zh" else ": "
    return "\n\n".join(
        f"{_EXAMPLE[language]} {number}\n"
        + "\n".join(
            f"{word}{colon}{text}"
            for word, text in zip(
                words, (one.instruction, one.input, one.constraints or _NONE[language]), strict=True
            )
        )
        for number, one in enumerate(shown, 1)
    )


def _judge(maker: Maker, draft: Draft, shown: Sequence[Shown]) -> tuple[Finding | None, str]:
    texts = draft.texts
    if same := next((one for one in shown if one.input == texts["input"]), None):
        return ("near_copy", texts["input"][:80], "an input of its own"), same.id
    if says_none(texts["input"]):
        return ("missing_material", texts["input"][:80], "an input"), ""
    for name in ("input", "constraints"):
        finding = check_text(texts[name], (*maker.settings.allow, "placeholder"))
        if finding := finding or copied(texts[name], maker.language, _told(shown, maker.language)):
            return finding, ""
    return maker.new_task(draft, texts["instruction"], _told(shown, maker.language))


def _joined(draft: Draft, language: str) -> Draft:
    """The draft with its `task`: the instruction with the constraints behind it."""
    constraints = draft.texts["constraints"]
    ends = "" if says_none(constraints) else _JOINED[language] + constraints
    return draft.with_texts(task=draft.texts["instruction"] + ends)


def _paraphrase(maker: Maker, bases: Sequence[tuple[Row, Draft]], check: Check, made: Made) -> None:
    """Add the further wordings of each task; `said` has those so far, by the task's row."""
    said = {row.id: {_letters(draft.texts["instruction"])} for row, draft in bases}
    for number in range(1, maker.settings.paraphrases + 1):

        def judge(draft: Draft) -> tuple[Finding | None, str]:
            wording, before = draft.texts["reply"], draft.texts["instruction"]
            finding = profile(maker.language).check_instruction(wording)
            finding = finding or check_text(wording, maker.settings.allow)
            finding = finding or copied(wording, maker.language, before)
            if finding is None and _letters(wording) in said[draft.parents[0]]:
                finding = "copy_of_task", wording[:80], "another wording"
            said[draft.parents[0]].add(_letters(wording))
            return finding, draft.parents[0]

        drafts = [
            replace(
                draft,
                key=f"{draft.key}.{number}",
                parents=(row.id,),
                flags=(f"paraphrase_{number}",),
            )
            for row, draft in bases
        ]
        answers = {row.id: row for row, _ in bases}
        drafts = maker.step(
            "paraphrase", drafts, "unnatural_paraphrase",
            lambda draft: {"instruction": draft.texts["instruction"]}, judge, made,
        )  # fmt: skip
        rows = []
        for draft in drafts:
            base = answers[draft.parents[0]]
            told = draft.with_texts(instruction=draft.texts["reply"], reply=base.output)
            rows.append(maker.row(_joined(told, maker.language), base.task))
        checked(made, rows, check, "unnatural.reworded")


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
