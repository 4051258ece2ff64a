"""Training on real text: same bytes twice and in any order, useful on unseen text, one file."""

from __future__ import annotations

import gzip
import hashlib
import json

import numpy as np
import pyarrow as pa
import pytest

from corpusforge import score
from corpusforge.errors import InputError
from corpusforge.score.evaluation import roc_auc
from corpusforge.score.sample import draw
from corpusforge.score.segment import spaced


def array(texts):
    return pa.array(texts, type=pa.large_string())


@pytest.fixture(scope="module")
def sides(data):
    """English prose against code and markup of the same length: (train, unseen) of each."""
    book = gzip.decompress((data / "books" / "en-alice-11-0.txt.gz").read_bytes()).decode()
    prose = [book[i : i + 3000] for i in range(0, 120_000, 3000)]
    raw = (data / "web" / "html_gold" / "aeb60").glob("html/*")
    pages = sorted(raw)[:20]
    markup = []
    for path in pages:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode(
            "utf-8", "replace"
        )
        markup += [text[i : i + 3000] for i in range(0, min(len(text), 9000), 3000)]
    assert len(markup) >= 20
    return prose, markup


SMALL = score.TrainSettings(buckets_log2=14, window_bytes=500, samples=500)


@pytest.fixture(scope="module", params=["hashed_logreg", "fasttext"])
def settings(request):
    return score.Settings(
        engine=request.param,
        train=score.TrainSettings(buckets_log2=14, window_bytes=500, samples=500, dim=20, rate=0.5),
    )


def digest(model):
    return hashlib.sha256(model.to_bytes()).hexdigest()


def test_trained_twice_and_in_any_order_is_one_model(sides, settings):
    prose, markup = sides
    first = score.train([array(prose)], [array(markup)], settings)
    again = score.train(
        [array([text]) for text in reversed(prose)],
        [array(markup[7:]), array(markup[:7])],
        settings,
    )
    assert digest(first) == digest(again)


def test_unseen_text_is_ranked_and_a_file_gives_the_same_scores(sides, settings, tmp_path):
    prose, markup = sides
    model = score.train([array(prose[:30])], [array(markup[:-10])], settings)
    unseen = array(prose[30:] + markup[-10:])
    scores = model.score(unseen)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    labels = np.array([True] * len(prose[30:]) + [False] * 10)
    assert roc_auc(scores.astype(float), labels) > 0.9  # style sheets have no capitals
    score.save(model, str(tmp_path / "model.bin"))
    loaded = score.load(str(tmp_path / "model.bin"))
    assert np.array_equal(loaded.score(unseen), scores)


def test_card_counts_and_held_out_figures(sides):
    prose, markup = sides
    model = score.train(
        {"books": [array(prose)]}, {"web": [array(markup)]}, score.Settings(train=SMALL)
    )
    windows = model.card["windows"]
    assert windows["positive"]["books"] <= 20 * len(prose)
    figures = model.card["held_out"]
    assert set(figures["by_source"]) == {"books", "web"}
    assert figures["roc_auc"] > 0.97
    assert json.loads(json.dumps(model.card)) == model.card


def test_sample_is_capped_once_and_held_out_by_document(sides):
    prose, _ = sides
    settings = score.TrainSettings(
        windows_per_document=2, window_bytes=300, samples=30, held_out=0.3
    )
    sample = draw([array(prose), array(prose)], "positive", settings)
    assert len(sample) == 30
    assert len({(w.document, w.text) for w in sample}) == 30
    assert max(np.unique([w.document for w in sample], return_counts=True)[1]) <= 2
    held = {w.document for w in sample if w.held_out}
    assert held
    assert not held & {w.document for w in sample if not w.held_out}
    assert sample == draw([array(prose[::-1])], "positive", settings)


@pytest.mark.parametrize("side", ["negative", "positive"])
def test_too_little_text_is_an_error(side):
    """It names the side, what there is, what is needed, and the settings that do without a classifier."""
    texts = array([f"The text of number {number} is like no other." for number in range(40)])
    sides = {"positive": [texts], "negative": [texts]}
    sides[side] = [array([""])]
    with pytest.raises(InputError) as told:
        score.train(sides["positive"], sides["negative"], score.Settings(train=SMALL))
    text = str(told.value)
    assert f"score.train.{side} has 0 windows of text to train on and 0 held out" in text
    assert "a classifier needs 2 of each side" in text
    for setting in ("score.train.positive=[]", "score.train.negative=[]", "score.keep.rule=none"):
        assert f"--set {setting}" in text.replace("'", "")


def test_missing_and_broken_files(tmp_path, sides):
    with pytest.raises(InputError, match="does not exist"):
        score.load(str(tmp_path / "none"))
    (tmp_path / "junk").write_bytes(b"CFQUAL01\x10\x00\x00\x00{}")
    with pytest.raises(InputError, match="junk"):
        score.load(str(tmp_path / "junk"))
    prose, markup = sides
    model = score.train([array(prose)], [array(markup)], score.Settings(train=SMALL))
    (tmp_path / "cut").write_bytes(model.to_bytes()[:-5])
    with pytest.raises(InputError, match="cut"):
        score.load(str(tmp_path / "cut"))


def test_fasttext_line():
    assert spaced(["A b\nc\x00d", "你好world", "ไทย"]) == ["A b c d", "你 好 world", "ไ ท ย "]


def test_fasttext_label_is_checked(sides, tmp_path):
    prose, markup = sides
    train = score.TrainSettings(buckets_log2=10, dim=4, ngrams=1, samples=50)
    model = score.train(
        [array(prose)], [array(markup)], score.Settings(engine="fasttext", train=train)
    )
    score.save(model, str(tmp_path / "m.bin"))
    with pytest.raises(InputError, match="__label__good"):
        score.load(score.Settings(model=str(tmp_path / "m.bin"), label="__label__good"))
