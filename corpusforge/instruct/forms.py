"""In which form a step's fields come: labelled lines (chat), or a JSON object held to a schema (json).

Steps whose reply is an answer for a person have no fields and are chat in both forms. Limit: a model
that is asked for an object and writes labelled lines is read as if it had been asked for these.
"""

from __future__ import annotations

import re
import unicodedata

from corpusforge.errors import RecipeError, nearest
from corpusforge.instruct import parse
from corpusforge.instruct.labels import labelled
from corpusforge.models.records import Request
from corpusforge.models.structured import Field, Form

__all__ = ["FORMS", "YES_NO", "Formed", "blocks", "check_form", "fields", "points", "shaped",
           "unless_json", "yes_or_no"]  # fmt: skip

FORMS = ("chat", "json")

YES_NO = Form(
    fields=(
        Field(name="answer", words={"en": ("answer",), "zh": ("答案", "回答")},
              choices={"en": ("yes", "no"), "zh": ("是", "否")}),
    )
)  # fmt: skip
"""The form of a reply that is a verdict."""
_POINTS = re.compile(r"\s*+\**+\s*+([1-9]\d*+)(?:\.0+)?(?!\d|\.\d)")


class Formed:
    """Settings that have a `form`."""

    __slots__ = ()
    form: str

    @property
    def structured(self) -> bool:
        """Whether replies with fields are asked for as JSON objects."""
        return self.form == "json"


def check_form(settings: Formed, table: str) -> None:
    """Raise RecipeError where the settings' form is none that these steps have."""
    if settings.form not in FORMS:
        raise RecipeError(f"[{table}] form = {settings.form!r}.{nearest(settings.form, FORMS)}")


def unless_json(settings: Formed) -> tuple[str, ...]:
    """Return the setting `form` where it is chat: rows do not depend on it there, and directories of
    earlier versions do not name it."""
    return () if settings.structured else ("form",)


def shaped(
    form: Form, request: Request, version: str, language: str, *, structured: bool, most: int = 0
) -> tuple[Request, str]:
    """Return a request and its prompt's version, both as they are or as asking for an object."""
    if not structured:
        return request, version
    return form.asked(request, language, most), f"{version}+json"


def blocks(text: str, form: Form, *, structured: bool) -> list[dict[str, str]]:
    """Return the blocks of a reply: its JSON object where one was asked for and is there, else what
    `labelled` finds."""
    found = form.read(text) if structured else None
    return labelled(text, form.labels) if found is None else found


def fields(text: str, form: Form, *, structured: bool) -> dict[str, str]:
    """Return the fields of a reply about one thing, of all its blocks; the last text of each counts."""
    found: dict[str, str] = {}
    for block in blocks(text, form, structured=structured):
        found |= block
    return found


def points(text: str, part: Field) -> int:
    """Return the whole number that a text begins with, 0 where it is none or outside of the field's bounds
    (which are above 0)."""
    found = _POINTS.match(unicodedata.normalize("NFKC", text))
    value = int(found[1]) if found else 0
    return value if part.low <= value <= part.high else 0


def yes_or_no(text: str, *, structured: bool) -> bool | None:
    """Return the first yes or no of a reply, of its JSON object where one was asked for and is there."""
    found = YES_NO.read(text) if structured else None
    return parse.verdict(found[0]["answer"] if found else text)
