"""The OpenAI interface as bytes: a request's JSON, and a reply's JSON checked before it is believed.

Written from the public API reference (chat and plain completions); names beyond it (`top_k`,
`repetition_penalty`) are those of vLLM and its kin, sent only when they are set. Limits: the first
choice alone is read; tool calls are no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from corpusforge import draw
from corpusforge.io.decoding import DecodingError, decode_json, decode_json_leniently
from corpusforge.models.records import Completion, FinishReason, Request, Usage

__all__ = ["Form", "Malformed", "decode", "payload"]


class Malformed(Exception):
    """A reply that is not what the interface promises."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a server was found to take."""

    structured: bool = True
    max_tokens_field: str = "max_tokens"


def payload(request: Request, form: Form) -> dict[str, Any]:
    """Return the arguments of `chat.completions.create`, or `completions.create` for a prompt."""
    values = request.sampling
    body: dict[str, Any] = {"model": request.model, "temperature": values.temperature}
    if request.messages:
        body["messages"] = [
            {"role": message.role, "content": message.content} for message in request.messages
        ]
        body[form.max_tokens_field] = values.max_tokens
    else:
        body["prompt"] = request.prompt
        body["max_tokens"] = values.max_tokens
    if values.top_p < 1:
        body["top_p"] = values.top_p
    if values.stop:
        body["stop"] = list(values.stop)
    for name in ("frequency_penalty", "presence_penalty"):
        if getattr(values, name):
            body[name] = getattr(values, name)
    if values.seed is not None:
        # k samples of one question would be k equal answers if they shared a seed
        repeated = draw.word64("models.repeat", values.seed, request.repeat) >> 33
        body["seed"] = repeated if request.repeat else values.seed
    extra: dict[str, float] = {"top_k": values.top_k} if values.top_k else {}
    if values.repetition_penalty != 1:
        extra["repetition_penalty"] = values.repetition_penalty
    if extra:
        body["extra_body"] = extra
    if request.json_schema and form.structured and request.messages:
        schema = {"name": "answer", "strict": True, "schema": decode_json(request.json_schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


class _Usage(msgspec.Struct):
    prompt_tokens: int
    completion_tokens: int = 0


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Message | None = None
    text: str | None = None
    index: int = 0


class _Reply(msgspec.Struct):
    choices: list[_Choice]
    model: str = ""
    usage: _Usage | None = None


_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content_filter",
}


def decode(body: bytes, request: Request, bound: Usage) -> Completion:
    """Return the completion that a reply's body holds; raises Malformed.

    A reply without token counts may have been billed up to `bound`, and says so as `wasted`.
    """
    reply = _reply(body)
    if not reply.choices:
        raise Malformed("the reply has no choices")
    choice = min(reply.choices, key=lambda item: item.index)
    text = choice.message.content if choice.message is not None else choice.text
    reason = _REASONS.get(choice.finish_reason or "", "error")
    problem = ""
    if text is None and choice.message is not None and choice.message.refusal:
        text, reason = choice.message.refusal, "content_filter"
    elif reason == "error":
        problem = f"the server ended the answer with finish_reason {choice.finish_reason!r}"
    elif text is None and reason != "content_filter":
        problem = "the answer has no text"
    used = reply.usage
    return Completion(
        key=request.key,
        text=text or "",
        finish_reason="error" if problem else reason,
        model=reply.model or request.model,
        usage=Usage(
            prompt_tokens=used.prompt_tokens if used else 0,
            completion_tokens=used.completion_tokens if used else 0,
        ),
        error=problem,
        wasted=Usage() if used else bound,
    )


def _reply(body: bytes) -> _Reply:
    try:
        return decode_json(body, _Reply)
    except DecodingError as error:
        # half surrogates are legal JSON for Python's servers and for no strict reader
        try:
            return msgspec.convert(decode_json_leniently(body), _Reply)
        except (ValueError, msgspec.ValidationError):
            raise Malformed(f"the reply is not what the interface promises ({error})") from error
