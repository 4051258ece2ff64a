"""Engines that name the language of a text: CLD2, fastText's lid.176, and both voting.

CLD2 (Sites 2013) carries its tables inside the wheel of pycld2: about 80 languages well, Chinese
included, no file needed. lid.176 (Joulin et al. 2016) is a file of 0.9 MB (ftz) or 126 MB (bin).
CLD2's score is made a probability by `confidence`, fastText's is one. Limit: `blend` adds fastText's
probabilities and CLD2's shares of the text, which is a vote, not a probability.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.identify.confidence import confidence
from corpusforge.identify.labels import UNKNOWN, canonical
from corpusforge.identify.model_file import fetched, open_model
from corpusforge.identify.settings import Settings

__all__ = ["ENGINES", "Detail", "Engine", "cld2_details"]

Found = list[tuple[str, float]]
Engine = Callable[[NDArray[np.uint8], NDArray[np.int64]], Found]
"""Takes sliced texts, packed (`text.packed`), UTF-8 without controls; returns (label, score 0..1) of each."""

Votes = list[tuple[str, float]]  # labels with their scores, best first

CLD2_WEIGHT = 0.7  # of CLD2's vote beside lid.176's; the reasons stand in docs/identify.md
CLD2_STRANGE = 0.2  # the same where CLD2 does not know the language that lid.176 names


class Detail(NamedTuple):
    """What CLD2 says of one language: label, share of the text (0..1), score per kilobyte."""

    label: str
    share: float
    score: float


def cld2_details(text: bytes) -> list[Detail]:
    """Return the languages that CLD2 sees in a text, at most three, most of it first."""
    import pycld2

    try:
        _, _, details = pycld2.detect(text, isPlainText=True, bestEffort=True)
    except pycld2.error:  # a code point that CLD2's tables do not hold
        return []
    found = [Detail(canonical(code), percent / 100.0, score) for _, code, percent, score in details]
    return [detail for detail in found if detail.label != UNKNOWN]


def _cld2_votes(text: bytes) -> Votes:
    return [(label, share) for label, share, _ in cld2_details(text)]


@functools.cache
def _cld2_labels() -> frozenset[str]:
    import pycld2

    return frozenset(canonical(code) for _, code in pycld2.LANGUAGES)


def _texts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> list[bytes]:
    whole = data.tobytes()
    return [whole[start:end] for start, end in itertools.pairwise(offsets.tolist())]


def _pycld2(settings: Settings) -> Engine:
    def named(text: bytes) -> tuple[str, float]:
        found = cld2_details(text)
        if not found:
            return UNKNOWN, 0.0
        label, share, score = found[0]
        second = found[1].share if len(found) > 1 else 0.0
        return label, confidence(label, score, len(text), share, second)

    return lambda data, offsets: [named(text) for text in _texts(data, offsets)]


def _lid176_votes(settings: Settings, number: int) -> Callable[..., list[Votes]]:
    """Return what says the best labels of each text, none for a blank one."""
    model = open_model(settings.model or fetched(), "identify.model")
    names = [canonical(label) for label in model.labels]

    def votes(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> list[Votes]:
        labels, scores = model.predict(data, offsets, number)
        found = [
            [
                (names[label], min(1.0, score))
                for label, score in zip(*row, strict=True)
                if label >= 0
            ]
            for row in zip(labels.tolist(), scores.tolist(), strict=True)
        ]
        texts = _texts(data, offsets)
        return [row if text.strip() else [] for row, text in zip(found, texts, strict=True)]

    return votes


def _lid176(settings: Settings) -> Engine:
    votes = _lid176_votes(settings, 1)
    return lambda data, offsets: [row[0] if row else (UNKNOWN, 0.0) for row in votes(data, offsets)]


def _blend(settings: Settings) -> Engine:
    votes = _lid176_votes(settings, 5)

    def blended(first: Votes, second: Votes) -> tuple[str, float]:
        known = not first or first[0][0] in _cld2_labels()
        weight = CLD2_WEIGHT if known else CLD2_STRANGE
        totals: dict[str, float] = {}
        for label, score in first:
            totals[label] = totals.get(label, 0.0) + score
        for label, score in second:
            totals[label] = totals.get(label, 0.0) + weight * score
        if not totals:
            return UNKNOWN, 0.0
        best = max(sorted(totals), key=totals.__getitem__)
        return best, totals[best] / (1.0 + weight)

    def engine(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Found:
        others = map(_cld2_votes, _texts(data, offsets))
        return list(map(blended, votes(data, offsets), others))

    return engine


ENGINES: dict[str, Callable[[Settings], Engine]] = {
    "blend": _blend,
    "lid176": _lid176,
    "pycld2": _pycld2,
}
"""Engine builders by the name a recipe gives."""
