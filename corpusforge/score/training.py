"""Training a quality classifier from two streams of texts, and judging it on held-out windows.

Method: windows of equal size drawn by hash (`sample`), both sides weighing the same, hashed_logreg
(`logreg`), fastText (`fasttext_model`) or an encoder (`encoder`); documents held out by hash are
never trained on. The same texts and settings give the same bytes in any order. Limit: the held-out
figures say how well the two sides are told apart, which is not yet how good the text is for training.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.identify import Settings as IdentifySettings
from corpusforge.identify import identify
from corpusforge.io.decoding import decode_json
from corpusforge.score.encoder import EncoderModel, train_encoder
from corpusforge.score.evaluation import evaluate
from corpusforge.score.fasttext_model import FastTextModel, train_fasttext
from corpusforge.score.features import count_features
from corpusforge.score.languages import matched
from corpusforge.score.logreg import calibrate, fit
from corpusforge.score.model import HashedModel, Model
from corpusforge.score.sample import Texts, Window, draw
from corpusforge.score.settings import Settings, TrainSettings
from corpusforge.text.classes import class_table, lower_table
from corpusforge.text.packed import packed

__all__ = ["LEAST", "too_little", "train", "train_on"]

LEAST = 2
"""Fewest windows of a side to train on."""


def _texts(windows: Sequence[Window]) -> list[str]:
    return [window.text.decode("utf-8") for window in windows]


def _hashed(
    texts: list[str],
    labels: NDArray[np.bool_],
    held: tuple[list[str], NDArray[np.bool_]],
    settings: TrainSettings,
    shares: NDArray[np.float64],
) -> tuple[HashedModel, dict[str, Any]]:
    data, offsets = packed(texts)
    tables = (class_table(), lower_table())
    buckets = 1 << settings.buckets_log2
    rows = count_features(data, offsets, *tables, settings.marks, settings.ngrams, buckets)
    # both sides weigh as much as half the windows each
    good = 0.5 * shares / (shares[labels].mean() * labels.mean())
    weights = np.where(labels, good, 0.5 / (~labels).mean())
    found, bias, passes = fit(
        rows, labels, settings.regularisation * weights, buckets, settings.seed
    )
    model = HashedModel(
        weights=found,
        bias=bias,
        centre=0.0,
        spread=1.0,
        prose=settings.prose,
        prior=0.0,
        evidence=0.0,
        slope=1.0,
        shift=0.0,
        ngrams=settings.ngrams,
        marks=settings.marks,
        window_bytes=settings.window_bytes,
        card={},
    )
    unseen, truth = held if held[1].any() and not held[1].all() else (texts, labels)
    logits, _ = model.parts(unseen)
    sides = [logits[truth], logits[~truth]]  # both sides weigh the same here too
    centre = float(np.mean([side.mean() for side in sides]))
    spread = float(np.sqrt(np.mean([((side - centre) ** 2).mean() for side in sides])))
    model = replace(model, centre=centre, spread=max(1e-6, spread))
    prior = float(model.totals(unseen)[~truth].mean())
    model = replace(model, prior=prior, evidence=settings.evidence)
    slope, shift = calibrate(model.totals(unseen), truth)
    return replace(model, slope=slope, shift=shift), {"passes": passes}


def _check(windows: Sequence[Window], side: str) -> None:
    learned = sum(not window.held_out for window in windows)
    if learned < LEAST:
        raise InputError(too_little(side, learned, f" and {len(windows) - learned} held out"))


def too_little(side: str, learned: int, where: str) -> str:
    """Return the message about a side (`positive`, `negative`) that has fewer than `LEAST` windows.

    `learned`: windows to train on; `where`: words that follow their number.
    """
    return (
        f"score.train.{side} has {learned} windows of text to train on{where}; a classifier needs {LEAST} "
        "of each side. Give its sources more text, or run without a classifier: --set "
        "'score.train.positive=[]' --set 'score.train.negative=[]' --set score.keep.rule=none"
    )


def train(positive: Texts, negative: Texts, settings: Settings) -> Model:
    """Train on texts to keep (`positive`) and raw ones (`negative`); batches, or batches by source.

    Returns a model whose `card` holds the counts, the settings and the held-out figures. Raises
    InputError where a side has too little text.
    """
    sides = (draw(negative, "negative", settings.train), draw(positive, "positive", settings.train))
    return train_on(*sides, settings)


def train_on(negative: list[Window], positive: list[Window], settings: Settings) -> Model:
    """Train on the windows of both sides as they were drawn, like `train`."""
    sides = (negative, positive)
    for windows, name in zip(sides, ("negative", "positive"), strict=True):
        _check(windows, name)
    weighed = matched(negative, positive) if settings.train.match_languages else []
    weights = {(window.key, window.document): weight for window, weight in weighed}
    everything = sorted((w.key, w.document, side, w) for side in (0, 1) for w in sides[side])
    parts = {
        held: [(w, bool(side)) for *_, side, w in everything if w.held_out is held]
        for held in (False, True)
    }
    labels = {held: np.array([good for _, good in rows], bool) for held, rows in parts.items()}
    windows_of = {held: [w for w, _ in rows] for held, rows in parts.items()}
    learned, judged = _texts(windows_of[False]), _texts(windows_of[True])
    model: Model
    extra: dict[str, Any] = {}
    if settings.engine == "fasttext":
        model = train_fasttext(learned, labels[False], settings.train)
    elif settings.engine == "encoder":
        model = train_encoder(learned, labels[False], (judged, labels[True]), settings.train)
    else:
        shares = np.array([weights.get((w.key, w.document), 1.0) for w in windows_of[False]])
        held = (judged, labels[True])
        model, extra = _hashed(learned, labels[False], held, settings.train, shares)
    figures = {}
    if judged:
        held_array = pa.array(judged, pa.large_string())
        languages, _ = identify(held_array, IdentifySettings(engine="pycld2"))
        names = [window.source for window in windows_of[True]]
        figures = evaluate(model.score(held_array), labels[True], names, languages)
    card = {
        "engine": settings.engine,
        "settings": asdict(settings.train),
        "windows": _counts(sides),
        "held_out": figures,
        **extra,
    }
    assert isinstance(model, HashedModel | FastTextModel | EncoderModel)
    return replace(model, card=decode_json(json.dumps(card)))  # as it will be read back


def _counts(sides: tuple[list[Window], list[Window]]) -> dict[str, dict[str, int]]:
    """Return the number of drawn windows by side and source."""
    return {
        name: {
            source: sum(window.source == source for window in windows)
            for source in sorted({window.source for window in windows})
        }
        for name, windows in zip(("negative", "positive"), sides, strict=True)
    }
