"""K-way rows as a Parquet table, with the types written down.

JSON readers guess types from the first block of rows; a table says them.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from corpusforge.annotate.export.formats import kway
from corpusforge.annotate.export.group import Group

__all__ = ["KWAY", "kway_batch"]


def _text(*names: str) -> list[pa.Field]:
    return [pa.field(name, pa.string(), nullable=False) for name in names]


_RANKS = pa.field("ranks", pa.list_(pa.int32()), nullable=False)
_RANKING = pa.struct(
    [
        *_text("rater", "kind"),
        pa.field("round", pa.int32(), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        _RANKS,
    ]
)

KWAY = pa.schema(
    [
        *_text("prompt_id", "split"),
        pa.field("messages", pa.list_(pa.struct(_text("role", "content"))), nullable=False),
        *_text("language", "use_case", "origin"),
        pa.field("k", pa.int32(), nullable=False),
        pa.field(
            "candidates",
            pa.list_(pa.struct(_text("id", "text", "model", "params", "finish_reason"))),
            nullable=False,
        ),
        *_text("method"),
        _RANKS,
        pa.field("scores", pa.list_(pa.float64()), nullable=False),
        pa.field("errors", pa.list_(pa.float64()), nullable=False),
        pa.field("ties", pa.int32(), nullable=False),
        pa.field("n_rankings", pa.int32(), nullable=False),
        pa.field("rankings", pa.list_(_RANKING), nullable=False),
    ]
)


def kway_batch(groups: Sequence[Group]) -> pa.RecordBatch:
    """Return the K-way rows of the groups as one batch of `KWAY`."""
    return pa.RecordBatch.from_pylist([row for g in groups for row in kway(g)], schema=KWAY)
