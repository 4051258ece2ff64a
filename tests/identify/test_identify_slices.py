"""Slices agree with an obvious twin on strings, and hold nothing an engine refuses."""

from __future__ import annotations

import itertools
import unicodedata

import pycld2
import pytest

from corpusforge.identify.slices import SEARCH, cut

MIXED = [
    "",
    "short",
    "The quick brown fox jumps over the lazy dog.\r\nSecond line.\n" * 40,
    "敏捷的棕色狐狸跳过了懒狗。今天天气很好，我们去公园散步。" * 60,
    "سريع الثعلب البني يقفز فوق الكلب الكسول " * 50,
    "तेज भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है " * 50,
    "สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจ" * 50,
    "😀👍🏽👨‍👩‍👧 e\u0301e\u0301 \u200d" * 80,
    "tab\tnul\x00del\x7fc1\x85 nonchar\ufdd0\ufffe\uffff\U0001fffe\U0010ffff end " * 30,
    "x" * 5000,
    "日本語" + "y" * 1000 + "한국어" * 400,
]


def clean(text: str) -> str:
    def bad(c: str) -> bool:
        point = ord(c)
        return (
            unicodedata.category(c) == "Cc" or 0xFDD0 <= point <= 0xFDEF or point & 0xFFFE == 0xFFFE
        )

    return "".join(" " if bad(c) else c for c in text)


def twin(text: str, places: tuple[float, ...], length: int) -> str:
    data = text.encode()
    if length == 0 or len(data) <= length * len(places):
        return clean(text)
    inside = [i for i, b in enumerate(data) if b & 0xC0 == 0x80]
    mid = set(inside)
    parts, reached = [], 0
    for place in places:
        first = max(reached, int((len(data) - length) * place))
        if first > 0:
            while first in mid:
                first += 1
            ahead = data[first : first + SEARCH].replace(b"\n", b" ").find(b" ")
            first += ahead + 1 if ahead >= 0 else 0
        last = min(len(data), first + length)
        while last in mid:
            last += 1
        parts.append(clean(data[first:last].decode()) + " ")
        reached = last
    return "".join(parts)


@pytest.mark.parametrize(
    "places", [(0.0,), (0.5,), (0.0, 0.5), (0.1, 0.5, 0.9), (1.0,), (0.5, 0.5)]
)
@pytest.mark.parametrize("length", [0, 1, 7, 60, 300, 1000])
def test_slices_equal_twin(places, length):
    data, offsets = cut(MIXED, places, length)
    whole = data.tobytes()
    got = [whole[a:b].decode() for a, b in itertools.pairwise(offsets)]
    assert got == [twin(text, places, length) for text in MIXED]


def test_cld2_takes_every_slice():
    data, offsets = cut(MIXED, (0.0, 0.5), 200)
    for a, b in itertools.pairwise(offsets):
        pycld2.detect(data[a:b].tobytes())
    with pytest.raises(pycld2.error):
        pycld2.detect(MIXED[8].encode())
