"""Weights of a mixture by regression on many small models (after Liu et al. 2024, RegMix).

Mixtures of a run's own text are drawn from the flat Dirichlet distribution, by hash; each trains an
n-gram model, which takes seconds; its bits per byte of the held-out texts are regressed on the logarithms
of the weights: bits = a - sum of b_s * log w_s with b_s >= 0, each source helping less the more there is
of it. Such a sum is least where weights are in proportion to b, or at a cap where that is over it.
Limits: an n-gram model stands in for a trained one, and says nothing of what sources teach each other;
only text that the run's stream holds is known; held-out texts decide, so they must be what is wanted.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.ablate import ngram
from corpusforge.ablate.compare import rank_agreement
from corpusforge.ablate.corpus import Corpus
from corpusforge.ablate.evaluation import WHOLE, Evaluation, Sets, evaluation
from corpusforge.ablate.settings import Settings, Tuning
from corpusforge.errors import InputError
from corpusforge.hashing import uniform
from corpusforge.io.parquet import read_table

__all__ = ["Proposal", "capped", "fit", "given_weights", "mixed", "supplies", "tune"]

F64 = NDArray[np.float64]
Ids = NDArray[np.int64]
_ROUNDS = 200  # bootstrap
_FLOOR = 1e-3  # a weight below counts as this: the logarithm of nothing is not finite


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a search found: `weights` by source with the ends of their 95 % intervals over drawn mixtures.

    `caps`: the largest weight that a source's text and its cap on epochs allow. `order`: Kendall's tau of
    measured and predicted bits per byte, each mixture predicted by the others. `proposed` and `given`:
    bits per byte, measured, of the proposal and of the run's own weights.
    """

    sources: tuple[str, ...]
    given_weights: tuple[float, ...]
    weights: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    caps: tuple[float, ...]
    draws: int
    order: float | None
    given: float
    proposed: float


def supplies(corpus: Corpus, kept: Container[str] | None = None) -> dict[str, list[Ids]]:
    """Return the ids of each source's documents, each once, in the order of the stream.

    With `kept`, of the documents of those names alone; a source of none has an empty list.
    """
    found: dict[str, list[Ids]] = {}
    base = 0
    for path in sorted(Path(corpus.stream.directory).glob("*.parquet")):
        table = read_table(str(path), ["id", "source", "copy", "start", "tokens"]).to_pydict()
        for name, source, copy, start, tokens in zip(*table.values(), strict=True):
            own = found.setdefault(source, [])
            if copy == 0 and (kept is None or name in kept):
                ids = corpus.stream.read(base + start, base + start + tokens)
                own.append(ids.astype(np.int64))
        base += path.with_suffix(".bin").stat().st_size // corpus.stream.dtype.itemsize
    return dict(sorted(found.items()))


def capped(shares: F64, caps: F64) -> F64:
    """Return weights in proportion to `shares`, none above its cap: both [sources], the result sums to 1.

    Raises InputError where the caps together are below 1.
    """
    if caps.sum() < 1.0 - 1e-9:
        raise InputError(
            f"the caps on epochs leave {caps.sum():.2f} of the budget. Give a smaller --budget, or raise "
            "mix.epoch_cap."
        )
    bound = np.zeros(len(shares), dtype=bool)
    while True:
        free = np.where(bound, 0.0, shares)
        left = 1.0 - caps[bound].sum()
        if not free.sum() > 0:  # what no source asks for goes where there is room
            free = np.where(bound, 0.0, caps)
        weights = np.where(bound, caps, left * free / max(free.sum(), 1e-12))
        over = (weights > caps + 1e-12) & ~bound
        if not over.any():
            return weights
        bound |= over


def fit(weights: F64, bits: F64) -> tuple[float, F64]:
    """Return (a, b) of bits = a - log(weights) @ b, b >= 0: weights [mixtures, sources], bits [mixtures]."""
    from scipy.optimize import nnls

    logs = np.log(np.maximum(weights, _FLOOR))
    b, _ = nnls(logs.mean(axis=0) - logs, bits - bits.mean())
    return float(bits.mean() + logs.mean(axis=0) @ b), b


def _drawn(count: int, sources: int, caps: F64, seed: int) -> F64:
    """Return mixtures within the caps, [count, sources], from the flat Dirichlet distribution."""
    found: list[F64] = []
    for number in range(1000 * count):
        keys = np.arange(number * sources, (number + 1) * sources, dtype=np.uint64)
        spread = -np.log1p(-uniform(keys, seed, "ablate/mixture"))
        weights = spread / spread.sum()
        if (weights <= caps).all():
            found.append(weights)
        if len(found) == count:
            return np.array(found)
    raise InputError(
        f"fewer than {count} mixtures of 1,000 times as many drawn keep the caps on epochs. Give a smaller "
        "--budget, or raise mix.epoch_cap."
    )


def mixed(weights: F64, supply: Sequence[Sequence[Ids]], tokens: int) -> Ids:
    """Return a mixture of about `tokens` ids, [ids], each source read again where it has too few.

    `weights` are float64 [sources], `supply` each source's documents; a source of weight 0 may have none.
    """
    counts = np.rint(weights * tokens).astype(np.int64)
    pairs = zip(supply, counts.tolist(), strict=True)
    return np.concatenate([np.resize(np.concatenate(own), n) for own, n in pairs if n])


def _measured(
    weights: F64, supply: Sequence[Sequence[Ids]], corpus: Corpus, texts: Evaluation, tuning: Tuning
) -> float:
    """Return bits per byte of texts by an n-gram model of a mixture."""
    ids = mixed(weights, supply, tuning.tokens)
    grams = ngram.train(ids, tuning.order, corpus.tokenizer.vocab_size)
    return texts.per_byte(grams.bits_of, corpus)[WHOLE].value


def _interval(weights: F64, bits: F64, caps: F64, seed: int) -> tuple[F64, F64]:
    """Return the ends of each proposed weight's 95 % interval, drawn mixtures being drawn anew."""
    n = len(bits)
    keys = np.arange(n, dtype=np.uint64)
    found = []
    for copy in range(_ROUNDS):
        pick = (uniform(keys, seed, "ablate/tuning", copy) * n).astype(np.int64)
        found.append(capped(fit(weights[pick], bits[pick])[1], caps))
    low, high = np.quantile(np.array(found), [0.025, 0.975], axis=0)
    return low, high


def tune(
    corpus: Corpus, sets: Mapping[str, str], mix: Mapping[str, Any], tuning: Tuning
) -> Proposal:
    """Search the weights that make held-out texts likeliest.

    `sets` are globs by name, `mix` the recipe's section, whose caps on epochs hold. Raises InputError for
    a run of one source, caps that leave no mixture, or texts that the run holds all.
    """
    texts = evaluation(Sets(held_out=dict(sets)), [], corpus.texts(), Settings())
    supply = supplies(corpus)
    if len(supply) < 2:
        raise InputError(f"run {corpus.directory!r} has one source: there is no mixture to tune.")
    budget = tuning.budget or corpus.stream.tokens
    sizes = np.array([sum(map(len, own)) for own in supply.values()], dtype=np.float64)
    most = np.array([mix["epoch_caps"].get(source, mix["epoch_cap"]) for source in supply])
    caps = np.minimum(1.0, most * sizes / budget)
    given = given_weights(corpus, list(supply))
    weights = _drawn(tuning.draws, len(supply), caps, tuning.seed)
    measure = [
        _measured(row, list(supply.values()), corpus, texts, tuning) for row in (*weights, given)
    ]
    bits = np.array(measure[:-1])
    best = capped(fit(weights, bits)[1], caps)
    low, high = _interval(weights, bits, caps, tuning.seed)
    return Proposal(
        sources=tuple(supply),
        given_weights=tuple(given.tolist()),
        weights=tuple(best.tolist()),
        low=tuple(low.tolist()),
        high=tuple(high.tolist()),
        caps=tuple(caps.tolist()),
        draws=len(bits),
        order=rank_agreement(bits.tolist(), _left_out(weights, bits)),
        given=measure[-1],
        proposed=_measured(best, list(supply.values()), corpus, texts, tuning),
    )


def _left_out(weights: F64, bits: F64) -> list[float]:
    """Return each mixture's bits as the regression on the others predicts them."""
    found = []
    for place in range(len(bits)):
        others = np.arange(len(bits)) != place
        a, b = fit(weights[others], bits[others])
        found.append(a - float(np.log(np.maximum(weights[place], _FLOOR)) @ b))
    return found


def given_weights(corpus: Corpus, sources: Sequence[str]) -> F64:
    """Return the shares that the sources have in the run's stream, float64 [sources]."""
    totals = dict.fromkeys(sources, 0)
    for path in Path(corpus.stream.directory).glob("*.parquet"):
        table = read_table(str(path), ["source", "tokens"]).to_pydict()
        for source, tokens in zip(table["source"], table["tokens"], strict=True):
            totals[source] += tokens
    return np.array(list(totals.values())) / sum(totals.values())
