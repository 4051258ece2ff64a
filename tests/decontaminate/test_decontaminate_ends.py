"""The search ends, whatever a text repeats, and what it finds is what the definition says."""

from __future__ import annotations

import itertools

import pytest
from fuzzy_twin import common, is_copy
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.decontaminate import EvalIndex, EvalItem, Scanner

QUESTION = (
    "the clerk who kept the ledger of the northern mill counted seven barrels of flour in the morning "
    "and gave three of them to the baker whose oven had burned all night so how many barrels were "
    "left for the ferry when it came"
)
ONE = QUESTION.split()
TWO = [f"u{n}" for n in range(12)]  # a short one, all words distinct
THREE = [f"v{n % 9}" for n in range(30)]  # repeats itself
ITEMS = (ONE, TWO, THREE)
FILLER = [f"f{n}" for n in range(50)]


def scanner(*items):
    made = [EvalItem("x", str(n), (" ".join(item),)) for n, item in enumerate(items)]
    return Scanner(EvalIndex.build(made), ("fuzzy.v1",))


SCANNER = scanner(*ITEMS)


def found(text, by=SCANNER):
    """Return (item, first word, word behind the last, share) of each hit in a list of words."""
    starts = list(itertools.accumulate((len(word) + 1 for word in text), initial=0))
    place = {start: number for number, start in enumerate(starts)}
    rows = by.scan([" ".join(text)]).to_pylist()
    assert {row["rule"] for row in rows} <= {"fuzzy.v1"}
    return [(r["item"], place[r["start"]], place[r["end"] + 1], r["share"]) for r in rows]


def test_an_item_with_its_last_words_again():
    assert found([*ONE, *ONE[-10:]]) == [(0, 0, len(ONE), 1.0)]


@pytest.mark.parametrize("tail", range(1, len(ONE)))
def test_an_item_with_any_part_of_its_end_again(tail):
    text = [*ONE, *ONE[-tail:]]
    hits = found(text)
    assert hits[0] == (0, 0, len(ONE), 1.0)
    if tail <= len(ONE) // 2:
        assert len(hits) == 1
    for _, first, last, _ in hits:
        assert is_copy(ONE, text[first:last])


@pytest.mark.parametrize("tail", range(1, len(ONE)))
@pytest.mark.parametrize("between", [0, 3])
def test_an_item_behind_any_part_of_its_end(tail, between):
    text = [*ONE[-tail:], *FILLER[:between], *ONE]
    whole = (0, len(text) - len(ONE), len(text), 1.0)
    assert whole in found(text)


@pytest.mark.parametrize("part", range(1, len(ONE)))
def test_an_item_behind_any_part_of_its_beginning_is_found_to_its_end(part):
    hits = found([*ONE[:part], *ONE])
    assert hits[-1][2] == part + len(ONE)
    assert hits[-1][1] <= part + len(ONE) // 4


def test_copies_are_counted_one_by_one():
    for times in (1, 2, 3, 7):
        hits = found(ONE * times)
        assert [hit[1:3] for hit in hits] == [
            (n * len(ONE), (n + 1) * len(ONE)) for n in range(times)
        ]


PIECES = st.one_of(
    st.tuples(st.integers(0, 2), st.just(0), st.just(99)),  # whole
    st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(1, 43)),  # a part
    st.tuples(st.just(3), st.integers(0, 40), st.integers(1, 12)),  # other words
)


def text_of(pieces):
    """Return the words, and (item, first word) of each whole item in it."""
    text, whole = [], []
    for item, start, size in pieces:
        own = (*ITEMS, FILLER)[item]
        if item < 3 and size == 99:
            whole.append((item, len(text)))
        text += own[start : start + size]
    return text, whole


@settings(deadline=None, max_examples=400)
@given(st.lists(PIECES, max_size=9), st.randoms(use_true_random=False), st.booleans())
def test_hits_are_copies_and_copies_are_hit(pieces, random, shuffled):
    text, whole = text_of(pieces)
    if shuffled:  # several items interleaved: runs of six words in any order
        runs = [text[k : k + 6] for k in range(0, len(text), 6)]
        random.shuffle(runs)
        text, whole = [word for run in runs for word in run], []
    hits = found(text)
    for item, first, last, share in hits:
        assert is_copy(ITEMS[item], text[first:last])
        assert share == pytest.approx(common(ITEMS[item], text[first:last]) / len(ITEMS[item]))
    for item in range(3):
        ends = [hit[2] for hit in hits if hit[0] == item]
        assert len(ends) == len({*ends})  # no copy is named twice
    for item, first in whole:
        size = len(ITEMS[item])
        held = {w for i, a, b, _ in hits if i == item for w in range(a, b)}
        assert len(held & {*range(first, first + size)}) >= 0.75 * size
