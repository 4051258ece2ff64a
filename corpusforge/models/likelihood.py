"""Log-probabilities of a given text's tokens by a model, asked and kept like every other reply.

The request is that of the OpenAI completions interface with `echo` and `logprobs` (its models, vLLM and
SGLang have it; llama.cpp's server refuses it), or the local engine's own. The reply's text is JSON, so a
journal may be written by hand. `mean` and `variance` are those of the log-probability under the model's own
distribution at each place (Fast-DetectGPT, Bao et al. 2024); the local engine alone gives them. Limit: the
first token of a text has no log-probability where the model puts no token before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import msgspec

from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.models.records import Completion, Request, Sampling

__all__ = ["Likelihood", "ask_likelihood", "of_server", "read_likelihood"]

_ONE = Sampling(max_tokens=1)
"""Servers want one new token at least; it is not looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Likelihood:
    """The tokens of one text: where each ends, in characters, and its log-probability in nats."""

    ends: tuple[int, ...]
    nats: tuple[float | None, ...]
    """None where the model gives none (the first token)."""
    mean: tuple[float | None, ...] = ()
    variance: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError where the columns are not of one length."""
        sizes = {len(self.ends), len(self.nats), len(self.mean or self.ends)}
        if len(sizes | {len(self.variance or self.ends)}) > 1:
            raise ValueError("ends, nats, mean and variance differ in length")

    def text(self) -> str:
        """Return the reply's text: JSON with four decimals."""
        columns = {
            name: [value if value is None else round(value, 4) for value in getattr(self, name)]
            for name in ("nats", "mean", "variance")
            if getattr(self, name)
        }
        return msgspec.json.encode({"ends": self.ends, **columns}).decode()


def ask_likelihood(text: str, purpose: str, model: str = "") -> Request:
    """Return the request for a text's log-probabilities, by `model` where it is not the engine's own."""
    return Request(prompt=text, sampling=_ONE, echo=True, purpose=purpose, model=model)


def read_likelihood(completion: Completion) -> Likelihood | None:
    """Return what a reply holds; None where it failed or is none."""
    if completion.finish_reason == "error":
        return None
    try:
        return decode_json(completion.text.encode(), Likelihood)
    except (DecodingError, ValueError):
        return None


def of_server(found: Any, text: str) -> Likelihood | None:
    """Return the log-probabilities of a server's `logprobs` object, of the tokens of `text` alone."""
    if not isinstance(found, dict):
        return None
    starts, nats = found.get("text_offset"), found.get("token_logprobs")
    if not isinstance(starts, list) or not isinstance(nats, list) or len(starts) != len(nats):
        return None
    own = [
        (start, one) for start, one in zip(starts, nats, strict=True) if _number(start) < len(text)
    ]
    if not own or any(one is not None and not isinstance(one, (int, float)) for _, one in own):
        return None
    ends = (*(after for (_, _), (after, _) in pairwise(own)), len(text))
    return Likelihood(ends=ends, nats=tuple(one for _, one in own))


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) else float("inf")
