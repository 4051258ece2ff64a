"""Documents by a piece of their text, address or locator, or by id; and what became of one."""

from __future__ import annotations

import re
from typing import Any

from corpusforge.errors import InputError
from corpusforge.run.commands import story
from corpusforge.view.dropped import shown
from corpusforge.view.tables import View

__all__ = ["MOST", "find", "history"]

MOST = 50
_AROUND = 120


def find(view: View, words: str) -> list[dict[str, Any]]:
    """Return up to `MOST` documents, kept or dropped, that a text is in (case does not matter).

    An id is found whole. Of dropped documents the text is searched where a sample of it is kept. Raises
    InputError for an empty text.
    """
    if not words.strip():
        raise InputError("nothing to search for: give a piece of text, a URL or an id.")
    rows = view.rows(
        """WITH known AS (
            SELECT id, url, source, lang, locator, text, '' AS rule FROM documents
            UNION ALL BY NAME
            SELECT d.id, d.url, d.source, s.lang, d.locator, s.text, d.rule
            FROM dropped d LEFT JOIN samples s USING (id)
            WHERE d.id NOT IN (SELECT id FROM documents))
        SELECT * FROM known WHERE id = ?1 OR contains(lower(coalesce(text, '')), lower(?1))
            OR contains(lower(coalesce(url, '')), lower(?1))
            OR contains(lower(coalesce(locator, '')), lower(?1))
        ORDER BY id LIMIT ?2""",
        words,
        MOST,
    )
    later = view.rows(
        "SELECT id, rule FROM dropped WHERE id IN (SELECT unnest(?))", [row["id"] for row in rows]
    )
    rules = {row["id"]: row["rule"] for row in later}
    return [
        {
            **{name: row[name] for name in ("id", "url", "source", "lang", "locator")},
            "rule": rules.get(row["id"], ""),
            "pieces": _around(row["text"], words),
        }
        for row in rows
    ]


def _around(text: str | None, words: str) -> list[tuple[str, bool]] | None:
    if text is None:
        return None
    found = re.search(re.escape(words), text, re.IGNORECASE)
    if not found:
        return [(text[: 2 * _AROUND], False)]
    start, end = found.span()
    pieces = [(text[max(0, start - _AROUND) : start], False), (text[start:end], True),
              (text[end : end + _AROUND], False)]  # fmt: skip
    return [piece for piece in pieces if piece[0]]


def history(view: View, identifier: str) -> dict[str, Any]:
    """Return what the run holds about a document, as `corpusforge why` tells it, and its text.

    Raises InputError where the run knows no such id.
    """
    rows = view.rows(
        """SELECT id, url, source, lang, locator, text FROM documents WHERE id = ?1
        UNION ALL BY NAME SELECT id, url, source, lang, locator, text FROM samples WHERE id = ?1
        UNION ALL BY NAME SELECT id, url, source, locator FROM dropped WHERE id = ?1 LIMIT 1""",
        identifier,
    )
    if not rows:
        raise InputError(f"the run has no document {identifier!r}.")
    text = rows[0].pop("text")
    return rows[0] | shown(text) | {"lines": list(story(view.run, identifier)) or ["kept"]}
