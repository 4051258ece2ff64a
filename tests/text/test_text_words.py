"""The pure definition of a word, against hand-cut words."""

from __future__ import annotations

import unicodedata

import pytest

from corpusforge.text.classes import LIMIT, PUNCT, categories, class_table, lower_table
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
    assert len(names) == 0x110000
    for point in (0, 0x41, 0x3A3, 0x4E2D, 0xD800, 0x10FFFF):
        assert names[point].decode() == unicodedata.category(chr(point))
