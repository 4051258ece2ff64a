"""Normalised words against a slow twin that uses only str methods and re."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.decontaminate.words import LONE, NUMERIC, folded_words, split_words
from corpusforge.text.classes import is_unspaced

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
]


def narrow(c: str) -> str:
    return chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c


def lower(c: str) -> str:
    return c.lower() if len(c.lower()) == 1 else c


def twin(text: str) -> list[tuple[str, int]]:
    words: list[tuple[str, int]] = []
    current, flag = "", 0
    text = [*text]
    narrowed = [lower(narrow(c)) if re.match(r"\w", narrow(c)) else narrow(c) for c in text]
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
            st.sampled_from("aB'’.,0 19Ａ１我ก_\n"), st.characters(exclude_categories=["Cs"])
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
