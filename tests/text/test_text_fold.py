"""The fold against Python's own normalisation, and the kernels' table against the fold."""

from __future__ import annotations

import itertools
import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.dedup.sign import exact_hashes, shingle_sets
from corpusforge.text.classes import LIMIT, class_table, lower_table
from corpusforge.text.fold import SPECIAL, compose, fold_table, fold_text

NFC, NFD = (lambda text, form=form: unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
EVERY = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
COMPOSED = [c for c in EVERY if len(NFD(c)) > 1]
SHAPES = ("<wide>", "<narrow>", "<initial>", "<medial>", "<final>", "<isolated>", "<noBreak>")

# Default_Ignorable_Code_Point, from DerivedCoreProperties.txt of Unicode 16.0
IGNORABLE = """00AD 034F 061C 115F..1160 17B4..17B5 180B..180D 180E 180F 200B..200F 202A..202E 2060..2064
2065 2066..206F 3164 FE00..FE0F FEFF FFA0 FFF0..FFF8 1BCA0..1BCA3 1D173..1D17A E0000 E0001
E0002..E001F E0020..E007F E0080..E00FF E0100..E01EF E01F0..E0FFF"""
KEPT = {0x115F, 0x1160, 0x180B, 0x180C, 0x180D, 0x180E, 0x180F, 0x200C, 0x200D, 0x3164, 0xFFA0}


def ignorable() -> set[int]:
    found: set[int] = set()
    for part in IGNORABLE.split():
        low, _, high = part.partition("..")
        found |= {*range(int(low, 16), int(high or low, 16) + 1)}
    return found


UNSEEN = {chr(point) for point in ignorable() - KEPT}


def shape(character: str) -> str:
    """What a width variant or presentation form stands for, by Unicode's data."""
    tag, _, rest = unicodedata.decomposition(character).partition(" ")
    form = tag.startswith("<") and 0xFB00 <= ord(character) < 0xFB50
    plain = "".join(chr(int(part, 16)) for part in rest.split())
    return plain if (tag in SHAPES or form) and (plain == " " or " " not in plain) else character


def twin(text: str) -> str:
    """The fold of a text without joiners, character by character."""
    return NFC("".join(shape(c) for c in text if c not in UNSEEN))


def hashes(texts: list[str]) -> list[tuple[int, ...]]:
    """Content hash and word shingles of each text, as the kernels see it."""
    flat, bounds = shingle_sets(texts, 2)
    sets = [flat[a:b].tolist() for a, b in itertools.pairwise(bounds.tolist())]
    return [(h, *own) for h, own in zip(exact_hashes(texts).tolist(), sets, strict=True)]


KNOWN = [c for c in EVERY if ord(c) < LIMIT or 0xDFF00 < ord(c) < 0xE1100]
"""All code points of the planes in use; the others are not assigned."""


def test_every_code_point_alone() -> None:
    alone = [c for c in KNOWN if c not in "\n\u200c\u200d"]
    assert fold_text("\n".join(alone)).split("\n") == [twin(c) for c in alone]
    assert compose("\n".join(alone)).split("\n") == [NFC(c) for c in alone]


def test_every_composed_character_and_every_pair() -> None:
    """All canonical compositions, Hangul's 11,172 too, decomposed, half composed and composed."""
    assert len(COMPOSED) > 12_000
    for c in COMPOSED:
        assert fold_text(NFD(c)) == fold_text(c) == NFC(c)
    pairs = [unicodedata.decomposition(c).split() for c in COMPOSED]
    for parts in pairs:
        if len(parts) == 2 and parts[0][0] != "<":
            text = "".join(chr(int(part, 16)) for part in parts)
            assert fold_text(f"x{text}y") == NFC(f"x{text}y")


def test_kernels_fold_every_code_point_and_composition() -> None:
    texts = [f"a b{c}c d" for c in KNOWN] + [f"a b{NFD(c)}c d" for c in COMPOSED]
    assert (
        exact_hashes(texts).tolist() == exact_hashes([fold_text(text) for text in texts]).tolist()
    )
    some = texts[::7] + texts[-20_000:]
    assert hashes(some) == hashes([fold_text(text) for text in some])


def test_kernels_fold_every_mark_behind_letters_of_many_scripts() -> None:
    marks = [
        c for c in EVERY if unicodedata.combining(c) or c in "\u1161\u11a8\u09be\u0bd7\u3099\uff9e"
    ]
    bases = [
        "e",
        "E",
        "ệ",
        "α",
        "ड",
        "ক",
        "か",
        "ｶ",
        "가",
        "ᄀ",
        "ش",
        "ש",
        "ก",
        "\u0301",
        "\u0323",
        "1",
    ]
    texts = [f"{base}{mark}" for base in bases for mark in marks]
    assert hashes(texts) == hashes([twin(text) for text in texts])


ALPHABET = [
    *"aAeEoO1, \n",
    *"éệǰßİſ",
    *"\u0301\u0302\u0308\u0323\u0331\u0345\u093c\u094d\u064b\u0651\u0e38\u0e48\u0344\u1dce",
    *"डकক\u09be\u09c7\u0bc6\u0bbeาش",
    *"가각ᄀ\u1161\u11a8",
    *"かガｶ\uff9e\u3099",
    *"，！ＡｂﬁﷲﻻÅΩ不\uf967\u2f800",
    *"\u00ad\u200b\u2060\ufeff\ufe0f\u034f\u200e\U000e0061",
    *"👨❤\u2329",
]


@given(st.text(st.sampled_from(ALPHABET), max_size=24))
def test_canonical_equivalents_are_one_text(text: str) -> None:
    assert fold_text(text) == twin(text)
    assert fold_text(fold_text(text)) == fold_text(text)
    forms = [text, NFC(text), NFD(text), twin(text)]
    assert len({*hashes(forms)}) == 1
    assert compose(text) == NFC(text)


@given(st.text(st.sampled_from([*ALPHABET, "\u200c", "\u200d", "\u200d"]), max_size=24))
def test_kernels_and_fold_agree_on_joiners(text: str) -> None:
    assert hashes([text]) == hashes([fold_text(text)])


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ob\u00adser\u200bver wa\u2060s\ufeff", "observer was"),
        ("ze\u200dro wid\u200cth", "zero width"),
        ("\u200dstart", "start"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष क्\u200cष", "क्\u200dष क्\u200cष"),
        ("ශ්\u200dරී", "ශ්\u200dරී"),
        ("👨\u200d👩 ❤\ufe0f\u200d🔥", "👨\u200d👩 ❤\u200d🔥"),
        ("字\U000e0100 1\ufe0f\u20e3", "字 1\u20e3"),
        ("١\u200d\u00ad\u200c٢ a\u00ad\u200db", "١\u200d\u200c٢ ab"),
        ("ＡＢＣ　１２％", "ABC 12%"),
        ("ｶﾞﾗｽ ﾊﾟﾝ ﾡ", "ガラス パン ㄱ"),
        ("ﬁne ﬂour ﻻ ﷲ", "fine flour لا الله"),
        ("10² ① ½ ㎏ Ⅷ", "10² ① ½ ㎏ Ⅷ"),
        ("ᠭᠠ\u180b", "ᠭᠠ\u180b"),
    ],
)
def test_fold_by_hand(text: str, folded: str) -> None:
    assert fold_text(text) == folded


def test_the_table_agrees_with_classes_and_lower_case_of_what_is_plain() -> None:
    table, classes, lower = fold_table(), class_table(), lower_table()
    for point in range(LIMIT):
        if 0xD800 <= point < 0xE000:
            continue
        plain = twin(chr(point)) if point not in (0x200C, 0x200D) else chr(point)
        if table.points[point] < SPECIAL:
            assert table.points[point] == lower[ord(plain)], hex(point)
            assert table.classes[point] == classes[lower[ord(plain)]], hex(point)
        # a word, a space and a character of an unspaced script are so in either case
        same = classes[point] & 0b101011 == classes[lower[point]] & 0b101011
        assert same, hex(point)


def test_rows_of_marks_are_composed_thirty_at_a_time() -> None:
    """Normalising such a row whole takes quadratic time: 300,000 marks would take a quarter of an hour."""
    marks = "\u0301" * 150_000 + "\u0323" * 150_000
    text = f"e{marks}x"
    edges = [0, *range(31, len(text) - 1, 30), len(text)]
    expected = "".join(NFC(text[a:b]) for a, b in itertools.pairwise(edges))
    assert compose(text) == fold_text(text) == expected
    assert len(exact_hashes([text])) == 1
    long = "e" + "\u200d" * 100_000 + "\u0301" + "ش" + "\u200d" * 100_000
    assert hashes([long]) == hashes([fold_text(long)])


def test_thirty_marks_are_one_row() -> None:
    generator = random.Random(4)
    for size in (1, 29, 30):
        text = "e" + "".join(generator.choices("\u0301\u0323\u0345\u0331", k=size)) + "x"
        assert fold_text(text) == NFC(text)


def test_ascii_is_the_same_object() -> None:
    text = "The cat sat."
    assert fold_text(text) is text
    assert compose(text) is text
    assert not np.any(fold_table().points[:128] >= SPECIAL)
