"""What a model wrote, cut into instructions and verdicts: numbered lists, JSON lists, yes and no.

The list form is Self-Instruct's (Wang et al. 2023). Unlike its code, a number counts only at the
start of a line and only where it carries the list on, so "$20." and a list inside an instruction
cut nothing, letter case stays, and a reply cut at its token limit loses its last item alone (there
the whole reply is dropped). Limit: a list nested in an item whose numbers happen to carry the
outer list on is taken apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from corpusforge.io.decoding import DecodingError, decode_json_at
from corpusforge.models import thoughts
from corpusforge.models.records import FinishReason
from corpusforge.text.edits import one_line

__all__ = ["Items", "answer", "json_objects", "listed", "unmarked", "verdict"]

_CIRCLED = {chr(0x2460 + place): place + 1 for place in range(20)}  # ① to ⑳
_HAN = {digit: place for place, digit in enumerate("一二三四五六七八九", 1)}
_MARK = re.compile(
    r"^[ \t>]*+(?:\#{1,6}[ \t]*+)?(?:\*\*|__)?[ \t]*+(?:(?:task|instruction|任务|指令)[ \t]*+(?=\d))?"
    r"(?:[（(](?P<wrapped>\d{1,4})[)）]"
    r"|(?P<plain>\d{1,4})[ \t]?(?:[.．](?!\d)|[:：](?!\d)|[、)）])"
    r"|(?P<circled>[\u2460-\u2473])"
    r"|(?P<han>[一二三四五六七八九十]{1,3})、)"
    r"[ \t]*+",
    re.MULTILINE | re.IGNORECASE,
)
_BULLET = re.compile(r"^[ \t]*+[-*•·‣●][ \t]+", re.MULTILINE)
_BLANK = re.compile(r"\n[ \t\u3000]*\n")
_SKIPPED = 2  # a model that counts on from 9 to 11 has forgotten a number, not begun another list


@dataclass(frozen=True, slots=True)
class Items:
    """The items of a list reply, one line each, and the last one where the reply was cut in it."""

    complete: tuple[str, ...] = ()
    cut: str = ""


def answer(text: str) -> str:
    """Return a reply as text that can be stored: no thought, no lone surrogates, no NUL.

    Engines part thoughts from answers themselves; journals of earlier versions hold them inline.
    """
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    return thoughts.split(text.replace("\r\n", "\n")).text.strip("\n")


def listed(text: str, finish: FinishReason, first: int = 1) -> Items:
    """Return the items of a numbered (else bulleted) list; empty where there is no list.

    `first` is the number the prompt ended with, so that a reply that goes straight on with the text
    of item `first` keeps it. Numbers: `1.` `1、` `1)` `1）` `（1）` `1:` `①` `一、`, full width digits.
    """
    starts = _starts(text, first)
    if not starts:
        bullets = [(match.start(), match.end()) for match in _BULLET.finditer(text)]
        starts = bullets if len(bullets) > 1 else []
    if not starts:
        return Items()
    ends = [start for start, _ in starts[1:]] + [len(text)]
    items = [text[begin:end] for (_, begin), end in zip(starts, ends, strict=True)]
    last = items.pop()
    if finish == "length":
        return Items(_cleaned(items), _unwrapped(last))
    # what follows a blank line after the last item is the model speaking to its reader
    return Items(_cleaned([*items, _BLANK.split(last.strip(), maxsplit=1)[0]]))


def _starts(text: str, first: int) -> list[tuple[int, int]]:
    """(start of the mark, start of the item) of every mark that carries the list on."""
    marks = [(match.start(), match.end(), _number(match)) for match in _MARK.finditer(text)]
    if len(marks) > 1 and len({number for *_, number in marks}) == 1:
        return [(start, end) for start, end, _ in marks]  # Markdown may number every item 1.
    kept: list[tuple[int, int]] = []
    before = 0
    for start, end, number in marks:
        if not kept or 0 < number - before <= _SKIPPED:
            if not kept and number == first + 1 and text[:start].strip():
                kept.append((0, 0))
            kept.append((start, end))
            before = number
    return kept


def _number(match: re.Match[str]) -> int:
    if match["circled"]:
        return _CIRCLED[match["circled"]]
    if match["han"]:
        tens, ten, ones = match["han"].partition("十")
        return (_HAN.get(tens, 1) * 10 if ten else _HAN.get(tens, 0)) + _HAN.get(ones, 0)
    return int(match["wrapped"] or match["plain"])


def _cleaned(items: list[str]) -> tuple[str, ...]:
    return tuple(text for item in items if (text := _unwrapped(item)))


def unmarked(item: str) -> str:
    """Return one item of a list that needs no marks (a JSON list) without the number or bullet it has."""
    text = item.strip()
    match = _MARK.match(text) or _BULLET.match(text)
    return _unwrapped(text[match.end() :] if match else text)


def _unwrapped(item: str) -> str:
    """One line, without bold marks around the whole of it or left over from a bold number."""
    text = one_line(item)
    for mark in ("**", "__"):
        if text.startswith(mark) and text.endswith(mark) and len(text) > 2 * len(mark):
            text = text[len(mark) : -len(mark)].strip()
        elif text.count(mark) == 1:
            text = text.removeprefix(mark).removesuffix(mark).strip()
    return text


_VERDICT = re.compile(
    r"(?P<skip>是否|是不是|yes or no|yes/no)"
    r"|(?P<no>\bno\b|\bnot\b|\bnon-|\bfalse\b|不是|不属于|并非|否)"
    r"|(?P<yes>\byes\b|\btrue\b|是|属于)",
    re.IGNORECASE,
)


def verdict(text: str) -> bool | None:
    """Return the first yes or no (是, 否) of a reply, None where it has neither."""
    for match in _VERDICT.finditer(text):
        if match.lastgroup != "skip":
            return match.lastgroup == "yes"
    return None


def json_objects(text: str, name: str) -> tuple[tuple[object, ...], bool]:
    """Return the elements of the JSON list under `name`, and whether the list ends properly.

    The list may stand alone, inside an object, or inside text (a code fence). A list cut in an
    element gives the elements before it. A reply without a list gives ((), False).
    """
    place = text.find(f'"{name}"')
    start = text.find("[", max(place, 0))
    if start < 0:
        return (), False
    found: list[object] = []
    for element, ended in _elements(text, start + 1):
        if ended:
            return tuple(found), True
        found.append(element)
    return tuple(found), False


def _elements(text: str, place: int) -> Iterator[tuple[object, bool]]:
    """Yield (element, False) for each whole element and (None, True) at the list's end."""
    while True:
        while place < len(text) and text[place] in " \t\n\r,":
            place += 1
        if text.startswith("]", place):
            yield None, True
            return
        try:
            element, place = decode_json_at(text, place)
        except DecodingError:
            return
        yield element, False
