"""Templates of wikitext whose arguments are prose or quantities: what a reader sees of them.

Templates are not expanded, since their text lies in other pages. `prose_templates.tsv` names those that can
be written without it: by a pattern of their arguments, or by a small function of `wikivalues`. A template
whose arguments do not fit is dropped whole, as one that the table does not name: half a quantity is
worse than none.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import resources

from corpusforge.extract.wikivalues import FUNCTIONS

__all__ = ["EQUALS", "template"]

EQUALS = "\x01"
"""Stands for an equals sign that an inner template or link wrote: it names no argument."""
_NAMED = re.compile(r"\s*+([^\s=<>\[\]\"'|]{1,30}+)\s*+=")
_MARKS = re.compile(r"(\[|\]|\{[^{}]*\})")
_FRENCH_ORDINAL = re.compile(r"(?:\d{1,4}|[ivxlcdm]{1,9})(?:er|re|ère|e|nd|nde)s?(?: siècle)?")
"""Templates of the French wiki whose name is what they show: {{3e}}, {{XXe siècle}}."""
_PAGE_NAMES = frozenset(("pagename", "fullpagename", "subjectpagename", "basepagename"))
_CHANGES_CASE = frozenset(("formatnum", "lc", "uc", "ucfirst", "lcfirst", "#formatnum"))


@functools.cache
def _templates() -> dict[str, str]:
    text = resources.files(__package__).joinpath("prose_templates.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.split("\n") if line and not line.startswith("#"))
    return {name: row[1] for row in rows for name in row[0].split("; ")}


@functools.lru_cache(4096)
def _pattern(name: str, lang: str) -> str | None:
    """Return what is kept of a template, or None where it carries no prose."""
    known = _templates()
    for key in (f"{lang}:{name}", name):
        if key in known:
            return known[key]
    for mark in "-/":
        head, found, _ = name.partition(mark)
        if found and f"{head}{mark}*" in known:
            return known[f"{head}{mark}*"]
    return None


def arguments(pieces: list[str]) -> dict[str, str]:
    """Return arguments by their name or number, "1" first; "last" is the last one without a name."""
    found: dict[str, str] = {}
    number = 0
    for piece in pieces:
        if named := _NAMED.match(piece):
            found[named[1]] = piece[named.end() :].strip()
        else:
            number += 1
            found[str(number)] = found["last"] = piece.strip()
    return {name: value.replace(EQUALS, "=") for name, value in found.items()}


def _fill(pattern: str, values: Mapping[str, str]) -> str | None:
    """Return the pattern with its fields filled; None where a field outside brackets has no value."""
    parts: list[str] = []
    kept, optional, missing = 0, False, False
    for mark in _MARKS.split(pattern):
        if mark == "[":
            kept, optional, missing = len(parts), True, False
        elif mark == "]":
            if missing:
                del parts[kept:]
            optional = False
        elif mark[:1] == "{":
            value = next((values[name] for name in mark[1:-1].split("|") if values.get(name)), "")
            if not value and not optional:
                return None
            missing |= not value
            parts.append(value)
        else:
            parts.append(mark)
    return "".join(parts)


def template(pieces: list[str], title: str, lang: str) -> str:
    """Return what a template shows; `pieces` is its inside, cut at its bars. `title` is the page's."""
    head = pieces[0].strip()
    name = head.lower().replace("_", " ")
    function, colon, rest = name.partition(":")
    if name in _PAGE_NAMES:
        return title
    if colon and function in _CHANGES_CASE:
        return head[len(function) + 1 :].strip()
    if colon and function in ("template", "subst", "safesubst"):
        name = rest.strip()
    pattern = _pattern(name, lang)
    if pattern is None and lang == "fr" and len(pieces) == 1 and _FRENCH_ORDINAL.fullmatch(name):
        return head
    if not pattern:
        return ""
    if pattern[0] == "@":
        return FUNCTIONS[pattern[1:]](arguments(pieces[1:]), lang) or ""
    if "{" not in pattern or len(pattern) == 1:
        return pattern
    return _fill(pattern, arguments(pieces[1:])) or ""
