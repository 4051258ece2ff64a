"""Cells of tables: nothing that a spreadsheet runs, and every text back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.io.cells import inert, original

FORMULAS = [sign + "SUM(1)" for sign in "=+-@＝＋－＠"]
BEFORE = ["", " ", "\n", "\r", "\r\n", "\t", '"', "'", "\u00a0", "\u3000", "\ufeff", "\u200b", "\x00", "\x0b",
          " \n\t", '\n"', "'\n", '"\t "', "\u2028"]  # fmt: skip
PLAIN = [
    "",
    "a=b",
    "1-2",
    "x @y",
    "'",
    "''",
    '"quoted"',
    "'tis",
    "# note",
    "等于＝",
    "(=1)",
    "0",
    "  words",
]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("before", BEFORE)
def test_a_formula_is_text_whatever_stands_before_it(before: str, formula: str) -> None:
    assert inert(before + formula) == "'" + before + formula
    assert original(inert(before + formula)) == before + formula


@pytest.mark.parametrize("text", PLAIN)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert inert(text) == text
    assert original(text) == text


@pytest.mark.parametrize("text", ["\tx", "\rx", "\nx"])
def test_a_tab_or_line_end_in_front_is_marked_too(text: str) -> None:
    """Some programs drop it, and what comes after it begins the cell."""
    assert inert(text) == "'" + text
    assert original(inert(text)) == text


def test_a_text_that_looks_marked_already_comes_back_whole() -> None:
    for text in ("'=1", "''=1", "'\n=1", "' -5", "'＝1"):
        assert inert(text) == "'" + text
        assert original(inert(text)) == text


ALPHABET = st.text(st.sampled_from(" \t\n\r'\"=+-@＝＋－＠a1\u3000\ufeff"), max_size=6) | st.text(
    max_size=9
)


@given(ALPHABET)
def test_every_text_comes_back(text: str) -> None:
    assert original(inert(text)) == text
    assert inert(text) in (text, "'" + text)
    stripped = inert(text).lstrip(' \t\n\r"\u3000\ufeff\u00a0\u200b')
    assert not stripped.startswith(tuple("=+-@＝＋－＠"))


@given(st.lists(ALPHABET, min_size=1, max_size=4))
def test_through_a_table_and_back(cells: list[str]) -> None:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(map(inert, cells))
    (row,) = csv.reader(io.StringIO(out.getvalue(), newline=""))
    assert [original(cell) for cell in row] == cells
