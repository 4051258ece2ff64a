"""score: how much a document looks like text worth training on, and which documents stay.

Three classifiers behind one interface: GPT-3's hashed tokens with logistic regression, scored by a
fused kernel, DCLM's fastText, and a transformer encoder where torch is installed. Limit: a score
says which of the two training sides a text is like; choose the sides accordingly (`docs/score.md`
compares recipes).
"""

from __future__ import annotations

from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.score import encoder, fasttext_model
from corpusforge.score.evaluation import evaluate
from corpusforge.score.model import MAGIC, HashedModel, Model, Scorer
from corpusforge.score.settings import EncoderSettings, KeepSettings, Settings, TrainSettings
from corpusforge.score.training import train, train_on

__all__ = [
    "EncoderSettings",
    "HashedModel",
    "KeepSettings",
    "Model",
    "Scorer",
    "Settings",
    "TrainSettings",
    "evaluate",
    "load",
    "save",
    "train",
    "train_on",
]


def save(model: Model, path: str) -> None:
    """Write a model as one file, atomically; equal models give equal bytes."""
    files.write_bytes(path, model.to_bytes())


def load(source: str | Settings) -> Model:
    """Read a model: ours, or any fastText file (`Settings.label` names its good label).

    A local directory is read as a Hugging Face sequence classifier.

    Raises InputError naming the file where it is missing or no model.
    """
    settings = source if isinstance(source, Settings) else Settings(model=source)
    path = settings.model
    if path and Path(path).is_dir():
        return encoder.open_directory(path, settings.label)
    if not path or not files.exists(path):
        raise InputError(f"score.model {path!r} does not exist. Train one, or give its path.")
    with files.open_raw(path) as stream:
        magic = stream.read(len(MAGIC))
    if magic.startswith(fasttext_model.MAGIC) and not files.is_remote(path):
        return fasttext_model.load_fasttext(path, settings.label, {})
    if magic == encoder.MAGIC:
        return encoder.EncoderModel.from_bytes(files.read_bytes(path), path)
    return HashedModel.from_bytes(files.read_bytes(path), path)
