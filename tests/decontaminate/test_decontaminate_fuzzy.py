"""fuzzy.v1: the alignment against a textbook LCS, edited copies of real items, near misses."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.decontaminate import EvalIndex, EvalItem, Scanner, read_items
from corpusforge.decontaminate.fuzzy import _lcs
from corpusforge.hashing import id_keys, uniform

HAN = "小明有五个苹果他给了小红两个苹果又从商店买来四个梨请问小明现在一共还剩下几个水果呢"
FILLER = (
    "It was the White Rabbit, trotting slowly back again, and looking anxiously about as it went. "
)


def textbook(a, b):
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            table[i + 1][j + 1] = (
                table[i][j] + 1 if x == y else max(table[i][j + 1], table[i + 1][j])
            )
    return table[-1][-1]


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(0, 3), max_size=12), st.lists(st.integers(0, 3), min_size=1, max_size=15)
)
def test_alignment_is_the_longest_common_subsequence(a, b):
    left, right = np.array(a, dtype=np.uint64), np.array(b, dtype=np.uint64)
    scratch = np.empty((2, len(b) + 1), dtype=np.int64)
    common, first, last = _lcs(left, right, scratch[0], scratch[1])
    assert common == textbook(a, b)
    if common:
        assert textbook(a, b[first : last + 1]) == common  # the span named holds the alignment
        assert textbook(a, b[:last]) < common  # and its last word is needed
        assert b[first] in a and b[last] in a


def plus_one(text):
    return re.sub(r"\d+", lambda m: str(int(m[0]) + 1), text)


def without_a_tenth(text, seed):
    words = text.split()
    keep = uniform(id_keys([f"{text}{n}" for n in range(len(words))]), seed, "drop") >= 0.1
    return " ".join(w for w, k in zip(words, keep.tolist(), strict=True) if k)


@pytest.fixture(scope="module")
def gsm8k(data):
    items = list(read_items("gsm8k", str(data / "decontam" / "gsm8k_test.jsonl.gz")))[:300]
    return items, Scanner(EvalIndex.build(items), ("fuzzy.v1",))


@pytest.mark.parametrize(
    ("edit", "least"),
    [(str, 300), (str.upper, 300), (plus_one, 298), (lambda t: without_a_tenth(t, 5), 290)],
    ids=["verbatim", "upper", "numbers", "dropped"],
)
def test_edited_copies_are_found_where_they_stand(gsm8k, edit, least):
    items, scanner = gsm8k
    copies = [edit(item.passages[0]) for item in items]
    texts = [FILLER * 5 + copy + " " + FILLER * 5 for copy in copies]
    found = {}
    for row in scanner.scan(texts).to_pylist():
        if row["item"] == row["document"]:
            found[row["document"]] = row
    assert len(found) >= least
    for number, row in found.items():
        start, end = len(FILLER * 5), len(FILLER * 5 + copies[number])
        assert start - 40 <= row["start"] < row["end"] <= end + 40
        assert row["share"] >= 0.75


def test_other_questions_of_the_same_style_are_not(gsm8k, data):
    _, scanner = gsm8k
    path = data / "selfinstruct" / "cot" / "gsm8k_train.jsonl.gz"
    texts = [item.passages[0] for item in read_items("train", str(path))][:1500]
    assert len(set(scanner.scan(texts)["document"].to_pylist())) <= 2


def test_chinese():
    scanner = Scanner(EvalIndex.build([EvalItem("zh", "a", (HAN,))]), ("fuzzy.v1",))
    edited = HAN.replace("又", "").replace("请问", "").replace("四", "九")
    near = "小明有三本书，他借给小红一本，又从图书馆借来四本，请问小明现在手里有几本书？"
    hits = scanner.scan([HAN, edited, near, "今天天气很好，我们去公园玩吧。"])
    assert hits["document"].to_pylist() == [0, 1]


def test_short_passages_are_left_to_the_exact_rules():
    index = EvalIndex.build([EvalItem("x", "a", ("what do people aim to do at work",))])
    assert Scanner(index, ("fuzzy.v1",)).scan(["what do people aim to do at work"]).num_rows == 0
    assert Scanner(index, ("gpt3.v1",)).scan(["what do people aim to do at work"]).num_rows == 1


def test_two_copies_in_one_text_are_two_hits():
    text = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total?"
    scanner = Scanner(EvalIndex.build([EvalItem("x", "a", (text,))]), ("fuzzy.v1",))
    hits = scanner.scan([f"{text} {FILLER} {plus_one(text)}"])
    assert hits.num_rows == 2
