"""score as a step: a number for every document, which later rules read; nothing is dropped here."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
import pyarrow as pa

from corpusforge.hashing import id_keys
from corpusforge.score import Scorer, load
from corpusforge.score.selection import bound_text, keep
from corpusforge.score.settings import KeepSettings, Settings
from corpusforge.steps import Outcome, Verb, append_column, dropped, without

__all__ = ["Keep", "Score", "score_rows"]


@dataclass(frozen=True, slots=True)
class Score:
    """Add the column `score` (float32, 0..1, higher is more like the positives); 1 without a model."""

    stage: ClassVar[str] = "score"
    settings: Settings = field(default_factory=Settings)

    def open(self) -> Verb:
        """Load the model and return the verb. Raises InputError where the file is no model."""
        scorer = load(self.settings) if self.settings.model else None
        return partial(score_rows, scorer=scorer)


def score_rows(rows: pa.RecordBatch, scorer: Scorer | None, column: str = "score") -> Outcome:
    """Return the rows with each text's score."""
    ones = np.ones(rows.num_rows, dtype=np.float32)
    values = scorer.score(rows.column("text")) if scorer and rows.num_rows else ones
    return Outcome(rows=append_column(rows, column, pa.array(values, type=pa.float32())))


@dataclass(frozen=True, slots=True)
class Keep:
    """Drop documents by their `score`, as a recipe's [score.keep] says.

    Every rule but `top` judges a document by itself; `top` sees the batch alone, so a caller gives it all.
    """

    stage: ClassVar[str] = "score"
    settings: KeepSettings = field(default_factory=KeepSettings)
    seed: int = 0

    def open(self) -> Verb:
        """Return the verb."""
        return self._rows

    def _rows(self, rows: pa.RecordBatch) -> Outcome:
        scores = np.asarray(rows.column("score"), dtype=np.float32)
        ids, sources = rows.column("id").to_pylist(), rows.column("source").to_pylist()
        languages = [lang or "" for lang in rows.column("lang").to_pylist()]
        stays = keep(scores, id_keys(ids), self.settings, self.seed, sources, languages)
        gone = np.flatnonzero(~stays).tolist()
        bound = bound_text(self.settings)
        reasons = [(self.settings.rule, f"{scores[place]:.4f}", bound) for place in gone]
        return Outcome(rows=without(rows, gone), dropped=dropped(rows, gone, "score", reasons))
