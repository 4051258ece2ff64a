"""Whether the texts that came back with an answer are those that went out with its task.

Programs on the way change some things, and these do not count: white space and control characters (any
run is one blank, none at the ends), the apostrophe that makes a cell inert, and, in a table that was
saved in another encoding than UTF-8, characters that the encoding lacks (any run of them is a question
mark). Everything else is another text: answers that changed places, an edited or a cut one, another
prompt. Limit: a text in an encoding that is not known here cannot be compared; it is flagged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from corpusforge.annotate.records import Task
from corpusforge.annotate.targets.common import ROLES, answers_of, prompt_text
from corpusforge.io.cells import original

__all__ = ["UNREAD", "compared", "same"]

UNREAD = "text_unread"
"""Flag of an answer beside which a text came back that is no UTF-8 and could not be read."""

ENCODINGS = (
    "gb18030",
    "gbk",
    "big5",
    "cp932",
    "cp949",
    "cp1250",
    "cp1251",
    "cp1252",
    "mac_roman",
    "ascii",
)
"""What spreadsheets save tables in where they do not save UTF-8."""

_BLANK = re.compile(r"[\s\x00-\x1f\x7f\ufeff]+")
_LOST = re.compile(r"[?\ufffd]+")
_RAW = re.compile("[\udc80-\udcff]")
_SHOWN = 60


def _plain(text: str) -> str:
    return _BLANK.sub(" ", text).strip(" ")


def same(sent: str, back: str) -> bool:
    """Whether `back` is the text `sent`; bytes that are no UTF-8 stand in it as half surrogates."""
    sent = sent.encode("utf-8", "replace").decode()
    if _plain(sent) in (_plain(back), _plain(original(back.strip()))):
        return True
    doubtful = _LOST.search(back) or _RAW.search(back)
    return bool(doubtful) and any(_saved(sent, back, name) for name in ENCODINGS)


def _saved(sent: str, back: str, encoding: str) -> bool:
    """Whether `back` is what a table in another encoding holds of `sent`."""
    if _RAW.search(back):
        try:
            back = back.encode("utf-8", "surrogateescape").decode(encoding)
        except UnicodeDecodeError:
            return False
    told = _lossy(sent.encode(encoding, "replace").decode(encoding))
    return told in (_lossy(back), _lossy(original(back.strip())))


def _lossy(text: str) -> str:
    return _LOST.sub("?", _plain(text))


def compared(
    task: Task, prompt: Any, answers: Iterable[tuple[int, Any]]
) -> tuple[str, tuple[str, ...]]:
    """Return which text is not the task's ("" where all are), and flags.

    `prompt` is a text, a list of messages, or None where it did not come back; `answers` are those that
    did: presented place from 0, text.
    """
    sent = [text for _, text in answers_of(task)]
    spoken = [prompt_text(task, language) for language in ROLES]
    flags: set[str] = set()
    if isinstance(prompt, list):
        if not _is_dialogue(task, prompt):
            return "prompt: its messages are other ones", ()
    elif prompt is not None and not any(same(text, prompt) for text in spoken):
        if not _unread(prompt, sent):
            return _told("prompt", prompt), ()
        flags.add(UNREAD)
    for place, back in answers:
        name = f"answer {place + 1}"
        if place >= len(sent):
            if back:
                return f"{name}, of {len(sent)} that the task has", ()
        elif not (isinstance(back, str) and same(sent[place], back)):
            if not _unread(back, [*sent, *spoken]):
                return _told(name, back), ()
            flags.add(UNREAD)
    return "", tuple(flags)


def _unread(back: Any, others: Iterable[str]) -> bool:
    """Whether a text is no UTF-8, and none of the task's other texts in another encoding."""
    raw = isinstance(back, str) and _RAW.search(back)
    return bool(raw) and not any(same(text, back) for text in others)


def _is_dialogue(task: Task, messages: list[Any]) -> bool:
    turns = [(turn.role, turn.content) for turn in task.prompt.messages]
    return len(messages) == len(turns) and all(
        isinstance(one, dict) and one.get("role") == role and same(text, str(one.get("content")))
        for one, (role, text) in zip(messages, turns, strict=True)
    )


def _told(name: str, back: Any) -> str:
    text = _RAW.sub("\ufffd", str(back))
    return f"{name} came back as {_plain(text)[:_SHOWN]!r} ({len(text)} characters)"
