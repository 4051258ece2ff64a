"""A reply parted into thought and answer, by the inline marks of the families that think aloud.

Marks: `<think>` (R1, Qwen3, GLM, Phi-4), `<thinking>`, `<thought>` (EXAONE), `<reasoning>`, `<seed:think>`
(Seed-OSS), `[THINK]` (Magistral), `<|begin_of_thought|>` (OpenThinker), `<|START_THINKING|>` (Command A),
`◁think▷` (Kimi), `<unused94>` (MedGemma), `<|channel>thought` (Gemma), and the channels of gpt-oss
(`<|channel|>analysis<|message|>`), also where a server took its control tokens off. A template may
open the thought in the prompt, so what stands before the last closing mark is thought, opened or not;
one that is opened and never closed was cut, and leaves no answer. Limits: an answer that explains
these very marks in tags of its own is cut at them; thoughts without marks are not known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["MARKS", "Thought", "ends_open", "split"]

_NAMES = "(?:think|thinking|thoughts?|reasoning|scratchpad|inner_thoughts?|seed:think)"
_OPEN = (
    rf"<{_NAMES}(?:[ \t][^<>\n]{{0,60}})?>|\[THINK\]|<\|begin_of_thought\|>|<\|START_THINKING\|>|◁think▷"
    r"|<unused94>(?:thought\n)?|<\|channel>thought\b"
)
_CLOSE = (
    rf"</{_NAMES}[ \t]{{0,4}}>|\[/THINK\]|<\|end_of_thought\|>|<\|END_THINKING\|>|◁/think▷|<unused95>"
    r"|<channel\|>"
)
MARKS = rf"{_OPEN}|{_CLOSE}|<\|channel\|>|<\|message\|>"
"""An expression for any mark of thought; none may stand in a row."""

_ANY = re.compile(rf"{_OPEN}|{_CLOSE}", re.IGNORECASE)
_CLOSING = re.compile(_CLOSE, re.IGNORECASE)
_OPENING = re.compile(rf"^[ \t]*+(?:{_OPEN})", re.IGNORECASE | re.MULTILINE)
_PROMPT_END = re.compile(
    rf"(?:{_OPEN}|<\|channel\|>[ \t]*+analysis[ \t]*+<\|message\|>)\s*\Z", re.IGNORECASE
)
_CHANNEL = re.compile(
    r"<\|channel\|>[ \t]*+([a-z]+)[^<\n]{0,80}(?:<\|[a-z]+\|>[^<\n]{0,40})?<\|message\|>"
)
_CONTROL = re.compile(r"<\|(?:end|return|call|start|message|channel)\|>(?:assistant)?")
_BARE = re.compile(r"\Aanalysis(?=\S)(?!\w*\s*[:=])")
_BARE_FINAL = re.compile(r"assistantfinal")
_WRAPS = (
    ("<answer>", "</answer>"),
    ("<response>", "</response>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ("<|START_TEXT|>", "<|END_TEXT|>"),
)
"""What some families put around the answer that follows a thought."""


@dataclass(frozen=True, slots=True)
class Thought:
    """A reply in two parts. `cut`: the thought was never closed. `unopened`: it began in the prompt."""

    reasoning: str
    text: str
    cut: bool = False
    unopened: bool = False


def split(text: str, *, opened: bool = False) -> Thought:
    """Return a reply's thought and its answer; `opened`: the prompt ended inside a thought."""
    if "<|channel|>" in text:
        return _channels(text)
    if _BARE.match(text) and (found := _last(_BARE_FINAL, text)):
        return Thought(text[len("analysis") : found.start()].strip(), text[found.end() :])
    closing = _last(_CLOSING, text)
    if closing is None:
        if opened:
            return Thought(_ANY.sub("", text).strip(), "", cut=True)
        thought, rest, unopened = "", text, False
    else:
        thought, rest = text[: closing.start()], text[closing.end() :]
        unopened = _ANY.search(thought) is None
    found = _OPENING.search(rest)
    if found:
        parts = (_ANY.sub("\n", part).strip() for part in (thought, rest[found.end() :]))
        return Thought("\n\n".join(filter(None, parts)), rest[: found.start()], cut=True)
    if closing is None:
        return Thought("", text)
    return Thought(_ANY.sub("\n", thought).strip(), _unwrapped(rest), unopened=unopened)


def ends_open(prompt: str) -> bool:
    """Whether a rendered prompt ends inside a thought."""
    return _PROMPT_END.search(prompt[-200:]) is not None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    return found


def _channels(text: str) -> Thought:
    """The channels of gpt-oss: `final` is the answer, all others are thought."""
    marks = list(_CHANNEL.finditer(text))
    if not marks:
        head, _, rest = text.partition("<|channel|>")
        return Thought(_bare(rest), _bare(head), cut=True)
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = [
        (mark[1], _bare(text[mark.end() : end])) for mark, end in zip(marks, ends, strict=True)
    ]
    head = _bare(text[: marks[0].start()])  # the prompt opened the first channel
    thoughts = [head, *(part for name, part in parts if name != "final")]
    finals = [part for name, part in parts if name == "final"]
    return Thought(
        "\n\n".join(filter(None, thoughts)), finals[-1] if finals else "", cut=not finals,
        unopened=bool(head),
    )  # fmt: skip


def _bare(text: str) -> str:
    return _CONTROL.sub("", text).strip()


def _unwrapped(text: str) -> str:
    """The answer without its family's tags around it."""
    bare = text.strip()
    for opening, closing in _WRAPS:
        if bare.startswith(opening):
            return bare.removeprefix(opening).removesuffix(closing).strip()
    return text
