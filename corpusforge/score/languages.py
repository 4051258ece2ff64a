"""Positives by the languages of the negatives, so that a language is no mark of quality.

Reference text of thirty languages against a crawl in English teaches a classifier that English words are
bad. So each language's positives weigh together as much as its share of the negatives; languages that the
negatives do not hold keep a tenth of the whole at most. Languages are CLD2's, asked of each window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from corpusforge.identify import Settings, identify
from corpusforge.score.sample import Window

__all__ = ["matched"]

_LEAST_SHARE = 0.01
"""Share of the negatives from which a language counts as one of theirs."""
_FOREIGN = 0.1
_MOST = 10.0


def _languages(windows: Sequence[Window]) -> list[str]:
    texts = pa.array([window.text.decode("utf-8") for window in windows], pa.large_string())
    return identify(texts, Settings(engine="pycld2"))[0]


def matched(negative: Sequence[Window], positive: Sequence[Window]) -> list[tuple[Window, float]]:
    """Return the positive windows with their weights, whose mean is 1."""
    raw = Counter(_languages(negative))
    labels = _languages(positive)
    counts = Counter(labels)
    common = {
        label: n
        for label, n in raw.items()
        if n >= max(1, _LEAST_SHARE * len(negative)) and label in counts
    }
    if not common:
        return [(window, 1.0) for window in positive]
    held = sum(counts[label] for label in common)
    weights = {
        label: min(_MOST, max(1 / _MOST, n / sum(common.values()) * held / counts[label]))
        for label, n in common.items()
    }
    mass = sum(weights[label] * counts[label] for label in common)
    foreign = len(positive) - held
    rest = min(mass / held, _FOREIGN / (1 - _FOREIGN) * mass / max(1, foreign))
    mean = (mass + rest * foreign) / len(positive)
    return [
        (window, weights.get(label, rest) / mean)
        for window, label in zip(positive, labels, strict=True)
    ]
