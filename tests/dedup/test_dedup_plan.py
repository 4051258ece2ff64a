from __future__ import annotations

import pytest

from corpusforge.dedup.plan import describe, make_plan, s_curve
from corpusforge.dedup.settings import Settings
from corpusforge.errors import RecipeError


def test_s_curve_of_datatroves_bands():
    # 14 x 8 at 0.8: 1 - 0.83222784^14 = 1 - exp(14 * -0.183649) = 0.92355 by hand
    assert s_curve(0.8, 14, 8) == pytest.approx(0.92355, abs=2e-5)


def test_the_plan_takes_the_most_rows_that_fit():
    # five rows: 0.7^5 = .16807, ln(.015)/ln(.83193) = 22.8 -> 23 bands = 115 slots;
    # six rows: .117649, ln(.015)/ln(.882351) = 33.6 -> 34 bands = 204 slots > 128
    plan = make_plan(Settings(threshold=0.7, recall=0.985, slots=128))
    assert (plan.bands, plan.rows) == (23, 5)
    assert plan.candidate_probability(0.7) >= 0.985


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 0.95, 1.0])
def test_the_recall_asked_for_is_reached(threshold):
    plan = make_plan(Settings(threshold=threshold))
    assert plan.candidate_probability(threshold) >= 0.985
    assert plan.bands * plan.rows <= 128
    assert plan.low <= threshold <= plan.high


def test_an_impossible_plan_says_so():
    with pytest.raises(RecipeError, match=r"slots.*16.*recall 0.999"):
        make_plan(Settings(threshold=0.1, recall=0.999, slots=16))


def test_the_printed_plan_shows_bands_and_bytes():
    text = describe(Settings())
    assert "bands 23 x rows 5 of 128 slots" in text
    assert "signature 512, band keys 276" in text


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("method", "fuzy"),
        ("scope", "planet"),
        ("order", ("best",)),
        ("order", ("newest", "oldest")),
        ("threshold", 1.5),
        ("slots", 3),
        ("alarm", -0.1),
    ],
)
def test_wrong_values_name_their_key(key, value):
    with pytest.raises(RecipeError, match=f"dedup.{key}"):
        Settings(**{key: value})
