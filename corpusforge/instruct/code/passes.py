"""pass@k: the chance that one of k samples passes, without bias, out of n samples of which c passed.

Chen et al. 2021 ("Evaluating Large Language Models Trained on Code"), section 2.1: 1 - C(n-c, k) / C(n,
k), here by exact integers. Limit: k of at most n; a mean over problems is the reader's.
"""

from __future__ import annotations

from fractions import Fraction
from math import comb

__all__ = ["pass_at"]


def pass_at(n: int, c: int, k: int) -> float:
    """Return pass@k of `c` right among `n` samples, 1 <= k <= n. Raises ValueError."""
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} of {c} among {n} samples is not defined")
    return float(1 - Fraction(comb(n - c, k), comb(n, k)))
