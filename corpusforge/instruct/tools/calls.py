"""Calls in a text: read out of a model's reply, put back to their place in the text, written with a result.

The form is Toolformer's (Schick et al. 2023): `[Calculator(400 / 1400)]`, and with its result
`[Calculator(400 / 1400) → 0.29]`. A model seldom copies a text to the letter, so a call's place is found
by the characters before it, blanks aside. Limit: a call whose 24 characters before it stand in the text
twice, or not at all, has no place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["ARGUMENTS", "NAMES", "Spoken", "inline", "placed", "spoken", "with_calls"]

NAMES = {"calculator": "Calculator", "calendar": "Calendar", "convert": "Convert", "search": "Search",
         "python": "Python"}  # fmt: skip
"""How each tool is called in a text."""

ARGUMENTS = {"calculator": "expression", "calendar": "query", "convert": "query", "search": "query",
             "python": "code"}  # fmt: skip
"""The one argument of each tool, by its name in the chat form."""

_BEFORE = 24  # characters by which a call's place is found
_CALL = 500  # most characters of a call
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A call as a reply says it: its tool, its argument, and what of the text the reply has before it."""

    tool: str
    argument: str
    before: str


def inline(tool: str, argument: str, result: str | None = None) -> str:
    """Return a call as it stands in a text, with its result where there is one."""
    told = "" if result is None else f" → {' '.join(result.split())}"
    return f"[{NAMES[tool]}({argument}){told}]"


def spoken(reply: str) -> Iterator[Spoken]:
    """Yield the calls of a reply in order; a bracket that is no call is text."""
    names = {name: tool for tool, name in NAMES.items()}
    before: list[str] = []
    start = 0
    while (opened := reply.find("[", start)) >= 0:
        before.append(reply[start:opened])
        bracket = reply.find("(", opened, opened + 16)
        tool = names.get(reply[opened + 1 : bracket].strip()) if bracket > 0 else None
        end = _closed(reply, bracket) if tool else -1
        last = reply.find("]", end, end + _CALL) if end > 0 else -1
        if tool is None or last < 0 or not _ends(reply[end + 1 : last]):
            before.append("[")
            start = opened + 1
            continue
        yield Spoken(tool, reply[bracket + 1 : end].strip().strip("\"'“”"), "".join(before))
        start = last + 1


def _ends(text: str) -> bool:
    """Whether between a call's bracket and its end stands nothing, or a result."""
    return not text.strip() or text.lstrip().startswith(("→", "->"))


def _closed(text: str, opened: int) -> int:
    """Where the bracket at `opened` is closed, quotes aside; -1 where it is not soon."""
    waiting: list[str] = []
    quote = ""
    for place in range(opened, min(len(text), opened + _CALL)):
        one = text[place]
        if quote:
            quote = "" if one == quote and text[place - 1] != "\\" else quote
        elif (one in "\"'" and waiting != [")"]) or (one == '"' and waiting):
            quote = one
        elif one in _CLOSING:
            waiting.append(_CLOSING[one])
        elif waiting and one == waiting[-1]:
            waiting.pop()
            if not waiting:
                return place
    return -1


def placed(text: str, before: str) -> int:
    """Return where in `text` a call belongs that a reply has behind `before`; -1 where that is not sure."""
    letters = [(place, one) for place, one in enumerate(text) if not one.isspace()]
    plain = "".join(one for _, one in letters)
    said = "".join(before.split())
    if plain.startswith(said):
        found = len(said)
    else:
        tail = said[-_BEFORE:]
        found = plain.find(tail)
        if len(tail) < _BEFORE or found < 0 or plain.find(tail, found + 1) >= 0:
            return -1
        found += len(tail)
    return letters[found][0] if found < len(letters) else -1


def with_calls(text: str, calls: Sequence[tuple[int, str]]) -> str:
    """Return a text with written calls at their places; one of several at a place stands as given."""
    parts, start = [], 0
    for place, written in sorted(calls, key=lambda one: one[0]):
        parts += [text[start:place], written, " "]
        start = place
    return "".join([*parts, text[start:]])
