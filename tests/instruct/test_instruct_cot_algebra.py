"""Expressions against their values at rational points, and what is left alone."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.instruct.cot.algebra import algebra_key, power
from corpusforge.instruct.cot.answers import equal

EQUAL = [
    (r"2\sqrt{3}", r"\sqrt{12}"),
    (r"2\sqrt{3}", "2*sqrt(3)"),
    (r"\sqrt{3}\cdot 2", "2√3"),
    (r"\frac{2}{\sqrt{3}}", r"\frac{2\sqrt{3}}{3}"),
    (r"3+\sqrt{2}", r"\sqrt{2}+3"),
    ("x^2+3x+2", "(x+1)(x+2)"),
    ("y=2x+1", "y = 1 + 2x"),
    (r"\frac{\pi}{4}", r"\pi/4"),
    ("3+2i", "2i+3"),
    (r"5 \cdot x^2", "5x^2"),
    ("ab/2", "ba/2"),
]
DIFFERENT = [
    (r"2\sqrt{3}", r"3\sqrt{2}"),
    (r"\sqrt{6}", r"2\sqrt{3}"),
    ("(x+1)(x+2)", "x^2+3x+3"),
    ("y=2x+1", "x=2y+1"),
    ("2x+1=y", "2y+1=x"),
    (r"\frac{\pi}{4}", "0.785"),
    ("3+2i", "3-2i"),
    ("x^2", "x2"),
    ("1-2", "2-3"),
    ("f(2)", "2f"),
    ("5x", "5"),
]
NONE = ["", "3-2", "12", "f(x)", r"6 \sin x", "t-shirt", "x/(x+1)", "six", "a b c d", "2^99999", "((((",
        "√(x+1)", "1,2", "5 apples", "√(-4)", "x^x", "9" * 99 + "x", "(x+1)^99", "1/0x"]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_equal_expressions_share_a_form(left: str, right: str) -> None:
    assert algebra_key(left) == algebra_key(right) != ""
    assert equal(left, right)


@pytest.mark.parametrize(("left", "right"), DIFFERENT)
def test_different_expressions_do_not(left: str, right: str) -> None:
    assert not equal(left, right)


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_such_expression_has_no_form(text: str) -> None:
    assert algebra_key(text) == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [("2^5", 32),
     (r"10^{3}", 1000), (r"3 \cdot 10^4", 30000), ("-2^2", -4), ("2^12", 4096), (r"\sqrt{49}", 7),
     ("3-5", None), ("2^3-1", None), ("12/25", None), (r"\sqrt{2}", None), ("2x", None)],
)  # fmt: skip
def test_powers_are_numbers(text: str, value: int | None) -> None:
    assert power(text) == value


LEAVES = st.sampled_from(["2", "3", "7", "x", "y", "√2", "√3", "π"])
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.tuples(part, st.sampled_from("+-*"), part).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        st.tuples(part, st.sampled_from("23")).map(lambda t: f"({t[0]})^{t[1]}"),
        st.tuples(part, st.sampled_from("235")).map(lambda t: f"({t[0]})/{t[1]}"),
    ),
    max_leaves=4,
)


def value(text: str, x: float, y: float) -> float:
    """What Python says that an expression comes to."""
    made = re.sub(r"√(\d)", r"math.sqrt(\1)", text).replace("π", "math.pi").replace("^", "**")
    return float(eval(made, {"math": math, "x": x, "y": y}))


@settings(max_examples=60)
@given(EXPRESSIONS, EXPRESSIONS)
def test_one_form_is_one_value(left: str, right: str) -> None:
    points = [(1.25, -0.75), (2.5, 3.125), (-1.5, 0.375)]
    same = all(
        math.isclose(value(left, x, y), value(right, x, y), rel_tol=1e-9, abs_tol=1e-9)
        for x, y in points
    )
    one, other = algebra_key(left), algebra_key(right)
    if one and other:
        assert (one == other) == same


@given(st.text("0123456789xyπ√+-*/^(). =", max_size=40))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert isinstance(algebra_key(text), str)
    power(text)
