"""Rows of other people's instruction files: Alpaca, Dolly, OpenAI messages, ShareGPT, TRL, GPT-3.

The prompt is understood whole (`annotate.understand`) or the file is refused by row, in words. A row of
one exchange is an instruction with its answer; one of several is a dialogue. An answer that begins with
<think>…</think> has that as its reasoning, and an id that is one of ours is kept, so our own exports come
back as they went. Limit: what such a file says of itself beyond that, prompt, answer and system text is
not kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from corpusforge.annotate.understand import NotUnderstood, asked
from corpusforge.errors import InputError
from corpusforge.hashing import make_id
from corpusforge.instruct.export.selfinstruct import END, INPUT, OUTPUT
from corpusforge.instruct.profile import language_of
from corpusforge.instruct.records import Row
from corpusforge.models.records import Message

__all__ = ["foreign_row"]

_TURNS = ("messages", "conversations", "conversation", "turns")
_ANSWERS = ("output", "response", "completion", "answer")
_THOUGHT = re.compile(r"<think>\n(.+?)\n</think>\n\n(.+)", re.DOTALL)
_ID = re.compile(r"[0-9a-f]{32}")


def foreign_row(value: Mapping[str, Any], where: str) -> Row | None:
    """Return the row that a foreign object holds, None for no known shape. Raises InputError."""
    made = _understood(_from_gpt3(value), where)
    if made is None:
        return None
    name = value.get("id")
    if isinstance(name, str) and _ID.fullmatch(name):
        return replace(made, id=name, task=name, group=name)
    return made


def _from_gpt3(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of GPT-3's fine-tuning file as Alpaca's; others as they are."""
    asks, says = value.get("prompt"), value.get("completion")
    if not (isinstance(asks, str) and isinstance(says, str) and says.endswith(END)):
        return value
    if not asks.endswith(OUTPUT):
        return value
    instruction, _, given = asks.removesuffix(OUTPUT).partition(INPUT)
    return {"instruction": instruction, "input": given, "output": says.removesuffix(END)}


def _understood(value: Mapping[str, Any], where: str) -> Row | None:
    key = next((name for name in _TURNS if value.get(name)), "")
    try:
        if key:
            return _dialogue(value, key)
        if not any(isinstance(value.get(name), str | list) for name in ("instruction", "prompt")):
            return None
        name = next((name for name in _ANSWERS if value.get(name)), "")
        if not name:
            return None
        return _single(value, _answer(value[name]))
    except NotUnderstood as error:
        raise InputError(
            f"{where}: not understood whole ({error}). Mend or leave out the row."
        ) from error


def _answer(value: Any) -> str:
    """The text of an answer: text, or a list of its one turn, read by the rules of all turns."""
    if isinstance(value, str):
        return value.strip()
    question = {"role": "user", "content": "?"}
    messages = asked(
        {"messages": [question, *(value if isinstance(value, list) else []), question]}
    )
    if len(messages) != 3:
        raise NotUnderstood("roles", "an answer of several turns")
    return messages[1].content


def _single(value: Mapping[str, Any], output: str) -> Row:
    given = value.get("input")
    bare = (
        {name: one for name, one in value.items() if name != "input"}
        if isinstance(given, str)
        else value
    )
    messages = asked({name: one for name, one in bare.items() if name not in _ANSWERS})
    extra = given.strip() if isinstance(given, str) else ""
    if extra.lower() in {"<noinput>", "n/a", "noinput"}:
        extra = ""
    if extra and any(
        one.role == "assistant" for one in messages
    ):  # a dialogue has no input of its own
        last = replace(messages[-1], content=f"{messages[-1].content}\n\n{extra}")
        messages, extra = (*messages[:-1], last), ""
    return _row(messages, extra, output)


def _dialogue(value: Mapping[str, Any], key: str) -> Row:
    if not isinstance(value[key], list):
        raise NotUnderstood("not_text", key)
    # one more question, behind which all turns count, the answer's too
    *messages, answer, _ = asked({**value, key: [*value[key], {"role": "user", "content": "?"}]})
    if answer.role != "assistant":
        raise NotUnderstood("roles", "the last turn answers no question")
    return _row(tuple(messages), "", answer.content)


def _row(messages: tuple[Message, ...], given: str, output: str) -> Row:
    system = messages[0].content if messages[0].role == "system" else ""
    spoken = messages[1:] if system else messages
    name = make_id(
        "instruct.foreign", "\x00".join([*(one.content for one in messages), given, output])
    )
    text = " ".join(one.content for one in spoken)
    several = len(spoken) > 1
    thought = _THOUGHT.fullmatch(output)
    reasoning, output = (thought[1], thought[2]) if thought else ("", output)
    turns = (
        (*((one.role, one.content) for one in messages), ("assistant", output)) if several else ()
    )
    return Row(
        id=name, task=name, instruction=spoken[0].content, input=given, output=output,
        language=language_of(text), system=system, group=name,
        kind="dialogue" if several else "instruct", turns=turns, reasoning=reasoning,
    )  # fmt: skip
