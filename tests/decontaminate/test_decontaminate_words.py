"""Normalised words against a slow twin that uses only str methods and re."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.decontaminate.words import LONE, NUMERIC, folded_words, split_words
from corpusforge.text.classes import is_unspaced
from corpusforge.text.fold import fold_places, fold_text

MIXED = [
    "Don't pay $1,000.50 — it’s ＡＢＣ１ 10, 20,300 a.b 3.14.\r\nfoo_bar 'quoted' rock 'n' roll",
    "",
    "我是Tom's朋友，2023年3.5元。第1,000号",
    "การทดสอบ ภาษาไทย ๑๒๓",
    "हिन्दी में लिखा",
    "العربية ١٢٣ نص",
    "emoji 👩‍👩‍👧 e\u0301te\u0301 \U00020000\U0001d400",
    "x" * 5000,
    "'",
    "a'",
    "'a",
    "1,0001 1,00 1.",
    "ÀÉÎ Straße İstanbul ΣΑΣ",
    "\x00\x01 tab\tx\u2028y",
    "１，０００ don\u00ad\u2019\u200bt ＇ｓ 1\u2060,\u20600\u00ad00 2.\ufeff5 o\u00adb",
    "nghie\u0323\u0302n ﾊﾟﾝ \u1112\u1161\u11abﬁne \u200dx ش\u200dش 3.\u03015",
]


def lower(c: str) -> str:
    return c.lower() if len(c.lower()) == 1 else c


def twin(text: str) -> list[tuple[str, int]]:
    words: list[tuple[str, int]] = []
    current, flag = "", 0
    text = [*fold_text(text)]
    narrowed = [lower(c) if re.match(r"\w", c) else c for c in text]
    for i, c in enumerate(narrowed):
        raw = text[i + 1] if i + 1 < len(text) else ""
        if re.match(r"\w", c) and not is_unspaced(c):
            if not current:
                flag = NUMERIC if c.isdigit() else 0
            current += c
            continue
        if current and text[i] in "'’" and raw and re.match(r"\w", raw) and not is_unspaced(raw):
            continue
        after = re.match(r"[0-9]{0,4}", "".join(text[i + 1 : i + 5]))[0]
        if (
            current
            and re.match(r"[0-9]", current[-1])
            and ((text[i] == "." and after) or (text[i] == "," and len(after) == 3))
        ):
            continue
        if current:
            words.append((current, flag))
            current = ""
        if re.match(r"\w", c) and is_unspaced(c):
            words.append((c, LONE))
    if current:
        words.append((current, flag))
    return words


def ours(texts: list[str]) -> list[list[tuple[str, int]]]:
    words = split_words(texts)
    flat = list(zip(folded_words(words), words.flags.tolist(), strict=True))
    bounds = words.texts.tolist()
    return [flat[a:b] for a, b in itertools.pairwise(bounds)]


def test_kernel_equals_twin_on_mixed_scripts():
    assert ours(MIXED) == [twin(text) for text in MIXED]


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        st.one_of(
            st.sampled_from("aB'’.,0 19Ａ１我ก_\n，＇\u00ad\u200b\u200d\u0301\u0323éش"),
            st.characters(exclude_categories=["Cs"]),
        ),
        max_size=40,
    )
)
def test_kernel_equals_twin(text):
    assert ours([text]) == [twin(text)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Janet’s DUCKS lay 1,000 eggs.", "janets ducks lay 1000 eggs"),
        ("It's $2.50!", "its 250"),
        ("“Hello,”\nshe said", "hello she said"),
        ("ＡＢＣ１２３", "abc123"),
    ],
)
def test_stripped_punctuation_gives_the_same_words(one, other):
    a, b = split_words([one]), split_words([other])
    assert a.hashes.tolist() == b.hashes.tolist()


def test_spans_are_bytes_of_the_word():
    words = split_words(["ab 朋友's"])
    found = [
        words.data[s:e].tobytes().decode() for s, e in zip(words.starts, words.ends, strict=True)
    ]
    assert found == ["ab", "朋", "友", "s"]


def spelled(text):
    """The bytes that each word is said to stand in, by the offsets of the text as given."""
    words = split_words([text])
    own = words.places.get(0)
    found = []
    for start, end in zip(words.starts.tolist(), words.ends.tolist(), strict=True):
        before = len(words.data[:start].tobytes().decode())
        behind = len(words.data[:end].tobytes().decode())
        a, b = (before, behind) if own is None else own[[before, behind]].tolist()
        found.append(text[a:b])
    return found


def test_words_of_texts_that_are_folded_first_stand_where_they_stood():
    text = "xe\u0301 nghie\u0323\u0302n ﬁn 朋e\u0323\u00ad y"
    assert spelled(text) == ["xe\u0301", "nghie\u0323\u0302n", "ﬁn", "朋", "e\u0323\u00ad", "y"]
    assert spelled("ob\u00adserver ＡＢ!") == ["ob\u00adserver", "ＡＢ"]


@settings(max_examples=300, deadline=None)
@given(
    st.text(
        st.sampled_from(
            "aeE \u0301\u0323\u0302ﬁﻻ\u00ad\u200b\u200d가\u1112\u1161\u11abｶ\uff9e\u0f73\u0f71क\u093c\n"
        ),
        max_size=20,
    )
)
def test_places_of_a_folded_text(text):
    """Every stretch between two of its places folds to what stands between them."""
    folded, places = fold_places(text)
    assert folded == fold_text(text)
    assert len(places) == len(folded) + 1
    marks = sorted({*places.tolist()})
    assert marks[-1] == len(text)
    for a, b in itertools.pairwise(marks):
        own = [folded[i] for i in range(len(folded)) if places[i] == a]
        assert fold_text(text[a:b]) == "".join(own)
