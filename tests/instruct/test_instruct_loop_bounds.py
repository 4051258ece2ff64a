"""When a language stops, on the edge of each bound."""

from __future__ import annotations

import pytest
from loop_kit import small_pool

from corpusforge.errors import InternalError
from corpusforge.instruct.accounts import Account
from corpusforge.instruct.loop import State, _stop
from corpusforge.instruct.settings import Settings


def stopped(rows: int, yields: list[tuple[int, int]], **values: object) -> str:
    state = State(small_pool("en", "Write about rivers."))
    state.yields = yields or [(rows, rows)]
    return _stop(state, Settings(**{"target": 10_000, **values}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rows", "expected"), [(0, ""), (9, ""), (10, "target reached"), (11, "target reached")]
)
def test_the_target_is_reached_by_as_many_rows(rows: int, expected: str) -> None:
    assert stopped(rows, [], target=10) == expected


@pytest.mark.parametrize(
    ("floor", "rows", "candidates", "stops"),
    [
        (0.1, 3, 30, False),  # a tenth is not below a tenth, though 0.1 * 30 is above 3
        (0.1, 2, 30, True),
        (0.1, 3, 31, True),
        (0.7, 7, 10, False),  # 0.7 * 10 is 7.000000000000001 in some orders of multiplying
        (0.29, 29, 100, False),  # 0.29 * 100 is 28.999999999999996
        (0.29, 28, 100, True),
        (0.58, 58, 100, False),
        (0.0, 0, 1000, False),
        (0.001, 0, 1, True),
        (0.001, 1, 1000, False),
        (0.001, 1, 1001, True),
        (0.999, 999, 1000, False),
        (0.999, 998, 1000, True),
    ],
)
def test_the_floor_is_what_is_written(
    floor: float, rows: int, candidates: int, stops: bool
) -> None:
    found = stopped(0, [(rows, candidates)], yield_floor=floor, yield_rounds=1)
    assert bool(found) == stops
    if stops:
        assert found.startswith(
            f"the yield has fallen: {rows} rows from {candidates} candidates in the last 1"
        )


@pytest.mark.parametrize(
    ("yields", "stops"),
    [
        ([], False),
        ([(0, 10)] * 2, False),  # fewer rounds than are looked at
        ([(0, 10)] * 3, True),
        ([(9, 10), (0, 10), (0, 10)], False),  # 9 of 30
        ([(9, 10), (0, 10), (0, 10), (0, 10)], True),  # only the last three count
        ([(0, 10), (0, 10), (3, 10)], False),
        ([(0, 10), (0, 10), (2, 10)], True),
    ],
)
def test_so_many_rounds_are_looked_at(yields: list[tuple[int, int]], stops: bool) -> None:
    assert bool(stopped(0, yields, yield_floor=0.1, yield_rounds=3)) == stops


@pytest.mark.parametrize(
    ("seen", "accepted", "rejected", "wrong"), [
    (0, 0, {}, False), (3, 1, {"a": 1, "b": 1}, False), (3, 1, {"a": 1}, True), (2, 1, {"a": 2}, True),
])  # fmt: skip
def test_an_account_balances_to_the_candidate(seen, accepted, rejected, wrong) -> None:
    account = Account(seen, accepted, rejected)
    if wrong:
        with pytest.raises(InternalError, match="does not balance"):
            account.check("here")
    else:
        account.check("here")
