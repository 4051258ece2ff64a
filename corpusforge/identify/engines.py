"""Engines that name the language of a text: CLD2, fastText's lid.176, and both voting.

CLD2 (Sites 2013) carries its tables inside the wheel of pycld2: about 80 languages well, Chinese
included, no file needed. lid.176 (Joulin et al. 2016) is a file of 0.9 MB (ftz) or 126 MB (bin).
The raw fastText handle is used: `predict(str)` fails with numpy 2. CLD2's score is made a probability by
`confidence`, fastText's is one. Limit: `blend` adds fastText's probabilities and CLD2's shares of the text,
which is a vote, not a probability.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from corpusforge.errors import InputError
from corpusforge.identify.confidence import confidence
from corpusforge.identify.labels import UNKNOWN, canonical
from corpusforge.identify.model_file import check, fetched
from corpusforge.identify.settings import Settings
from corpusforge.io import files

__all__ = ["ENGINES", "Detail", "Engine", "cld2_details"]

Engine = Callable[[bytes], tuple[str, float]]
"""Takes one sliced text, UTF-8 without controls; returns (label, score 0..1)."""


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


def _pycld2(settings: Settings) -> Engine:
    def engine(text: bytes) -> tuple[str, float]:
        found = cld2_details(text)
        if not found:
            return UNKNOWN, 0.0
        label, share, score = found[0]
        second = found[1].share if len(found) > 1 else 0.0
        return label, confidence(label, score, len(text), share, second)

    return engine


@functools.cache
def _fasttext_model(path: str) -> Any:
    import fasttext

    if not files.exists(path):
        raise InputError(
            f"identify.model {path!r} does not exist. Fetch it by `corpusforge models "
            'fetch lid.176`, give the path of lid.176.ftz, or use engine "pycld2".'
        )
    try:
        with files.on_disk(path) as local:
            check(local, "identify.model", path)
            return fasttext.FastText._FastText(model_path=local)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"identify.model {path!r} is no fastText model: {error}") from error


def _lid176_votes(predict: Any, text: bytes, number: int) -> Votes:
    if not text.strip():
        return []
    found = predict(text.decode("utf-8") + "\n", number, 0.0, "strict")
    return [(canonical(label), min(1.0, probability)) for probability, label in found]


def _lid176(settings: Settings) -> Engine:
    predict = _fasttext_model(settings.model or fetched()).f.predict

    def engine(text: bytes) -> tuple[str, float]:
        votes = _lid176_votes(predict, text, 1)
        return votes[0] if votes else (UNKNOWN, 0.0)

    return engine


def _blend(settings: Settings) -> Engine:
    predict = _fasttext_model(settings.model or fetched()).f.predict

    def engine(text: bytes) -> tuple[str, float]:
        first, second = _lid176_votes(predict, text, 5), _cld2_votes(text)
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

    return engine


ENGINES: dict[str, Callable[[Settings], Engine]] = {
    "blend": _blend,
    "lid176": _lid176,
    "pycld2": _pycld2,
}
"""Engine builders by the name a recipe gives."""
