"""Rows that no model wrote: drawn, judged by the rules of all rows, and held under their caps.

Limits: a rule made for model text may refuse what a person labelled (`allow` lets it through); caps are
those of `limits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct.accounts import Check, Made, checked
from corpusforge.instruct.limits import cap
from corpusforge.instruct.modes.settings import Settings
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_instance

__all__ = ["MODEL_FREE", "drawn", "settled"]

_PEOPLE = ("constraint",)
"""A definition of a whole task counts what its input has as well, so its counts hold no answer of people."""

MODEL_FREE = "none"
"""The engine in the lineage of a row that no model wrote."""


def drawn(ids: Sequence[str], count: int, seed: int, purpose: str) -> list[int]:
    """Return the places of `count` ids drawn by hash (0: all), in the order of the draw.

    A larger count begins with the places of a smaller one.
    """
    draws = uniform(id_keys(ids), seed, purpose)
    order = sorted(range(len(ids)), key=lambda place: (float(draws[place]), ids[place]))
    return order[: count or None]


def settled(
    made: Made, rows: Iterable[Row], mode: str, settings: Settings, check: Check,
    more: Sequence[str] = (),
) -> list[Row]:  # fmt: skip
    """Take the rows of one task into `made`, and return them; the others become rejects.

    `more` are rules that these rows may break beside those of the settings. A row must differ from the
    task's others; caps come last, so that what a rule refuses takes no place.
    """
    allow, seen, kept = (*settings.allow, *_PEOPLE, *more), set[str](), list[Row]()
    for row in rows:
        finding = check_instance(
            row.instruction, row.input, row.output, row.language, "stop", allow
        )
        if finding is None and row.id in seen:
            finding = ("duplicate", row.output[:80], "distinct examples")
        if _decide(made, row, f"{mode}.rules", finding):
            seen.add(row.id)
            kept.append(row)
    found = Made()
    checked(found, kept, check, f"{mode}.row")
    rows, found.rows = found.rows, []
    made.merge(found)
    capped = cap(rows, settings.per_task, settings.per_task_language, settings.seed)
    refused = {row.id: finding for row, finding in capped.refused}
    made.rows += [row for row in rows if _decide(made, row, f"{mode}.cap", refused.get(row.id))]
    return list(capped.kept)


def _decide(made: Made, row: Row, step: str, finding: Finding | None) -> bool:
    shown = f"{row.input or row.instruction}\n→ {row.output}"
    return made.decide(
        row.language, step, shown, finding, key=f":{'/'.join(row.lineage.parents)}/{row.id}"
    )
