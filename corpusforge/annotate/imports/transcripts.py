"""Dialogues that are one string, in the notation of Anthropic's HH files (Bai et al. 2022), read.

What `annotate.export.transcript` writes. Limit: a message that holds the opening of a turn itself cannot be
told from two turns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpusforge.models.records import Message, Role

__all__ = ["is_dialogue", "messages_of", "opens_turn", "turns_of"]

_TURN = re.compile(r"\n\n(Human|Assistant):")
_ROLES: dict[str, Role] = {"System": "system", "Human": "user", "Assistant": "assistant"}
_OPEN = "\n\nAssistant:"

Turn = tuple[str, str]


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


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
