"""Templates, links, conversion marks and tables of wikitext, resolved from the inside out on one stack.

Every bracket is read once and every piece of text is moved at most once a level that really
closes; brackets without a partner lose their marks and keep their text.
"""

from __future__ import annotations

import functools
import re
from importlib import resources

from corpusforge.extract.wikitables import table_rows
from corpusforge.extract.wikitemplates import EQUALS, template
from corpusforge.extract.wikivariants import shown

__all__ = ["resolve"]

_TOKEN = re.compile(
    r"\{\{+|\}\}+-?|\}-|-\{(?=\{\{(?!\{)|[^{]|$)|\[\[|\]\]|\n[ \t:*#]*\{\|(?!\})|\n[ \t:*#]*\|\}(?!\})|\|"
)
_PARENTHESES = re.compile(r"(?:(?<!\s)\s++)?[(（][^()（）]*+[)）]$|[,，][^,，]*+$")
_MEDIA = re.compile(
    r"\.(?:jpe?g|png|gif|svg|tiff?|webp|og[gvm]|webm|pdf|djvu|mid|wav|flac|mp3)\s*$", re.I
)


@functools.cache
def _namespaces() -> dict[str, str]:
    text = resources.files(__package__).joinpath("namespaces.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in text.split("\n") if line and not line.startswith("#"))
    return {name.replace("_", " "): kind for kind, names in rows for name in names.split()}


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

    def __init__(self, title: str, lang: str, tables: bool, variant: str) -> None:
        self.title, self.lang, self.tables, self.variant = title, lang, tables, variant
        self.kinds = [""]
        self.frames: list[list[list[str]]] = [[[]]]
        self.open = {"{{": 0, "[[": 0, "{|": 0, "-{": 0}

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
            self.put(template(pieces, self.title, self.lang))
        elif kind == "[[":
            self.put(_link(pieces))
        elif kind == "-{":
            self.put(shown(pieces, self.variant))
        elif self.tables:
            self.add("\n\n" + "\n".join(table_rows(pieces[0])) + "\n\n")

    def put(self, text: str) -> None:
        """Add what a bracket showed; its equals signs name no argument of a template around it."""
        self.add(text.replace("=", EQUALS) if "=" in text else text)


def _close_braces(stack: _Stack, mark: str) -> None:
    """Let a run of closing braces, perhaps with the dash of a conversion mark, close what is open."""
    left, dash = len(mark.rstrip("-")), mark.endswith("-")
    single = left == 1
    while left >= 2:
        if dash and left == 2 and stack.kinds[-1] == "-{":
            stack.add("}")
            left = 1
        else:
            stack.close("{{")
            left -= 2
    if dash and left == 1 and stack.open["-{"]:
        stack.close("-{")
    elif dash:
        stack.add("}-" if single else "-")


def _act(stack: _Stack, mark: str) -> None:
    """Let one bracket act on the stack."""
    if mark == "|":
        if stack.kinds[-1] in ("{{", "[[", "-{"):
            stack.frames[-1].append([])
        else:
            stack.add("|")
    elif mark.startswith("{{"):
        for _ in range(len(mark) // 2):
            stack.push("{{")
    elif mark.startswith("}"):
        _close_braces(stack, mark)
    elif mark == "-{":
        stack.push("-{")
    elif mark == "[[":
        stack.push("[[")
    elif mark == "]]":
        if stack.kinds[-1] == "[[":
            stack.close("[[")
    elif mark.endswith("{|"):
        stack.push("{|")
    else:
        stack.close("{|")


def resolve(text: str, title: str, lang: str, tables: bool, variant: str) -> str:
    """Return the text with every template, link, conversion mark and table replaced by what it shows.

    `text` must hold no U+0001, `variant` is one of `wikivariants.VARIANTS`.
    """
    stack = _Stack(title, lang, tables, variant)
    position = 0
    for match in _TOKEN.finditer(text):
        if match.start() > position:
            stack.add(text[position : match.start()])
        _act(stack, match[0])
        position = match.end()
    stack.add(text[position:])
    while len(stack.kinds) > 1:
        stack.flatten()
    return "".join(stack.frames[0][0]).replace(EQUALS, "=")
