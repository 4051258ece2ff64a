"""The funnel, and behind each of its rules the documents that the rule dropped."""

from __future__ import annotations

from typing import Any

from corpusforge.filter import RULES
from corpusforge.report.funnel import funnels
from corpusforge.view.spans import marked, offending
from corpusforge.view.tables import View

__all__ = ["PAGE", "documents", "funnel", "shown"]

PAGE = 20
"""Documents of one answer."""
LONGEST = 20_000
"""Characters shown of a text."""


def funnel(view: View) -> list[dict[str, Any]]:
    """Return the funnel of all sources together (source ""), then one a source."""
    return [
        {
            "source": own.source,
            "steps": [
                {
                    "stage": step.stage,
                    "seen": step.seen,
                    "kept": step.kept,
                    "failed": step.failed,
                    "dropped": step.dropped,
                    "rules": step.rules,
                }
                for step in own.steps
            ],
        }
        for own in funnels(view.ledger)
    ]


def documents(
    view: View, *, stage: str, rule: str, source: str = "", lang: str = "", start: int = 0
) -> dict[str, Any]:
    """Return a page of what a rule dropped, with value, bound and text where it is kept, texts first.

    `total` counts all, `languages` counts them by language ("" where none was told) before `lang` chooses.
    """
    given = [stage, rule, source]
    counts = view.rows(
        """SELECT lang, count(*) AS n FROM refused
        WHERE stage = ?1 AND rule = ?2 AND ?3 IN ('', source) GROUP BY lang ORDER BY n DESC, lang""",
        *given,
    )
    found = view.rows(
        """SELECT * EXCLUDE told FROM refused
        WHERE stage = ?1 AND rule = ?2 AND ?3 IN ('', source) AND ?4 IN ('', lang)
        ORDER BY told DESC, id LIMIT ?5 OFFSET ?6""",
        *given,
        lang,
        PAGE,
        start,
    )
    texts = _texts(view, [row["id"] for row in found if row["sampled"] is None])
    return {
        "total": sum(row["n"] for row in counts if lang in ("", row["lang"])),
        "languages": {row["lang"]: row["n"] for row in counts},
        "rows": [_row(row, texts.get(row["id"])) for row in found],
    }


def _row(row: dict[str, Any], later: str | None) -> dict[str, Any]:
    text = row.pop("sampled")
    if text is None:
        text = later
    return row | shown(text, _statistic(row["rule"]))


def _statistic(rule: str) -> str:
    """The count that a bound is first of all on, "" where it is on none."""
    name, _, bound = rule.partition(":")
    for own in RULES[name].bounds if name in RULES else ():
        if own.name == bound:
            return own.statistic.above[0]
    return ""


def shown(text: str | None, statistic: str = "") -> dict[str, Any]:
    """Return a text as pieces (text, marked), what is too long cut; no pieces where no text is kept."""
    if text is None:
        return {"pieces": None, "characters": 0}
    return {
        "pieces": marked(text[:LONGEST], offending(text[:LONGEST], statistic)),
        "characters": len(text),
    }


def _texts(view: View, ids: list[str]) -> dict[str, str]:
    if not ids:
        return {}
    rows = view.rows("SELECT id, text FROM documents WHERE id IN (SELECT unnest(?))", ids)
    return {row["id"]: row["text"] for row in rows}
