"""A row of somebody's file as the messages that it asks with: understood whole, or refused by a rule.

Shapes: messages (OpenAI, ShareGPT, pairs, JSON text), a bare turn, Alpaca with `input`, `history`, Dolly with
`context`, TRL, HH's strings, `question`, a preference row's common turns. What raters judge must be
what was asked, so a turn or field that is not understood refuses the row: `unknown_role`, `not_text`
(pictures, null), `tool_turn`, `empty_turn`, `roles` (turns that do not alternate), `unread_field`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from corpusforge.annotate.transcripts import begins_turn, turns_of
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.models.records import Message, Role

__all__ = [
    "RULES",
    "SHAREGPT",
    "NotUnderstood",
    "asked",
    "opening",
    "requested",
    "role_of",
    "shared_turns",
]

RULES: dict[str, str] = {
    "no_prompt": "no field that asks, or no user turn in it",
    "unknown_role": "a turn of a role that is not known",
    "not_text": "a turn or an input that is no text: a picture, a number, null",
    "tool_turn": "a call of a tool, or what a tool gave back",
    "empty_turn": "a turn without text before the last question",
    "roles": "user and assistant do not take turns, or a system turn is not the first",
    "unread_field": "a field with what the question is about, which no prompt has room for",
}
"""Every rule of this module, with what it finds."""

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human", "prompter", "instruction"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "bot", "model", "chatgpt", "gpt-3.5", "gpt-4", "gpt4", "bing", "bard",
         "claude", "ai", "chatbot"),
        "assistant",
    ),
    **dict.fromkeys(("system", "developer"), "system"),
}  # fmt: skip
SHAREGPT: dict[str, str] = {"system": "system", "user": "human", "assistant": "gpt"}
"""Our roles in ShareGPT's words, as its files are written."""
_TOOLS = frozenset(
    ("tool", "tools", "function", "function_call", "function_response", "observation", "ipython",
     "tool_call", "tool_calls", "tool_response")
)  # fmt: skip
_TURNS = ("messages", "conversations", "conversation", "turns", "prompt", "instruction", "question",
          "text", "chosen")  # fmt: skip
_BARE = ("turns", "prompt")
"""Fields that MT-bench's files have a user's turns in, as bare strings."""
_MATERIAL = ("input", "context")
_UNREAD = (
    "image", "images", "audio", "audios", "video", "videos", "tools", "functions", "passage", "document",
    "documents", "article", "choices", "options",
)  # fmt: skip
_NOTHING = frozenset(("<noinput>", "<no input>", "noinput", "n/a", "<nooutput>"))


class NotUnderstood(Exception):
    """A row that is not understood whole: `rule` of RULES, and the `value` that it stumbled over."""

    def __init__(self, rule: str, value: object = "") -> None:
        """Keep rule and value."""
        super().__init__(f"{rule}: {value}")
        self.rule, self.value = rule, str(value)[:200]


def asked(row: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages a row asks with: up to its last user turn. Raises NotUnderstood."""
    key = _key(row)
    if not key and isinstance(row.get("context"), list):
        key = "context"  # NeMo-RL: the turns before the completions
    if not key:
        raise NotUnderstood("no_prompt", ", ".join(map(str, row))[:200])
    for name in _UNREAD:
        if _full(row.get(name)) and name != key:
            raise NotUnderstood("unread_field", name)
    value = _unpacked(row[key])
    if key == "chosen":
        value = _common(value, _unpacked(row.get("rejected")))
    turns = [("system", "system", row["system"])] if _full(row.get("system")) else []
    if isinstance(value, str):
        turns += _history(row.get("history")) if key == "instruction" else []
        turns.append(("user", "user", _with_material(value, row, key)))
    elif _is_bare(value, key) and len(value) == 1:
        turns.append(("user", "user", value[0]))
    else:
        turns += [_turn(item) for item in value]
    last = max(
        (place for place, (role, *_) in enumerate(turns) if _role(role) == "user"), default=-1
    )
    if last < 0:
        raise NotUnderstood("no_prompt", "no user turn")
    return _checked([_message(*turn) for turn in turns[: last + 1]])


def requested(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a line of a batch of requests (`custom_id`, `body`) with the turns of its body as its own."""
    body = row.get("body")
    turns = body.get("messages") if isinstance(body, Mapping) else None
    return {**row, "messages": turns} if isinstance(turns, list) else row


def opening(row: Mapping[str, Any]) -> tuple[Mapping[str, Any], int]:
    """Return a row whose turns are bare strings (MT-bench: a user's) with the first of them alone, and how
    many turns that leaves out; any other row as it is.

    A later turn asks about an answer that is not there yet, so no answer to all of them can be asked for.
    """
    key = _key(row)
    turns = row.get(key)
    if not _is_bare(turns, key):
        return row, 0
    return {**row, key: turns[:1]}, len(turns) - 1


def _key(row: Mapping[str, Any]) -> str:
    """The field that asks, "" where there is none."""
    return next((name for name in _TURNS if _full(row.get(name))), "")


def _is_bare(value: Any, key: str) -> TypeGuard[list[str]]:
    """Whether a value is a list of turns without roles."""
    known = key in _BARE and isinstance(value, list)
    return known and all(isinstance(one, str) for one in value)


def _full(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else bool(value)


def _unpacked(value: Any) -> Any:
    """Turns out of JSON text or out of HH's string; other values as they are."""
    if not isinstance(value, str):
        if not isinstance(value, list | tuple):
            raise NotUnderstood("not_text", type(value).__name__)
        return value
    if value.lstrip().startswith("[{"):
        try:
            made = decode_json(value.strip())
        except DecodingError:
            return value
        spoken = isinstance(made, list) and all(
            isinstance(one, Mapping) and ("role" in one or "from" in one) for one in made
        )
        return made if spoken else value  # a question may be about a list in JSON
    if not begins_turn(value):
        return value
    turns = turns_of(value)
    return turns if turns[-1][1].strip() else turns[:-1]


def _common(chosen: Any, rejected: Any) -> Any:
    """The turns that both answers of a preference share."""
    if isinstance(chosen, str) or not isinstance(rejected, list | tuple):
        raise NotUnderstood("no_prompt", "chosen and rejected hold answers alone")
    return list(chosen)[: shared_turns(chosen, rejected)]


def shared_turns(one: Sequence[Any], two: Sequence[Any]) -> int:
    """Return the number of turns that two dialogues begin with in common."""
    pairs = enumerate(zip(one, two, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(two)))


def role_of(item: Any) -> str:
    """Return user, assistant, system or tool for a turn as somebody's file has it, "" for anything else."""
    if not isinstance(item, Mapping):
        return ""
    name = _turn(item)[0]
    return "tool" if name in _TOOLS else _role(name) or ""


def _with_material(text: str, row: Mapping[str, Any], key: str) -> str:
    """The question and what it is about, where a prompt does not hold it already."""
    if key == "prompt" and _full(row.get("instruction")):
        return text  # it was made of instruction and input
    if key not in {"instruction", "question", "prompt"}:
        return text
    for name in _MATERIAL:
        more = row.get(name)
        if isinstance(more, list) and all(isinstance(one, str) for one in more):
            more = "\n".join(more)
        if more is None or (isinstance(more, str) and more.strip().lower() in _NOTHING):
            continue
        if not isinstance(more, str):
            raise NotUnderstood("not_text", name)
        if key == "prompt" and more.strip() and more.strip() in text:
            continue
        text += f"\n\n{more}" if more.strip() or name == "input" else ""
    return text


def _history(value: Any) -> list[tuple[str, str, Any]]:
    """LLaMA-Factory's earlier rounds: [question, answer] pairs."""
    found: list[tuple[str, str, Any]] = []
    for pair in value or ():
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise NotUnderstood("unread_field", "history")
        found += [("user", "user", pair[0]), ("assistant", "assistant", pair[1])]
    return found


def _turn(item: Any) -> tuple[str, str, Any]:
    """(role in lower case, role as it stands, content) of one turn."""
    if isinstance(item, Mapping):
        role, text = item.get("role", item.get("from")), item.get("content", item.get("value"))
        if item.get("tool_calls") or item.get("function_call"):
            role = "tool_calls"
    elif isinstance(item, list | tuple) and len(item) == 2:
        role, text = item
    else:
        raise NotUnderstood("not_text", f"a turn that is {type(item).__name__}")
    return str(role).strip().lower(), str(role), text


def _role(name: str) -> Role | None:
    return _ROLES.get(name)


def _message(name: str, shown: str, content: Any) -> Message:
    if name in _TOOLS:
        raise NotUnderstood("tool_turn", shown)
    role = _role(name)
    if role is None:
        raise NotUnderstood("unknown_role", shown)
    text = _text(content)
    if not text:
        raise NotUnderstood("empty_turn", shown)
    return Message(role, text)


def _text(content: Any) -> str:
    """The words of a turn: text, or text parts joined."""
    if isinstance(content, list):
        parts = []
        for part in content:
            text = part.get("text") if isinstance(part, Mapping) else part
            kind = part.get("type", "text") if isinstance(part, Mapping) else "text"
            if kind not in {"text", "input_text", "output_text"} or not isinstance(text, str):
                raise NotUnderstood("not_text", kind)
            parts.append(text)
        content = "\n".join(parts)
    if not isinstance(content, str):
        raise NotUnderstood("not_text", "null" if content is None else type(content).__name__)
    return content.encode("utf-8", "replace").decode().replace("\x00", "").strip()


def _checked(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Return the messages where a system turn at most comes first and the others alternate."""
    spoken = messages[1:] if messages[0].role == "system" else messages
    roles = [message.role for message in spoken]
    if roles != (["user", "assistant"] * len(roles))[: len(roles)]:
        raise NotUnderstood("roles", " ".join(message.role for message in messages))
    return tuple(messages)
