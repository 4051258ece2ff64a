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


@pytest.mark.parametrize(
    ("slots", "plan"),
    [
        # recall .75 at .5: ln .25 / ln(1 - .5^r) = 2, 4.82, 10.38, 21.48, 43.7 bands of 1 to 5 rows,
        # so 2, 10, 33, 88 and 220 slots
        (32, (5, 2)),
        (33, (11, 3)),
        (87, (11, 3)),
        (88, (22, 4)),
        (219, (22, 4)),
        (220, (44, 5)),
    ],
)
def test_a_plan_that_takes_every_slot_fits(slots, plan):
    made = make_plan(Settings(threshold=0.5, recall=0.75, slots=slots))
    assert (made.bands, made.rows) == plan


@pytest.mark.parametrize("slots", [16, 17, 128])
def test_equal_sets_agree_in_every_slot(slots):
    """At 1.0 one band of all slots never misses."""
    made = make_plan(Settings(threshold=1.0, slots=slots))
    assert (made.bands, made.rows, made.low, made.high) == (1, slots, 1.0, 1.0)


@pytest.mark.parametrize(("recall", "bands"), [(0.6, 16), (0.66, None)])
def test_the_least_plan_is_one_row_a_band(recall, bands):
    """ln(1 - .6) / ln .944 = 15.9 and ln(1 - .66) / ln .944 = 18.7, of 16 slots at .056."""
    settings = Settings(threshold=0.056, recall=recall, slots=16)
    if bands is None:
        with pytest.raises(RecipeError, match="cannot reach recall"):
            make_plan(settings)
    else:
        assert (make_plan(settings).bands, make_plan(settings).rows) == (bands, 1)


@pytest.mark.parametrize(
    ("threshold", "sigmas", "low", "high"),
    [(0.5, 0.0, 0.5, 0.5), (0.5, 2.0, 0.4, 0.6), (0.5, 10.0, 0.0, 1.0), (0.5, 50.0, 0.0, 1.0),
     (0.9, 3.0, 0.81, 0.99), (0.9, 4.0, 0.78, 1.0), (0.1, 3.0, 0.01, 0.19), (0.1, 4.0, 0.0, 0.22)],
)  # fmt: skip
def test_the_zone_is_so_many_standard_errors_wide_and_ends_at_0_and_1(threshold, sigmas, low, high):
    """One is sqrt(t (1 - t) / 100): .05 at .5, .03 at .9 and .1."""
    made = make_plan(Settings(threshold=threshold, sigmas=sigmas, slots=100, recall=0.5))
    assert (made.low, made.high) == pytest.approx((low, high))


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
