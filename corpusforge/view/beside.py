"""Two runs: which documents the one kept and the other did not, by which rule, and back.

Documents are matched by id, which follows from source and place inside it, so two runs over the same files
under other settings compare whole. Limit: a document that both kept with another text is not told.
"""

from __future__ import annotations

from functools import lru_cache
from threading import Lock
from typing import Any

import msgspec

from corpusforge.report.diff import difference
from corpusforge.view.dropped import PAGE, shown
from corpusforge.view.tables import View

__all__ = ["changed", "moves"]

KEPT = "kept"
ABSENT = "not there"
_FATES = """SELECT id, source, lang, CASE WHEN rule = '' THEN 'kept' ELSE stage || ' · ' || rule END AS fate
    FROM (SELECT id, source, lang, stage, rule FROM refused
          UNION ALL BY NAME
          SELECT d.id, d.source, coalesce(d.lang, '') AS lang,
                 CASE WHEN coalesce(q.kept, true) THEN '' ELSE 'score' END AS stage,
                 CASE WHEN coalesce(q.kept, true) THEN '' ELSE 'not drawn' END AS rule
          FROM (FROM documents ANTI JOIN dropped USING (id)) d
          LEFT JOIN quality q USING (id))"""

_MAKING = Lock()


@lru_cache(maxsize=2)
def _moved(view: View, other: View) -> str:
    """Make the table of documents whose fate differs; return its name."""
    name = f"moved_{id(other)}"
    theirs = other.table(_FATES)
    with _MAKING, view.database.cursor() as cursor:
        cursor.register("theirs", theirs)
        cursor.execute(  # names and fates are of this module
            f"""CREATE TABLE IF NOT EXISTS {name} AS SELECT id, coalesce(a.source, b.source) AS source,
            coalesce(nullif(a.lang, ''), b.lang, '') AS lang,
            coalesce(a.fate, '{ABSENT}') AS here, coalesce(b.fate, '{ABSENT}') AS there
            FROM ({_FATES}) a FULL JOIN theirs b USING (id) WHERE here <> there"""  # noqa: S608
        )
        cursor.unregister("theirs")
    return name


def moves(view: View, other: View) -> dict[str, Any]:
    """Return how many documents moved from which fate to which, by source and language, most first.

    A fate is "kept", "stage · rule", or "not there". `settings` are lines of what differs in the recipes.
    """
    rows = view.rows(
        f"""SELECT here, there, source, lang, count(*) AS n FROM {_moved(view, other)}
        GROUP BY ALL ORDER BY n DESC, here, there, source, lang"""  # noqa: S608
    )
    recipes = [msgspec.to_builtins(one.recipe, str_keys=True) for one in (view, other)]
    return {"run": other.run, "rows": rows, "settings": [str(one) for one in difference(*recipes)]}


def changed(
    view: View,
    other: View,
    *,
    here: str,
    there: str,
    source: str = "",
    lang: str = "",
    start: int = 0,
) -> dict[str, Any]:
    """Return a page of the documents of a move, with the text that either run keeps, texts first."""
    chosen = "here = ?1 AND there = ?2 AND ?3 IN ('', source) AND ?4 IN ('', lang)"
    given = [here, there, source, lang]
    table = _moved(view, other)
    (total,) = view.rows(f"SELECT count(*) AS n FROM {table} WHERE {chosen}", *given)  # noqa: S608
    found = view.rows(
        f"SELECT * FROM {table} WHERE {chosen} ORDER BY id LIMIT ?5 OFFSET ?6",  # noqa: S608
        *given,
        PAGE,
        start,
    )
    names = [row["id"] for row in found]
    texts = {row["id"]: row for one in (other, view) for row in _texts(one, names)}
    rows = [
        row | texts.get(row["id"], {}) | shown(texts.get(row["id"], {}).get("text"))
        for row in found
    ]
    return {
        "total": total["n"],
        "rows": [{k: v for k, v in row.items() if k != "text"} for row in rows],
    }


def _texts(view: View, names: list[str]) -> list[dict[str, Any]]:
    samples = view.rows(
        "SELECT id, url, locator, text FROM samples WHERE id IN (SELECT unnest(?))", names
    )
    return [*samples, *view.documents(names)]
