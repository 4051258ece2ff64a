"""A dialogue as one string, in the turns of Anthropic's HH files (Bai et al. 2022).

A turn opens with a blank line and "Human:" or "Assistant:"; a system message has no turn there and
opens the text. Limit: a message that holds such an opening itself cannot be told from two turns;
`ambiguous` finds it, and such rows are left out of string formats and counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from corpusforge.models.records import Message

__all__ = ["ambiguous", "completion", "prompt_text"]

_TURNS = {"user": "\n\nHuman: ", "assistant": "\n\nAssistant: ", "system": ""}
_OPENING = re.compile(r"\n\n(?:Human|Assistant):")


def ambiguous(texts: Sequence[str]) -> bool:
    """Whether a text holds the opening of a turn."""
    return any(_OPENING.search(text) for text in texts)


def prompt_text(messages: Sequence[Message]) -> str:
    """Return the dialogue up to the answer: it ends with an open assistant turn, "Assistant:"."""
    body = "".join(_TURNS[turn.role] + turn.content for turn in messages)
    return body + "\n\nAssistant:"


def completion(text: str) -> str:
    """Return an answer as it follows `prompt_text`."""
    return " " + text
