"""Documents that hold text of an evaluation item, beside the item.

The stretches that were found are marked in the document, and in the item what both have. An item is read
from the recipe's evaluation file; where that is gone, its words stand as the run's index holds them.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from corpusforge.decontaminate.index import EvalIndex
from corpusforge.decontaminate.items import parse_set, read_items
from corpusforge.errors import CorpusforgeError
from corpusforge.recipe import resolve_path
from corpusforge.text.edits import apply_edits
from corpusforge.view.differences import shared
from corpusforge.view.spans import Piece, Span, joined, marked
from corpusforge.view.tables import View

__all__ = ["PAGE", "overlaps"]

PAGE = 10
_AROUND = 300


def overlaps(view: View, *, benchmark: str = "", start: int = 0) -> dict[str, Any]:
    """Return a page of what was found, by evaluation set and item; `benchmarks` counts documents by set."""
    counts = view.rows(
        """SELECT benchmark, count(DISTINCT id) AS n FROM contamination
        GROUP BY benchmark ORDER BY n DESC, benchmark"""
    )
    (total,) = view.rows(
        "SELECT count(*) AS n FROM contamination WHERE ?1 IN ('', benchmark)", benchmark
    )
    found = view.rows(
        """SELECT id, start, "end", "drop", benchmark, item, rule FROM contamination
        WHERE ?1 IN ('', benchmark) ORDER BY benchmark, item, id, start LIMIT ?2 OFFSET ?3""",
        benchmark,
        PAGE,
        start,
    )
    documents = {row["id"]: row for row in view.documents(sorted({row["id"] for row in found}))}
    cuts, hits = _repeats(view, list(documents)), _hits(view, list(documents))
    rows = []
    for row in found:
        own = documents.get(row["id"], {"text": None})
        text = None if own["text"] is None else apply_edits(own["text"], cuts.get(row["id"], []))
        within = [hit for hit in hits.get(row["id"], []) if row["start"] <= hit[0] < row["end"]]
        rows.append(
            _row(view, row, own, text, list(joined(within)) or [(row["start"], row["end"])])
        )
    return {
        "total": total["n"],
        "benchmarks": {row["benchmark"]: row["n"] for row in counts},
        "rows": rows,
    }


def _row(
    view: View, row: dict[str, Any], document: dict[str, Any], text: str | None, spans: list[Span]
) -> dict[str, Any]:
    item = _items(view).get((row["benchmark"], row["item"]), "")
    found = " ".join((text or "")[start:end] for start, end in spans)
    told = {key: document.get(key) for key in ("url", "source", "lang", "locator")}
    pieces = None if text is None else _excerpt(text, spans)
    return row | told | {"pieces": pieces, "item_pieces": shared(item, found)}


def _excerpt(text: str, spans: list[Span]) -> list[Piece]:
    low, high = max(0, spans[0][0] - _AROUND), min(len(text), spans[-1][1] + _AROUND)
    pieces = marked(text[low:high], [(start - low, end - low) for start, end in spans])
    before = [("… ", False)] if low else []
    return [*before, *pieces, *([(" …", False)] if high < len(text) else [])]


def _hits(view: View, ids: list[str]) -> dict[str, list[Span]]:
    """Where text of items was found in documents, in order."""
    rows = view.rows(
        'SELECT DISTINCT id, start, "end" FROM hits WHERE id IN (SELECT unnest(?)) ORDER BY ALL',
        ids,
    )
    found: dict[str, list[Span]] = {}
    for row in rows:
        found.setdefault(row["id"], []).append((row["start"], row["end"]))
    return found


def _repeats(view: View, ids: list[str]) -> dict[str, list[tuple[int, int, str]]]:
    """The repeated lines that were cut from a document before it was searched."""
    rows = view.rows(
        """SELECT c.id, r.start, r."end" FROM repeats r
        JOIN (SELECT DISTINCT id, row, part FROM contamination WHERE id IN (SELECT unnest(?))) c
        ON r.row = c.row AND r.part = c.part""",
        ids,
    )
    cuts: dict[str, list[tuple[int, int, str]]] = {}
    for row in rows:
        cuts.setdefault(row["id"], []).append((row["start"], row["end"], ""))
    return cuts


@lru_cache(maxsize=4)
def _items(view: View) -> dict[tuple[str, str], str]:
    """The text of every item by set and id."""
    settings = view.recipe.decontaminate
    try:
        parsed = [parse_set(f"{name}={spec}") for name, spec in settings.sets.items()]
        items = [
            one
            for name, path, fields in parsed
            for one in read_items(name, resolve_path(path), fields)
        ]
    except (CorpusforgeError, OSError):
        items = []
    if items:
        return {(one.benchmark, one.item): "\n\n".join(one.passages) for one in items}
    path = Path(view.run, "evaluation", "index.bin")
    if not path.exists():
        return {}
    index = EvalIndex.load(str(path))
    return {index.name_of(n): "\n\n".join(index.passages(n)) for n in range(len(index.item_ids))}
