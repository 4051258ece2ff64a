"""What raters read and what they are asked: guidelines by kind of job, rubrics by paper.

Guidelines are Markdown files `kind.vN.language.md` here; rubrics are TOML in `annotate/rubrics`,
each naming its paper. Both are our own wording; a changed text is a new version, since answers
given under another wording are other data. Limit: English and Chinese.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from importlib import resources

from corpusforge import fields
from corpusforge.annotate.jobs import Flag, Rule, Scale, Words
from corpusforge.errors import InputError, nearest
from corpusforge.io.decoding import decode_toml

__all__ = ["Rubric", "Work", "guidelines", "rubric", "rubrics", "warning"]

LANGUAGES = ("en", "zh")
_TEXTS = "corpusforge.annotate.guidelines"
_RUBRICS = "rubrics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The publication a rubric follows, and where in it."""

    title: str
    authors: str
    year: int
    url: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """What is asked about an answer: scales, flags and rules. `name` is "instructgpt.v1"."""

    name: str
    source: Work
    summary: Words
    scales: tuple[Scale, ...] = ()
    flags: tuple[Flag, ...] = ()
    rules: tuple[Rule, ...] = field(default=())


def rubrics() -> tuple[str, ...]:
    """Return the names of all rubrics."""
    folder = resources.files("corpusforge.annotate") / _RUBRICS
    return tuple(
        sorted(item.name.removesuffix(".toml") for item in folder.iterdir()
               if item.name.endswith(".toml"))
    )  # fmt: skip


@functools.cache
def rubric(name: str) -> Rubric:
    """Return a rubric by its versioned name. Raises InputError for an unknown one."""
    if name not in rubrics():
        raise InputError(f"rubric {name!r} is unknown.{nearest(name, rubrics())}")
    file = resources.files("corpusforge.annotate") / _RUBRICS / f"{name}.toml"
    table = decode_toml(file.read_bytes())
    return fields.build(Rubric, {"name": name, **table}, f"rubrics/{name}.toml")


def guidelines(kind: str) -> tuple[str, Words]:
    """Return (versioned name, text) of the newest guidelines for a kind of job."""
    return _newest(kind)


def warning() -> Words:
    """Return the content warning that stands before every job."""
    return _newest("warning")[1]


@functools.cache
def _newest(kind: str) -> tuple[str, Words]:
    names = [item.name for item in resources.files(_TEXTS).iterdir() if item.name.endswith(".md")]
    found = {
        int(version.removeprefix("v"))
        for name in names
        for stem, version, *_ in [name.split(".")]
        if stem == kind
    }
    if not found:
        known = {name.split(".")[0] for name in names}
        raise InputError(f"no guidelines for {kind!r}.{nearest(kind, known)}")
    name = f"{kind}.v{max(found)}"
    texts = {
        language: (resources.files(_TEXTS) / f"{name}.{language}.md").read_text(encoding="utf-8")
        for language in LANGUAGES
    }
    return name, Words(texts["en"], texts["zh"])
