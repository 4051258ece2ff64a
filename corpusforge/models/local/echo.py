"""The local engine's other question: how likely is each token of a text, and how sure was the model there?

One forward pass a group of texts of alike length; nothing is generated. Beside the log-probability of each
token its mean and variance under the model's own distribution are computed, which Fast-DetectGPT (Bao et al.
2024) needs. Limits: one device; a tokenizer that does not know where its tokens stand is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from corpusforge.models.likelihood import Likelihood
from corpusforge.models.local.batch import Row, groups
from corpusforge.models.local.load import Loaded
from corpusforge.models.records import Completion, Usage

__all__ = ["echo"]

TOKENS = {"cpu": 2048, "cuda": 16384}
"""Tokens of one pass; their logits are held at once."""

_AT_ONCE = 256
"""Places whose whole distributions are held at once."""


def echo(loaded: Loaded, rows: Sequence[tuple[Row, Sequence[int]]]) -> Iterator[Completion]:
    """Yield one reply a row; beside a row stands where its tokens end, 0 for one that is not of the text."""
    import torch

    ends = {id(row): places for row, places in rows}
    budget = TOKENS["cuda" if loaded.device.type == "cuda" else "cpu"]
    for group in groups([row for row, _ in rows], budget):
        ids = torch.zeros((len(group), max(len(row.prompt) for row in group)), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for place, row in enumerate(group):  # padded behind: no token sees what comes after it
            ids[place, : len(row.prompt)] = torch.tensor(row.prompt)
            mask[place, : len(row.prompt)] = 1
        with torch.inference_mode():
            logits = loaded.model(
                input_ids=ids.to(loaded.device),
                attention_mask=mask.to(loaded.device),
                use_cache=False,
            ).logits
            for place, row in enumerate(group):
                size = len(row.prompt)
                columns = _columns(logits[place, : size - 1], row.prompt[1:])
                yield _reply(row, ends[id(row)], columns)


def _columns(logits: Any, targets: Sequence[int]) -> list[list[float]]:
    """Log-probability of each target, and its mean and variance; of logits [targets, vocabulary]."""
    import torch

    made: list[list[float]] = [[], [], []]
    for first in range(0, len(targets), _AT_ONCE):
        logs = torch.log_softmax(logits[first : first + _AT_ONCE].float(), -1)
        chances = logs.exp()
        finite = logs.clamp(min=-1e4)  # of a token that cannot come, chance 0 times minus infinity
        mean = (chances * finite).sum(-1)
        variance = (chances * finite.square()).sum(-1) - mean.square()
        wanted = torch.tensor(targets[first : first + _AT_ONCE], device=logs.device)
        own = logs.gather(-1, wanted[:, None])[:, 0]
        for column, found in zip(made, (own, mean, variance), strict=True):
            column.extend(found.cpu().tolist())
    return made


def _reply(row: Row, ends: Sequence[int], columns: list[list[float]]) -> Completion:
    own = [place for place, end in enumerate(ends) if end]

    def of_text(column: list[float]) -> tuple[float | None, ...]:
        return tuple(column[place - 1] if place else None for place in own)

    nats, mean, variance = map(of_text, columns)
    found = Likelihood(
        ends=tuple(ends[place] for place in own), nats=nats, mean=mean, variance=variance
    )
    return Completion(
        key=row.request.key, text=found.text(), finish_reason="stop", model=row.request.model,
        usage=Usage(prompt_tokens=len(row.prompt)),
    )  # fmt: skip
