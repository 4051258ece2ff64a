"""Logistic regression, solved the same way every time, and Platt's calibration.

Method: dual coordinate ascent for the L2-regularised loss (Yu, Huang, Lin 2011), one thread, the
order of each pass drawn by hash: the same rows and settings give the same weights to the bit. The
intercept is a constant feature and so is regularised too. Calibration is Platt's sigmoid (1999)
with his smoothed targets, by Newton steps. Limit: made for samples that fit in memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.hashing import mix64, word64
from corpusforge.text.jit import jit

__all__ = ["calibrate", "fit"]

MOST_PASSES = 200
SMALL = 1e-3  # largest change of any logit in a pass at which the weights have settled


@jit
def _root(a: float, b: float, c: float, alpha: float) -> float:
    """Solve t + a (c sigma(t) - alpha) + b = 0, increasing in t, and return c sigma(t)."""
    low, high = -b - a * (c - alpha), -b + a * alpha
    t = 0.5 * (low + high)
    for _ in range(60):
        s = 1.0 / (1.0 + np.exp(-t))
        value = t + a * (c * s - alpha) + b
        if value > 0.0:
            high = t
        else:
            low = t
        step = t - value / (1.0 + a * c * s * (1.0 - s))
        if abs(step - t) < 1e-12:
            break
        t = step if low < step < high else 0.5 * (low + high)
    return c / (1.0 + np.exp(-t))


@jit
def _pass(
    starts: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    signs: NDArray[np.float64],
    costs: NDArray[np.float64],
    order: NDArray[np.int64],
    alphas: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> float:
    """Improve each row's dual variable once; return the largest change of one."""
    largest = 0.0
    last = len(weights) - 1
    for i in order:
        b = weights[last]
        a = 1.0
        for j in range(starts[i], starts[i + 1]):
            b += weights[columns[j]] * values[j]
            a += np.float64(values[j]) * values[j]
        new = _root(a, signs[i] * b, costs[i], alphas[i])
        change = new - alphas[i]
        alphas[i] = new
        step = change * signs[i]
        for j in range(starts[i], starts[i + 1]):
            weights[columns[j]] += step * values[j]
        weights[last] += step
        largest = max(largest, abs(change) * a)
    return largest


def fit(
    rows: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]],
    labels: NDArray[np.bool_],
    costs: NDArray[np.float64],
    buckets: int,
    seed: int,
) -> tuple[NDArray[np.float32], float, int]:
    """Return (weights float32 [buckets], intercept, passes taken).

    `rows` are sparse rows as `count_features` returns them, `costs` the weight of each row times
    the inverse penalty.
    """
    starts, columns, values = rows
    signs = np.where(labels, 1.0, -1.0)
    weights = np.zeros(buckets + 1)
    alphas = 0.5 * np.asarray(costs, dtype=np.float64)
    for i in range(len(signs)):  # weights that belong to the first dual point
        part = slice(starts[i], starts[i + 1])
        weights[columns[part]] += signs[i] * alphas[i] * values[part]
        weights[-1] += signs[i] * alphas[i]
    numbers = np.arange(len(signs), dtype=np.uint64)
    passes = 0
    for passes in range(1, MOST_PASSES + 1):
        salt = np.uint64(word64(seed, "order", passes))
        order = np.argsort(mix64(numbers ^ salt), kind="stable").astype(np.int64)
        if _pass(starts, columns, values, signs, costs, order, alphas, weights) < SMALL:
            break
    return weights[:-1].astype(np.float32), float(weights[-1]), passes


def calibrate(logits: NDArray[np.float64], labels: NDArray[np.bool_]) -> tuple[float, float]:
    """Return (slope, shift) so that sigmoid(slope * logit + shift) is a probability.

    Both classes weigh the same. With a class missing, or logits that do not rank the classes, the
    logits are left as they are: (1, 0).
    `logits` are float64 [n], `labels` bool [n].
    """
    good, bad = int(labels.sum()), int((~labels).sum())
    if not good or not bad:
        return 1.0, 0.0
    targets = np.where(labels, (good + 1.0) / (good + 2.0), 1.0 / (bad + 2.0))
    weights = np.where(labels, 0.5 / good, 0.5 / bad)
    slope, shift = 1.0, 0.0
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-(slope * logits + shift)))
        gap, curve = weights * (p - targets), weights * np.maximum(p * (1 - p), 1e-12)
        gradient = np.array([float((gap * logits).sum()), float(gap.sum())])
        xx, x, one = (
            float((curve * logits**2).sum()),
            float((curve * logits).sum()),
            float(curve.sum()),
        )
        determinant = (xx + 1e-9) * (one + 1e-9) - x * x
        step = np.array(
            [
                ((one + 1e-9) * gradient[0] - x * gradient[1]) / determinant,
                ((xx + 1e-9) * gradient[1] - x * gradient[0]) / determinant,
            ]
        )
        step *= min(1.0, 5.0 / max(1e-12, float(np.abs(step).max())))
        slope, shift = slope - float(step[0]), shift - float(step[1])
        if float(np.abs(step).max()) < 1e-9:
            break
    return (slope, shift) if np.isfinite(slope) and slope > 0 else (1.0, 0.0)
