"""Keep rules against numpy's own Pareto draw, GPT-3's published table, and hand counts."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.errors import InputError, RecipeError
from corpusforge.hashing import id_keys
from corpusforge.score.selection import Cut, digits, keep, keep_probability, tiers, within
from corpusforge.score.settings import KeepSettings, Settings, TrainSettings

KEYS = id_keys(f"doc-{i}" for i in range(40_000))


@pytest.mark.parametrize("alpha", [3.0, 9.0])
@pytest.mark.parametrize("score", [0.0, 0.5, 0.75, 0.9, 0.95, 1.0])
def test_pareto_is_numpys_pareto(alpha, score):
    draws = np.random.default_rng(7).pareto(alpha, 400_000)
    wanted = float((draws > 1 - score).mean())
    assert float(keep_probability(np.array([score]), alpha)[0]) == pytest.approx(wanted, abs=0.003)
    kept = keep(np.full(len(KEYS), score), KEYS, KeepSettings(alpha=alpha), seed=5)
    assert kept.mean() == pytest.approx(wanted, abs=0.01)


def test_pareto_depends_on_the_id_alone():
    scores = np.linspace(0, 1, len(KEYS))
    whole = keep(scores, KEYS, KeepSettings(), seed=5)
    back = keep(scores[::-1], KEYS[::-1], KeepSettings(), seed=5)
    assert np.array_equal(whole, back[::-1])
    parts = [keep(scores[a : a + 777], KEYS[a : a + 777], KeepSettings(), seed=5)
             for a in range(0, len(KEYS), 777)]  # fmt: skip
    assert np.array_equal(np.concatenate(parts), whole)
    assert not np.array_equal(whole, keep(scores, KEYS, KeepSettings(), seed=6))
    more = keep(scores, KEYS, KeepSettings(alpha=3.0), seed=5)
    assert (more | ~whole).all()  # a milder alpha keeps all that a harsher one keeps


def test_threshold_by_source_and_language():
    settings = KeepSettings(
        rule="threshold", threshold=0.5, thresholds={"web": 0.7, "zh": 0.2, "web/zh": 0.9}
    )
    kept = keep(
        np.array([0.6, 0.6, 0.3, 0.3, 0.8, 0.5]), KEYS[:6], settings, 0,
        sources=["books", "web", "books", "books", "web", "books"],
        languages=["en", "en", "zh", "en", "zh", "en"],
    )  # fmt: skip
    assert kept.tolist() == [True, False, True, False, False, True]


def test_top_keeps_the_share_and_breaks_ties_by_id():
    scores = np.array([0.5] * 10)
    settings = KeepSettings(rule="top", share=0.3)
    kept = keep(scores, KEYS[:10], settings, 0)
    assert kept.sum() == 3
    assert set(KEYS[:10][kept]) == set(np.sort(KEYS[:10])[:3])
    sources = ["a"] * 6 + ["b"] * 4
    kept = keep(np.arange(10) / 10, KEYS[:10], KeepSettings(rule="top", share=0.5, by="source"), 0,
                sources=sources)  # fmt: skip
    assert kept.tolist() == [False] * 3 + [True] * 3 + [False] * 2 + [True] * 2


def best(scores, keys, share):
    """By one sort of everything."""
    order = sorted(range(len(scores)), key=lambda n: (-scores[n], keys[n]))
    return set(order[: math.ceil(share * len(scores))])


@given(
    places=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    step=st.sampled_from([1e-7, 0.25, 0.0]),
    share=st.sampled_from([0.01, 0.3, 0.5, 1.0]),
    cuts=st.integers(1, 5),
)
def test_top_by_counts_of_digits_is_one_sort(places, step, share, cuts):
    """Ties of scores, scores that differ in the last bits, and counts added over any parts."""
    scores = np.array([0.5 + step * place for place in places], dtype=np.float32)
    keys = KEYS[: len(places)] & np.uint64(0xFFFF_0000_0000_FFFF)  # ids that differ late
    wanted = best(scores.tolist(), keys.tolist(), share)
    settings = KeepSettings(rule="top", share=share)
    assert set(np.flatnonzero(keep(scores, keys, settings, 0)).tolist()) == wanted
    own, cut = digits(scores, keys), Cut()
    while not cut.settled:
        counts = Counter()
        for some in np.array_split(own, cuts):
            counts.update(some[within(cut, some)[1], len(cut.digits)].tolist())
        cut = cut.next(counts, share)
    parts = [
        keep(s, k, settings, 0, cuts={"": cut})
        for s, k in zip(np.array_split(scores, cuts), np.array_split(keys, cuts), strict=True)
    ]
    assert set(np.flatnonzero(np.concatenate(parts)).tolist()) == wanted


def test_digits_are_in_order_of_any_scores():
    scores = np.array([-np.inf, -2.5, -1e-9, -0.0, 0.0, 1e-9, 0.5, 1.0, 3.0], dtype=np.float32)
    own = digits(scores, np.zeros(len(scores), dtype=np.uint64)).tolist()
    assert own == sorted(own, reverse=True)
    assert own[3] == own[4], "0 and -0 are one score"


def test_tiers():
    settings = KeepSettings(rule="tiers", tiers={"high": 0.8, "middle": 0.4})
    scores = np.array([0.1, 0.4, 0.79, 0.8, 1.0])
    assert tiers(scores, settings) == ["", "middle", "middle", "high", "high"]
    assert keep(scores, KEYS[:5], settings, 0).tolist() == [False, False, False, True, True]


def test_rules_apply_to_named_sources_only():
    settings = KeepSettings(rule="threshold", threshold=0.5, sources=("web",))
    kept = keep(np.zeros(2), KEYS[:2], settings, 0, sources=["web", "books"])
    assert kept.tolist() == [False, True]
    with pytest.raises(InputError, match="by source"):
        keep(np.zeros(2), KEYS[:2], settings, 0)
    assert keep(np.zeros(2), KEYS[:2], KeepSettings(rule="none"), 0).all()


@pytest.mark.parametrize(
    ("build", "word"),
    [
        (lambda: KeepSettings(rule="paretto"), "pareto"),
        (lambda: KeepSettings(share=2.0), "keep.share"),
        (lambda: KeepSettings(by="url"), "keep.by"),
        (lambda: KeepSettings(rule="tiers", keep_tiers=("best",)), "keep_tiers"),
        (lambda: TrainSettings(positive=("a",), negative=("a",)), "both sides"),
        (lambda: TrainSettings(ngrams=3), "train.ngrams"),
        (lambda: Settings(train=TrainSettings(positive=("a",))), "needs both"),
        (lambda: Settings(engine="bert"), "score.engine"),
        (
            lambda: Settings(model="m", train=TrainSettings(positive=("a",), negative=("b",))),
            "one of them",
        ),
    ],
)
def test_bad_settings_are_named(build, word):
    with pytest.raises(RecipeError, match=word):
        build()
