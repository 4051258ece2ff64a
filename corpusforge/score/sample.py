"""The windows a classifier is trained on, drawn by hash from streams of texts.

Every window has a key of (seed, its document's text, its place); the smallest keys are the sample.
So it depends on the texts alone, not on their order or number of files, memory holds the sample
only, and a text that comes twice counts once (for the last source that has it). Samples of some of
the texts each merge to the sample of all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.hashing import mix64, uniform, word64
from corpusforge.io.parquet import read_table, write_table
from corpusforge.score.features import SEARCH, window_bounds
from corpusforge.score.settings import TrainSettings
from corpusforge.text.packed import packed

__all__ = ["Texts", "Window", "draw", "merge", "read_windows", "write_windows"]

Texts = Iterable[pa.Array] | Mapping[str, Iterable[pa.Array]]
"""Batches of texts, or batches by the name of their source."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """One window of a document: its keys, its source and its UTF-8 bytes."""

    key: int
    document: int
    source: str
    text: bytes
    held_out: bool


def _document_windows(
    data: NDArray[np.uint8], start: int, end: int, source: str, settings: TrainSettings
) -> Iterator[Window]:
    """Yield the document's windows with the smallest keys, at most `windows_per_document`."""
    digest = hashlib.blake2b(data[start:end].tobytes(), digest_size=8).digest()
    document = int.from_bytes(digest, "little")
    bounds = window_bounds(data, start, end, settings.window_bytes, SEARCH)
    places = np.arange(len(bounds) - 1, dtype=np.uint64)
    keys = mix64(mix64(places + np.uint64(document)) ^ np.uint64(word64(settings.seed, "windows")))
    out = uniform(np.array([document], dtype=np.uint64), settings.seed, "held-out")[0]
    for k in np.argsort(keys, kind="stable")[: settings.windows_per_document].tolist():
        text = data[bounds[k] : bounds[k + 1]].tobytes()
        if text.strip():
            yield Window(int(keys[k]), document, source, text, bool(out < settings.held_out))


def _smallest(windows: list[Window], number: int) -> list[Window]:
    """Return the windows with the smallest keys, each once, in their order."""
    once = {(window.key, window.document): window for window in windows}
    return sorted(once.values())[:number]


def draw(texts: Texts, name: str, settings: TrainSettings) -> list[Window]:
    """Return the drawn windows of one side, by key; sources without a name are called `name`."""
    streams = texts.items() if isinstance(texts, Mapping) else [(name, texts)]
    sample: list[Window] = []
    for source, batches in streams:
        for batch in batches:
            data, offsets = packed(batch)
            for t in range(len(offsets) - 1):
                start, end = int(offsets[t]), int(offsets[t + 1])
                sample.extend(_document_windows(data, start, end, source, settings))
            if len(sample) > 4 * settings.samples:
                sample = _smallest(sample, settings.samples)
    return _smallest(sample, settings.samples)


def merge(samples: Iterable[list[Window]], settings: TrainSettings) -> list[Window]:
    """Return the sample of one side from samples of its texts, given in the order of the texts."""
    whole: list[Window] = []
    for sample in samples:
        whole = _smallest([*whole, *sample], settings.samples)
    return whole


_WINDOWS = pa.schema(
    [
        pa.field("key", pa.uint64(), nullable=False),
        pa.field("document", pa.uint64(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("text", pa.binary(), nullable=False),
        pa.field("held_out", pa.bool_(), nullable=False),
    ]
)


def write_windows(path: str, windows: Sequence[Window]) -> int:
    """Write windows as a table; return their number."""
    columns = [[getattr(window, name) for window in windows] for name in _WINDOWS.names]
    return write_table(path, pa.table(columns, schema=_WINDOWS))


def read_windows(path: str) -> list[Window]:
    """Return the windows of a file."""
    return [Window(**row) for row in read_table(path).to_pylist()]
