"""The fused kernel equals an obvious twin that uses `re`, `str.lower` and a Counter."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from corpusforge.score.features import (
    CAPITALS,
    CASED,
    LINES,
    MARKS,
    SEARCH,
    SHAPE,
    TOKENS,
    WIDTH,
    count_features,
    prose,
    score_texts,
    window_bounds,
)
from corpusforge.score.model import HashedModel
from corpusforge.text.classes import (
    LIMIT,
    PUNCT,
    class_table,
    is_unspaced,
    lower_table,
)
from corpusforge.text.packed import packed

MIXED = [
    "",
    "one",
    "Hello, WORLD! It's 3.14 — naïve café; ÀÉÎ straße İstanbul ΑΒΓ.\r\n\r\nNext line",
    "今天天气很好，我们去公园散步。Hello你好world！１２３ ＡＢＣ",
    "سريع الثعلب البني يقفز فوق الكلب الكسول، ١٢٣",
    "तेज भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है।",
    "สุนัขจิ้งจอก 日本語のテキスト、カタカナ ﾊﾝｶｸ 한국어 문장",
    "😀👍🏽👨‍👩‍👧 e\u0301 n\u0303 \u200d\u00ad 𝔘𝔫𝔦 \U000e0041 \x00\x01",
    "The quick brown fox jumps over the lazy dog. " * 120,
    "狐狸跳过了懒狗" * 300,
    "x" * 4000,
    " \n\t ",
]

M64 = (1 << 64) - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def fnv(word):
    h = 0xCBF29CE484222325
    for c in word:
        low = c.lower()
        point = ord(low) if len(low) == 1 else ord(c)
        h = ((h ^ point) * 0x100000001B3) & M64
    return mix(h)


def twin_tokens(text, marks):
    table = class_table()
    out, word = [], ""
    for c in [*text, " "]:
        if re.match(r"\w", c) and ord(c) < LIMIT and not is_unspaced(c):
            word += c
            continue
        if word:
            out.append(fnv(word))
            word = ""
        point = ord(c)
        if point < LIMIT and (is_unspaced(c) or (marks and table[point] & PUNCT)):
            out.append(fnv(c))
    return out


def twin_features(text, marks, ngrams, buckets):
    tokens = twin_tokens(text, marks)
    found = Counter(token & (buckets - 1) for token in tokens)
    if ngrams == 2:
        for a, b in itertools.pairwise(tokens):
            found[mix((a * 0x9E3779B97F4A7C15 + b) & M64) & (buckets - 1)] += 1
    return found, len(tokens)


def twin_windows(text, length):
    data = text.encode()
    number = max(1, (len(data) + length // 2) // length)
    bounds = [0]
    for k in range(1, number):
        at = max(bounds[-1], len(data) * k // number)
        while at < len(data) and data[at] & 0xC0 == 0x80:
            at += 1
        spaces = [i for i in range(at, min(at + SEARCH, len(data))) if data[i] <= 0x20]
        bounds.append(spaces[0] if spaces else at)
    bounds.append(len(data))
    return [data[a:b].decode() for a, b in itertools.pairwise(bounds)]


def twin_logit(text, model):
    total = weight = 0
    for window in twin_windows(text, model.window_bytes):
        found, n = twin_features(window, model.marks, model.ngrams, len(model.weights))
        if n:
            norm = math.sqrt(sum(c * c for c in found.values()))
            total += n * sum(float(model.weights[b]) * c for b, c in found.items()) / norm
            weight += n
    return model.bias + total / weight if weight else model.prior


def plain(weights, **changes):
    """A model whose value is the mean window logit alone."""
    base = HashedModel(
        weights=weights, bias=0.0, centre=0.0, spread=1.0, prose=0.0, prior=0.0, evidence=0.0,
        slope=1.0, shift=0.0, ngrams=2, marks=False, window_bytes=1500, card={},
    )  # fmt: skip
    return replace(base, **changes)


@pytest.mark.parametrize("ngrams", [1, 2])
@pytest.mark.parametrize("marks", [False, True])
@pytest.mark.parametrize("window", [50, 300, 1500])
def test_fused_score_equals_twin(ngrams, marks, window):
    weights = np.sin(np.arange(1 << 12) * 12.9898).astype(np.float32)
    model = plain(weights, bias=0.25, ngrams=ngrams, marks=marks, window_bytes=window)
    got = model.totals(MIXED)
    assert got == pytest.approx([twin_logit(text, model) for text in MIXED], abs=1e-5)


@pytest.mark.parametrize("marks", [False, True])
def test_sparse_rows_equal_twin(marks):
    data, offsets = packed(MIXED)
    starts, columns, values = count_features(
        data, offsets, class_table(), lower_table(), marks, 2, 1 << 14
    )
    for i, text in enumerate(MIXED):
        found, _ = twin_features(text, marks, 2, 1 << 14)
        norm = math.sqrt(sum(c * c for c in found.values()))
        row = dict(
            zip(
                columns[starts[i] : starts[i + 1]].tolist(),
                values[starts[i] : starts[i + 1]].tolist(),
                strict=True,
            )
        )
        assert row == pytest.approx({b: c / norm for b, c in found.items()}, rel=1e-6)


def test_case_and_edge_marks_do_not_matter():
    a, b = plain(np.sin(np.arange(1 << 12)).astype(np.float32)).totals(
        ["The Cat SAT, on the mat!", "the cat sat on... the mat"]
    )
    assert a == b


def test_windows_cover_the_text_once():
    text = ("word " * 37 + "汉字") * 90
    data, offsets = packed([text])
    bounds = window_bounds(data, 0, int(offsets[1]), 500, SEARCH)
    pieces = [data[a:b].tobytes().decode() for a, b in itertools.pairwise(bounds)]
    assert "".join(pieces) == text
    assert len(pieces) == round(len(text.encode()) / 500)


def test_a_long_text_scores_as_its_repetition():
    # mean of windows: a document repeated keeps its score, whatever its length
    weights = np.cos(np.arange(1 << 14)).astype(np.float32)
    model = plain(weights, ngrams=1, window_bytes=200)
    page = "plain words stand here and go on, " * 6
    one, many = model.totals([page, page * 50])
    assert one == pytest.approx(many, abs=0.05 * abs(one) + 0.05)


SHAPES = {  # width, half marks, lines, words that could have a capital, and those that have, by hand
    "": (0, 0, 0, 0, 0),
    "Two words.\nNext, line!": (19, 6, 2, 4, 2),
    "wrapped lines\ngo on\nhere": (20, 0, 1, 5, 0),
    "\n\n  Lead\n\n\nTail \n": (8, 0, 2, 2, 2),
    # Han characters are 3 wide; ，。：“ are half marks here, ！ and the quotes of English are not
    "你好，世界。\n再见": (20, 2, 2, 0, 0),
    "子曰：“学！”": (13, 6, 1, 0, 0),
    "a “B”，3rd «Éa» हिन्दी": (18, 9, 1, 3, 2),
    "a_b = {x | y}": (9, 10, 1, 3, 0),
}


def test_shape_counts_by_hand():
    counted = np.zeros((len(SHAPES), SHAPE), dtype=np.int64)
    data, offsets = packed(list(SHAPES))
    weights = np.zeros(256, dtype=np.float32)
    score_texts(
        data, offsets, class_table(), lower_table(), False, 1, 50, SEARCH, weights, 0.0,
        np.zeros(len(SHAPES)), counted,
    )  # fmt: skip
    columns = [WIDTH, MARKS, LINES, CASED, CAPITALS]
    assert [tuple(row) for row in counted[:, columns].tolist()] == list(SHAPES.values())


def test_prose_is_the_sum_of_three_cut_values():
    def value(width, half_marks, lines, tokens, cased, capitals):
        counts = np.zeros((1, SHAPE), dtype=np.int64)
        for place, count in zip(
            (WIDTH, MARKS, LINES, TOKENS, CASED, CAPITALS),
            (width, half_marks, lines, tokens, cased, capitals),
            strict=True,
        ):
            counts[0, place] = count
        return float(prose(counts)[0])

    one_line = (math.log(1000) - 4.85) / 0.88  # beyond 2, so it counts 2
    assert one_line > 2
    assert value(1000, 86, 1, 100, 0, 0) == pytest.approx(2.0)  # 43 marks: the centre
    assert value(1000, 54, 1, 100, 0, 0) == pytest.approx(3.0)  # 27: one deviation less
    assert value(1000, 900, 1, 100, 0, 0) == pytest.approx(0.0)  # cut at -2
    assert value(1000, 86, 1, 1000, 1000, 386) == pytest.approx(1.0)  # capitals one above
    assert value(1000, 86, 1, 1000, 1000, 0) == pytest.approx(3.0)  # none: cut at 1, not 1.68
    assert value(1000, 86, 1, 1000, 500, 193) == pytest.approx(1.5)  # half could have one
    assert value(1000, 86, 1, 100, 100, 100) == pytest.approx(0.0)  # all: cut at -2


def test_prose_is_told_from_lists():
    model = plain(np.zeros(256, np.float32), prose=1.0)
    text = "The river rises in the hills above the town and runs south to the sea. " * 5
    offers = "Sale!\n$19.99 (was: $25)\nBuy now >>\n" * 10
    wrapped = text.replace(" the ", "\nthe ")
    prose, lists, book = model.totals([text, offers, wrapped])
    assert prose > 0 > lists
    assert book == pytest.approx(prose, abs=1e-9)


def test_few_words_are_little_evidence():
    weights = np.full(256, 1.0, np.float32)
    model = plain(weights, prior=-2.0, evidence=20.0)
    none, few, many = model.totals(["", "good words", "good words " * 500])
    certain = plain(weights).totals(["good words"])[0]
    assert none == -2.0
    assert few == pytest.approx(-2 + (certain + 2) * 2 / 22)
    assert many > 0
