"""identify: which language a document is written in, from short slices of it.

Engines are compared and slices were chosen by measurement (`docs/identify.md`). Limit: one label
a document; mixed documents get the language of most of their sliced text (`mixed` goes by
paragraphs).
"""

from __future__ import annotations

import functools
from collections import Counter

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.identify.engines import ENGINES, Engine
from corpusforge.identify.labels import UNKNOWN
from corpusforge.identify.paragraphs import Paragraphs, only, paragraphs
from corpusforge.identify.scripts import scripts
from corpusforge.identify.settings import Settings
from corpusforge.identify.slices import cut
from corpusforge.text.packed import packed

__all__ = [
    "UNKNOWN",
    "Paragraphs",
    "Settings",
    "by_paragraph",
    "identify",
    "keep",
    "mixed",
    "scripts",
]


@functools.cache
def _engine(settings: Settings) -> Engine:
    return ENGINES[settings.engine](settings)


def identify(
    texts: pa.Array, settings: Settings | None = None
) -> tuple[list[str], NDArray[np.float32]]:
    """Return (label, score) of each text: ISO 639-1/-3 or "und", and float32 [n] in 0..1.

    Slices are read first, and the full text where they leave doubt. The engine is loaded once per
    process. Raises InputError where a model file cannot be read.
    """
    settings = settings or Settings()
    found = _read(texts, settings, settings.slice_bytes)
    if settings.slice_bytes:
        sliced = settings.slice_bytes * len(settings.places)
        _, offsets = packed(texts)
        longer = (np.diff(offsets) > sliced).tolist()
        unsure = [i for i, (_, s) in enumerate(found) if s < settings.sure and longer[i]]
        rest = texts.take(pa.array(unsure, pa.int64()))
        for i, again in zip(unsure, _read(rest, settings, 0), strict=True):
            found[i] = again
    scores = np.fromiter((score for _, score in found), dtype=np.float32, count=len(found))
    return [label for label, _ in found], scores


def _read(texts: pa.Array, settings: Settings, slice_bytes: int) -> list[tuple[str, float]]:
    engine = _engine(settings)
    return engine(*cut(texts, settings.places, slice_bytes))


def keep(labels: list[str], scores: NDArray[np.float32], settings: Settings) -> NDArray[np.bool_]:
    """Return which documents the recipe's languages keep, bool [n]; all where it names none."""
    if not settings.languages:
        return np.ones(len(labels), dtype=np.bool_)
    wanted = frozenset(settings.languages)
    named = np.fromiter((label in wanted for label in labels), dtype=np.bool_, count=len(labels))
    return named & (np.asarray(scores) >= settings.min_score)


def by_paragraph(texts: pa.Array, settings: Settings | None = None) -> list[Paragraphs]:
    """Return the language of each paragraph of each text (see `paragraphs`).

    `texts` are strings [documents], and so many results.
    """
    chosen = settings or Settings()
    return paragraphs(texts, lambda lines: _read(lines, chosen, 0))


def mixed(texts: pa.Array, settings: Settings) -> tuple[pa.Array, Counter[str]]:
    """Do what `settings.paragraphs` says: return (texts, notes for the ledger).

    Notes are `paragraphs:LANG`, `paragraph_bytes:LANG` and `mixed` (documents), and where paragraphs
    are cut `paragraphs_cut:LANG`.
    `texts` are strings [documents], given and returned.
    """
    notes: Counter[str] = Counter()
    if not settings.paragraphs:
        return texts, notes
    out = []
    wanted = frozenset(settings.languages)
    for text, found in zip(texts.to_pylist(), by_paragraph(texts, settings), strict=True):
        notes.update(f"paragraphs:{label}" for label in found.labels if label)
        notes.update({f"paragraph_bytes:{label}": n for label, n in found.sizes().items()})
        notes["mixed"] += found.mixed
        if settings.paragraphs == "keep":
            rest, cut = only(found, wanted)
            notes.update({f"paragraphs_cut:{label}": n for label, n in cut.items()})
            out.append(rest)
        else:
            out.append(text)
    return pa.array(out, type=pa.large_string()), notes
