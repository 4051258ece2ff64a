"""How far a prompt pool lies from a sample of real use.

Total variation distance of use cases and of languages, Jensen–Shannon distance of words (base 2, the
square root, in [0, 1]; Endres and Schindelin 2003), Kolmogorov–Smirnov distance of lengths. Sampling
alone makes two halves of one source differ, so each figure stands beside the same figure between
random halves of the sample. Limit: words and labels, not meaning.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from corpusforge import hashing
from corpusforge.annotate.prompts import prompt_text
from corpusforge.annotate.records import Prompt
from corpusforge.errors import InputError
from corpusforge.text.words import words

__all__ = ["Distance", "distances", "jensen_shannon", "kolmogorov_smirnov", "total_variation"]


@dataclass(frozen=True, slots=True)
class Distance:
    """One measure: pool against sample, and between the sample's own halves."""

    measure: str
    value: float
    within: float

    @property
    def far(self) -> bool:
        """Whether the pool is further off than twice what chance alone gives, and by 0.1 at least."""
        return self.value > max(2 * self.within, self.within + 0.1)


def total_variation(left: Counter[str], right: Counter[str]) -> float:
    """Return half the sum of absolute differences of shares, in [0, 1]."""
    a, b = left.total() or 1, right.total() or 1
    return sum(abs(left[key] / a - right[key] / b) for key in left.keys() | right.keys()) / 2


def jensen_shannon(left: Counter[str], right: Counter[str]) -> float:
    """Return the Jensen–Shannon distance of two word counts, in [0, 1]."""
    a, b = left.total() or 1, right.total() or 1
    total = 0.0
    for key in left.keys() | right.keys():
        p, q = left[key] / a, right[key] / b
        middle = (p + q) / 2
        total += sum(x * math.log2(x / middle) for x in (p, q) if x) / 2
    return math.sqrt(min(max(total, 0.0), 1.0))


def kolmogorov_smirnov(left: Sequence[int], right: Sequence[int]) -> float:
    """Return the largest difference of the two empirical distribution functions, in [0, 1]."""
    a, b = sorted(left), sorted(right)
    i = j = 0
    largest = 0.0
    for value in sorted({*a, *b}):
        while i < len(a) and a[i] <= value:
            i += 1
        while j < len(b) and b[j] <= value:
            j += 1
        largest = max(largest, abs(i / len(a) - j / len(b)))
    return largest


def distances(pool: Sequence[Prompt], sample: Sequence[Prompt], seed: int = 0) -> list[Distance]:
    """Return every measure. Raises InputError for an empty pool or fewer than two samples."""
    if not pool or len(sample) < 2:
        raise InputError(
            f"{len(pool)} prompts in the pool, {len(sample)} in the sample: at least 1 and 2."
        )
    values = hashing.uniform(
        hashing.id_keys(p.id for p in sample), seed, "annotate.distance"
    ).tolist()
    order = [p for _, p in sorted(zip(values, sample, strict=True), key=lambda row: row[0])]
    half = len(order) // 2
    between, within = _measures(pool, sample), _measures(order[:half], order[half:])
    return [Distance(name, value, within[name]) for name, value in between.items()]


def _measures(left: Sequence[Prompt], right: Sequence[Prompt]) -> dict[str, float]:
    cut = [[words(prompt_text(p)[:4000]) for p in side] for side in (left, right)]
    bags = [Counter(word for found in side for word in found) for side in cut]
    lengths = [[len(found) for found in side] for side in cut]
    return {
        "use cases": total_variation(
            Counter(p.use_case for p in left), Counter(p.use_case for p in right)
        ),
        "languages": total_variation(
            Counter(p.language for p in left), Counter(p.language for p in right)
        ),
        "words": jensen_shannon(bags[0], bags[1]),
        "lengths": kolmogorov_smirnov(lengths[0], lengths[1]),
    }
