"""The pure definition of a word, against hand-cut words."""

from __future__ import annotations

import pytest

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
