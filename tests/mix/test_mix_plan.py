"""Plans: GPT-3's table in miniature, caps and policies, sub-mixes, phases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.errors import RecipeError
from corpusforge.mix import Settings, plan, plan_validation
from corpusforge.mix.settings import Phase, Split

GPT3_WEIGHTS = {"cc": 60, "webtext2": 22, "books1": 8, "books2": 8, "wiki": 3}
GPT3_TOKENS = {
    "cc": 410_000,
    "webtext2": 19_000,
    "books1": 12_000,
    "books2": 55_000,
    "wiki": 3_000,
}


def gpt3(**more):
    reported = {"cc": 0.44, "webtext2": 2.9, "books1": 1.9, "books2": 0.43, "wiki": 3.4}
    return Settings(weights=GPT3_WEIGHTS, budget=300_000, reported_epochs=reported, **more)


def asked(result):
    return {share.path: share.asked for share in result.shares}


def test_gpt3_in_miniature():
    result = plan(gpt3(), GPT3_TOKENS)
    epochs = {share.path: round(share.epochs, 3) for share in result.shares}
    assert epochs == {
        "cc": 0.435,
        "webtext2": 3.439,
        "books1": 1.980,
        "books2": 0.432,
        "wiki": 2.970,
    }
    assert result.tokens == 300_000
    notes = "\n".join(result.notes)
    assert "the weights sum to 101" in notes
    assert "'webtext2': weights, counts and budget give 3.439 epochs; the paper prints 2.9" in notes
    assert "'wiki': weights, counts and budget give 2.970 epochs; the paper prints 3.4" in notes
    assert "books1" not in notes
    assert "cc" not in notes
    assert "59.41%" in result.table()  # 60/101


def test_equal_remainders_go_by_name_and_sum_to_the_budget():
    result = plan(Settings(weights={"a": 1, "b": 1, "c": 1}, budget=100), dict.fromkeys("abc", 99))
    assert asked(result) == {"a": 34, "b": 33, "c": 33}


def test_all_is_what_the_caps_allow_at_the_weights():
    settings = Settings(weights={"big": 50, "small": 50}, epoch_cap=2.0)
    assert asked(plan(settings, {"big": 1000, "small": 100})) == {"big": 200, "small": 200}


def test_error_clamp_and_redistribute():
    values = {"weights": {"a": 50, "b": 30, "c": 20}, "budget": 1000, "epoch_cap": 1.0}
    there = {"a": 300, "b": 900, "c": 900}
    with pytest.raises(RecipeError, match=r"'a' is asked for 500 tokens and may give 300"):
        plan(Settings(policy="error", **values), there)
    clamped = plan(Settings(policy="clamp", **values), there)
    assert asked(clamped) == {"a": 300, "b": 300, "c": 200}
    assert "the caps leave 800 of the 1,000 tokens" in "\n".join(clamped.notes)
    shared = plan(Settings(policy="redistribute", **values), there)
    assert asked(shared) == {"a": 300, "b": 420, "c": 280}  # 700 left, by 30 : 20
    assert "'a' is at its cap of 1 epochs" in shared.notes


def test_a_chain_of_full_sources_is_followed_to_its_end():
    settings = Settings(weights={"a": 70, "b": 20, "c": 10}, budget=1000, epoch_cap=1.0)
    assert asked(plan(settings, {"a": 100, "b": 300, "c": 5000})) == {"a": 100, "b": 300, "c": 600}
    assert asked(plan(settings, {"a": 100, "b": 300, "c": 50})) == {"a": 100, "b": 300, "c": 50}


def test_single_caps_override_the_general_one():
    settings = Settings(weights={"a": 1, "b": 1}, budget=1000, epoch_cap=1.0, epoch_caps={"a": 5.0})
    assert asked(plan(settings, {"a": 100, "b": 900})) == {"a": 500, "b": 500}


def test_sub_mixes_share_their_source():
    split = {
        "web": Split(by="lang", weights={"en": 3, "*": 1}),
        "web/en": Split(by="category", weights={"news": 1, "*": 1}),
    }
    settings = Settings(weights={"web": 80, "wiki": 20}, budget=1000, split=split)
    there = {"web/en/news": 1000, "web/en/*": 1000, "web/*": 1000, "wiki": 1000}
    assert asked(plan(settings, there)) == {
        "web/en/news": 300,
        "web/en/*": 300,
        "web/*": 200,
        "wiki": 200,
    }
    short = plan(
        settings, {**there, "web/en/news": 10}
    )  # 40 at the cap; its sibling gives the rest
    assert asked(short) == {"web/en/news": 40, "web/en/*": 560, "web/*": 200, "wiki": 200}


def test_a_missing_source_is_noted_and_its_weight_given_away():
    settings = Settings(weights={"a": 50, "b": 50}, budget=100)
    result = plan(settings, {"a": 1000, "b": 0})
    assert asked(result) == {"a": 100, "b": 0}
    assert "'b' has a weight and no tokens" in result.notes
    with pytest.raises(RecipeError, match="'b' is asked for 50"):
        plan(Settings(weights={"a": 50, "b": 50}, budget=100, policy="error"), {"a": 1000, "b": 0})
    with pytest.raises(RecipeError, match="no weighted source has any tokens"):
        plan(settings, {"a": 0, "b": 0})


def test_no_weights_means_in_proportion_to_size():
    result = plan(Settings(budget=100), {"a": 300, "b": 100})
    assert asked(result) == {"a": 75, "b": 25}
    assert asked(plan(Settings(epoch_cap=1.0), {"a": 300, "b": 100})) == {"a": 300, "b": 100}


def test_an_unweighted_source_is_left_out_and_said_so():
    result = plan(Settings(weights={"a": 1}, budget=10), {"a": 100, "extra": 100})
    assert asked(result) == {"a": 10}
    assert "source 'extra' has no weight and is left out" in result.notes


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"weights": {"wbe": 1}}, "no source 'wbe'. Did you mean 'web'"),
        ({"epoch_caps": {"wbe": 1}}, "mix.epoch_caps: nothing is called 'wbe'"),
        ({"split": {"web/en": Split(by="lang", weights={"*": 1})}}, "mix.split: nothing is called"),
        ({"phases": (Phase(name="p", share=1, weights={"x": 1}),)}, "mix.phases 'p' weights"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(values, message):
    with pytest.raises(RecipeError) as error:
        plan(Settings(**values), {"web": 100})
    assert message in str(error.value)


@pytest.mark.parametrize(
    "values",
    [
        {"weights": {"a": 0.0}},
        {"weights": {"a": -1.0}},
        {"weights": {"a": float("nan")}},
        {"budget": 0},
        {"budget": "much"},
        {"epoch_cap": 0.0},
        {"validation": 1.0},
        {"margin": -0.1},
    ],
)
def test_settings_refuse_what_makes_no_sense(values):
    with pytest.raises(RecipeError, match=f"mix.{next(iter(values))}"):
        Settings(**values)


def test_phases_have_weights_of_their_own_and_share_the_caps():
    phases = (
        Phase(name="bulk", share=9, weights={"web": 9, "wiki": 1}),
        Phase(name="anneal", share=1, weights={"wiki": 1}),
    )
    result = plan(Settings(phases=phases, budget=1001), {"web": 9000, "wiki": 1000})
    assert [(phase.name, phase.tokens) for phase in result.phases] == [
        ("bulk", 900),
        ("anneal", 101),
    ]
    assert asked(result) == {"web": 810, "wiki": 191}
    everything = plan(Settings(phases=phases, epoch_cap=1.0), {"web": 9000, "wiki": 1000})
    # of each 10 tokens wiki gives 0.9 + 1; 1000 of them allow 5263, less a token for rounding
    assert everything.tokens == 5262
    capped = plan(Settings(phases=phases, budget=1000, epoch_cap=1.0), {"web": 9000, "wiki": 120})
    assert asked(capped) == {"web": 810, "wiki": 120}


def test_validation_takes_the_same_shares_within_one_epoch():
    train = plan(gpt3(validation=0.01), GPT3_TOKENS)
    held = plan_validation(gpt3(validation=0.01), train, {**GPT3_TOKENS, "wiki": 20})
    assert asked(held) == {"books1": 238, "books2": 238, "cc": 1782, "webtext2": 653, "wiki": 20}


@given(
    weights=st.lists(st.integers(1, 100), min_size=1, max_size=6),
    sizes=st.lists(st.integers(1, 10_000), min_size=6, max_size=6),
    budget=st.integers(1, 100_000),
    cap=st.sampled_from([0.5, 1.0, 2.5, 4.0]),
)
def test_any_plan_keeps_caps_and_budget(weights, sizes, budget, cap):
    names = "abcdef"[: len(weights)]
    there = dict(zip(names, sizes, strict=False))
    result = plan(
        Settings(weights=dict(zip(names, weights, strict=True)), budget=budget, epoch_cap=cap),
        there,
    )
    room = {name: int(cap * size) for name, size in there.items()}
    assert all(share.asked <= room[share.path] for share in result.shares)
    assert result.tokens == min(budget, sum(room.values()))
