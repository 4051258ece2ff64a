"""Positives weigh by the languages of the negatives, so that no language is good or bad by itself."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from corpusforge import score
from corpusforge.score.languages import matched
from corpusforge.score.sample import draw
from corpusforge.score.settings import TrainSettings

EN = "The keeper of the basin wrote down the level of the water in the morning and signed page {}."
FR = (
    "Le gardien du bassin notait chaque matin le niveau de l'eau et signait la page {} du registre."
)
ZH = "水池的管理员每天早上把水位写进日志，然后在第{}页签上自己的名字，再回家吃早饭。"


def windows(**texts: int):
    sides = {"en": EN, "fr": FR, "zh": ZH}
    found = [
        " ".join(sides[name].format(f"{n}-{k}") for k in range(4))
        for name, many in texts.items()
        for n in range(many)
    ]
    return draw([pa.array(found, pa.large_string())], "x", TrainSettings())


def mass(rows, marker: bytes) -> float:
    return sum(weight for window, weight in rows if marker in window.text)


def test_masses_follow_the_negatives():
    rows = matched(windows(en=90, fr=10), windows(en=10, fr=30, zh=60))
    english, french, chinese = (
        mass(rows, mark) for mark in (b"keeper", b"gardien", "水池".encode())
    )
    assert english / french == pytest.approx(9, rel=1e-6)
    assert chinese / (english + french + chinese) == pytest.approx(0.1, rel=1e-6)
    assert np.mean([weight for _, weight in rows]) == pytest.approx(1, rel=1e-6)


def test_few_foreign_texts_keep_their_weight():
    rows = matched(windows(en=50), windows(en=96, fr=4))
    assert mass(rows, b"gardien") / mass(rows, b"") == pytest.approx(0.04, rel=1e-6)


def test_no_weight_is_beyond_ten():
    weights = [weight for _, weight in matched(windows(en=50, fr=50), windows(en=99, fr=1))]
    assert max(weights) / min(weights) <= 100


def test_sides_without_a_common_language_stay_as_they_are():
    rows = matched(windows(en=20), windows(zh=20))
    assert [weight for _, weight in rows] == [1.0] * 20


def test_foreign_positives_make_no_english_bad():
    """Trained on mostly French positives against English pages, English prose must not pay for it."""
    raw = [
        "Buy now! Login | Register | Cart (0) Best price " + f"item {n} sale offer click here."
        for n in range(60)
    ]
    good = [EN.format(n) + " It was calm and the river ran slowly past the town." for n in range(6)]
    good += [FR.format(n) * 3 for n in range(120)]
    positive, negative = ([pa.array(texts, pa.large_string())] for texts in (good, raw))
    texts = pa.array([EN.format("nine"), raw[0]], pa.large_string())
    with_, without = (
        score.train(
            list(positive),
            list(negative),
            score.Settings(train=TrainSettings(match_languages=on, prose=0.0)),
        )
        for on in (True, False)
    )
    assert with_.totals(texts)[0] > without.totals(texts)[0]
    assert with_.score(texts)[0] > 0.5 > with_.score(texts)[1]
