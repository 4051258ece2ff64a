"""From what CLD2 says of a text to how far its label can be trusted.

CLD2 always names a language, and the share of the text it gives to it is near 1 on any short text. What tells
a right label from a wrong one is its score per kilobyte: a text in a language that CLD2 does not know scores
a fraction of what the language it names usually scores. A logistic regression over that ratio, the text's
length and the runner-up's share gives the probability that the label is right; `python -m
benchmarks.langid_confidence` fits it and measures it on held-out halves.
Limit: fitted on declarations, Genesis and encyclopedia; a third of the texts weighed were in languages that
CLD2 does not know, so on a crawl of common languages it is on the careful side.
"""

from __future__ import annotations

import functools
import math
from operator import mul
from pathlib import Path

from corpusforge.io.decoding import decode_json

__all__ = ["PATH", "confidence", "features"]

PATH = Path(__file__).with_name("confidence.json")
"""Typical scores by label, the one of other labels, and the weights of `features`."""
_LEAST, _MOST = 8, 2_000


def features(score: float, typical: float, size: int, second: float) -> tuple[float, ...]:
    """Return what the regression reads: `score` and `typical` per kilobyte, `size` in bytes, share 0..1."""
    length = math.log(min(max(size, _LEAST), _MOST) / 100)
    low = max(-3.0, min(0.0, math.log((score + 10) / (typical + 10))))
    return 1.0, length, low, low * low, low * length, second


@functools.cache
def _model() -> tuple[dict[str, float], float, tuple[float, ...]]:
    known = decode_json(PATH.read_bytes())
    return known["typical"], known["other"], tuple(known["weights"])


def confidence(label: str, score: float, size: int, share: float, second: float) -> float:
    """Return the probability that a text is in the language named, times the share of it that is (0..1).

    `score` is CLD2's per kilobyte, `size` the text's bytes, `second` the runner-up's share.
    """
    typical, other, weights = _model()
    row = features(score, typical.get(label, other), size, second)
    return share / (1 + math.exp(-sum(map(mul, row, weights))))
