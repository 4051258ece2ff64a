"""Planted bias is found where it was planted; marked raters are the ones made to be marked."""

from __future__ import annotations

from dataclasses import replace
from math import factorial

import numpy as np
import pytest
from annotate_rankings import make_job
from scipy import stats

from corpusforge.annotate.bias import bias, contrasts, logistic, slot_test
from corpusforge.annotate.criteria import criteria
from corpusforge.annotate.features import extractiveness, stock_phrases
from corpusforge.annotate.figures import figures
from corpusforge.annotate.leaderboard import elo, standings
from corpusforge.annotate.raters import (
    gold_pairs,
    leave_one_out,
    rater_table,
    reading_words,
)
from corpusforge.annotate.records import Ranking, Rating, Task
from corpusforge.annotate.reliability import reliability
from corpusforge.annotate.report import page
from corpusforge.annotate.rounds import Round, drift, merge
from corpusforge.annotate.votes import votes_of
from corpusforge.errors import InputError


def planted(
    prompts: int,
    raters: int,
    *,
    length: float = 0.0,
    place: float = 0.0,
    seed: int = 1,
    noise: dict[str, float] | None = None,
) -> tuple[dict[str, Task], list[Ranking]]:
    """Raters who add `length` a doubling of characters and take `place` a slot from an answer's worth."""
    chance = np.random.default_rng(seed)
    rows, texts, order = [], {}, {}
    for p in range(prompts):
        name = f"p_{p:04x}"
        worth = chance.normal(size=4)
        doublings = chance.integers(4, 9, 4)
        texts |= {f"{name}.{x}": "ab " * int(2**d) for x, d in zip("abcd", doublings, strict=True)}
        for r in range(raters):
            slots = chance.permutation(4)
            loud = (noise or {}).get(f"r_{r}", 1.0)
            seen = worth + length * doublings - place * slots + loud * chance.gumbel(size=4)
            best = sorted(range(4), key=lambda k: -seen[k])
            rows.append((name, f"r_{r}", [["abcd"[k]] for k in best]))
            order[len(rows) - 1] = tuple(f"{name}.{'abcd'[k]}" for k in np.argsort(slots))
    tasks, rankings = make_job(rows, texts=texts)
    shown = {name: replace(task, presented_order=order[n]) for n, (name, task) in
             enumerate(tasks.items())}  # fmt: skip
    return shown, rankings


def test_no_bias_is_no_bias() -> None:
    tasks, rankings = planted(300, 3)
    votes = votes_of(tasks, rankings)
    found = {row.feature: row for row in bias(votes, contrasts(votes, tasks))}
    for name in ("length", "position"):
        assert found[name].share.low < 0.5 < found[name].share.high
        assert found[name].odds[1] < 1 < found[name].odds[2]
    assert slot_test(votes)[1] > 0.01


def test_planted_length_and_position_are_found_and_told_apart() -> None:
    tasks, rankings = planted(300, 3, length=0.5)
    votes = votes_of(tasks, rankings)
    found = {row.feature: row for row in bias(votes, contrasts(votes, tasks))}
    assert found["length"].share.low > 0.55
    assert found["length"].odds[1] > 1.2
    assert found["position"].share.low < 0.5 < found["position"].share.high
    tasks, rankings = planted(300, 3, place=0.4, seed=2)
    votes = votes_of(tasks, rankings)
    found = {row.feature: row for row in bias(votes, contrasts(votes, tasks))}
    assert found["position"].share.low > 0.55
    assert found["length"].share.low < 0.5 < found["length"].share.high
    table, p = slot_test(votes)
    assert p < 1e-6
    assert table[1][0] > table[4][0]
    assert set(found["position"].raters) == {"r_0", "r_1", "r_2"}


def test_the_logistic_model_equals_statsmodels() -> None:
    statsmodels = pytest.importorskip("statsmodels.api", reason="extra: test")
    chance = np.random.default_rng(3)
    gap = chance.normal(size=(400, 3))
    won = chance.random(400) < 1 / (1 + np.exp(-gap @ [0.8, -0.4, 0.0]))
    group = np.repeat(np.arange(80), 5)
    fit = statsmodels.Logit(won.astype(float), gap).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": group, "use_correction": False}
    )
    beta, errors = logistic(gap * np.where(won, 1, -1)[:, None], group)
    np.testing.assert_allclose(beta, fit.params, atol=1e-7)
    np.testing.assert_allclose(errors, fit.bse * np.sqrt(80 / 79), rtol=1e-6)


def test_a_separated_column_and_a_constant_one_have_no_odds() -> None:
    beta, errors = logistic(np.array([[1.0, 0.0], [2.0, 0.0], [0.5, 0.0]]), np.arange(3))
    assert np.isnan(beta).all()
    assert np.isnan(errors).all()


def test_copied_text_and_stock_phrases_are_counted_in_both_languages() -> None:
    asked = {("the", "cat", "sat"), ("cat", "sat", "down")}
    assert extractiveness("The cat sat down.", asked) == 1
    assert extractiveness("The cat sat up.", asked) == 0.5
    assert extractiveness("Cat sat.", asked) == 0
    assert extractiveness("猫坐下了", {("猫", "坐", "下")}) == 0.5
    assert stock_phrases("As an AI language model, I can’t assist with that.") == 2
    assert stock_phrases("作为一个人工智能，我很好。希望对你有帮助！") == 2
    assert stock_phrases("The overall length is 5 m.") == 0


def test_a_rater_who_leaves_the_order_shown_is_marked() -> None:
    tasks, rankings = planted(60, 3)
    lazy = [
        replace(row, tiers=tuple((x,) for x in tasks[row.task].presented_order), lead_time=1.0)
        if row.rater == "r_1"
        else replace(row, lead_time=4000.0)
        for row in rankings
    ]
    votes = votes_of(tasks, lazy)
    table = {row.name: row for row in rater_table(votes, lazy, tasks)}
    assert table["r_1"].shown_order == 1
    assert {"fast", "shown_order", "same_order"} <= set(table["r_1"].marks)
    assert table["r_0"].marks == table["r_2"].marks == ()
    tail = stats.binom.sf(round(table["r_0"].shown_order * 60) - 1, 60, 1 / factorial(4))
    assert table["r_0"].shown_order_p == pytest.approx(tail)
    weights = reliability(votes)
    assert weights["r_1"] < min(weights["r_0"], weights["r_2"])


def test_reliability_follows_noise_and_has_mean_one() -> None:
    tasks, rankings = planted(200, 4, noise={"r_0": 0.3, "r_1": 1.0, "r_2": 1.0, "r_3": 30.0})
    weights = reliability(votes_of(tasks, rankings))
    assert weights["r_0"] > weights["r_1"] > weights["r_3"]
    assert abs(weights["r_1"] - weights["r_2"]) < 0.4
    assert np.mean(list(weights.values())) == pytest.approx(1)


def test_consensus_tau_equals_scipy_against_the_others_borda_order() -> None:
    tasks, rankings = planted(20, 3)
    votes = votes_of(tasks, rankings)
    found = leave_one_out(votes)
    for row in range(len(votes)):
        mine = votes.rank[votes.first[row] : votes.first[row + 1]]
        others = [
            votes.rank[votes.first[k] : votes.first[k + 1]]
            for k in range(len(votes))
            if votes.prompt[k] == votes.prompt[row] and k != row
        ]
        expected = stats.kendalltau(mine, np.sum(others, axis=0)).statistic
        assert found[row] == pytest.approx(expected, nan_ok=True)


def test_gold_pairs_and_reading_load_by_hand() -> None:
    answer = Ranking(task="t", prompt="p", rater="r", tiers=(("a",), ("b", "c")), unrankable=("d",))
    # a > b right, a > c right, b > c tied, a > d right, b > d right, c > d right
    assert gold_pairs(answer, (("a",), ("b",), ("c",), ("d",))) == (5, 6)
    assert gold_pairs(answer, (("d",), ("a", "b"))) == (0, 2)
    assert reading_words("ab cd " * 10) == 10
    assert reading_words("一二三四五六七八") == 5


def test_straight_lines_and_criteria_by_hand() -> None:
    tasks, rankings = planted(20, 2)
    rated = []
    for row in rankings:
        names = [c.id for c in tasks[row.task].candidates]
        flat = row.rater == "r_1"
        rated.append(
            replace(
                row,
                ratings=tuple(
                    Rating(
                        candidate=name,
                        scores=(("overall", 4.0 if flat else float(k + 1)),),
                        flags=("harmful",) if k == 0 else (),
                    )
                    for k, name in enumerate(names)
                ),
            )
        )
    table = {x.name: x for x in rater_table(votes_of(tasks, rated), rated, tasks)}
    assert (table["r_0"].straight, table["r_1"].straight) == (0, 1)
    assert "straight" in table["r_1"].marks
    overall, harmful, unset = criteria(rated, ["harmful", "unset"])
    assert (overall.kind, overall.mean) == ("scale", (2.5 + 4) / 2)
    assert overall.alpha.value < 0.1
    assert (harmful.alpha.value, harmful.fleiss, harmful.mean) == (1, 1, 0.25)
    assert np.isnan(unset.alpha.value)
    assert unset.mean == 0


def test_standings_follow_what_models_won() -> None:
    rows = [(f"p_{n:02x}", "r_1", [["a"], ["b"], ["c"]]) for n in range(20)]
    rows += [(f"p_{n:02x}", "r_1", [["b"], ["a"], ["c"]]) for n in range(20, 30)]
    votes = votes_of(*make_job(rows, sizes={name: 3 for name, _, _ in rows}))
    found = standings(votes)
    assert [row.model for row in found] == ["model-a", "model-b", "model-c"]
    assert (found[0].wins, found[0].losses) == (50, 10)
    assert found[0].rating > found[1].rating > found[2].rating
    assert np.mean([row.rating for row in found]) == pytest.approx(1000)
    assert sum(row.elo for row in found) == pytest.approx(3000)


def test_one_game_moves_elo_by_half_its_factor() -> None:
    votes = votes_of(*make_job([("p_1", "r_1", [["a"], ["b"]])], sizes={"p_1": 2}))
    names, mean, spread = elo(votes, factor=16)
    assert names == ("model-a", "model-b")
    assert mean[0].tolist() == [1008, 992]
    assert spread[0].tolist() == [0, 0]


def two_rounds() -> list[Round]:
    made = []
    for number, tiers in ((1, [["a"], ["b"], ["c"], ["d"]]), (2, [["a"], ["b"], ["d"], ["c"]])):
        tasks, rankings = make_job([(f"p_{n}", "r_1", tiers) for n in range(6)])
        tasks = {f"{name}.{number}": replace(task, id=f"{name}.{number}", job=f"j_{number}")
                 for name, task in tasks.items()}  # fmt: skip
        scores = tuple(
            Rating(candidate=f"x{k}", scores=(("overall", float(k + number)),)) for k in range(4)
        )
        rankings = [
            replace(row, task=f"{row.task}.{number}", ratings=scores, lead_time=30.0 * number)
            for row in rankings
        ]
        made.append(
            Round(number=number, job=f"j_{number}", checksum="", tasks=tasks, rankings=rankings)
        )
    return made


def test_rounds_merge_and_the_later_answer_stands() -> None:
    rounds = two_rounds()
    merged = merge(rounds[::-1])
    assert len(merged.tasks) == 12
    assert {row.task for row in merged.rankings} == set(rounds[1].tasks)
    assert {task for task, _ in merged.superseded} == set(rounds[0].tasks)
    assert merged.versions == ((1, "j_1", ""), (2, "j_2", ""))
    votes = votes_of(merged.tasks, merged.rankings, rounds=merged.rounds)
    assert set(votes.round.tolist()) == {2}
    with pytest.raises(InputError, match="given twice"):
        merge([rounds[0], rounds[0]])


def test_drift_by_hand() -> None:
    (found,) = drift(two_rounds())
    assert (found.before, found.after, found.repeated) == (1, 2, 6)
    assert found.strict.value == pytest.approx(5 / 6)
    assert found.seconds == (30, 60)
    assert found.ties == (0, 0)
    (shift,) = found.shifts
    assert (shift.before, shift.after, shift.ratings) == (2.5, 3.5, (24, 24))
    assert shift.distance == pytest.approx(0.25)


def test_the_report_is_one_safe_file_at_every_stage() -> None:
    tasks, rankings = planted(12, 2)
    hostile = [replace(row, rater="<script>alert(1)</script>") for row in rankings]
    for answered in ([], hostile[:3], hostile):
        text = page(figures(tasks, answered, name="job & co"))
        assert "<script" not in text
        assert "job &amp; co" in text
        assert "http" not in text
    assert "Not everything is answered yet" in page(figures(tasks, rankings[:5]))


def test_the_report_shows_rounds() -> None:
    rounds = two_rounds()
    merged = merge(rounds)
    text = page(figures(merged.tasks, merged.rankings, rounds=rounds))
    assert "From round to round" in text
    assert "1 → 2" in text
