"""How far raters agree: the coefficients, on plain arrays.

Krippendorff's alpha (Krippendorff 2011) needs no table of value pairs here: its ordinal distance is
the squared difference of mid-ranks over all values, so ordinal is interval on transformed values,
and interval disagreement is a sum of squares; one pass over the ratings. Kendall's tau-b and W with
ties (Kendall 1948), Fleiss' kappa (1971), Cohen's kappa (1960). Missing ratings are NaN. Limit:
a coefficient of data without any variation is undefined and comes out NaN.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from corpusforge.annotate.intervals import Interval, bootstrap

__all__ = [
    "Level",
    "alpha",
    "alpha_interval",
    "alpha_matrix",
    "cohen_kappa",
    "fleiss_kappa",
    "kendall_tau_b",
    "kendall_w",
    "rating_counts",
]

Level = Literal["nominal", "ordinal", "interval"]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

_MOST_VALUES = 64


def _pairable(values: F64, units: I64) -> tuple[F64, I64, I64]:
    """Values and units (renumbered) with at least two ratings, and the ratings of each unit."""
    there = ~np.isnan(values)
    values, units = values[there], units[there]
    _, units = np.unique(units, return_inverse=True)
    sizes = np.bincount(units)
    keep = sizes[units] > 1
    values = values[keep]
    _, units = np.unique(units[keep], return_inverse=True)
    return values, units.astype(np.int64), np.bincount(units).astype(np.int64)


def _scaled(values: F64, level: Level) -> F64:
    """Ordinal values as mid-ranks among all ratings; interval values as they are."""
    if level != "ordinal":
        return values
    _, code, count = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - count / 2
    return middle[code]


def _nominal_alpha(values: F64, units: I64, sizes: I64) -> float:
    names, code = np.unique(values, return_inverse=True)
    cells, counts = np.unique(units * len(names) + code, return_counts=True)
    same = np.bincount(cells // len(names), weights=counts.astype(np.float64) ** 2)
    n, totals = len(values), np.bincount(code).astype(np.float64)
    observed = float(((sizes**2 - same) / (sizes - 1)).sum()) / n
    expected = (n * n - float((totals**2).sum())) / (n * (n - 1))
    return 1 - observed / expected if expected else np.nan


def alpha(values: F64, units: I64, level: Level = "ordinal") -> float:
    """Return Krippendorff's alpha of ratings [n] of the units [n]; NaN ratings are missing."""
    values, units, sizes = _pairable(np.asarray(values, np.float64), np.asarray(units, np.int64))
    if not len(values):
        return np.nan
    if level == "nominal":
        return _nominal_alpha(values, units, sizes)
    x = _scaled(values, level)
    x = x - x.mean()  # sums of squares lose digits far from zero
    n = len(x)
    total = np.bincount(units, weights=x)
    square = np.bincount(units, weights=x * x)
    observed = float((2 * (sizes * square - total**2) / (sizes - 1)).sum()) / n
    expected = 2 * (n * float((x * x).sum()) - float(x.sum()) ** 2) / (n * (n - 1))
    return 1 - observed / expected if expected else np.nan


def alpha_matrix(ratings: F64, level: Level = "ordinal") -> float:
    """Return alpha of a matrix [raters, units]; NaN where a rating is missing."""
    matrix = np.asarray(ratings, np.float64)
    units = np.broadcast_to(np.arange(matrix.shape[1]), matrix.shape)
    return alpha(matrix.ravel(), units.ravel(), level)


def _distances(weight: F64, names: F64, level: Level) -> F64:
    """Squared distance [B, V, V] between values, given each value's frequency [B, V]."""
    if level == "nominal":
        return (1 - np.eye(len(names)))[None]
    place = np.cumsum(weight, axis=1) - weight / 2 if level == "ordinal" else names[None]
    return (place[:, :, None] - place[:, None, :]) ** 2


def alpha_interval(
    values: F64, units: I64, groups: I64, keys: NDArray[np.uint64], level: Level, *, seed: int = 0
) -> Interval:
    """Return alpha with its interval; `groups` [n] is the prompt of each rating, `keys` its key.

    Groups are numbers into `keys`. With more than 64 different values there is no interval.
    """
    value = alpha(values, units, level)
    there = ~np.isnan(values)
    values, units, groups = values[there], units[there], groups[there]
    names, code = np.unique(values, return_inverse=True)
    if np.isnan(value) or not 1 < len(names) <= _MOST_VALUES:
        return Interval(value, np.nan, np.nan, len(values))
    _, unit = np.unique(units, return_inverse=True)
    size = len(names)
    table = np.bincount(unit * size + code, minlength=(unit.max() + 1) * size)
    table = table.reshape(-1, size).astype(np.float64)
    of_unit = np.zeros(len(table), np.int64)
    of_unit[unit] = groups
    rated = table.sum(axis=1)
    table, of_unit, rated = table[rated > 1], of_unit[rated > 1], rated[rated > 1]
    used, group = np.unique(of_unit, return_inverse=True)
    sums = np.zeros((len(used), size * size))
    for c in range(size):
        both = table[:, c : c + 1] * table
        both[:, c] -= table[:, c]
        for k in range(size):
            sums[:, c * size + k] = np.bincount(group, both[:, k] / (rated - 1), len(used))

    def figure(drawn: F64) -> F64:
        pairs = drawn.reshape(-1, size, size)
        weight = pairs.sum(axis=2)
        n = weight.sum(axis=1)
        apart = _distances(weight, names, level)
        observed = (pairs * apart).sum(axis=(1, 2)) / n
        chance = (weight[:, :, None] * weight[:, None, :] * apart).sum(axis=(1, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            return 1 - observed / (chance / (n * (n - 1)))

    found = bootstrap(figure, sums, keys[used], len(values), seed=seed, purpose="alpha")
    return Interval(value, found.low, found.high, len(values))


def rating_counts(ratings: F64) -> F64:
    """Return how often each value was given [units, values] from a matrix [raters, units]."""
    names = np.unique(ratings[~np.isnan(ratings)])
    return np.stack([(ratings == name).sum(axis=0) for name in names], axis=1).astype(np.float64)


def fleiss_kappa(counts: F64) -> float:
    """Return Fleiss' kappa of counts [units, values]; units not rated by all raters are left out."""
    counts = np.asarray(counts, np.float64)
    raters = counts.sum(axis=1).max(initial=0)
    counts = counts[counts.sum(axis=1) == raters]
    if raters < 2:
        return np.nan
    agreed = float(((counts**2).sum(axis=1) - raters).mean()) / (raters * (raters - 1))
    chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return (agreed - chance) / (1 - chance) if chance < 1 else np.nan


def cohen_kappa(one: F64, two: F64) -> float:
    """Return Cohen's kappa of two raters [units]; units that either did not rate are left out."""
    both = ~(np.isnan(one) | np.isnan(two))
    one, two = one[both], two[both]
    if not len(one):
        return np.nan
    names = np.union1d(one, two)
    chance = sum(float((one == x).mean() * (two == x).mean()) for x in names)
    return (float((one == two).mean()) - chance) / (1 - chance) if chance < 1 else np.nan


def kendall_tau_b(one: F64, two: F64) -> float:
    """Return Kendall's tau-b of two rankings [K]; NaN entries are left out; NaN where one is flat."""
    both = ~(np.isnan(one) | np.isnan(two))
    a = np.sign(one[both][:, None] - one[both][None, :])
    b = np.sign(two[both][:, None] - two[both][None, :])
    scale = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / scale) if scale else np.nan


def kendall_w(ranks: F64) -> float:
    """Return Kendall's W, corrected for ties, of mid-ranks [raters, K] without missing entries."""
    raters, size = ranks.shape
    sums = ranks.sum(axis=0)
    spread = float(((sums - sums.mean()) ** 2).sum())
    ties = sum(
        float((count**3 - count).sum())
        for row in ranks
        for count in [np.unique(row, return_counts=True)[1].astype(np.float64)]
    )
    most = raters**2 * (size**3 - size) - raters * ties
    return 12 * spread / most if most else np.nan
