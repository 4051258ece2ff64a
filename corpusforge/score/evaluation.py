"""How well scores separate two sides: ranking, calibration, thresholds, means by group.

ROC-AUC is the Mann-Whitney statistic (ties count half); average precision is the step sum over
distinct scores. Interval: bootstrap over the items, drawn by hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.hashing import mix64, word64

__all__ = ["average_precision", "evaluate", "interval", "roc_auc"]

F64 = NDArray[np.float64]


def roc_auc(scores: F64, labels: NDArray[np.bool_]) -> float:
    """Return the share of (positive, negative) pairs ranked rightly; 0.5 where a side is empty.

    `scores` are float64 [n], `labels` bool [n].
    """
    good, bad = int(labels.sum()), int((~labels).sum())
    if not good or not bad:
        return 0.5
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2.0
    return float((ranks[inverse][labels].sum() - good * (good + 1) / 2.0) / (good * bad))


def average_precision(scores: F64, labels: NDArray[np.bool_]) -> float:
    """Return the area under the precision-recall steps; 0 where there is no positive.

    `scores` are float64 [n], `labels` bool [n].
    """
    if not labels.any():
        return 0.0
    order = np.argsort(-scores, kind="stable")
    hits, ranked = np.cumsum(labels[order]), -scores[order]
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    recall = hits[last] / hits[-1]
    return float((np.diff(np.append(0.0, recall)) * hits[last] / (last + 1)).sum())


def interval(scores: F64, labels: NDArray[np.bool_], rounds: int = 500) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of `roc_auc`.

    `scores` are float64 [n], `labels` bool [n].
    """
    n = len(scores)
    if n == 0:
        return 0.5, 0.5
    numbers = np.arange(n, dtype=np.uint64)
    areas = []
    for k in range(rounds):
        chosen = (mix64(mix64(numbers) ^ np.uint64(word64("bootstrap", k))) % np.uint64(n)).astype(
            np.int64
        )
        areas.append(roc_auc(scores[chosen], labels[chosen]))
    return float(np.quantile(areas, 0.025)), float(np.quantile(areas, 0.975))


def _calibration(scores: F64, labels: NDArray[np.bool_]) -> dict[str, Any]:
    """Return Brier score, expected calibration error and ten bins, each side weighing half."""
    weights = np.where(labels, 0.5 / max(1, labels.sum()), 0.5 / max(1, (~labels).sum()))
    bins, error = [], 0.0
    places = np.minimum(9, (scores * 10).astype(int))
    for k in range(10):
        inside = places == k
        weight = float(weights[inside].sum())
        if weight == 0.0:
            continue
        said = float((weights * scores)[inside].sum() / weight)
        true = float(weights[inside & labels].sum() / weight)
        error += weight * abs(said - true)
        bins.append({"low": k / 10, "items": int(inside.sum()), "mean_score": said, "share": true})
    brier = float((weights * (scores - labels) ** 2).sum())
    return {"brier": brier, "expected_error": error, "bins": bins}


def _thresholds(scores: F64, labels: NDArray[np.bool_]) -> list[dict[str, float]]:
    rows = []
    for bound in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95):
        kept = scores >= bound
        good, bad = int((kept & labels).sum()), int((kept & ~labels).sum())
        rows.append(
            {
                "threshold": bound,
                "positives_kept": good / max(1, int(labels.sum())),
                "negatives_kept": bad / max(1, int((~labels).sum())),
                "precision": good / max(1, good + bad),
            }
        )
    return rows


def _means(scores: F64, names: Sequence[str]) -> dict[str, dict[str, float]]:
    groups = np.array(names, dtype=object)
    return {
        name: {
            "items": int((groups == name).sum()),
            "mean": float(scores[groups == name].mean()),
            "median": float(np.median(scores[groups == name])),
        }
        for name in sorted(set(names))
    }


def _rounded(value: Any) -> Any:
    """Round floats to six places: a short card whose bytes do not hang on the last bit."""
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


def evaluate(
    scores: NDArray[np.float32],
    labels: NDArray[np.bool_],
    sources: Sequence[str],
    languages: Sequence[str],
) -> dict[str, Any]:
    """Return the figures of a held-out set as plain values, ready for JSON.

    `scores` are float32 [n], `labels` bool [n]; sources and languages stand beside them, by document.
    """
    if not len(scores):
        return {}
    values = np.asarray(scores, dtype=np.float64)
    low, high = interval(values, labels)
    return _rounded(
        {
            "items": len(values),
            "positives": int(labels.sum()),
            "roc_auc": roc_auc(values, labels),
            "roc_auc_low": low,
            "roc_auc_high": high,
            "average_precision": average_precision(values, labels),
            "calibration": _calibration(values, labels),
            "thresholds": _thresholds(values, labels),
            "by_source": _means(values, sources),
            "by_language": _means(values, languages),
        }
    )
