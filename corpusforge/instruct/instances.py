"""Instances from a model's reply: input first, output first, or as JSON.

Both forms are Self-Instruct's (Wang et al. 2023): examples of `Input`/`Output` for open tasks,
`Class label` before the input for classification. Unlike in its code, labels count at the start of
a line (elsewhere only where no line starts with one), in English and Chinese, and a field may have
blank lines. Limit: an output in which a line starts with one of the labels is cut there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from corpusforge.instruct.material import says_none
from corpusforge.instruct.parse import json_objects
from corpusforge.models.records import FinishReason

__all__ = ["Parsed", "field", "input_first", "output_first", "structured"]

_OPEN, _CLOSE = r"^[ \t]*+(?:\#{1,6}[ \t]*+)?(?:\*\*|__)?[ \t]*+", r"[ \t]*+(?:\*\*|__)?"
_COLON = rf"{_CLOSE}[:：]{_CLOSE}[ \t]*+"
_LABEL = re.compile(
    rf"{_OPEN}(?:"
    rf"(?P<example>(?:example|示例|例子|样例|实例|例)[ \t]*+(?:\d+{_COLON}|\d*[.、]?{_CLOSE}(?:{_COLON})?$))"
    rf"|(?P<input>(?:input|输入)[ \t]*+\d*{_COLON})"
    rf"|(?P<output>(?:output|输出)[ \t]*+\d*{_COLON})"
    rf"|(?P<task>(?:task|任务)[ \t]*+\d*{_COLON}))",
    re.MULTILINE | re.IGNORECASE,
)
_CLASS = re.compile(
    rf"{_OPEN}(?:"
    rf"(?P<label>(?:class label|分类标签|类别标签|类别|标签)[ \t]*+\d*{_COLON})"
    rf"|(?P<task>(?:task|任务)[ \t]*+\d*{_COLON}))",
    re.MULTILINE | re.IGNORECASE,
)
_INLINE = re.compile(r"(?:\boutput|输出)[ \t]*+\d*[ \t]*+[:：]", re.IGNORECASE)
_INPUT = re.compile(rf"\A[ \t]*+(?:\*\*|__)?(?:input|输入)[ \t]*+\d*{_COLON}", re.IGNORECASE)
_BLANK_BEFORE = re.compile(r"\n[ \t\u3000]*\n[ \t]*+\Z|\A\s*\Z")


@dataclass(frozen=True, slots=True)
class Parsed:
    """An instance as the model wrote it; `cut` where the reply ended at its token limit in it."""

    input: str
    output: str
    cut: bool = False


def field(text: str) -> str:
    """Return a field without the blank lines around it; a word for "nothing" becomes nothing."""
    text = text.strip()
    return "" if says_none(text) else text


def _parts(text: str, labels: re.Pattern[str]) -> tuple[list[tuple[str, str]], bool]:
    """(kind, text up to the next label) of each label, and whether a next task ended the reply.

    Text before the first label has the kind "". A model that goes on with a task of its own puts a
    blank line before it; a line "Task:" inside an output has none.
    """
    parts: list[tuple[str, str]] = []
    kind, place = "", 0
    for match in labels.finditer(text):
        name = match.lastgroup or ""
        if name == "task":
            if parts and _BLANK_BEFORE.search(text[: match.start()]):
                return [*parts, (kind, text[place : match.start()])], True
            continue
        parts.append((kind, text[place : match.start()]))
        kind, place = name, match.end()
    return [*parts, (kind, text[place:])], False


def input_first(text: str, finish: FinishReason) -> tuple[Parsed, ...]:
    """Return the instances of a reply of examples with `Input:` (may be missing) and `Output:`."""
    parts, ended = _parts(text, _LABEL)
    if not any(kind == "output" for kind, _ in parts):
        parts = _split_inline(parts)
    found: list[Parsed] = []
    given: list[str] = []
    open_ = True  # an output here is the first since the last example or input
    for kind, body in parts:
        if kind == "output":
            if open_:
                found.append(Parsed(field("\n".join(given)), body.strip()))
            given, open_ = [], False
        else:
            if kind == "example" or (kind == "input" and not open_):
                given, open_ = [], True
            if kind or found or not _is_preamble(body, parts):
                given.append(body)
    return _marked(found, cut=finish == "length" and not ended and parts[-1][0] == "output")


def _is_preamble(body: str, parts: list[tuple[str, str]]) -> bool:
    """Whether text before the first label is talk: it is, where an input or example follows."""
    return not body.strip() or (len(parts) > 1 and parts[1][0] in ("example", "input"))


def _split_inline(parts: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Parts of a reply whose `Output:` stands in the middle of a line."""
    made: list[tuple[str, str]] = []
    for kind, body in parts:
        match = _INLINE.search(body)
        if match:
            made += [(kind, body[: match.start()]), ("output", body[match.end() :])]
        else:
            made.append((kind, body))
    return made


def output_first(text: str, finish: FinishReason) -> tuple[Parsed, ...]:
    """Return the instances of a reply of `Class label: X` lines, each followed by its input."""
    parts, ended = _parts(text, _CLASS)
    found = []
    for kind, body in parts:
        if kind == "label":
            label, _, rest = body.strip().partition("\n")
            found.append(Parsed(field(_INPUT.sub("", rest.strip(), count=1)), label.strip()))
    return _marked(found, cut=finish == "length" and not ended)


def structured(text: str, finish: FinishReason) -> tuple[Parsed, ...]:
    """Return the instances of a JSON reply {"instances": [{"input": ..., "output": ...}]}.

    An element cut at the token limit is not there; elements that are no such object are left out.
    """
    elements, ended = json_objects(text, "instances")
    found = [
        Parsed(field(str(element.get("input") or "")), str(element["output"]).strip())
        for element in elements
        if isinstance(element, dict) and isinstance(element.get("output"), (str, int, float))
    ]
    if finish == "length" and not ended:
        found.append(Parsed("", "", cut=True))
    return tuple(found)


def _marked(found: list[Parsed], *, cut: bool) -> tuple[Parsed, ...]:
    if cut and found:
        found[-1] = replace(found[-1], cut=True)
    return tuple(found)
