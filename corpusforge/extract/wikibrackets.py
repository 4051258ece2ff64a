"""Templates, links and tables of wikitext, resolved from the inside out on one stack.

Every bracket is read once and every piece of text is moved at most once a level that really
closes; brackets without a partner lose their marks and keep their text.
"""

from __future__ import annotations

import functools
import re
from importlib import resources

from corpusforge.extract.wikitables import table_rows

__all__ = ["resolve"]

_TOKEN = re.compile(r"\{\{+|\}\}+|\[\[|\]\]|\n[ \t:*#]*\{\|(?!\})|\n[ \t:*#]*\|\}(?!\})|\|")
_FIELD = re.compile(r" ?\{(\d+|last)\}")
_PARENTHESES = re.compile(r"\s*[(（][^()（）]*[)）]$|[,，][^,，]*$")
_MEDIA = re.compile(
    r"\.(?:jpe?g|png|gif|svg|tiff?|webp|og[gvm]|webm|pdf|djvu|mid|wav|flac|mp3)\s*$", re.I
)
_NAMED = re.compile(r"\s*[^\s=<>\[\]\"'|]{1,30}\s*=")


@functools.cache
def _templates() -> dict[str, str]:
    text = resources.files(__package__).joinpath("prose_templates.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.split("\n") if line and not line.startswith("#"))
    return {row[0]: row[1] for row in rows}


@functools.cache
def _namespaces() -> dict[str, str]:
    text = resources.files(__package__).joinpath("namespaces.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.split("\n") if line and not line.startswith("#"))
    return {name.replace("_", " "): kind for kind, names in rows for name in names.split()}


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


def _positional(arguments: list[str]) -> dict[str, str]:
    """Return arguments by their number, "1" first; "last" is the last one without a name."""
    found: dict[str, str] = {}
    number = 0
    for argument in arguments:
        if _NAMED.match(argument):
            key, _, value = argument.partition("=")
            found[key.strip()] = value.strip()
        else:
            number += 1
            found[str(number)] = found["last"] = argument.strip()
    return found


def _template(pieces: list[str], title: str, lang: str) -> str:
    name = pieces[0].strip().lower().replace("_", " ")
    function, colon, _ = name.partition(":")
    if name in ("pagename", "fullpagename", "subjectpagename"):
        return title
    if colon and function in ("formatnum", "lc", "uc", "ucfirst", "lcfirst"):
        return pieces[0].strip()[len(function) + 1 :].strip()
    if (pattern := _pattern(name, lang)) is None:
        return ""
    values = _positional(pieces[1:])

    def fill(match: re.Match[str]) -> str:
        value = values.get(match[1], "")
        return (" " if match[0][0] == " " and value else "") + value

    return pattern if "{" not in pattern or len(pattern) == 1 else _FIELD.sub(fill, pattern)


def _link(pieces: list[str]) -> str:
    target = pieces[0].strip()
    label = pieces[-1].strip() if len(pieces) > 1 else ""
    if target.startswith(":"):
        return label or target[1:].strip()
    prefix, colon, rest = target.partition(":")
    kind = _namespaces().get(prefix.strip().lower().replace("_", " ")) if colon else None
    if kind is not None or (colon and _MEDIA.search(rest)):
        return ""
    if len(pieces) > 1 and not label:
        return _PARENTHESES.sub("", rest if colon else target)
    return label or target.replace("_", " ").lstrip("#")


class _Stack:
    """Open brackets: each frame is a kind and its pieces, the last of which still grows."""

    def __init__(self, title: str, lang: str, tables: bool) -> None:
        self.title, self.lang, self.tables = title, lang, tables
        self.kinds = [""]
        self.frames: list[list[list[str]]] = [[[]]]
        self.open = {"{{": 0, "[[": 0, "{|": 0}

    def add(self, text: str) -> None:
        self.frames[-1][-1].append(text)

    def push(self, kind: str) -> None:
        self.kinds.append(kind)
        self.frames.append([[]])
        self.open[kind] += 1

    def pop(self) -> tuple[str, list[str]]:
        kind = self.kinds.pop()
        self.open[kind] -= 1
        return kind, ["".join(piece) for piece in self.frames.pop()]

    def flatten(self) -> None:
        """Give the innermost frame up: its pieces become text of the frame around it."""
        kind, pieces = self.pop()
        self.add(("\n" if kind == "{|" else "") + "|".join(pieces))

    def close(self, kind: str) -> None:
        """Close the innermost frame of a kind, giving up unclosed ones inside it."""
        if not self.open[kind]:
            return
        while self.kinds[-1] != kind:
            self.flatten()
        _, pieces = self.pop()
        if kind == "{{":
            self.add(_template(pieces, self.title, self.lang))
        elif kind == "[[":
            self.add(_link(pieces))
        elif self.tables:
            self.add("\n\n" + "\n".join(table_rows(pieces[0])) + "\n\n")


def _act(stack: _Stack, mark: str) -> None:
    """Let one bracket act on the stack."""
    if mark == "|":
        if stack.kinds[-1] in ("{{", "[["):
            stack.frames[-1].append([])
        else:
            stack.add("|")
    elif mark.startswith("{{"):
        for _ in range(len(mark) // 2):
            stack.push("{{")
    elif mark.startswith("}}"):
        for _ in range(len(mark) // 2):
            stack.close("{{")
    elif mark == "[[":
        stack.push("[[")
    elif mark == "]]":
        if stack.kinds[-1] == "[[":
            stack.close("[[")
    elif mark.endswith("{|"):
        stack.push("{|")
    else:
        stack.close("{|")


def resolve(text: str, title: str, lang: str, tables: bool) -> str:
    """Return the text with every template, link and table replaced by what it shows."""
    stack = _Stack(title, lang, tables)
    position = 0
    for match in _TOKEN.finditer(text):
        if match.start() > position:
            stack.add(text[position : match.start()])
        _act(stack, match[0])
        position = match.end()
    stack.add(text[position:])
    while len(stack.kinds) > 1:
        stack.flatten()
    return "".join(stack.frames[0][0])
