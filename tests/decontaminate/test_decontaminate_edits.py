"""Cuts, drops and their application, by hand-counted expectations."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.decontaminate import (
    EDITS,
    HITS,
    EvalIndex,
    EvalItem,
    Settings,
    edits,
    frequent_grams,
)
from corpusforge.errors import RecipeError
from corpusforge.text.edits import apply_edits

INDEX = EvalIndex.build(
    [EvalItem("bench", "a", ("one two three",)), EvalItem("bench", "b", ("x",))]
)
GPT3 = Settings(rules=("gpt3.v1",))


def hits(*rows, rule="gpt3.v1"):
    """rows: (document, start, end[, gram])"""
    full = [(*row, 0)[:4] for row in rows]
    names = ("document", "start", "end", "gram")
    rest = {"rule": rule, "item": 0, "share": 1.0}
    return pa.Table.from_pylist(
        [dict(zip(names, r, strict=True)) | rest for r in full], schema=HITS
    )


def run(found, size, settings=GPT3, ignored=()):
    table = edits(found, ["d"], [size], INDEX, settings, ignored)
    assert table.schema == EDITS
    return [(r["start"], r["end"], r["replacement"], r["drop"]) for r in table.to_pylist()]


def test_window_around_a_hit():
    assert run(hits((0, 1000, 1050)), 3000) == [(800, 1250, "\n\n", False)]


def test_neighbouring_windows_are_one_cut():
    assert run(hits((0, 1000, 1050), (0, 1400, 1450)), 3000) == [(800, 1650, "\n\n", False)]


def test_piece_between_cuts_shorter_than_200_goes():
    assert run(hits((0, 1000, 1050), (0, 1600, 1650)), 3000) == [(800, 1850, "\n\n", False)]
    assert run(hits((0, 1000, 1050), (0, 1650, 1700)), 3000) == [
        (800, 1250, "\n\n", False), (1450, 1900, "\n\n", False),
    ]  # fmt: skip


def test_short_ends_go():
    assert run(hits((0, 399, 450)), 3000) == [(0, 650, "", False)]
    assert run(hits((0, 400, 450)), 3000) == [(200, 650, "\n\n", False)]
    assert run(hits((0, 2500, 2601)), 3000) == [(2300, 3000, "", False)]


def test_nothing_left_drops():
    assert run(hits((0, 100, 150)), 549) == [(0, 549, "", True)]
    assert run(hits((0, 100, 150)), 550) == [(0, 350, "", False)]


def test_more_than_ten_pieces_drop():
    nine = [(0, 1000 * k, 1000 * k + 50) for k in range(1, 10)]
    assert len(run(hits(*nine), 11000)) == 9  # ten pieces
    ten = [*nine, (0, 10000, 10050)]
    assert run(hits(*ten), 11000) == [(0, 11000, "", True)]  # eleven


@pytest.mark.parametrize("rule", ["ngram13.v1", "ngram8.v1"])
def test_plain_rules_drop(rule):
    assert run(hits((0, 5, 9), rule=rule), 9999, Settings(rules=(rule,))) == [(0, 9999, "", True)]


def test_rules_not_asked_for_do_nothing():
    assert run(hits((0, 5, 9), rule="ngram8.v1"), 9999) == []


def test_frequent_grams_are_ignored():
    everywhere = [(d, 1000, 1050, 7) for d in range(11)]
    table = hits(*everywhere, (0, 1000, 1050, 8))
    assert frequent_grams(table, 10) == {7}
    assert frequent_grams(table, 11) == set()
    assert frequent_grams(table, 0) == set()
    twice = hits(*[(0, 1000 * k, 1000 * k + 9, 7) for k in range(20)])
    assert frequent_grams(twice, 10) == set()  # one document counts once
    assert run(hits((0, 1000, 1050, 7)), 3000, ignored={7}) == []


def test_row_names_the_item():
    row = edits(hits((0, 1000, 1050)), ["d7"], [3000], INDEX, GPT3).to_pylist()[0]
    assert (row["id"], row["benchmark"], row["item"], row["rule"]) == (
        "d7",
        "bench",
        "a",
        "gpt3.v1",
    )


def test_apply():
    assert apply_edits("0123456789", [(2, 5, "\n\n"), (8, 10, "")]) == "01\n\n567"
    assert apply_edits("早上好👋世界", [(2, 4, "-")]) == "早上-世界"
    assert apply_edits("abc", []) == "abc"
    assert apply_edits("abc", [(0, 3, "")]) == ""


@given(
    st.integers(0, 6000),
    st.lists(st.tuples(st.integers(0, 6000), st.integers(1, 80)), min_size=1, max_size=30),
)
def test_no_hit_survives_and_every_piece_is_long_enough(size, raw):
    rows = [(0, s, min(s + n, size)) for s, n in raw if s < size]
    if not rows:
        return
    text = np.full(size, ".", dtype="U1")
    for _, s, e in rows:
        text[s:e] = "#"
    found = run(hits(*rows), size)
    left = apply_edits("".join(text), [row[:3] for row in found])
    assert "#" not in left
    assert all(len(piece) >= 200 for piece in left.split("\n\n") if piece)
    assert all(a[1] < b[0] for a, b in itertools.pairwise(found))


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"rules": ("gpt3.v2",)}, "'gpt3.v2' is unknown. Did you mean 'gpt3.v1'"),
        ({"window": -1}, "decontaminate.window = -1"),
        ({"fuzzy_share": 0.2}, "decontaminate.fuzzy_share = 0.2"),
    ],
)
def test_settings_are_checked(kwargs, words):
    with pytest.raises(RecipeError, match=words):
        Settings(**kwargs)
