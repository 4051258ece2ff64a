"""Is a difference real? Paired over seeds by Student's t, and over items by the bootstrap.

Two sources of chance are told apart: the interval over seeds says what other first weights and another
stretch of the same data would give, the one over items what other held-out texts would give. A seed is
the same for all runs, so differences are of pairs. Limit: many measures are compared at once; one in
twenty intervals misses zero by chance alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from corpusforge.ablate.measure import Tally
from corpusforge.annotate.agreement import kendall_tau_b
from corpusforge.annotate.intervals import bootstrap
from corpusforge.hashing import mix64

__all__ = ["Difference", "Figure", "difference", "figure", "interval", "rank_agreement"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measure of one run: each seed's value, their mean, the ends of its 95 % t-interval over seeds."""

    measure: str
    run: str
    values: tuple[float, ...]
    mean: float
    low: float | None
    high: float | None
    items: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A run's measure less the first run's: mean of the seeds' differences, 95 % intervals of it.

    `low` and `high` are Student's over `seeds` pairs, `items_low` and `items_high` the bootstrap's
    over `items` texts or questions; None where there is no such interval.
    """

    measure: str
    run: str
    against: str
    mean: float
    low: float | None
    high: float | None
    seeds: int
    items_low: float | None = None
    items_high: float | None = None
    items: int = 0

    @property
    def clear(self) -> bool:
        """Whether both intervals are there, that over items where items are compared, and zero in neither."""
        ends = [(self.low, self.high)]
        if self.items:
            ends.append((self.items_low, self.items_high))
        return all(a is not None and b is not None and (a > 0 or b < 0) for a, b in ends)


def interval(values: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Return the mean of values and the ends of its 95 % t-interval, none for a single value."""
    from scipy.stats import t

    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return mean, None, None
    half = float(t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def figure(measure: str, run: str, tallies: Sequence[Tally]) -> Figure:
    """Return a run's figure from the tallies of its seeds."""
    values = tuple(one.value for one in tallies)
    mean, low, high = interval(values)
    items = len(tallies[0].below)
    return Figure(
        measure=measure, run=run, values=values, mean=mean, low=low, high=high, items=items
    )


def _share(sums: F64) -> F64:
    return (sums[:, 0] - sums[:, 1]) / sums[:, 2]


def difference(
    measure: str, run: str, against: str, tallies: Mapping[str, Sequence[Tally]]
) -> Difference:
    """Return how `run` differs from `against`; tallies are by run, of the same seeds in the same order.

    Items are drawn anew too, except those of `memorised`, which are other ones in each run.
    """
    pairs = list(zip(tallies[run], tallies[against], strict=True))
    mean, low, high = interval([a.value - b.value for a, b in pairs])
    made = Difference(
        measure=measure, run=run, against=against, mean=mean, low=low, high=high, seeds=len(pairs)
    )
    if measure == "memorised":
        return made
    own, other = (np.mean([one.above for one in tallies[name]], axis=0) for name in (run, against))
    below = tallies[run][0].below
    keys = mix64(np.arange(len(below), dtype=np.uint64))
    sums = np.stack([own, other, below], axis=1)
    drawn = bootstrap(_share, sums, keys, len(below), purpose="ablate/bootstrap")
    ends = [None if math.isnan(end) else end for end in (drawn.low, drawn.high)]
    return replace(made, items_low=ends[0], items_high=ends[1], items=len(below))


def rank_agreement(trained: Sequence[float], proxy: Sequence[float]) -> float | None:
    """Return Kendall's tau-b of two figures of the same runs; None for fewer than three, or equal ones."""
    found = kendall_tau_b(np.array(trained), np.array(proxy)) if len(trained) > 2 else math.nan
    return None if math.isnan(found) else found
