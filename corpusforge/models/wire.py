"""The OpenAI interface as bytes: a request's JSON, and a reply's JSON checked before it is believed.

Written from the public API reference (chat and plain completions); names beyond it (`top_k`,
`repetition_penalty`) are those of vLLM and its kin, sent only when they are set. A reply is read
strictly where its text is and leniently elsewhere: a count, an index or a reason that is missing or
null throws no answer away. Thoughts beside the answer or in it (`reasoning`, `reasoning_content`,
`reasoning_details`, parts, inline marks) are kept apart. Limits: the first choice alone is read; tool
calls are no answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge import hashing
from corpusforge.io.decoding import DecodingError, decode_json, decode_json_leniently
from corpusforge.models.likelihood import of_server
from corpusforge.models.records import Completion, FinishReason, Request, Usage
from corpusforge.models.thoughts import split

__all__ = [
    "Form",
    "Malformed",
    "ServerError",
    "asked_with",
    "decode",
    "left_out",
    "named",
    "payload",
]


class Malformed(Exception):
    """A reply that is not what the interface promises."""


class ServerError(Exception):
    """An error that a server sent with HTTP 200; `status_code` is the one in its words, or 0."""

    def __init__(self, words: str, status_code: int = 0) -> None:
        """Keep the server's words."""
        super().__init__(words)
        self.status_code = status_code


@dataclass(frozen=True, slots=True)
class Form:
    """What a server was found to take."""

    max_tokens_field: str = "max_tokens"
    refused: tuple[str, ...] = ()
    """Parameters that it refuses, in the order in which it did; "system" is the system turn."""


def payload(request: Request, form: Form) -> dict[str, Any]:
    """Return the arguments of `chat.completions.create`, or `completions.create` for a prompt."""
    values = request.sampling
    body: dict[str, Any] = {"model": request.model, "temperature": values.temperature}
    if request.messages:
        body["messages"] = _turns(request, "system" not in form.refused)
        body[form.max_tokens_field] = values.max_tokens
    else:
        body["prompt"] = request.prompt
        body["max_tokens"] = values.max_tokens
        body |= {"echo": True, "logprobs": 1} if request.echo else {}
    if values.top_p < 1:
        body["top_p"] = values.top_p
    if values.stop:
        body["stop"] = list(values.stop)
    for name in ("frequency_penalty", "presence_penalty"):
        if getattr(values, name):
            body[name] = getattr(values, name)
    if values.seed is not None:
        # k samples of one question would be k equal answers if they shared a seed
        repeated = hashing.word64("models.repeat", values.seed, request.repeat) >> 33
        body["seed"] = repeated if request.repeat else values.seed
    extra: dict[str, float] = {"top_k": values.top_k} if values.top_k else {}
    if values.repetition_penalty != 1:
        extra["repetition_penalty"] = values.repetition_penalty
    if extra:
        body["extra_body"] = extra
    if request.json_schema and request.messages:
        schema = {"name": "answer", "strict": True, "schema": decode_json(request.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    for name in form.refused:
        body.pop(name, None)
        extra.pop(name, None)
    if not extra:
        body.pop("extra_body", None)
    return body


def _turns(request: Request, system: bool) -> list[dict[str, str]]:
    turns = [{"role": message.role, "content": message.content} for message in request.messages]
    if system or turns[0]["role"] != "system" or len(turns) < 2:
        return turns
    first = f"{turns[0]['content']}\n\n{turns[1]['content']}"
    return [{"role": turns[1]["role"], "content": first}, *turns[2:]]


OPTIONAL = (
    "temperature", "top_p", "frequency_penalty", "presence_penalty", "seed", "stop", "top_k",
    "repetition_penalty", "response_format",
)  # fmt: skip
"""Parameters without which a request is still the same question."""


def asked_with(request: Request, form: Form) -> set[str]:
    """Return the optional parameters that a request sends in this form."""
    body = payload(request, form)
    sent = {*body, *body.get("extra_body", {})}
    found = {name for name in OPTIONAL if name in sent}
    turns = body.get("messages", ())
    return found | (
        {"system"} if turns and turns[0]["role"] == "system" and len(turns) > 1 else set()
    )


def left_out(request: Request, form: Form) -> str:
    """Name what a request lacks in this form, by the alphabet, with commas between."""
    lacking = asked_with(request, Form()) - asked_with(request, form)
    return ",".join(sorted(lacking)) if form.refused else ""


def named(told: str, fields: Sequence[str], sent: set[str]) -> str:
    """Return the parameter that a refusal names, "" where it names none of those that were sent.

    `fields` are those that the error names by itself (`param`, `loc`). In words, one in quotes comes
    before a bare one, and everyday words (stop, seed) count in quotes alone.
    """
    for name in fields:
        if name in sent:
            return name
    text = told.lower()
    if "system" in sent and _SYSTEM.search(text):
        return "system"
    places: list[tuple[int, int, str]] = []
    for name in sent - {"system"}:
        words = re.escape(name).replace("_", "[_ -]")
        if found := re.search(rf"['\"`]{words}['\"`]", text):
            places.append((0, found.start(), name))
        elif name not in {"stop", "seed"} and (found := re.search(rf"\b{words}\b", text)):
            places.append((1, found.start(), name))
    return min(places)[2] if places else ""


_SYSTEM = re.compile(r"\bsystem (?:role|messages?|prompts?|turns?)\b|\brole:? ['\"`]?system\b")


_REASONS: dict[str, FinishReason] = {
    **dict.fromkeys(
        ("stop", "eos", "eos_token", "stop_sequence", "stop_str", "stop_token", "end_turn", "end",
         "complete", "completed", "finish", "finished", "done", "normal", "success"),
        "stop",
    ),
    **dict.fromkeys(
        ("length", "limit", "max_tokens", "max_length", "max_new_tokens", "max_output_tokens",
         "max_completion_tokens", "token_limit", "model_length", "context_length",
         "context_length_exceeded", "context_window_exceeded", "model_context_window_exceeded"),
        "length",
    ),
    **dict.fromkeys(
        ("content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii",
         "sensitive", "moderation", "refusal"),
        "content_filter",
    ),
    **dict.fromkeys(
        ("abort", "aborted", "cancelled", "canceled", "error", "failed", "failure", "timeout",
         "tool_calls", "tool_call", "tool_use", "function_call", "network_error"),
        "error",
    ),
}  # fmt: skip
"""What servers say of an answer's end (OpenAI, Anthropic, Gemini, Mistral, Cohere, vLLM, SGLang, TGI)."""

_TEXTS = frozenset(("text", "output_text", ""))
_THOUGHTS = frozenset(("thinking", "reasoning", "reasoning_text", "thought", "summary_text"))


def decode(body: bytes, request: Request, bound: Usage, *, opened: bool = False) -> Completion:
    """Return the completion that a reply's body holds; raises Malformed, or ServerError.

    `opened`: this model's thoughts begin in its prompt, so that a cut reply without marks is one. Tokens
    that are not counted may have been billed up to `bound`, and say so as `wasted`.
    """
    reply = _reply(body)
    choice = _choice(reply)
    if request.echo:
        return _echoed(reply, choice, request, bound)
    message = choice.get("message")
    if isinstance(message, dict):
        text, thought = _content(message.get("content"))
        thought = _beside(message) or thought
        refusal = message.get("refusal")
    else:
        (text, thought), refusal = _content(choice.get("text")), None
        thought = _beside(choice) or thought
    told = choice.get("finish_reason")
    word = told.strip().lower() if isinstance(told, str) else ""
    reason = _REASONS.get(word.removeprefix("finish_reason_").replace("-", "_"), "unknown")
    if text is not None:
        inline = split(text, opened=opened and reason == "length" and not thought)
        text, thought = inline.text, thought or inline.reasoning
    problem = ""
    if text is None and isinstance(refusal, str) and refusal:
        text, reason = refusal, "content_filter"
    elif reason == "error" or (reason == "unknown" and not text and not thought):
        problem = f"the server ended the answer with finish_reason {told!r}"
    elif text is None and not thought and reason not in {"content_filter", "length"}:
        problem = "the answer has no text"
    usage, missing = _usage(reply.get("usage"), bound)
    model = reply.get("model")
    return Completion(
        key=request.key,
        text=text or "",
        finish_reason="error" if problem else reason,
        model=model if isinstance(model, str) and model else request.model,
        usage=usage,
        error=problem,
        wasted=missing,
        reasoning=thought,
    )


def _echoed(
    reply: dict[str, Any], choice: dict[str, Any], request: Request, bound: Usage
) -> Completion:
    """The log-probabilities of the prompt's tokens; an error where the server sent none."""
    found = of_server(choice.get("logprobs"), request.prompt)
    usage, missing = _usage(reply.get("usage"), bound)
    return Completion(
        key=request.key, text=found.text() if found else "", model=request.model, usage=usage,
        finish_reason="stop" if found else "error", wasted=missing,
        error="" if found else "the server sent no log-probabilities of the prompt (`echo` with `logprobs`)",
    )  # fmt: skip


def _reply(body: bytes) -> dict[str, Any]:
    try:
        value = decode_json(body)
    except DecodingError as error:
        # half surrogates are legal JSON for Python's servers and for no strict reader
        try:
            value = decode_json_leniently(body)
        except ValueError:
            raise _unlike(str(error)) from error
    if not isinstance(value, dict):
        raise _unlike(f"expected an object, got {type(value).__name__}")
    return value


def _unlike(why: str) -> Malformed:
    return Malformed(f"the reply is not what the interface promises ({why})")


def _choice(reply: dict[str, Any]) -> dict[str, Any]:
    """Return the first choice. Raises ServerError where an error stands in its place."""
    found = reply.get("choices")
    choices = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    if not choices:
        _raise_told(reply, alone=True)
        if found is not None and not isinstance(found, list):
            raise _unlike("choices is no list")
        raise Malformed("the reply has no choices")
    choice: dict[str, Any] = min(choices, key=_index)
    message = choice.get("message")
    empty = not choice.get("text") and not (isinstance(message, dict) and message.get("content"))
    if empty:
        _raise_told(choice, alone=False)
        _raise_told(reply, alone=False)
    return choice


def _index(choice: dict[str, Any]) -> int:
    value = choice.get("index")
    return value if isinstance(value, int) else 0


def _raise_told(value: dict[str, Any], *, alone: bool) -> None:
    """Raise the error that an object tells; `alone`: it has no answer, so plain words count, too."""
    error = value.get("error")
    words, code = "", None
    if isinstance(error, dict):
        words = str(error.get("message") or error.get("msg") or error.get("type") or error)
        code = error.get("code") or error.get("status")
    elif error:
        words = str(error)
    if not words and alone:
        words = next(
            (
                str(value[name])
                for name in ("message", "detail", "msg", "error_msg")
                if value.get(name)
            ),
            "",
        )
    if words:
        codes = (code, value.get("code"), value.get("status"), value.get("status_code"))
        status = next((made for one in codes if (made := _count(one)) and 400 <= made < 600), 0)
        raise ServerError(words, status)


def _content(value: Any) -> tuple[str | None, str]:
    """Return the text and the thought of a content: text, null, or parts. Raises Malformed."""
    if value is None or isinstance(value, str):
        return value, ""
    if not isinstance(value, list):
        raise _unlike(f"the content is {type(value).__name__}, not text")
    texts: list[str] = []
    thoughts: list[str] = []
    for part in value:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = part.get("type") or "" if isinstance(part, dict) else None
        if kind in _TEXTS and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind in _THOUGHTS:
            thoughts.append(_thought(part))
        elif kind != "redacted_thinking":
            raise _unlike(f"the content has a part of type {kind!r}, which is no text")
    return ("".join(texts) if texts else None), "\n".join(filter(None, thoughts))


def _thought(value: Any) -> str:
    """The words of a thought, however deep its parts lie."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_thought, value))
    if isinstance(value, dict):
        names = ("text", "thinking", "reasoning", "summary", "content")
        return next((made for name in names if (made := _thought(value.get(name)))), "")
    return ""


def _beside(message: dict[str, Any]) -> str:
    """The thought in a field of its own; several fields hold the same one."""
    names = ("reasoning_content", "reasoning", "reasoning_details", "thinking", "thought")
    return next((made for name in names if (made := _thought(message.get(name)))), "")


def _usage(value: Any, bound: Usage) -> tuple[Usage, Usage]:
    """Return the tokens that were counted, and the bounds of those that were not."""
    told = value if isinstance(value, dict) else {}
    prompt, answer = _count(told.get("prompt_tokens")), _count(told.get("completion_tokens"))
    total = _count(told.get("total_tokens"))
    if total is not None and prompt is not None and answer is None and total >= prompt:
        answer = total - prompt
    used = Usage(prompt_tokens=prompt or 0, completion_tokens=answer or 0)
    missing = Usage(
        prompt_tokens=bound.prompt_tokens if prompt is None else 0,
        completion_tokens=bound.completion_tokens if answer is None else 0,
    )
    return used, missing


def _count(value: Any) -> int | None:
    """A whole number of 0 or more, in whatever form JSON has it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value.strip()[:18])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 <= value < 1 << 53 else None
