"""The n-gram model: a distribution in every context, and two small streams worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from corpusforge.ablate import ngram


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_of_all_ids_are_one_in_every_context(order):
    ids = np.array([n * n % 7 for n in range(200)] + [6, 1, 0, 5, 5, 5])
    model = ngram.train(ids, order, 9)  # 7 and 8 were never seen
    for context in ([], [0], [7], [4, 2], [1, 0, 1, 4], [8, 8, 2, 4, 2]):
        total = sum(model.probabilities(np.array([0, *context, n]))[-1] for n in range(9))
        assert total == pytest.approx(1.0, abs=1e-12)


def test_a_bigram_model_by_hand():
    """0 1 0 1 0 2: bigrams 01 twice, 10 twice, 02 once.

    Counts of counts: n1 = 1, n2 = 2, none of 3 and 4 (taken as 1), so Y = 1/5, D1 = 1 - 2*Y*2/1 = 0.2
    and D2 = 2 - 3*Y*1/2 = 1.7. Below, ids count by how many ids they follow: each 1 (0 after 1, 1 after
    0, 2 after 0), so n1 = 3, the rest taken as 1: Y = 3/5, D1 = 1 - 2*Y*1/3 = 0.6.
    """
    model = ngram.train(np.array([0, 1, 0, 1, 0, 2]), 2, 4)
    lower = (1 - 0.6) / 3 + 3 * 0.6 / 3 / 4  # the same for 0, 1 and 2
    behind_0 = (1.7 + 0.2) / 3  # what the contexts' two grams leave
    one, unseen = model.probabilities(np.array([0, 1]))[0], model.probabilities(np.array([0, 3]))[0]
    assert one == pytest.approx((2 - 1.7) / 3 + behind_0 * lower, abs=1e-12)
    assert unseen == pytest.approx(behind_0 * 0.6 / 4, abs=1e-12)
    assert model.probabilities(np.array([3, 2]))[0] == pytest.approx(lower, abs=1e-12)


def test_what_was_never_seen_is_not_impossible():
    """All counts equal: no discount can be told from them."""
    model = ngram.train(np.array([0, 1, 2, 3] * 5), 3, 6)
    assert 0 < model.probabilities(np.array([2, 3, 5]))[-1] < 0.2


def test_the_order_is_what_64_bits_hold():
    ids = np.arange(1000) % 70_000
    assert len(ngram.train(ids, 9, 70_000).orders) == 3  # 17 bits an id
    assert len(ngram.train(ids, 9, 256).orders) == 8


def test_it_learns_what_repeats():
    ids = np.tile(np.array([5, 3, 8, 1, 9, 2]), 100)
    (bits,) = ngram.train(ids, 4, 4096).bits_of([ids[:60]])
    assert bits[4:].max() < 0.1
