"""Slow, obvious twins of the dedup kernels, in plain Python."""

from __future__ import annotations

import re

from corpusforge.text.classes import is_unspaced
from corpusforge.text.fold import fold_text

MASK = (1 << 64) - 1
OFFSET, PRIME = 0xCBF29CE484222325, 0x100000001B3

MIXED = [
    "",
    "   ",
    "...!?",
    "one",
    "The quick brown fox",
    "The quick  brown fox\njumps over the LAZY dog, again and again_and again.",
    "去重是为每个文档找到最好的一份。保留它，删去其余！",
    "GPT-3 用了 45TB 的数据 and then 570GB 之后",
    "Ünïcödé ÀÉÎ Straße ΑΒΓ Привет мир שלום עולם مرحبا بالعالم",
    "ภาษาไทยไม่มีช่องว่าง ຂ້ອຍ မြန်မာ ភាសាខ្មែរ",
    "日本語とカタカナ、ひらがな mixed with English 単語 x2",
    "𠀀𠀁𠀂 𝔘𝔫𝔦 🙂🙂 emoji 🙂 text",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 3,
    "tab\tand\u3000wide\u2028spaces\xa0here",
    "ob\u00adser\u200bver wa\u2060s ＡＢＣ！ e\u0301te\u0301 nghie\u0302\u0323n ﾊﾟﾝ \u1112\u1161\u11ab \uf967",
    "ﬁn\ufe0f हिन्दी क\u093cलम น้ำ می\u200cخواهم بًّ \u200dx 👩\u200d👧",
]


def lower(text: str) -> str:
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in fold_text(text))


def words(text: str) -> list[str]:
    out: list[str] = []
    for run in re.findall(r"\w+", lower(text)):
        word = ""
        for c in run:
            if is_unspaced(c):
                out += [word, c]
                word = ""
            else:
                word += c
        out.append(word)
    return [word for word in out if word]


def shingles(text: str, n: int) -> list[tuple[str, ...]]:
    found = words(text)
    return [tuple(found[i : i + n]) for i in range(max(1, len(found) - n + 1))] if found else []


def fnv(text: str) -> int:
    value = OFFSET
    for c in text:
        value = ((value ^ ord(c)) * PRIME) & MASK
    return value


def finish(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def shingle_hash(shingle: tuple[str, ...]) -> int:
    value = 0
    for word in shingle:
        value = (value * 0x9E3779B97F4A7C15 + finish(fnv(word))) & MASK
    return finish(value) >> 32


def content_hash(text: str) -> int:
    """Fold words, other visible characters, and a space where white space lies between them."""
    value, known, gap = OFFSET, words(text), False
    rest = lower(text).strip()
    while rest:
        if known and rest.startswith(known[0]):
            item, size = finish(fnv(known[0])), len(known.pop(0))
        else:
            item, size = ord(rest[0]), 1
        if gap:
            value = ((value ^ 32) * PRIME) & MASK
        value = ((value ^ item) * PRIME) & MASK
        rest, before = rest[size:].lstrip(), len(rest) - size
        gap = len(rest) < before
    return finish(value)


def jaccard(left: str, right: str, n: int = 5) -> float:
    a, b = set(shingles(left, n)), set(shingles(right, n))
    return len(a & b) / len(a | b) if a | b else 1.0
