"""A row in the words of each trainer: pure functions from a row to one JSON object.

Field names are those that Stanford Alpaca, ShareGPT, TRL, OpenAI's fine-tuning service and
LLaMA-Factory read. The only place where reasoning becomes part of an answer.
"""

from __future__ import annotations

from typing import Any

from corpusforge.annotate.understand import SHAREGPT
from corpusforge.instruct.records import Row

__all__ = ["alpaca", "answer", "conversation", "llamafactory", "prompt", "sharegpt", "trl"]

Turn = tuple[str, str]


def prompt(row: Row) -> str:
    """Return instruction and input as one user message."""
    return f"{row.instruction}\n\n{row.input}" if row.input else row.instruction


def answer(row: Row, reasoning: str, output: str) -> str:
    """Return `output` with the row's reasoning before it, as the settings say."""
    if reasoning == "none" or not row.reasoning:
        return output
    if reasoning == "think":
        return f"<think>\n{row.reasoning}\n</think>\n\n{output}"
    return f"{row.reasoning}\n\n{output}"


def turns(row: Row, reasoning: str) -> list[Turn]:
    """Return the (role, text) turns of a row, system first; the last answer holds the reasoning."""
    found: list[Turn] = []
    if row.system and (not row.turns or row.turns[0][0] != "system"):
        found.append(("system", row.system))
    if row.turns:
        last = max((k for k, turn in enumerate(row.turns) if turn[0] == "assistant"), default=-1)
        found += [
            (role, answer(row, reasoning, text) if k == last else text)
            for k, (role, text) in enumerate(row.turns)
        ]
    else:
        found += [("user", prompt(row)), ("assistant", answer(row, reasoning, row.output))]
    return found


def _messages(found: list[Turn]) -> list[dict[str, str]]:
    return [{"role": role, "content": text} for role, text in found]


def conversation(row: Row, reasoning: str) -> dict[str, Any]:
    """Return {"messages": [{"role", "content"}]}."""
    return {"messages": _messages(turns(row, reasoning))}


def sharegpt(row: Row, reasoning: str) -> dict[str, Any]:
    """Return {"id", "conversations": [{"from", "value"}]}; other roles keep their name."""
    return {
        "id": row.id,
        "conversations": [
            {"from": SHAREGPT.get(role, role), "value": text}
            for role, text in turns(row, reasoning)
        ],
    }


def trl(row: Row, reasoning: str) -> dict[str, Any] | None:
    """Return TRL's conversational {"prompt", "completion"}; None where no answer stands last."""
    found = turns(row, reasoning)
    if len(found) < 2 or found[-1][0] != "assistant":
        return None
    return {"prompt": _messages(found[:-1]), "completion": _messages(found[-1:])}


def alpaca(row: Row, reasoning: str) -> dict[str, Any] | None:
    """Return {"instruction", "input", "output"}; None for a dialogue."""
    if row.turns:
        return None
    return {
        "instruction": row.instruction,
        "input": row.input,
        "output": answer(row, reasoning, row.output),
    }


def llamafactory(row: Row, reasoning: str) -> dict[str, Any] | None:
    """Return Alpaca's fields with "system" and "history" ([[user, assistant], …]).

    None for a dialogue in which user and assistant do not take turns.
    """
    if not row.turns:
        return {**(alpaca(row, reasoning) or {}), "system": row.system, "history": []}
    found = turns(row, reasoning)
    system = found.pop(0)[1] if found[0][0] == "system" else ""
    roles = [role for role, _ in found]
    if not found or roles != ["user", "assistant"] * (len(found) // 2):
        return None
    pairs = [[found[k][1], found[k + 1][1]] for k in range(0, len(found), 2)]
    last = pairs.pop()
    return {"instruction": last[0], "input": "", "output": last[1], "system": system,
            "history": pairs}  # fmt: skip
