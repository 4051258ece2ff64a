"""Bands from a wanted recall: how many rows and bands, and what they cost, before anything runs.

A pair of similarity s shares at least one of b bands of r rows with probability 1 - (1 - s^r)^b
(Broder 1997; Leskovec, Rajaraman, Ullman, ch. 3). The plan takes the most rows whose bands still
fit the signature: most rows means fewest false candidates. Limit: the curve is that of
independent slots; measured recall stands in `docs/dedup.md`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from corpusforge.dedup.settings import Settings
from corpusforge.errors import RecipeError

__all__ = ["Plan", "describe", "make_plan", "s_curve"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Bands, rows a band, and the zone [low, high) of estimates in which texts are compared."""

    bands: int
    rows: int
    slots: int
    low: float
    high: float

    def candidate_probability(self, similarity: float) -> float:
        """Return the chance that a pair of this similarity shares a band."""
        return s_curve(similarity, self.bands, self.rows)


def s_curve(similarity: float, bands: int, rows: int) -> float:
    """Return 1 - (1 - s^r)^b."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def make_plan(settings: Settings) -> Plan:
    """Return the plan with the most rows; RecipeError where no plan reaches the recall."""
    found: tuple[int, int] | None = None
    for rows in range(1, settings.slots + 1):
        miss = 1.0 - settings.threshold**rows
        bands = (
            1 if miss <= 0.0 else max(1, math.ceil(math.log1p(-settings.recall) / math.log(miss)))
        )
        if bands * rows > settings.slots:
            break
        found = (bands, rows)
    if found is None:
        raise RecipeError(
            f"dedup.slots: {settings.slots} slots cannot reach recall {settings.recall} at "
            f"threshold {settings.threshold}. Raise slots, or lower recall."
        )
    error = math.sqrt(settings.threshold * (1.0 - settings.threshold) / settings.slots)
    half = settings.sigmas * error
    return Plan(
        *found,
        settings.slots,
        max(0.0, settings.threshold - half),
        min(1.0, max(settings.threshold, settings.threshold + half)),
    )


def describe(settings: Settings) -> str:
    """Return the plan as text: bands, the S-curve at nine similarities, bytes per document."""
    plan = make_plan(settings)
    curve = "  ".join(
        f"{tenth / 10:.1f}:{plan.candidate_probability(tenth / 10):.4f}" for tenth in range(1, 10)
    )
    return (
        f"bands {plan.bands} x rows {plan.rows} of {plan.slots} slots; "
        f"recall at {settings.threshold}: {plan.candidate_probability(settings.threshold):.4f}\n"
        f"chance to be compared, by similarity: {curve}\n"
        f"estimate decides below {plan.low:.3f} (not a copy) and from {plan.high:.3f} (a copy); "
        f"texts are compared between\n"
        f"bytes per document: signature {4 * plan.slots}, band keys {12 * plan.bands}"
    )
