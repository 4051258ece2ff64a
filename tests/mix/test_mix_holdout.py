"""What is held out for validation: groups whole, as much as is asked, never too much of a leaf."""

from __future__ import annotations

import numpy as np
import pytest

from corpusforge.hashing import id_keys, uniform
from corpusforge.mix import Settings, plan, plan_validation
from corpusforge.mix.holdout import (
    NEVER,
    STEPS,
    SURE,
    Spread,
    codes,
    hold_out,
    largest_group,
    read_spread,
    spread_table,
    spreads,
)
from corpusforge.mix.plan import Plan

SEED = 3


def keys_with(*wanted: float) -> np.ndarray:
    """Keys whose u is each wanted value as nearly as 200,000 names allow."""
    keys = id_keys(str(n) for n in range(200_000))
    u = uniform(keys, SEED, "validation")
    return keys[[int(np.argmin(np.abs(u - value))) for value in wanted]]


def of(keys: np.ndarray, alike: int, share: float, largest: int = 1 << 30) -> list[int]:
    return codes(keys, np.full(len(keys), alike, np.int32), SEED, share, largest).tolist()


def test_codes_are_steps_of_equal_width_behind_the_share() -> None:
    keys = keys_with(0.05, 0.2, 0.5, 0.99999)
    u = uniform(keys, SEED, "validation")
    expected = [0, *(1 + int((x - 0.1) / 0.9 * STEPS) for x in u[1:].tolist())]
    assert of(keys, 1, 0.1) == expected
    assert expected[-1] == STEPS
    assert of(keys, 2, 0.1) == [0, NEVER, NEVER, NEVER], "groups are drawn by the share alone"
    assert of(keys, 0, 0.1) == [0, NEVER, NEVER, NEVER], "as where it is not known"
    assert of(keys, 1, 0.0) == [NEVER] * 4, "no validation"


def test_the_share_is_a_bound_that_is_not_reached() -> None:
    """u < share is held, u = share is not."""
    (key,) = keys_with(0.25)
    u = float(uniform(np.array([key]), SEED, "validation")[0])
    one = np.array([key])
    assert of(one, 2, np.nextafter(u, 1)) == [0]
    assert of(one, 2, u) == [NEVER]
    assert of(one, 1, u) == [1]


def test_groups_larger_than_all_of_validation_stay_in_training() -> None:
    keys = keys_with(0.01)
    assert largest_group(0.005, 1000) == 5
    assert largest_group(0.005, 10) == 2, "pairs are always allowed"
    assert of(keys, 5, 0.05, largest=5) == [0]
    assert of(keys, 6, 0.05, largest=5) == [NEVER]


def spread(base: int, *steps: int, never: int = 0) -> Spread:
    tokens = np.zeros(STEPS + 2, dtype=np.int64)
    tokens[0], tokens[NEVER] = base, never
    tokens[1 : 1 + len(steps)] = steps
    return Spread((tokens > 0).astype(np.int64), tokens)


def drawn(*asked: int):
    """A plan that asks so many tokens of leaves a, b, …, whatever is there."""

    def planned(tokens: dict[str, int]) -> Plan:
        weights = {name: float(n) for name, n in zip("abc", asked, strict=False) if n}
        made = plan(Settings(weights=weights, budget=sum(asked), epoch_cap=1e9), {**tokens})
        assert {share.path: share.asked for share in made.shares} == {
            name: n for name, n in zip("abc", asked, strict=False) if n
        }
        return made

    return planned


@pytest.mark.parametrize(
    ("base", "tokens", "asked", "steps"),
    [
        (100, (10, 10, 10), 1000, 0),  # what is held already is enough: 100 of 100
        (99, (10, 10, 10), 1000, 1),
        (80, (10, 10, 10), 1000, 2),
        (79, (10, 10, 10), 1000, 3),
        (0, (0, 0, 100), 1000, 3),  # steps without a document are passed
        (0, (200,), 1000, 1),  # twice what is asked
        (0, (201,), 1000, 0),  # more than that: left in training
        (50, (150,), 1000, 1),
        (50, (151,), 1000, 0),
        (50, (20, 131), 1000, 1),  # as much as may be
        (300, (1,), 1000, 0),
        (0, (), 1000, 0),
        (0, (1, 1, 1), 4, 0),  # 0.4 of a token is none
        (0, (1, 1, 1), 5, 1),  # the double next to 0.1 is a little more
    ],
)
def test_steps_on_their_bounds(base: int, tokens: tuple[int, ...], asked: int, steps: int) -> None:
    found = {"a": spread(base, *tokens, never=10_000)}
    made = hold_out(0.1, found, {}, drawn(asked))
    sums = np.cumsum(found["a"].tokens)
    assert sums[made["a"]] == sums[steps], made


def test_the_last_step_is_a_step() -> None:
    tokens = [0] * (STEPS - 1) + [100]
    assert hold_out(0.1, {"a": spread(0, *tokens, never=9999)}, {}, drawn(1000)) == {"a": STEPS}


def test_no_more_than_half_of_a_leaf_is_held_out() -> None:
    assert hold_out(0.5, {"a": spread(0, *[10] * 10)}, {}, drawn(120))["a"] == 5
    assert hold_out(0.5, {"a": spread(0, *[10] * 11)}, {}, drawn(120))["a"] == 5
    assert hold_out(0.005, {"a": spread(0, 100)}, {}, drawn(400))["a"] == 0, "its only document"


def test_steps_that_are_given_stay() -> None:
    found = {"a": spread(0, 50, 50, never=10**6), "b": spread(0, 50, 50, never=10**6)}
    assert hold_out(0.1, found, {"b": 1}, drawn(1000, 1000)) == {"a": 2, "b": 1}
    assert hold_out(0.1, found, {"b": 0}, drawn(1000, 1000)) == {"a": 2, "b": 0}
    assert hold_out(0.0, found, {}, drawn(1000, 1000)) == {"a": 0, "b": 0}


def test_what_is_held_out_is_no_longer_there_for_training() -> None:
    """Two epochs of 1,000 tokens ask 200; the plan is made again with what is left."""
    tokens = [10] * 100
    asked = []

    def planned(left: dict[str, int]) -> Plan:
        made = plan(Settings(weights={"a": 1.0}, epoch_cap=2.0), left)
        asked.append(made.tokens)
        return made

    made = hold_out(0.1, {"a": spread(0, *tokens)}, {}, planned)
    assert asked == [2000, 1600], "200 are held out of it; 160 would do, and no document goes back"
    assert made == {"a": 20}


@pytest.mark.parametrize(("base", "steps"), [(110, 0), (109, 1), (100, 1), (89, 3)])
def test_estimates_are_made_sure(base: int, steps: int) -> None:
    """A tenth more than asked, of what is no exact count."""
    found = {"a": spread(base, 10, 10, 10, never=10_000)}
    assert hold_out(0.1, found, {}, drawn(1000), sure=SURE) == {"a": steps}


def test_a_spread_is_read_as_it_was_written() -> None:
    found = {"a": spread(7, 0, 3, never=9), "b": spread(0), "c": spread(1)}
    table = spread_table(found)
    assert table.num_rows == 4
    for path, own in found.items():
        again = read_spread(table, path)
        assert np.array_equal(again.documents, own.documents)
        assert np.array_equal(again.tokens, own.tokens)


def test_spreads_count_documents_and_tokens() -> None:
    leaf = np.array([0, 1, 0, -1, 1], np.int32)
    code = np.array([0, 5, NEVER, 3, STEPS], np.int16)
    found = spreads(leaf, code, np.array([7, 1, 2, 100, 3]), ("a", "b"))
    assert found["a"].whole == (2, 9)
    assert found["a"].held(0) == (1, 7)
    assert found["a"].held(STEPS) == (1, 7), "what is never held out is not"
    assert [found["b"].held(k) for k in (4, 5, STEPS - 1, STEPS)] == [
        (0, 0),
        (1, 1),
        (1, 1),
        (2, 4),
    ]
    assert (found["a"].longest, found["b"].longest) == (7, 3)
    both = found["a"] + found["b"]
    assert (both.whole, both.longest) == ((4, 13), 7)


def test_the_plan_says_what_is_missing() -> None:
    settings = Settings(weights={"a": 3.0, "b": 1.0}, budget=4000, validation=0.01)
    train = plan(settings, {"a": 10_000, "b": 10_000})
    whole = plan_validation(settings, train, {"a": 30, "b": 10})
    assert whole.notes == ()
    assert {share.path: share.asked for share in whole.shares} == {"a": 30, "b": 10}
    short = plan_validation(settings, train, {"a": 30, "b": 9})
    assert [share.asked for share in short.shares] == [30, 9]
    assert short.notes[0].startswith(
        "validation: 'b' has 9 of 10 tokens, 23.08% of the stream in place of 25.00%"
    )
    assert short.notes[1] == "validation has 39 of 40 tokens: 1.0000% of training was asked"
    none = plan_validation(settings, train, {})
    assert [note.split(",")[0] for note in none.notes] == [
        "validation: 'a' has 0 of 30 tokens", "validation: 'b' has 0 of 10 tokens",
        "validation has 0 of 40 tokens: 1.0000% of training was asked",
    ]  # fmt: skip
