"""tokenize as a step: the ids of every document, with the ids that delimit it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.steps import Outcome, Verb, append_column
from corpusforge.tokenize.settings import Settings
from corpusforge.tokenize.tokenizer import Tokenizer, load

__all__ = ["Tokenize", "delimited", "tokenize_rows"]


@dataclass(frozen=True, slots=True)
class Tokenize:
    """Add the column `ids`: a list of uint16 or uint32 per document, its end id last."""

    stage: ClassVar[str] = "tokenize"
    settings: Settings = field(default_factory=Settings)
    trained: str | None = None
    """Ranks file of a tokenizer that the run trained; for `tokenizer = "train"`."""

    def open(self) -> Verb:
        """Load the tokenizer and return the verb. Raises InputError where there is none."""
        return partial(tokenize_rows, tokenizer=load(self.settings, self.trained))


def tokenize_rows(rows: pa.RecordBatch, tokenizer: Tokenizer) -> Outcome:
    """Return the rows with the ids of each text. An empty text has its delimiting ids only."""
    ids, lengths, _ = delimited(rows.column("text"), tokenizer)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    column = pa.LargeListArray.from_arrays(pa.array(offsets, type=pa.int64()), pa.array(ids))
    return Outcome(rows=append_column(rows, "ids", column))


def delimited(
    texts: pa.Array, tokenizer: Tokenizer
) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Return the texts' ids with delimiting ids, flat in the tokenizer's dtype, their lengths, and how
    many characters of each text have no id.

    `texts` are strings [texts]; ids are [tokens], the other two int64 [texts].
    """
    ids, offsets, unknown = tokenizer.counted(texts)
    extra = 1 if tokenizer.start_id is None else 2
    lengths = np.diff(offsets) + extra
    ends = np.cumsum(lengths)
    out = np.full(len(ids) + extra * len(lengths), tokenizer.end_id, dtype=tokenizer.dtype)
    inside = np.ones(len(out), dtype=bool)
    inside[ends - 1] = False
    if tokenizer.start_id is not None:
        inside[ends - lengths] = False
        out[ends - lengths] = tokenizer.start_id
    out[inside] = ids
    return out, lengths, unknown
