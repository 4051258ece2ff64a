"""Equations of a reasoning against Python's own arithmetic, and what is no equation."""

from __future__ import annotations

import gzip
import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.instruct.cot.arithmetic import false_equation

TRUE = [
    "3 * 4 = 12, and 12 - 5 = 7.",
    "16 - 3 - 4 = 9 duck eggs a day",
    "80 GB / 2 GB/minute = 40 minutes",
    "$20/hour * 35 hours/week = $700/week",
    "2 trains * 80 miles/train = 160 miles together",
    "10 / 3 = 3.33, 20 / 3 = 6.67, 20 / 3 = 6.66, 10 / 3 = 3",
    "200 GB * 40% = 80 GB. 12/20 x 100% = 60%. 50% + 20% = 70%. 50/200 = 25%.",
    "5 - 1 - 1/2 = 3 1/2 hours",
    "1 1/2 hours / 1/2 hour = 3",
    r"\\[ \\frac{1}{2} \\times 10 = 5 \\]",
    r"2^{3} = 8, \mathbf{3} + 4 = 7, 3 \div \frac{1}{2} = 6, \frac{\frac{1}{2}}{2} + 1 = 1.25",
    r"2\frac{1}{2} + 1 = 3.5 and 2\frac12 = 2.5",
    "(5 - 2) * (3 + 4) = 21 and 2(3 + 4) = 14",
    "- 3 * 4 = 12\n2. 5 + 1 = 6\n* 7 - 2 = 5",
    "$1,200 / 4 = $300; 5² = 25; 2^10 = 1024",
    "每袋 3×4=12 个，一共 12＋5＝17 个。",
    "<<3*4=13>>3 * 4 = 12",
    "3 + 4 = 7 = 14 / 2",
    "0 - 4 = -2^2 and 6 / -2 = -3",
    "5/1/3 = 15 km per hour; 900 × 100 / 3000 × 6 = 5 years; 36 / 6 * 6 = 36",
]
FALSE = [
    ("3 * 4 = 13 eggs", "3*4=13"),
    ("Profit = $80,000 − 150 = $70,000", "80000-150=70000"),
    ("3 * 4 = 12 + 5 = 17", "3*4=12+5"),
    ("2 boxes * 4 eggs/box = 9 eggs", "2*4=9"),
    ("So 12 - 5 = 8.", "12-5=8"),
    ("一共 12＋5＝18 个。", "12+5=18"),
    (r"\\(6 \\times 7 = 43\\)", "6*7=43"),
    ("10 / 3 = 3.44", "10/3=3.44"),
    (r"2^{3} = 9", "2^3=9"),
    (r"\mathbf{3} + 4 = 8", "3+4=8"),
    (r"\frac12 + 1 = 2.5", "((1)/(2))+1=2.5"),
    (r"2\frac{1}{2} + 1 = 2", "(2+1/2)+1=2"),
    ("3 + 4 = 7 = 16 / 2", "7=16/2"),
]
SILENT = [
    "2x + 3 = 7 and 3A + 2 = 35",
    "50% of 20 + 3 = 13",
    "3/4 of 20 - 5 = 10",
    "7:50 + 30 minutes = 8:20",
    "90 minutes - 30 minutes = 1 hour",
    "4 pounds 3 = 7",
    "4 pounds - 6 ounces = 58 ounces",
    "4 feet - 6 inches = 42 inches",
    "5 3 * 4 = 12",
    "8 batches = 5.5 * 9",
    "1 and 1/4 + 1 = 7",
    "5 * 3 <= 20, 3 * 3 != 10, x == 3 * 4",
    "5 * 3 = 1.5 dozen",
    "1 / 0 = 5",
    "2^99999999 = 3",
    "5 + = 8 = + 3",
    "On day 1 * 2 = 20",
    "(10/100)Workers = 16",
    "1/4 day = 7/12 * 1/4",
    r"x_{1} + 2 = 30, \log_{2} 8 = 7, \binom{4}{2} = 7, 101_{2} + 1 = 110_{2}, \sum_{i=1}^{3} 2 = 6",
]


@pytest.mark.parametrize("text", TRUE)
def test_true_equations_pass(text: str) -> None:
    assert false_equation(text.replace("\\\\", "\\")) == ""


@pytest.mark.parametrize(("text", "found"), FALSE)
def test_false_equations_are_named(text: str, found: str) -> None:
    assert false_equation(text.replace("\\\\", "\\")) == found


@pytest.mark.parametrize("text", SILENT)
def test_what_is_not_surely_an_equation_is_left_alone(text: str) -> None:
    assert false_equation(text) == ""


@given(
    st.lists(st.integers(0, 999), min_size=2, max_size=6),
    st.lists(st.sampled_from("+-*/"), min_size=5, max_size=5),
    st.integers(-3, 3),
)
def test_against_python(numbers: list[int], signs: list[str], off: int) -> None:
    text = str(numbers[0]) + "".join(
        f" {sign} {number}" for sign, number in zip(signs, numbers[1:], strict=False)
    )
    try:
        value = eval(re.sub(r"(\d+)", r"Fraction(\1)", text), {"Fraction": Fraction})
    except ZeroDivisionError:
        return
    stated = value + off
    if stated.denominator != 1 or stated < 0:
        return
    found = false_equation(f"So {text} = {stated} in all.")
    if "/" not in text:  # what is below the line can be read in two ways
        assert bool(found) == bool(off)
    assert not found or off


@given(st.text("0123456789+-*/()=%^. ,x:$aof", max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert isinstance(false_equation(text), str)


def test_gold_rationales_are_refused_in_fewer_than_one_in_a_hundred(data: Path) -> None:
    with gzip.open(data / "decontam" / "gsm8k_test.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [re.sub("<<.*?>>", "", json.loads(line)["answer"]) for line in lines]
    refused = [text for text in texts if false_equation(text)]
    assert len(texts) == 1319
    assert len(refused) <= 3  # three gold sums that are false, read by eye
