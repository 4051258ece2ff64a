"""Intervals against scipy's paired t-test, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from corpusforge.ablate.compare import difference, figure, rank_agreement
from corpusforge.ablate.measure import Tally


def tally(*pairs):
    above, below = zip(*pairs, strict=True)
    return Tally(np.array(above, float), np.array(below, float))


def test_a_figure_is_a_ratio_of_sums():
    found = figure("bits_per_byte/all", "a", [tally((8, 4), (2, 6)), tally((12, 4), (3, 6))])
    assert found.values == (1.0, 1.5)
    assert found.mean == 1.25
    assert found.items == 2


def test_the_interval_is_that_of_the_paired_t_test():
    own, other = [1.31, 1.28, 1.35, 1.30], [1.22, 1.25, 1.29, 1.20]
    tallies = {
        "a": [tally((value, 1.0)) for value in other],
        "b": [tally((value, 1.0)) for value in own],
    }
    found = difference("memorised", "b", "a", tallies)
    expected = stats.ttest_rel(own, other).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx(np.mean(own) - np.mean(other))
    assert found.clear is True
    assert found.items_low is None


def test_one_seed_has_no_interval_over_seeds():
    tallies = {"a": [tally((1, 1), (2, 1))], "b": [tally((2, 1), (4, 1))]}
    found = difference("bits_per_byte/all", "b", "a", tallies)
    assert (found.low, found.high, found.seeds) == (None, None, 1)
    assert (found.items_low, found.items_high) == (1.0, 2.0)
    assert found.clear is False  # what another seed would give is not known


def test_one_text_says_nothing_of_others():
    tallies = {"a": [tally((1, 1)), tally((2, 1))], "b": [tally((2, 1)), tally((3, 1))]}
    found = difference("bits_per_byte/all", "b", "a", tallies)
    assert (found.low, found.items_low, found.items) == (1.0, None, 1)
    assert found.clear is False


def test_items_are_drawn_in_pairs():
    """Items differ by far more than the runs do: a constant difference a byte has no width."""
    sizes = np.array([10.0, 500.0, 40.0, 3000.0, 75.0])
    base = sizes * np.array([1.0, 3.0, 2.0, 0.5, 4.0])
    tallies = {
        "a": [Tally(base, sizes), Tally(base, sizes)],
        "b": [Tally(base - 0.1 * sizes, sizes)] * 2,
    }
    found = difference("bits_per_byte/all", "b", "a", tallies)
    assert (found.items_low, found.items_high) == pytest.approx((-0.1, -0.1))
    assert found.items == 5


def test_the_order_of_runs():
    assert rank_agreement([1.0, 2.0, 3.0, 4.0], [1.1, 2.1, 4.1, 3.1]) == pytest.approx(4 / 6)
    assert rank_agreement([1.0, 2.0], [1.0, 2.0]) is None
    assert rank_agreement([1.0, 1.0, 1.0], [1.0, 2.0, 3.0]) is None
