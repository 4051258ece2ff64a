"""Texts of some of the documents that a part drops, drawn by hash and redacted, for people to look at.

A document is kept as the rule saw it: extracted, its lines cleaned. Limits: only drops of steps that see
text (`identify`, `filter`) have one; what later stages drop stands in `documents/` as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pyarrow as pa

from corpusforge.hashing import id_keys, uniform
from corpusforge.records import DROPPED, Dropped, dropped_batch
from corpusforge.steps import Outcome, Verb, append_column

__all__ = ["SCHEMA", "Samples"]

SCHEMA = pa.schema(
    [*DROPPED, pa.field("lang", pa.string()), pa.field("text", pa.large_string(), nullable=False)]
)
_PURPOSE = "dropped_samples"
_Held = tuple[str, float, Dropped, pa.RecordBatch | None]


class Samples:
    """The `most` dropped documents of each rule with the lowest draws, of one part."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: list[_Held] = []

    def watched(self, verbs: Sequence[tuple[str, Verb]]) -> list[tuple[str, Verb]]:
        """Return opened steps whose drops are noted with the text that they saw."""
        if not self._most:
            return list(verbs)
        return [(stage, self._watched(verb)) for stage, verb in verbs]

    def _watched(self, verb: Verb) -> Verb:
        def of(rows: pa.RecordBatch) -> Outcome:
            outcome = verb(rows)
            if outcome.dropped:
                self._note(rows, outcome.dropped)
            return outcome

        return of

    def _note(self, rows: pa.RecordBatch, dropped: Sequence[Dropped]) -> None:
        draws = uniform(id_keys(row.id for row in dropped), 0, _PURPOSE)
        fresh: list[_Held] = [
            (row.rule, float(draw), row, None) for row, draw in zip(dropped, draws, strict=True)
        ]
        held = sorted([*self._held, *fresh], key=lambda held: (held[0], held[1], held[2].id))
        lowest = [
            one for _, own in groupby(held, lambda h: h[0]) for one in list(own)[: self._most]
        ]
        if all(one[3] is not None for one in lowest):
            return
        places = {name: place for place, name in enumerate(rows.column("id").to_pylist())}
        # A slice would hold the whole batch; a row is taken once it is known to stay, and once.
        self._held = [
            one if one[3] is not None else (*one[:3], rows.take(pa.array([places[one[2].id]])))
            for one in lowest
        ]

    def redacted(self, redact: Verb) -> pa.RecordBatch:
        """Return the documents as one batch of `SCHEMA`, ordered by rule and draw.

        `redact` is the opened step; a document that it fails on is left out.
        """
        if not self._held:
            return pa.RecordBatch.from_pylist([], schema=SCHEMA)
        batches = [held[3] for held in self._held if held[3] is not None]
        rows = redact(pa.Table.from_batches(batches).combine_chunks().to_batches()[0]).rows
        told = {held[2].id: held[2] for held in self._held}
        named = dropped_batch(told[name] for name in rows.column("id").to_pylist())
        return append_column(append_column(named, "lang", rows.column("lang")), "text",
                             rows.column("text")).cast(SCHEMA)  # fmt: skip
