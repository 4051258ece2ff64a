"""DCLM's classifier: fastText supervised over words and word pairs (Li et al. 2024).

The model file is fastText's own .bin, so published ones (DCLM's, label `__label__hq`) load as they
are, read and asked by our own kernel (`text.fasttext_kernel`). Training runs in a subprocess with one
thread and with MALLOC_PERTURB_=255: fastText 0.9.3 starts from uninitialised memory, which glibc then
fills with zeros. The result must be finite. Limits: on musl or macOS train with fastText 0.9.2; a text
is one line, so its length does shift its score.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.identify.model_file import open_model
from corpusforge.io import files
from corpusforge.score.segment import spaced
from corpusforge.score.settings import TrainSettings
from corpusforge.text.fasttext_file import MAGIC, FastText, read
from corpusforge.text.packed import packed

__all__ = ["LABELS", "MAGIC", "FastTextModel", "load_fasttext", "train_fasttext"]

LABELS = ("__label__cc", "__label__hq")  # DCLM's names for crawl and high quality

_CHILD = """
import json, sys
import numpy
try:
    from fasttext import train_supervised
except ImportError:
    sys.exit("no fastText that trains is installed (fasttext-wheel has wheels for Python 3.11 and 3.12); "
             "train there, or use score.engine = 'hashed_logreg'")
source, target, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
model = train_supervised(source, thread=1, verbose=0, **options)
for matrix in (model.get_input_matrix(), model.get_output_matrix()):
    if not numpy.isfinite(matrix).all():
        sys.exit("the trained matrices are not finite")
model.save_model(target)
"""


@dataclass(frozen=True, slots=True, eq=False)
class FastTextModel:
    """A fastText classifier; the score is the probability of `label`."""

    model: FastText
    file: bytes | str
    label: str
    card: Mapping[str, Any]

    def score(self, texts: pa.Array | Sequence[str]) -> NDArray[np.float32]:
        """Return the probability of the label for each text, float32 [n]."""
        data, offsets = packed(spaced(texts))
        labels, scores = self.model.predict(data, offsets, len(self.model.labels))
        wanted = labels == self.model.labels.index(self.label)
        return np.minimum((scores * wanted).sum(axis=1), 1, dtype=np.float32)

    def to_bytes(self) -> bytes:
        """Return the bytes of fastText's file."""
        return self.file if isinstance(self.file, bytes) else files.read_bytes(self.file)


def load_fasttext(path: str, label: str, card: Mapping[str, Any]) -> FastTextModel:
    """Open a fastText file; raises InputError where it is none or has no such label."""
    model = open_model(path, "score.model")
    if label not in model.labels:
        raise InputError(f"score.label is {label!r}, but {path!r} has {', '.join(model.labels)}.")
    return FastTextModel(model, path, label, card)


def train_fasttext(
    texts: Sequence[str], labels: NDArray[np.bool_], settings: TrainSettings
) -> FastTextModel:
    """Train on texts in the given order; raises InputError where fastText fails.

    `labels` are bool [texts], true for good ones.
    """
    options = {
        "bucket": 1 << settings.buckets_log2,
        "dim": settings.dim,
        "epoch": settings.epochs,
        "lr": settings.rate,
        "minCount": 1,
        "seed": settings.seed,
        "wordNgrams": settings.ngrams,
    }
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "train.txt", Path(folder) / "model.bin"
        with source.open("w", encoding="utf-8") as stream:
            for line, good in zip(spaced(texts), labels, strict=True):
                stream.write(f"{LABELS[int(good)]} {line}\n")
        command = [sys.executable, "-c", _CHILD, str(source), str(target), json.dumps(options)]
        environment = {**os.environ, "MALLOC_PERTURB_": "255"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            raise InputError(f"fastText did not train: {done.stderr.strip().splitlines()[-1:]}.")
        made = target.read_bytes()
        return FastTextModel(read(made), made, LABELS[1], {})
