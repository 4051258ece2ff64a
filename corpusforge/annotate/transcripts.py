"""Dialogues that are one string, in the notation of Anthropic's HH files (Bai et al. 2022), read and written.

A turn opens with a blank line and "Human:" or "Assistant:"; a system message has no turn there and opens
the text. Limit: a message that holds such an opening itself cannot be told from two turns; `opens_turn`
finds it, and such rows are left out of string formats and counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpusforge.models.records import Message, Role

__all__ = [
    "begins_turn",
    "completion",
    "is_dialogue",
    "messages_of",
    "opens_turn",
    "prompt_text",
    "turns_of",
]

_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES: dict[str, Role] = {"System": "system", "Human": "user", "Assistant": "assistant"}
_OPENINGS: dict[Role, str] = {"user": "\n\nHuman: ", "assistant": "\n\nAssistant: ", "system": ""}
_OPEN = "\n\nAssistant:"

Turn = tuple[str, str]


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def begins_turn(text: str) -> bool:
    """Whether a text begins with a turn."""
    return bool(_TURN.match(_plain(text)))


def opens_turn(text: str) -> bool:
    """Whether a text holds the opening of a turn."""
    return bool(_TURN.search(_plain(text)))


def is_dialogue(text: object) -> bool:
    """Whether a value is a dialogue up to an open assistant turn, "Assistant:"."""
    return (
        isinstance(text, str) and _plain(text).rstrip(" ").endswith(_OPEN) and "\n\nHuman:" in text
    )


def turns_of(text: object) -> list[Turn]:
    """Return (System, Human or Assistant; text as it stands) of a dialogue.

    Raises TypeError for what is no text, ValueError where it has no turns.
    """
    if not isinstance(text, str):
        raise TypeError(f"a dialogue is {type(text).__name__}, not text")
    parts = _TURN.split(_plain(text))
    if len(parts) < 3:
        raise ValueError("not a dialogue of Human and Assistant turns")
    head = [("System", parts[0].strip())] if parts[0].strip() else []
    return head + [(parts[n], parts[n + 1]) for n in range(1, len(parts), 2)]


def messages_of(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """Return the turns as messages, without the blank behind their colon."""
    return tuple(Message(_ROLES[who], text.removeprefix(" ")) for who, text in turns)


def prompt_text(messages: Sequence[Message]) -> str:
    """Return the dialogue up to the answer: it ends with an open assistant turn, "Assistant:"."""
    return "".join(_OPENINGS[turn.role] + turn.content for turn in messages) + _OPEN


def completion(text: str) -> str:
    """Return an answer as it follows `prompt_text`."""
    return " " + text
