"""A trained model as one file, and its scorer.

The file of `hashed_logreg`: the magic `CFQUAL02`, a uint32 with the length of a JSON header
(sorted keys), the header, the weights as little-endian float32. Equal models are equal bytes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.io.decoding import decode_json
from corpusforge.score.features import SEARCH, SHAPE, TOKENS, prose, score_texts
from corpusforge.text.classes import class_table, lower_table
from corpusforge.text.packed import packed

__all__ = ["MAGIC", "HashedModel", "Model", "Scorer", "sigmoid"]

MAGIC = b"CFQUAL02"
_HEADER = (
    "bias",
    "centre",
    "spread",
    "prose",
    "prior",
    "evidence",
    "slope",
    "shift",
    "ngrams",
    "marks",
    "window_bytes",
)


class Scorer(Protocol):
    """What gives each text a quality score."""

    def score(self, texts: pa.Array) -> NDArray[np.float32]:
        """Return a score in 0..1 for each text, float32 [n]; higher is better."""


class Model(Scorer, Protocol):
    """A scorer that was trained here and can be written."""

    @property
    def card(self) -> Mapping[str, Any]:
        """What it was trained on and how it did on the held-out windows."""

    def to_bytes(self) -> bytes:
        """Return the model as the bytes of one file."""


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 / (1 + e^-x) of each value.

    Both are float64, as [n] or of any other shape.
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(logits, -60.0, 60.0))))


@dataclass(frozen=True, slots=True, eq=False)
class HashedModel:
    """Logistic regression over hashed tokens: weights float32 [2^k], and how texts are read.

    A text's raw value is (logit - centre) / spread + prose * its shape of prose. Few words are
    little evidence: the value is drawn towards `prior`, the mean of the negatives, as if
    `evidence` words had been seen there. The score is sigmoid(slope * value + shift).
    """

    weights: NDArray[np.float32]
    bias: float
    centre: float
    spread: float
    prose: float
    prior: float
    evidence: float
    slope: float
    shift: float
    ngrams: int
    marks: bool
    window_bytes: int
    card: Mapping[str, Any]

    def parts(
        self, texts: pa.Array | Sequence[str]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return each text's mean window logit [n], and its counts [n, SHAPE] (see `features`)."""
        data, offsets = packed(texts)
        out = np.zeros(len(offsets) - 1)
        shapes = np.zeros((len(offsets) - 1, SHAPE), dtype=np.int64)
        score_texts(
            data,
            offsets,
            class_table(),
            lower_table(),
            self.marks,
            self.ngrams,
            self.window_bytes,
            SEARCH,
            self.weights,
            self.bias,
            out,
            shapes,
        )
        return out, shapes

    def totals(self, texts: pa.Array | Sequence[str]) -> NDArray[np.float64]:
        """Return each text's value before calibration, float64 [n]: what ranks texts."""
        logits, counts = self.parts(texts)
        raw = (logits - self.centre) / self.spread + self.prose * prose(counts)
        tokens = counts[:, TOKENS]
        return self.prior + (raw - self.prior) * (tokens / np.maximum(1, tokens + self.evidence))

    def score(self, texts: pa.Array | Sequence[str]) -> NDArray[np.float32]:
        """Return the calibrated probability that a text is of the positives' kind, float32 [n]."""
        return sigmoid(self.slope * self.totals(texts) + self.shift).astype(np.float32)

    def to_bytes(self) -> bytes:
        """Return the file's bytes."""
        header = {
            "kind": "hashed_logreg",
            **{name: getattr(self, name) for name in _HEADER},
            "card": dict(self.card),
        }
        text = json.dumps(header, sort_keys=True, ensure_ascii=False).encode()
        weights = np.ascontiguousarray(self.weights, dtype="<f4").tobytes()
        return MAGIC + struct.pack("<I", len(text)) + text + weights

    @classmethod
    def from_bytes(cls, data: bytes, name: str) -> HashedModel:
        """Read a file's bytes; raises InputError naming the file where they are no such model."""
        if data[: len(MAGIC)] != MAGIC:
            raise InputError(f"{name!r} is no model file of this version. Train it again.")
        try:
            (size,) = struct.unpack_from("<I", data, len(MAGIC))
            start = len(MAGIC) + 4
            header = decode_json(data[start : start + size])
            weights = np.frombuffer(data, dtype="<f4", offset=start + size).astype(np.float32)
            model = cls(weights, **{name: header[name] for name in _HEADER}, card=header["card"])
        except (ValueError, KeyError, struct.error) as error:
            raise InputError(
                f"{name!r} is no model file of this version ({error}). Train it again."
            ) from error
        power = len(weights) > 0 and len(weights) & (len(weights) - 1) == 0
        if not power or not np.isfinite(weights).all():
            raise InputError(f"{name!r} is damaged: its weights are incomplete. Train it again.")
        return model
