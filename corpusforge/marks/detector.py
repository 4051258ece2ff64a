"""Curvature, and a detector made of it: a probability in five bands, for texts long enough.

Curvature is Fast-DetectGPT's (Bao et al. 2024) with one model for both parts: how far the log-probability
of the text lies above what the model's own samples have in the mean, in their standard deviations; it
needs no perturbed copies (DetectGPT, Mitchell et al. 2023). A logistic curve, fitted to texts of both
kinds, turns it into a probability. Bands and the least length are those that OpenAI's classifier of 2023
was published with, which caught 26 % and was withdrawn. Limits: the curve is that of its model and its
texts; where people wrote like the model, or the model wrote in a way of its own, it errs. A mark is no
proof.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corpusforge.models.likelihood import Likelihood

__all__ = ["BANDS", "FLOOR", "Curve", "band_of", "curvature", "fit"]

FLOOR = 1000
"""Characters below which no band is given."""

BANDS = (
    (0.10, "very_unlikely"),
    (0.45, "unlikely"),
    (0.90, "unclear"),
    (0.98, "possible"),
    (1.01, "likely"),
)
"""(upper end, name) of each band of the probability that a machine wrote the text."""

_RIDGE = 1e-3
_STEPS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """probability = 1 / (1 + exp(-(intercept + slope · curvature))), and what it was fitted to."""

    intercept: float
    slope: float
    model: str = ""
    human: int = 0
    machine: int = 0

    def probability(self, value: float) -> float:
        """Return the probability that a machine wrote a text of this curvature."""
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, self.intercept + self.slope * value))))


def curvature(found: Likelihood) -> float | None:
    """Return the curvature of a text; None without mean and variance, or where nothing varies."""
    rows = [
        (nats, mean, variance)
        for nats, mean, variance in zip(found.nats, found.mean, found.variance, strict=False)
        if nats is not None and mean is not None and variance is not None
    ]
    spread = sum(variance for _, _, variance in rows)
    if not spread > 0:
        return None
    return sum(nats - mean for nats, mean, _ in rows) / math.sqrt(spread)


def band_of(probability: float) -> str:
    """Return the band of a probability."""
    return next(name for end, name in BANDS if probability < end)


def fit(human: Sequence[float], machine: Sequence[float], model: str = "") -> Curve:
    """Return the curve fitted by Newton's method, both kinds weighing the same. Raises ValueError."""
    if len(human) < 2 or len(machine) < 2:
        raise ValueError("a curve needs two texts of each kind at least")
    x = np.array([*human, *machine])
    y = np.repeat([0.0, 1.0], [len(human), len(machine)])
    weights = np.where(y == 1, 0.5 / len(machine), 0.5 / len(human))
    scale = float(x.std()) or 1.0
    design = np.stack([np.ones_like(x), (x - x.mean()) / scale], 1)
    beta = np.zeros(2)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -60, 60)))
        slope = design.T @ (weights * (p - y)) + _RIDGE * np.array([0.0, beta[1]])
        bend = (design.T * (weights * p * (1 - p))) @ design + np.diag([1e-9, _RIDGE])
        beta = beta - np.linalg.solve(bend, slope)
    steep = float(beta[1]) / scale
    return Curve(
        intercept=round(float(beta[0]) - steep * float(x.mean()), 6), slope=round(steep, 6), model=model,
        human=len(human), machine=len(machine),
    )  # fmt: skip
