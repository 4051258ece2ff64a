"""Agreement equals krippendorff, scipy and statsmodels on published, random and incomplete ratings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from annotate_rankings import make_job, random_job
from scipy import stats

from corpusforge import hashing
from corpusforge.annotate.agreement import (
    alpha,
    alpha_interval,
    alpha_matrix,
    cohen_kappa,
    fleiss_kappa,
    kendall_tau_b,
    kendall_w,
    rating_counts,
)
from corpusforge.annotate.compare import _concordance, agreement, counts, shares
from corpusforge.annotate.intervals import bootstrap
from corpusforge.annotate.votes import Votes, mid_ranks, votes_of

X = np.nan
# The four observers and twelve units of Krippendorff, "Computing Krippendorff's alpha-reliability"
# (2011), with the values he prints.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, X, X, X],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, X, 3],
        [X, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, X],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, X],
    ]
)


@pytest.mark.parametrize(
    ("level", "printed"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_the_published_example(level: str, printed: float) -> None:
    assert alpha_matrix(OBSERVERS, level) == pytest.approx(printed, abs=6e-4)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize("missing", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_alpha_equals_the_package(level: str, missing: float, seed: int) -> None:
    krippendorff = pytest.importorskip("krippendorff", reason="extra: test")
    chance = np.random.default_rng(seed)
    ratings = chance.integers(1, 8, (4, 60)).astype(float)
    ratings[2:] = np.where(chance.random((2, 60)) < 0.7, ratings[0], ratings[2:])
    ratings[chance.random(ratings.shape) < missing] = np.nan
    expected = krippendorff.alpha(reliability_data=ratings, level_of_measurement=level)
    assert alpha_matrix(ratings, level) == pytest.approx(expected, abs=1e-12)


def test_alpha_of_rankings_and_of_nothing() -> None:
    ranks = np.array([[1, 2, 3, 4], [1, 2, 3, 4], [2, 1, 3, 4]], dtype=float)
    assert alpha_matrix(ranks, "ordinal") == pytest.approx(0.8777777777777778)
    assert np.isnan(alpha_matrix(np.ones((3, 5)), "ordinal"))
    assert np.isnan(alpha_matrix(np.full((3, 5), np.nan), "nominal"))


def test_the_interval_of_alpha_is_around_it_and_the_same_twice() -> None:
    units = np.broadcast_to(np.arange(12), OBSERVERS.shape).ravel()
    keys = hashing.id_keys([f"p{k}" for k in range(12)])
    for level in ("nominal", "ordinal", "interval"):
        found = alpha_interval(OBSERVERS.ravel(), units, units, keys, level)
        assert found.value == pytest.approx(alpha(OBSERVERS.ravel(), units, level))
        assert found.low < found.value < found.high
        assert found == alpha_interval(OBSERVERS.ravel(), units, units, keys, level)


def test_a_draw_of_every_prompt_once_gives_alpha_itself() -> None:
    """The figure of summed value pairs is alpha: bootstrapping equal prompts has no spread."""
    values = np.array([1, 1, 2, 2, 3, 1] * 20, dtype=float)
    units = np.repeat(np.arange(60), 2)
    groups = np.repeat(np.arange(20), 6)
    keys = hashing.id_keys([f"p{k}" for k in range(20)])
    for level in ("nominal", "ordinal", "interval"):
        found = alpha_interval(values, units, groups, keys, level)
        assert found.low == pytest.approx(found.value, abs=2e-3)  # n in n - 1 differs, no more
        assert found.high == pytest.approx(found.value, abs=2e-3)


def test_fleiss_equals_statsmodels_on_real_ratings() -> None:
    pytest.importorskip("statsmodels", reason="extra: test")
    from statsmodels.stats import inter_rater
    from statsmodels.stats.tests import test_inter_rater as published

    for table in (published.table0[:, 1:-1], published.table1):
        assert fleiss_kappa(table) == pytest.approx(inter_rater.fleiss_kappa(table), abs=1e-12)
    for ratings in (np.asarray(published.diagnoses), np.asarray(published.anxiety)):
        table = inter_rater.aggregate_raters(ratings)[0]
        ours = fleiss_kappa(rating_counts(ratings.T.astype(float)))
        assert ours == pytest.approx(inter_rater.fleiss_kappa(table), abs=1e-12)


def test_cohen_equals_statsmodels() -> None:
    pytest.importorskip("statsmodels", reason="extra: test")
    from statsmodels.stats.inter_rater import cohens_kappa

    chance = np.random.default_rng(4)
    one = chance.integers(0, 3, 80).astype(float)
    two = np.where(chance.random(80) < 0.6, one, chance.integers(0, 3, 80))
    table = np.array([[np.sum((one == i) & (two == j)) for j in range(3)] for i in range(3)])
    assert cohen_kappa(one, two) == pytest.approx(cohens_kappa(table).kappa, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_tau_and_w_equal_scipy(seed: int) -> None:
    chance = np.random.default_rng(seed)
    one, two = chance.integers(1, 5, (2, 9)).astype(float)
    assert kendall_tau_b(one, two) == pytest.approx(stats.kendalltau(one, two).statistic)
    ranks = np.array([stats.rankdata(row) for row in chance.integers(1, 5, (6, 7))])
    friedman = stats.friedmanchisquare(*ranks.T).statistic
    assert kendall_w(ranks) == pytest.approx(friedman / (6 * 6), abs=1e-12)


def dense(votes: Votes, row: int) -> np.ndarray:
    """A ranking's tiers, NaN where not ranked."""
    ranks = votes.rank[votes.first[row] : votes.first[row + 1]].astype(float)
    return np.where(ranks > 0, ranks, np.nan)


def slow_counts(votes: Votes) -> np.ndarray:
    """Pairs the same, opposite, tied by one, by both; sum and number of taus, by prompt."""
    out = np.zeros((len(votes.book.prompts), 6))
    for p in range(len(out)):
        rows = range(votes.rows[p], votes.rows[p + 1])
        for a in rows:
            for b in rows:
                if a >= b or votes.rater[a] == votes.rater[b]:
                    continue
                one, two = dense(votes, a), dense(votes, b)
                both = np.flatnonzero(~np.isnan(one) & ~np.isnan(two))
                for i in both:
                    for j in both[both > i]:
                        x, y = np.sign(one[i] - one[j]), np.sign(two[i] - two[j])
                        kind = 0 if x == y != 0 else 3 if x == y else 2 if x * y == 0 else 1
                        out[p, kind] += 1
                tau = kendall_tau_b(one, two)
                if not np.isnan(tau):
                    out[p, 4] += tau
                    out[p, 5] += 1
    return out


def test_the_kernel_counts_what_a_slow_loop_counts() -> None:
    votes = votes_of(*random_job(40, 4, 6, 7))
    by_prompt, by_rater, repeats = counts(votes)
    np.testing.assert_allclose(by_prompt, slow_counts(votes), atol=1e-9)
    np.testing.assert_allclose(by_rater.sum(axis=0), 2 * by_prompt.sum(axis=0), atol=1e-9)
    assert not repeats.any()


def test_the_concordance_kernel_equals_w_of_the_common_answers() -> None:
    votes = votes_of(*random_job(40, 3, 6, 8))
    found = np.empty(40)
    _concordance(votes.rows, votes.first, votes.rank, found)
    seen = 0
    for p in range(40):
        rows = [dense(votes, row) for row in range(votes.rows[p], votes.rows[p + 1])]
        table = np.array(rows)
        table = table[:, ~np.isnan(table).any(axis=0)]
        if len(rows) < 2 or table.shape[1] < 2:
            assert np.isnan(found[p])
            continue
        expected = kendall_w(np.array([stats.rankdata(row) for row in table]))
        np.testing.assert_allclose(found[p], expected, atol=1e-12)
        seen += 1
    assert seen > 30


def test_agreement_of_a_hand_counted_job() -> None:
    """a>b>c>d and a>b>d>c: 5 pairs of 6 the same. a>b=c>d: 5 the same and 1 tied by one."""
    job = make_job(
        [
            ("p_1", "r_1", [["a"], ["b"], ["c"], ["d"]]),
            ("p_1", "r_2", [["a"], ["b"], ["d"], ["c"]]),
            ("p_2", "r_1", [["a"], ["b"], ["c"], ["d"]]),
            ("p_2", "r_2", [["a"], ["b", "c"], ["d"]]),
        ]
    )
    found = agreement(votes_of(*job))
    assert found.strict.value == pytest.approx(10 / 11)
    assert found.half.value == pytest.approx(10.5 / 12)
    assert found.ties.value == pytest.approx(1 / 24)
    taus = [
        stats.kendalltau([1, 2, 3, 4], other).statistic for other in ([1, 2, 4, 3], [1, 2, 2, 3])
    ]
    assert found.tau_b.value == pytest.approx(np.mean(taus))
    assert (found.strict.n, found.tau_b.n, found.w.n) == (11, 2, 2)


def test_a_raters_repeat_is_no_agreement_between_raters() -> None:
    tasks, rankings = make_job(
        [("p_1", "r_1", [["a"], ["b"]]), ("p_1", "r_1", [["b"], ["a"]])], sizes={"p_1": 2}
    )
    by_prompt, by_rater, repeats = counts(votes_of(tasks, rankings))
    assert not by_prompt.any()
    assert not by_rater.any()
    assert repeats[0].tolist() == [0, 1, 0, 0, -1, 1]
    assert np.isnan(agreement(votes_of(tasks, rankings)).strict.value)


def test_votes_do_not_depend_on_the_order_of_import() -> None:
    tasks, rankings = random_job(20, 3, 5, 9)
    one, two = votes_of(tasks, rankings), votes_of(tasks, rankings[::-1])
    assert one.tasks == two.tasks
    assert (one.rank == two.rank).all()
    assert agreement(one) == agreement(two) or np.isnan(agreement(one).w.value)


def test_mid_ranks_share_places() -> None:
    votes = votes_of(*make_job([("p_1", "r_1", [["b"], ["a", "c"]])]))
    assert mid_ranks(votes)[:3].tolist() == [2.5, 1.0, 2.5]
    assert np.isnan(mid_ranks(votes)[3])
    assert shares(np.zeros((1, 6)))["strict"].shape == (1,)


def test_the_bootstrap_covers_the_mean_it_should() -> None:
    """95 % intervals of a mean of 100 hold the true mean in about 95 of 100 tries."""
    chance = np.random.default_rng(5)
    hits = 0
    for trial in range(200):
        sums = np.stack([chance.normal(size=100), np.ones(100)], axis=1)
        keys = hashing.id_keys([f"{trial}.{k}" for k in range(100)])
        found = bootstrap(lambda s: s[:, 0] / s[:, 1], sums, keys, 100, seed=trial)
        hits += found.low <= 0 <= found.high
    assert 180 <= hits <= 198


def test_blocks_of_many_prompts_give_the_same_interval() -> None:
    chance = np.random.default_rng(6)
    sums = np.stack([chance.normal(size=20_000), np.ones(20_000)], axis=1)
    found = bootstrap(
        lambda s: s[:, 0] / s[:, 1], sums, hashing.id_keys([str(k) for k in range(20_000)]), 20_000
    )
    half = 1.96 * sums[:, 0].std() / np.sqrt(20_000)
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.15)


def test_the_reference_program_finds_the_same_figures(data: Path, tmp_path: Path) -> None:
    tool = data.parent / "tools" / "score_agreement.py"
    if not tool.is_file():
        pytest.skip("the reference program lies beside the real data and is not here")
    chance = np.random.default_rng(11)
    ratings = chance.integers(0, 3, (200, 3)).astype(float)
    ratings[:, 1] = np.where(chance.random(200) < 0.6, ratings[:, 0], ratings[:, 1])
    ratings[:, 1:][chance.random((200, 2)) < 0.2] = np.nan
    lines = [
        json.dumps({"id": str(k), "ratings": [None if np.isnan(x) else int(x) for x in row]})
        for k, row in enumerate(ratings)
    ]
    (tmp_path / "ratings.jsonl").write_text("\n".join(lines) + "\n")
    side = np.select([ratings == 0, ratings == 1, ratings == 2], [0.0, -1.0, 1.0], np.nan)
    full = ratings[~np.isnan(ratings).any(axis=1)]
    ours = {
        "fleiss": fleiss_kappa(rating_counts(full.T)),
        "cohen_12": cohen_kappa(ratings[:, 0], ratings[:, 1]),
        "alpha_nominal": alpha_matrix(ratings.T, "nominal"),
        "alpha_ordinal": alpha_matrix(side.T, "ordinal"),
        "alpha_interval": alpha_matrix(side.T, "interval"),
    }
    (tmp_path / "ours.json").write_text(json.dumps(ours))
    arguments = [str(tmp_path / "ratings.jsonl"), "--ours", str(tmp_path / "ours.json")]
    done = subprocess.run(
        [sys.executable, str(tool), *arguments, "--tol", "1e-9"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 figures compared" in done.stdout
