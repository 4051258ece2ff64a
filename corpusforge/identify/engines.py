"""Engines that name the language of a text: CLD2 and fastText's lid.176, loaded once a process.

CLD2 (Sites 2013) carries its tables inside the wheel of pycld2: about 80 languages well, Chinese
included, no file needed. lid.176 (Joulin et al. 2016) is a file of 0.9 MB (ftz) or 126 MB (bin).
The raw fastText handle is used: `predict(str)` fails with numpy 2. Limits: CLD2's score is the
share of the text it gives to the language, fastText's is a probability; they are not comparable.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from corpusforge.errors import InputError
from corpusforge.identify.labels import UNKNOWN, canonical
from corpusforge.identify.settings import Settings
from corpusforge.io import files

__all__ = ["ENGINES", "Engine"]

Engine = Callable[[bytes], tuple[str, float]]
"""Takes one sliced text, UTF-8 without controls; returns (label, score 0..1)."""


def _pycld2(settings: Settings) -> Engine:
    import pycld2

    def engine(text: bytes) -> tuple[str, float]:
        try:
            _, _, details = pycld2.detect(text, isPlainText=True, bestEffort=True)
        except pycld2.error:  # a code point that CLD2's tables do not hold
            return UNKNOWN, 0.0
        label = canonical(details[0][1])
        return label, 0.0 if label == UNKNOWN else details[0][2] / 100.0

    return engine


@functools.cache
def _fasttext_model(path: str) -> object:
    import fasttext

    if files.is_remote(path) or not files.exists(path):
        raise InputError(
            f"identify.model {path!r} is not a local file. Fetch lid.176.ftz and give its path, "
            'or use engine "pycld2".'
        )
    try:
        return fasttext.FastText._FastText(model_path=path)
    except (ValueError, RuntimeError) as error:
        raise InputError(f"identify.model {path!r} is no fastText model: {error}") from error


def _lid176(settings: Settings) -> Engine:
    predict = _fasttext_model(settings.model).f.predict  # type: ignore[attr-defined]

    def engine(text: bytes) -> tuple[str, float]:
        if not text.strip():
            return UNKNOWN, 0.0
        found = predict(text.decode("utf-8") + "\n", 1, 0.0, "strict")
        if not found:
            return UNKNOWN, 0.0
        probability, label = found[0]
        return canonical(label), min(1.0, probability)

    return engine


ENGINES: dict[str, Callable[[Settings], Engine]] = {"lid176": _lid176, "pycld2": _pycld2}
"""Engine builders by the name a recipe gives."""
