"""The next token of every row, each by its own sampling values and its own chance.

Order as in transformers: penalties, temperature, top-k, top-p. Chance is a function of (request,
position): the token is where the cumulative probabilities, added in float64, pass a number from
`corpusforge.hashing`; so a row's tokens do not depend on its batch mates. Limits: logits differ by a
few units in the last place between batch shapes, so a draw that falls on such an edge may differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from corpusforge.hashing import id_keys, uniform
from corpusforge.models.records import Sampling

__all__ = ["Chance", "Drawing", "choose"]

BLOCK = 64
FRONT = 1024
"""Candidates that are sorted first; the whole vocabulary is sorted only where they do not do."""


class Chance:
    """Numbers in [0, 1) for the positions of one request's answer."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._numbers: NDArray[np.float64] = np.empty(0)

    def at(self, position: int) -> float:
        """Return the number of a position; always the same."""
        while position >= len(self._numbers):
            first = len(self._numbers)
            names = [f"{self._key}/{number}" for number in range(first, first + BLOCK)]
            more = uniform(id_keys(names), 0, "models.sample")
            self._numbers = np.concatenate([self._numbers, more])
        return float(self._numbers[position])


class Drawing(Protocol):
    """What `choose` needs to know of a row."""

    @property
    def sampling(self) -> Sampling:
        """The row's sampling values."""

    @property
    def prompt(self) -> list[int]:
        """Token ids asked."""

    @property
    def answer(self) -> list[int]:
        """Token ids answered so far."""

    @property
    def chance(self) -> Chance:
        """The row's own numbers."""


def choose(logits: Any, rows: Sequence[Drawing]) -> list[int]:
    """Return the next token id of each row; `logits` is [rows, vocabulary], any float type.

    A row whose logits are not numbers gets -1.
    """
    import torch

    logits = logits.float()
    broken = torch.isnan(logits).any(dim=-1)
    for index, row in enumerate(rows):
        if _penalised(row.sampling):
            logits[index] = _penalise(logits[index], row)
    tokens = logits.argmax(dim=-1)
    plain = [n for n, row in enumerate(rows) if row.sampling.temperature and not _cut(row.sampling)]
    cut = [n for n, row in enumerate(rows) if row.sampling.temperature and _cut(row.sampling)]
    if plain:
        tokens[plain] = _draw(_heated(logits, rows, plain), rows, plain)
    if cut:
        tokens[cut] = _draw_cut(_heated(logits, rows, cut), rows, cut)
    tokens[broken] = -1
    return [int(token) for token in tokens.tolist()]


def _penalised(values: Sampling) -> bool:
    return bool(
        values.frequency_penalty or values.presence_penalty or values.repetition_penalty != 1
    )


def _cut(values: Sampling) -> bool:
    return values.top_p < 1 or values.top_k > 0


def _penalise(scores: Any, row: Drawing) -> Any:
    """Apply CTRL's repetition penalty (prompt and answer), then OpenAI's two (answer only)."""
    import torch

    values = row.sampling
    scores = scores.clone()
    if values.repetition_penalty != 1:
        seen = torch.tensor(sorted({*row.prompt, *row.answer}), device=scores.device)
        old = scores[seen]
        scale = values.repetition_penalty
        scores[seen] = torch.where(old > 0, old / scale, old * scale)
    if row.answer and (values.frequency_penalty or values.presence_penalty):
        ids = torch.tensor(row.answer, device=scores.device)
        seen, counts = torch.unique(ids, return_counts=True)
        scores[seen] -= values.frequency_penalty * counts + values.presence_penalty
    return scores


def _heated(logits: Any, rows: Sequence[Drawing], which: list[int]) -> Any:
    """Return the probabilities of some rows at their temperatures."""
    import torch

    heat = [rows[n].sampling.temperature for n in which]
    part = logits if len(which) == len(rows) else logits[which]
    scale = torch.tensor(heat, device=logits.device, dtype=logits.dtype)[:, None]
    return torch.softmax(part / scale, dim=-1)


def _numbers(rows: Sequence[Drawing], which: list[int], device: Any) -> Any:
    import torch

    values = [rows[n].chance.at(len(rows[n].answer)) for n in which]
    return torch.tensor(values, device=device, dtype=torch.float64)[:, None]


def _pick(weights: Any, numbers: Any) -> Any:
    """Return the column where the running sum of each row's weights passes its number."""
    import torch

    sums = weights.to(torch.float64).cumsum(dim=-1)
    found = torch.searchsorted(sums, numbers * sums[:, -1:], right=True)[:, 0]
    return found.clamp(max=weights.shape[-1] - 1)


def _draw(shares: Any, rows: Sequence[Drawing], which: list[int]) -> Any:
    return _pick(shares, _numbers(rows, which, shares.device))


def _draw_cut(shares: Any, rows: Sequence[Drawing], which: list[int]) -> Any:
    """Draw among the top-k, then the smallest set of these that holds top-p of their weight."""
    import torch

    size = shares.shape[-1]
    tops = [min(rows[n].sampling.top_k or size, size) for n in which]
    mass = torch.tensor(
        [rows[n].sampling.top_p for n in which], device=shares.device, dtype=torch.float64
    )[:, None]
    limit = torch.tensor(tops, device=shares.device)[:, None]
    for width in (min(FRONT, size), size):
        # topk leaves the order of equal probabilities open: ties are put in order of their id
        best, ids = torch.topk(shares, width, dim=-1)
        order = torch.argsort(ids, dim=-1)
        best, ids = best.gather(-1, order), ids.gather(-1, order)
        order = torch.argsort(best, dim=-1, descending=True, stable=True)
        best, ids = best.gather(-1, order).to(torch.float64), ids.gather(-1, order)
        best = best * (torch.arange(width, device=best.device)[None] < limit)
        total = best.sum(dim=-1, keepdim=True)
        # without top-k the weight of the whole vocabulary counts, which is 1 however much is sorted
        total = torch.where(limit >= size, torch.ones_like(total), total)
        sums = best.cumsum(dim=-1)
        enough = ((limit <= width) | ((limit >= size) & (sums[:, -1:] >= mass))).all()
        if width == size or bool(enough):
            break
    kept = best * (sums - best < mass * total)
    return ids.gather(-1, _pick(kept, _numbers(rows, which, shares.device))[:, None])[:, 0]
