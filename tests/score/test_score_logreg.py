"""The solver reaches scipy's optimum; calibration reaches scipy's; figures equal plain counts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from corpusforge.score.evaluation import average_precision, evaluate, interval, roc_auc
from corpusforge.score.logreg import calibrate, fit


def sparse(dense):
    starts = np.concatenate([[0], np.cumsum((dense != 0).sum(axis=1))]).astype(np.int64)
    rows, columns = np.nonzero(dense)
    return starts, columns.astype(np.int32), dense[rows, columns].astype(np.float32)


@pytest.fixture(scope="module")
def problem():
    grid = np.sin(np.arange(60 * 16).reshape(60, 16) * 7.7)
    dense = np.where(np.abs(grid) > 0.5, grid, 0.0).astype(np.float32)
    dense /= np.maximum(1e-9, np.linalg.norm(dense, axis=1, keepdims=True)).astype(np.float32)
    labels = (dense[:, 0] + 0.3 * np.cos(np.arange(60)) > 0) | (np.arange(60) % 7 == 0)
    return dense, labels


@pytest.mark.parametrize("c", [0.1, 1.0, 20.0])
def test_weights_are_scipys_optimum(problem, c):
    dense, labels = problem
    signs = np.where(labels, 1.0, -1.0)
    costs = c * np.where(labels, 0.7, 1.6)
    wide = np.hstack([dense, np.ones((len(dense), 1))]).astype(np.float64)

    def loss(w):
        return 0.5 * w @ w + (costs * np.logaddexp(0, -signs * (wide @ w))).sum()

    best = minimize(loss, np.zeros(17), method="BFGS", options={"gtol": 1e-8}).x
    weights, bias, passes = fit(sparse(dense), labels, costs, 16, seed=3)
    assert passes < 200
    assert weights == pytest.approx(best[:-1], abs=0.02)
    assert bias == pytest.approx(best[-1], abs=0.02)


def test_same_rows_same_bytes(problem):
    dense, labels = problem
    runs = [fit(sparse(dense), labels, np.ones(60), 16, seed=1)[0].tobytes() for _ in range(2)]
    assert runs[0] == runs[1]
    assert fit(sparse(dense), labels, np.ones(60), 16, seed=2)[0].tobytes() != runs[0]


def test_calibration_is_the_likeliest_sigmoid():
    logits = np.sin(np.arange(300) * 3.3) * 4 + 1
    labels = np.sin(np.arange(300) * 3.3) + 0.8 * np.cos(np.arange(300) * 9.1) > 0.2
    good, bad = labels.sum(), (~labels).sum()
    targets = np.where(labels, (good + 1) / (good + 2), 1 / (bad + 2))
    weights = np.where(labels, 0.5 / good, 0.5 / bad)

    def loss(v):
        z = v[0] * logits + v[1]
        return (weights * (np.logaddexp(0, z) - targets * z)).sum()

    best = minimize(loss, [1.0, 0.0], method="BFGS", options={"gtol": 1e-10}).x
    assert calibrate(logits, labels) == pytest.approx(tuple(best), abs=1e-4)


def test_calibration_refuses_nonsense():
    assert calibrate(np.array([1.0, 2.0]), np.array([True, True])) == (1.0, 0.0)
    logits = np.linspace(-2, 2, 50)
    assert calibrate(logits, logits < 0) == (1.0, 0.0)  # ranks the wrong way round


SCORES = np.array([0.9, 0.8, 0.8, 0.7, 0.3, 0.3, 0.1])
LABELS = np.array([True, True, False, False, True, False, False])


def test_auc_is_the_share_of_pairs():
    pairs = [
        1.0 if a > b else 0.5 if a == b else 0.0 for a in SCORES[LABELS] for b in SCORES[~LABELS]
    ]
    assert roc_auc(SCORES, LABELS) == pytest.approx(sum(pairs) / len(pairs))
    assert roc_auc(SCORES, np.ones(7, bool)) == 0.5


def test_average_precision_by_hand():
    # thresholds .9 .8 .3: recall 1/3 2/3 3/3, precision 1/1 2/3 3/6
    assert average_precision(SCORES, LABELS) == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)


def test_interval_holds_the_value_and_repeats():
    scores = np.sin(np.arange(200) * 1.7)
    labels = scores + np.cos(np.arange(200) * 5.1) > 0
    low, high = interval(scores, labels)
    assert low < roc_auc(scores, labels) < high
    assert (low, high) == interval(scores, labels)


def test_figures_by_group_and_threshold():
    figures = evaluate(SCORES.astype(np.float32), LABELS, list("aaabbbb"), ["en"] * 7)
    assert figures["by_source"]["a"]["items"] == 3
    assert figures["by_source"]["a"]["mean"] == pytest.approx((0.9 + 0.8 + 0.8) / 3, abs=1e-5)
    half = next(row for row in figures["thresholds"] if row["threshold"] == 0.5)
    assert half["positives_kept"] == pytest.approx(2 / 3, abs=1e-6)
    assert half["negatives_kept"] == pytest.approx(2 / 4)
    assert sum(row["items"] for row in figures["calibration"]["bins"]) == 7
    assert evaluate(np.zeros(0, np.float32), np.zeros(0, bool), [], []) == {}
