"""From hits to edits: which characters go, which documents go.

gpt3.v1 and fuzzy.v1 cut (Brown et al. 2020, appendix C: 200 characters on either side of a hit,
pieces below 200 characters removed, more than 10 pieces: the document goes). The n-gram rules drop
the document; so does the bound on the search, for what was not searched may hold anything. Ours
differs from the paper in one thing: the pieces stay one document, parted by the separator, so that
an id still names one text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.settings import BOUND_RULES, Settings

__all__ = ["CUTTING", "EDITS", "Edit", "edits", "frequent_grams", "gram_counts"]

EDITS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),  # characters (code points), from 0
        pa.field("end", pa.int64(), nullable=False),
        pa.field("replacement", pa.string(), nullable=False),
        pa.field("drop", pa.bool_(), nullable=False),
        pa.field("benchmark", pa.string(), nullable=False),
        pa.field("item", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
    ]
)

CUTTING = ("gpt3.v1", "fuzzy.v1")
"""Rules that cut; the others drop the document."""


class Edit(NamedTuple):
    """Characters start:end of a text (code points, as Python slices) become `replacement`."""

    start: int
    end: int
    replacement: str


def frequent_grams(hits: pa.Table, max_documents: int) -> set[int]:
    """Return the grams that hit more than `max_documents` documents; 0: none is too frequent.

    `hits` are those of the whole corpus, `document` unique in it (an id or a number).
    """
    if max_documents == 0:
        return set()
    counts = gram_counts(hits)
    often = pc.greater(counts["documents"], max_documents)
    return set(counts["gram"].filter(often).to_pylist())


def gram_counts(hits: pa.Table) -> pa.Table:
    """Return how many documents each gram hits, as rows (gram, documents); those of disjoint hits add up."""
    real = hits.select(["document", "gram"]).filter(pc.greater_equal(hits["gram"], 0))
    pairs = real.group_by(["document", "gram"]).aggregate([])
    counts = pairs.group_by("gram").aggregate([("document", "count")])
    return pa.table({"gram": counts["gram"], "documents": counts["document_count"]})


def _cuts(rows: Sequence[Mapping[str, Any]], size: int, settings: Settings) -> list[list[int]]:
    """Return merged [start, end, first row] of the windows around rows that are sorted by start."""
    cuts: list[list[int]] = []
    for number, row in enumerate(rows):
        start, end = max(0, row["start"] - settings.window), min(size, row["end"] + settings.window)
        if cuts and start <= cuts[-1][1]:
            cuts[-1][1] = max(cuts[-1][1], end)
        else:
            cuts.append([start, end, number])
    return cuts


def _swallow(cuts: Sequence[Sequence[int]], size: int, least: int) -> list[list[int]]:
    """Return the cuts widened over every piece between them that is shorter than `least`."""
    wide: list[list[int]] = []
    for start, end, number in cuts:
        if wide and start - wide[-1][1] < least:
            wide[-1][1] = end
        else:
            wide.append([start if wide or start >= least else 0, end, number])
    if wide and size - wide[-1][1] < least:
        wide[-1][1] = size
    return wide


def _document(
    rows: Sequence[Mapping[str, Any]], size: int, settings: Settings
) -> list[tuple[int, int, str, bool, int]]:
    """Return (start, end, replacement, drop, number of the row that caused it) for one document."""
    dropping = [n for n, row in enumerate(rows) if row["rule"] not in CUTTING]
    if dropping:
        cause = min(dropping, key=lambda n: rows[n]["rule"] in BOUND_RULES)  # a finding says more
        return [(0, size, "", True, cause)]
    cuts = _cuts(rows, size, settings)
    pieces = len(cuts) + 1 - (cuts[0][0] == 0) - (cuts[-1][1] == size)
    wide = _swallow(cuts, size, settings.min_piece)
    if pieces > settings.max_pieces or wide[0][1] - wide[0][0] == size:
        return [(0, size, "", True, cuts[0][2])]
    return [
        (start, end, settings.separator if start > 0 and end < size else "", False, number)
        for start, end, number in wide
    ]


def edits(
    hits: pa.Table,
    ids: Sequence[str],
    sizes: NDArray[np.int64] | Sequence[int],
    index: EvalIndex,
    settings: Settings,
    ignored: Collection[int] = (),
) -> pa.Table:
    """Return the edits of a batch as a table of `EDITS`, by document, then start.

    `hits` from `Scanner.scan` of the batch; `ids` and `sizes` (characters) of its texts;
    `ignored`: grams of `frequent_grams`, which only gpt3.v1 leaves out.
    `ids` and `sizes` (int64) are [texts].
    """
    by_document: dict[int, list[Mapping[str, Any]]] = {}
    for row in hits.to_pylist():
        if row["rule"] in (*settings.rules, *BOUND_RULES) and not (
            row["rule"] == "gpt3.v1" and row["gram"] in ignored
        ):
            by_document.setdefault(row["document"], []).append(row)
    out: list[dict[str, Any]] = []
    for document in sorted(by_document):
        rows = sorted(by_document[document], key=lambda row: (row["start"], row["end"]))
        for start, end, replacement, drop, cause in _document(rows, int(sizes[document]), settings):
            benchmark, item = index.name_of(rows[cause]["item"])
            values = (
                ids[document], start, end, replacement, drop, benchmark, item, rows[cause]["rule"]
            )  # fmt: skip
            out.append(dict(zip(EDITS.names, values, strict=True)))
    return pa.Table.from_pylist(out, schema=EDITS)
