"""Aggregates equal choix, Cox regression, brute force and closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from annotate_rankings import make_job, random_job
from scipy.optimize import minimize

from corpusforge.annotate.aggregate import METHODS, consensus
from corpusforge.annotate.bradley_terry import (
    bradley_terry,
    bradley_terry_errors,
    davidson,
    plackett_luce,
    plackett_luce_errors,
)
from corpusforge.annotate.pairwise import duels, model_duels
from corpusforge.annotate.rank_aggregation import borda, kemeny, majority
from corpusforge.annotate.votes import votes_of
from corpusforge.errors import InputError


def random_wins(seed: int, size: int, mean: float = 2) -> np.ndarray:
    wins = np.random.default_rng(seed).poisson(mean, (size, size)).astype(float)
    np.fill_diagonal(wins, 0)
    return wins


@pytest.mark.parametrize("prior", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_bradley_terry_equals_choix(prior: float, seed: int) -> None:
    choix = pytest.importorskip("choix", reason="extra: test")
    wins = random_wins(seed, 7)
    games = [(i, j) for i in range(7) for j in range(7) for _ in range(int(wins[i, j]))]
    expected = choix.mm_pairwise(7, games, alpha=prior, max_iter=100_000, tol=1e-12)
    np.testing.assert_allclose(bradley_terry(wins, prior), expected, atol=1e-8)


@pytest.mark.parametrize("prior", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("size", [3, 6, 9])
def test_plackett_luce_equals_choix(prior: float, size: int) -> None:
    choix = pytest.importorskip("choix", reason="extra: test")
    chance = np.random.default_rng(size)
    orders = [chance.permutation(size) for _ in range(20)]
    partial = [order[: chance.integers(2, size + 1)] for order in orders]
    ranks = np.zeros((20, size), np.int16)
    for row, order in zip(ranks, partial, strict=True):
        row[order] = np.arange(1, len(order) + 1)
    lists = [order.tolist() for order in partial]
    expected = choix.mm_rankings(size, lists, alpha=prior, max_iter=100_000, tol=1e-12)
    np.testing.assert_allclose(plackett_luce(ranks, prior), expected, atol=1e-7)


def test_ties_in_plackett_luce_are_those_of_cox_regression() -> None:
    """A ranking is a stratum, a tier a time of failure: Efron's partial likelihood is the same."""
    pytest.importorskip("statsmodels", reason="extra: test")
    from statsmodels.duration.hazard_regression import PHReg

    tiers = np.random.default_rng(3).integers(1, 5, (15, 5)).astype(np.int16)
    items, strata = np.tile(np.eye(5)[:, 1:], (15, 1)), np.repeat(np.arange(15), 5)
    fit = PHReg(tiers.ravel().astype(float), items, strata=strata, ties="efron").fit()
    expected = np.concatenate([[0], fit.params])
    theta = plackett_luce(tiers)
    np.testing.assert_allclose(theta, expected - expected.mean(), atol=1e-7)
    spread = np.zeros((5, 5))
    spread[1:, 1:] = fit.cov_params()
    centre = np.eye(5) - 0.2
    errors = np.sqrt(np.diag(centre @ spread @ centre))
    np.testing.assert_allclose(plackett_luce_errors(tiers, theta), errors, atol=1e-7)


def test_bradley_terry_errors_are_those_of_logistic_regression() -> None:
    statsmodels = pytest.importorskip("statsmodels.api", reason="extra: test")
    wins = random_wins(5, 4, 6)
    games = [(i, j) for i in range(4) for j in range(4) for _ in range(int(wins[i, j]))]
    rows = np.array([np.eye(4)[i] - np.eye(4)[j] for i, j in games])
    flip = np.where(np.arange(len(rows)) % 2, 1, -1)
    fit = statsmodels.Logit((flip > 0).astype(float), rows[:, 1:] * flip[:, None]).fit(disp=0)
    theta = np.concatenate([[0], fit.params])
    theta -= theta.mean()
    np.testing.assert_allclose(bradley_terry(wins), theta, atol=1e-6)
    spread = np.zeros((4, 4))
    spread[1:, 1:] = fit.cov_params()
    centre = np.eye(4) - 0.25
    errors = np.sqrt(np.diag(centre @ spread @ centre))
    np.testing.assert_allclose(bradley_terry_errors(wins, theta), errors, rtol=1e-4)


def test_davidson_of_two_has_a_closed_form() -> None:
    wins, ties = np.array([[0, 12.0], [5, 0]]), np.array([[0, 7.0], [7, 0]])
    theta, errors, tie, _ = davidson(wins, ties)
    assert theta[0] - theta[1] == pytest.approx(np.log(12 / 5), abs=1e-5)
    assert np.exp(tie) == pytest.approx(7 / np.sqrt(12 * 5), abs=1e-5)
    assert errors[0] == errors[1] > 0


def test_davidson_equals_a_general_optimiser() -> None:
    wins = random_wins(6, 5)
    ties = np.triu(random_wins(7, 5, 1), 1)
    ties = ties + ties.T

    def loss(beta: np.ndarray) -> float:
        p, tie, total = np.exp(beta[:5]), np.exp(beta[5]), 0.0
        for i, j in itertools.combinations(range(5), 2):
            middle = tie * np.sqrt(p[i] * p[j])
            whole = p[i] + p[j] + middle
            total -= wins[i, j] * np.log(p[i] / whole) + wins[j, i] * np.log(p[j] / whole)
            total -= ties[i, j] * np.log(middle / whole)
        return total + 5e-7 * float(beta @ beta)

    best = minimize(loss, np.zeros(6), tol=1e-12).x
    theta, _, tie, _ = davidson(wins, ties)
    np.testing.assert_allclose(theta, best[:5] - best[:5].mean(), atol=1e-5)
    assert tie == pytest.approx(best[5], abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [2, 4, 6])
def test_kemeny_is_the_mean_of_all_best_permutations(seed: int, size: int) -> None:
    wins = np.random.default_rng(seed).integers(0, 3, (size, size)).astype(float)
    np.fill_diagonal(wins, 0)
    cost = {
        order: sum(wins[order[b], order[a]] for a in range(size) for b in range(a + 1, size))
        for order in itertools.permutations(range(size))
    }
    best = [order for order, value in cost.items() if value == min(cost.values())]
    place = np.mean([[order.index(i) for i in range(size)] for order in best], axis=0)
    np.testing.assert_allclose(
        kemeny(wins, np.zeros_like(wins)), 1 - place / (size - 1), atol=1e-12
    )


def test_majority_and_borda_by_hand() -> None:
    """Three votes of Condorcet's kind: a>b>c, b>c>a, c>a>b go round; Borda sees no winner either."""
    wins = np.array([[0, 2.0, 1], [1, 0, 2], [2, 1, 0]])
    none = np.zeros((3, 3))
    assert majority(wins, none).tolist() == [0.5, 0.5, 0.5]
    assert borda(wins, none).tolist() == [0.5, 0.5, 0.5]
    # two say a>b>c, one says c>a=b
    wins = np.array([[0, 2.0, 2], [0, 0, 2], [1, 1, 0]])
    ties = np.array([[0, 1.0, 0], [1, 0, 0], [0, 0, 0]])
    assert majority(wins, ties).tolist() == [1, 0.5, 0]
    np.testing.assert_allclose(borda(wins, ties), [4.5 / 6, 2.5 / 6, 2 / 6])


@pytest.mark.parametrize("method", METHODS)
def test_one_rater_gives_that_rater_back_ties_included(method: str) -> None:
    votes = votes_of(*make_job([("p_1", "r_1", [["c"], ["a", "d"], ["b"]])]))
    found = consensus(votes, method)
    assert found.tier.tolist() == [2, 3, 1, 2]
    assert (found.error > 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_equal_and_opposite_raters_tie(method: str) -> None:
    rows = [("p_1", "r_1", [["a"], ["b"], ["c"]]), ("p_1", "r_2", [["c"], ["b"], ["a"]])]
    found = consensus(votes_of(*make_job(rows, sizes={"p_1": 3})), method)
    # Plackett–Luce reads from the top and is not the same read from the bottom
    assert found.tier.tolist() == ([2, 1, 2] if method == "plackett_luce" else [1, 1, 1])


@pytest.mark.parametrize("method", METHODS)
def test_what_nobody_ranked_has_no_tier(method: str) -> None:
    rows = [("p_1", "r_1", [["b"], ["a"]]), ("p_2", "r_1", [["a"]])]
    found = consensus(votes_of(*make_job(rows, sizes={"p_1": 3, "p_2": 2})), method)
    assert found.tier.tolist() == [2, 1, 0, 0, 0]
    assert np.isnan(found.score[2:]).all()


@pytest.mark.parametrize("method", METHODS)
def test_names_do_not_matter(method: str) -> None:
    """Candidates in another order get the same scores: no tie is broken by a name."""
    swap = dict(zip("abcdef", "fedcba", strict=True))
    rows = [
        ("p_1", "r_1", [["a"], ["b", "c"], ["d"], ["e"], ["f"]]),
        ("p_1", "r_2", [["b"], ["a"], ["d"], ["c"], ["f"], ["e"]]),
        ("p_1", "r_3", [["f"], ["a"], ["e"], ["b"], ["d"]]),
    ]
    turned = [(p, r, [[swap[x] for x in tier] for tier in tiers]) for p, r, tiers in rows]
    one = consensus(votes_of(*make_job(rows, sizes={"p_1": 6})), method)
    two = consensus(votes_of(*make_job(turned, sizes={"p_1": 6})), method)
    np.testing.assert_allclose(one.score, two.score[::-1], atol=1e-6)
    assert one.tier.tolist() == two.tier[::-1].tolist()


def test_consensus_is_choix_prompt_by_prompt() -> None:
    choix = pytest.importorskip("choix", reason="extra: test")
    votes = votes_of(*random_job(12, 3, 5, 13))
    found = consensus(votes, "bradley_terry", prior=0.1)
    table = duels(votes)
    for p in range(12):
        low, high = votes.book.start[p], votes.book.start[p + 1]
        wins, ties = table.tables(p, high - low)
        games = [
            (i, j)
            for i, j in itertools.permutations(range(high - low), 2)
            for _ in range(round(2 * wins[i, j] + ties[i, j]))
        ]  # ties are half a win: everything twice, prior too
        expected = choix.mm_pairwise(high - low, games, alpha=0.2, max_iter=100_000, tol=1e-11)
        ranked = found.tier[low:high] > 0
        ours = found.score[low:high]
        np.testing.assert_allclose(ours[ranked], expected[ranked], atol=1e-6)


def test_models_meet_over_all_prompts() -> None:
    votes = votes_of(*random_job(15, 2, 4, 14))
    names, wins, ties = model_duels(votes)
    assert names == ("model-a", "model-b", "model-c", "model-d")
    table = duels(votes)
    summed = sum(table.tables(p, 4)[0] for p in range(15))
    np.testing.assert_allclose(wins, summed)
    assert (ties == ties.T).all()


def test_unknown_methods_and_too_many_candidates_are_refused() -> None:
    votes = votes_of(*make_job([("p_1", "r_1", [["a"], ["b"]])]))
    with pytest.raises(InputError, match="Did you mean 'borda'"):
        consensus(votes, "brda")
    with pytest.raises(InputError, match="at most 12"):
        kemeny(np.zeros((13, 13)), np.zeros((13, 13)))
