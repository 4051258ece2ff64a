"""What is asked of a language model and what comes back.

A request is identified by the hash of everything that can change its answer (messages, sampling
values, model, repetition number), so a journal of replies can be replayed: the same bytes, and
nothing paid twice. Chat and plain completion are one shape: a request without messages carries
`prompt`, the text to be continued.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

__all__ = [
    "Completion",
    "Engine",
    "FinishReason",
    "Message",
    "Request",
    "Role",
    "Sampling",
    "Usage",
]

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "content_filter", "unknown", "error"]
"""`length`: cut at max_tokens. `unknown`: there is text, and the server says nothing known about its end.
`error`: no answer was had; `Completion.error` says why."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Sampling values of one request, by the names of the OpenAI interface.

    `temperature` 0 is greedy. `top_k` 0 means no limit. `stop` ends the answer before the first of
    these strings. `seed` is per request; engines without seeds ignore it.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One question to a model.

    `repeat` tells k samples of the same question apart. `json_schema` (a JSON Schema as text) asks
    for structured output where the engine has it. `echo` asks, instead of an answer, for the log-probability
    of each token of `prompt` (`corpusforge.models.likelihood`). `purpose` ("instruct.generate") names
    the step in the usage ledger and is not part of the key.
    """

    messages: tuple[Message, ...] = ()
    prompt: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    model: str = ""
    repeat: int = 0
    json_schema: str = ""
    echo: bool = False
    purpose: str = ""

    @property
    def key(self) -> str:
        """32 hex digits of BLAKE2b over the canonical JSON of everything but `purpose`, and `echo` if set."""
        # by hand: `asdict` copies deeply, and took most of the time of a loop with a fast model
        content = {name: getattr(self, name) for name in self.__slots__ if name != "purpose"}
        if not self.echo:
            del content["echo"]
        content["messages"] = [{"role": one.role, "content": one.content} for one in self.messages]
        content["sampling"] = {
            name: getattr(self.sampling, name) for name in self.sampling.__slots__
        }
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one answer: prompt and completion, as the engine counts them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """One answer. `key` is its request's; `model` is what the engine says answered.

    `text` is the answer alone; what the model thought aloud before it is `reasoning`. `left_out` names
    the parameters of the request that the server refused, and that it was therefore asked without.

    `wasted` is the most that a failed try may have been billed although no answer came of it
    (a time-out, a cut or malformed reply); such a request may be asked again.
    """

    key: str
    text: str
    finish_reason: FinishReason
    model: str
    usage: Usage = field(default_factory=Usage)
    error: str = ""
    wasted: Usage = field(default_factory=Usage)
    reasoning: str = ""
    left_out: str = ""


class Engine(Protocol):
    """A model that answers requests.

    `name` and `model` go into lineage; `context` is the model's window in tokens (0: not known).
    """

    @property
    def name(self) -> str:
        """`openai`, `local` or `replay`."""

    @property
    def model(self) -> str:
        """The model's name as its answers carry it."""

    @property
    def context(self) -> int:
        """Window in tokens, 0 where the engine does not know it."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield one answer per request, in any order, each as soon as it is there."""
