"""Copies beside the documents that they are copies of, the least similar first."""

from __future__ import annotations

from typing import Any

from corpusforge.view.differences import compared
from corpusforge.view.dropped import shown
from corpusforge.view.tables import View

__all__ = ["PAGE", "pairs"]

PAGE = 5


def pairs(
    view: View, *, method: str = "", source: str = "", cluster: str = "", start: int = 0
) -> dict[str, Any]:
    """Return a page of removed documents beside the one kept for each, with what differs marked.

    A document without a survivor stands beside the one that its cluster is named after. `methods` counts
    copies by how they were found, `total` those of the choice.
    """
    counts = view.rows(
        "SELECT method, count(*) AS n FROM duplicates GROUP BY method ORDER BY n DESC, method"
    )
    chosen = "?1 IN ('', method) AND ?2 IN ('', removed_source) AND ?3 IN ('', cluster)"
    given = [method, source, cluster]
    (total,) = view.rows(f"SELECT count(*) AS n FROM duplicates WHERE {chosen}", *given)  # noqa: S608
    found = view.rows(
        f"""SELECT removed, kept, similarity, method, cluster, cluster_size, removed_source, kept_source
        FROM duplicates WHERE {chosen} ORDER BY similarity, removed LIMIT ?4 OFFSET ?5""",  # noqa: S608
        *given,
        PAGE,
        start,
    )
    names = {row[key] for row in found for key in ("removed", "kept", "cluster") if row[key]}
    documents = {row["id"]: row for row in view.documents(sorted(names))}
    return {
        "total": total["n"],
        "methods": {row["method"]: row["n"] for row in counts},
        "rows": [_pair(row, documents) for row in found],
    }


def _pair(row: dict[str, Any], documents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    sides = [
        documents.get(name, {"id": name})
        for name in (row["kept"] or row["cluster"], row["removed"])
    ]
    texts = [side.get("text") for side in sides]
    pieces: Any = [shown(text)["pieces"] for text in texts]
    left, right = texts
    if left is not None and right is not None:
        pieces = compared(left, right)
    told = [
        {key: side.get(key) for key in ("id", "url", "source", "lang", "locator")} | {"pieces": own}
        for side, own in zip(sides, pieces, strict=True)
    ]
    own = {key: row[key] for key in ("method", "similarity", "cluster", "cluster_size")}
    return own | {"survives": row["kept"] is not None, "equal": texts[0] == texts[1], "sides": told}
