"""The pure definition of a word, against hand-cut words."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from corpusforge.text.classes import (
    ALPHA,
    DIGIT,
    LIMIT,
    PUNCT,
    SPACE,
    UPPER,
    WORD,
    categories,
    class_table,
    lower_table,
)
from corpusforge.text.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" ,. \n", []),
        ("The CAT's hat", ["the", "cat", "s", "hat"]),
        ("snake_case x2", ["snake_case", "x2"]),
        ("子曰：学而", ["子", "曰", "学", "而"]),
        ("用Python写", ["用", "python", "写"]),
        ("cafe\u0301 b", ["cafe\u0301", "b"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("น้ำ", ["น้", "ำ"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("ẞ İ", ["ß", "İ"]),
        ("👍🏽 ok", ["ok"]),
        ("カナ kana", ["カ", "ナ", "kana"]),
    ],
)
def test_text_words_by_hand(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_tables_say_of_each_code_point_what_python_says() -> None:
    classes, lower, names = class_table(), lower_table(), categories()
    for point in range(LIMIT):
        character = chr(point)
        if 0xD800 <= point < 0xE000:
            assert lower[point] == point
            continue
        small = character.lower()
        assert lower[point] == (ord(small) if len(small) == 1 else point), hex(point)
        assert bool(classes[point] & PUNCT) == (unicodedata.category(character)[0] == "P")
        for bit, test in (
            (WORD, re.compile(r"\w").match), (SPACE, str.isspace), (ALPHA, str.isalpha),
            (DIGIT, str.isdigit), (UPPER, str.isupper),
        ):  # fmt: skip
            assert bool(classes[point] & bit) == bool(test(character)), (hex(point), bit)
    every = "".join(unicodedata.category(chr(point)) for point in range(sys.maxunicode + 1))
    assert names.tobytes().decode() == every
