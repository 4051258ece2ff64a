"""Every bound of every rule set on its edge: the value on the bound is kept, the next one past it dropped.

The cases are made from `RULES` itself, so a new bound is tested by itself: its statistic's counts are chosen
so that the quotient is the limit exactly, then one count beyond it.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest

from corpusforge.filter import RULES, Bound, RuleSet, decide
from corpusforge.filter.columns import COLUMNS
from corpusforge.filter.rules import NO_LIMITS

_FINE = 10**9  # one count more than the limit moves a quotient by a billionth

CASES = [
    (name, bound, language, side)
    for name, rule_set in RULES.items()
    for bound in rule_set.bounds
    for language in dict.fromkeys(("en", *bound.languages, *bound.by_language))
    for side in ("low", "high")
    if dict(zip(("low", "high"), bound.limits(language), strict=True))[side] is not None
]


def judged(bound: Bound, language: str, counts: dict[str, int]) -> list[str]:
    """The rule's answer on one document of these counts; names beside COLUMNS come as derived."""
    stats = pa.record_batch({name: pa.array([counts.get(name, 0)], pa.int64()) for name in COLUMNS})
    derived = {n: np.array([float(c)]) for n, c in counts.items() if n not in COLUMNS}
    meta = pa.record_batch({"lang": [language], "url": [""], "flags": [""]})
    rule = RuleSet(name="own.v1", bounds=(bound,), derive=lambda _stats, _meta: derived)
    return decide(stats, meta, [rule]).rule


def counts_of(bound: Bound, language: str, limit: float, beyond: int) -> dict[str, int]:
    """Counts whose statistic is the limit, moved by `beyond` of the finest step there is."""
    statistic = bound.for_language(language)
    names = dict.fromkeys(statistic.names(), 0)
    exact = Fraction(Decimal(repr(limit)))
    divisor = _FINE if statistic.below else 1
    while (exact * divisor).denominator != 1:
        divisor *= 10
    above = next(name for name in statistic.above if not name.startswith("-"))
    names[above] = int(exact * divisor) + beyond
    if statistic.below:
        below = [name for name in statistic.below if not name.startswith("-")]
        # a count that stands above and below is both: another one takes the rest of the divisor
        free = next((name for name in below if name not in statistic.above), None)
        shared = sum(names[name] for name in below if name in statistic.above)
        if free is None:
            pytest.skip(f"{statistic}: its divisor holds only counts of its dividend")
        names[free] = divisor - shared
    return names


@pytest.mark.parametrize(("name", "bound", "language", "side"), CASES)
def test_a_value_on_the_bound_stays_and_the_next_one_goes(
    name: str, bound: Bound, language: str, side: str
) -> None:
    limit = dict(zip(("low", "high"), bound.limits(language), strict=True))[side]
    assert limit is not None
    beyond = 1 if side == "high" else -1
    if limit + beyond < 0 and not bound.statistic.below:
        pytest.skip("no count is below zero")
    inside = counts_of(bound, language, limit, 0)
    assert judged(bound, language, inside) == [""], "a value equal to a bound is kept"
    outside = counts_of(bound, language, limit, beyond)
    assert judged(bound, language, outside) == [f"own.v1:{bound.name}"], "the next value is dropped"


@pytest.mark.parametrize(("name", "bound"), [(n, b) for n, r in RULES.items() for b in r.bounds])
def test_a_bound_is_switched_off_where_it_says_so(name: str, bound: Bound) -> None:
    for language, limits in bound.by_language.items():
        if limits == NO_LIMITS:
            counts = dict.fromkeys(bound.for_language(language).names(), 10**6)
            assert judged(bound, language, counts) == [""]
    if bound.languages:
        counts = dict.fromkeys(bound.for_language("xx").names(), 10**6)
        assert judged(bound, "xx", counts) == [""]


def test_every_bound_has_a_case() -> None:
    every = {(name, bound.name) for name, rule_set in RULES.items() for bound in rule_set.bounds}
    assert {(name, bound.name) for name, bound, _, _ in CASES} == every
