"""score as a step: a number for every document, which later rules read; nothing is dropped here."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

import numpy as np
import pyarrow as pa

from corpusforge.score import Scorer, load
from corpusforge.score.settings import Settings
from corpusforge.steps import Outcome, Verb, append_column

__all__ = ["Score", "score_rows"]


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
