"""Is a list of turns a dialogue? Roles alternate, the assistant has the last word, no marks leak.

Ours, after the faults that published dialogue sets are known for: merged turns, turns in which the
model goes on to play the other side ("User: …"), answers said twice. Limit: a stage play whose lines
begin with "User:" is refused too.
"""

from __future__ import annotations

import re

from corpusforge.instruct.chat import Turns
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.rules import check_text

__all__ = ["RULES", "check_turns"]

RULES: dict[str, str] = {
    "roles": "user and assistant do not take turns, or the assistant has not the last word",
    "empty_turn": "a turn without text",
    "role_mark": "a turn has a line that begins like another's turn (User:, 助手：)",
    "leaked_mark": "a turn has a mark of a chat template",
    "repeated_turn": "more than 10 characters that the same side said before, word for word",
    "too_long": "one exchange alone is larger than a piece may be",
}
"""Every rule of this package, with what it finds."""

_ROLE_MARK = re.compile(
    r"^[ \t>]*+(?:\*\*|__|\#{1,4} ?|<\|?)?"
    r"(?:user|human|assistant|chatbot|AI assistant|用户|助手|人类|机器人|AI助手)"
    r"(?:\*\*|__|\|?>)?[ \t]*+\d*[ \t]*+[:：]",
    re.IGNORECASE | re.MULTILINE,
)


def check_turns(turns: Turns) -> Finding | None:
    """Return the first rule that (role, text) turns break, or None; a system turn may come first."""
    spoken = turns[1:] if turns and turns[0][0] == "system" else turns
    roles = [role for role, _ in spoken]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        return "roles", " ".join(roles)[:200], "user assistant …, the assistant last"
    said: set[tuple[str, str]] = set()
    for number, (role, text) in enumerate(spoken, 1):
        if not text.strip():
            return "empty_turn", str(number), "a text"
        mark = _ROLE_MARK.search(text)
        if mark:
            return "role_mark", f"turn {number}: {mark[0].strip()}", "none"
        leak = check_text(text, allow=_OTHERS)
        if leak:
            return "leaked_mark", f"turn {number}: {leak[1]}", "none"
        turn = (role, text.strip())
        if turn in said and len(turn[1]) > _SHORT:
            return "repeated_turn", f"turn {number}: {turn[1][:80]}", "a new text"
        said.add(turn)
    return None


_SHORT = 10  # "Go on.", "Yes." and "继续" come again and again in people's dialogues

_OTHERS = ("placeholder", "evasion", "cut_table", "cut_code", "repetition")
"""Rules for answers, which may be fitting in a dialogue's earlier turns."""
