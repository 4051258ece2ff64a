"""Tasks as a person would ask them: personas, and slots of sort, audience, tone and length.

Personas are those of Persona Hub (Ge et al. 2024) in form (JSON lines with `persona`), and ours in the
built-in file; the slots are of those that prompt writers fill (topic and purpose come from the person). The
person is in the writing prompt alone: neither the answer's prompt nor the row knows of them but by the
lineage. Limit: a request fits its person and slots only as far as the model obeys; no rule looks at that.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from typing import Any

from corpusforge.errors import InputError
from corpusforge.hashing import make_id, word64
from corpusforge.instruct.accounts import CHUNK, Check, Made, checked
from corpusforge.instruct.modes.asking import Draft, Maker
from corpusforge.instruct.modes.ready import drawn
from corpusforge.instruct.profile import Finding, language_of
from corpusforge.io import files, layouts
from corpusforge.io.decoding import decode_toml
from corpusforge.models.structured import Field, Form

__all__ = ["SLOTS", "make_persona", "personas_of"]

WRITE = Form(fields=(Field(name="task", words={"en": ("Request",), "zh": ("请求",)}),))
"""The one field of a `write` reply."""

SLOTS = ("sort", "audience", "tone", "length")


@functools.cache
def _built_in() -> Mapping[str, Any]:
    folder = resources.files("corpusforge.instruct.modes")
    return decode_toml(folder.joinpath("personas.toml").read_bytes())


def personas_of(path: str, languages: Sequence[str]) -> dict[str, list[str]]:
    """Return the personas by language, of a file or the built-in ones ("").  Raises InputError."""
    found: dict[str, list[str]] = {language: [] for language in languages}
    if not path:
        return {language: list(_built_in()["personas"][language]) for language in languages}
    if not files.exists(path):
        raise InputError(f"--personas {path!r} does not exist.")
    for number, row in enumerate(layouts.objects(path), 1):
        text = row.get("persona")
        if not isinstance(text, str) or not text.strip():
            raise InputError(
                f"{path}: row {number}: `persona` is {text!r}; expected a description."
            )
        language = str(row.get("language") or language_of(text))
        if language in found and text.strip() not in found[language]:
            found[language].append(text.strip())
    if empty := [language for language, texts in found.items() if not texts]:
        raise InputError(
            f"{path}: no persona in {empty[0]!r}; add some, or leave the language out."
        )
    return found


def make_persona(maker: Maker, personas: Sequence[str], check: Check) -> Iterator[Made]:
    """Yield the rows of one language in parts; every person is taken before one comes again."""
    order = [personas[place] for place in drawn(personas, 0, maker.settings.seed, "personas")]
    for start in range(0, maker.settings.each, CHUNK):
        made = Made()
        numbers = range(start, min(start + CHUNK, maker.settings.each))
        drafts = [_draft(maker, number, order[number % len(order)]) for number in numbers]
        drafts = maker.step(
            "write", drafts, "persona_write", lambda draft: _values(draft, maker.language),
            lambda draft: _judge(maker, draft), made, form=WRITE,
        )  # fmt: skip
        drafts = maker.answered(drafts, made)
        checked(made, [maker.row(draft) for draft in drafts], check, "persona.row")
        yield made


def _draft(maker: Maker, number: int, person: str) -> Draft:
    flags = []
    for slot in SLOTS:
        values = _built_in()[slot]
        draw = word64(maker.settings.seed, "slot", slot, maker.language, number)
        flags.append(f"{slot}_{values[draw % len(values)]['id']}")
    return Draft(
        key=str(number), seeds=(f"persona_{make_id('persona', person)[:12]}",), flags=tuple(flags),
        texts={"persona": person},
    )  # fmt: skip


def _values(draft: Draft, language: str) -> dict[str, str]:
    """The person and the words of the draft's slots."""
    found = {"persona": draft.texts["persona"]}
    for slot, flag in zip(SLOTS, draft.flags, strict=True):
        name = flag.removeprefix(f"{slot}_")
        found[slot] = next(one[language] for one in _built_in()[slot] if one["id"] == name)
    return found


def _judge(maker: Maker, draft: Draft) -> tuple[Finding | None, str]:
    return maker.new_task(
        draft, draft.texts["task"], "\n".join(_values(draft, maker.language).values())
    )
