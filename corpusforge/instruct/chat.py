"""A conversation as text that a model may read, and as the messages of a chat.

In a transcript every line of a turn is indented and the roles are not, so that no turn can forge the
beginning of another. Limit: a model may still be taken in by what a turn says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from corpusforge.models.prompts import defuse
from corpusforge.models.records import Message, Role

__all__ = ["Turns", "chat", "transcript"]

Turns = Sequence[tuple[str, str]]
"""(role, text), in order."""


def transcript(turns: Turns) -> str:
    """Return the turns as lines `role:` with their texts indented below."""
    parts = []
    for role, text in turns:
        body = "\n".join("  " + line for line in defuse(text).splitlines())
        parts.append(f"{role}:\n{body}")
    return "\n".join(parts)


def chat(turns: Turns, system: str = "") -> tuple[Message, ...]:
    """Return the turns as messages; chat-template marks in them are broken up."""
    head = (Message("system", defuse(system)),) if system else ()
    return (*head, *(Message(cast("Role", role), defuse(text)) for role, text in turns))
