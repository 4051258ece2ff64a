"""Rows drawn for people to read, and the labels that they give: sound, weak or wrong.

Sound: the task can be done, the answer does all of it and is right. Weak: done, with a flaw that misleads
nobody. Wrong: everything else. A row is drawn by a hash of its id, so two readers of one run get the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from corpusforge.hashing import word64

__all__ = ["FIELDS", "LABELS", "draw"]

LABELS = ("sound", "weak", "wrong")
FIELDS = ("instruction", "input", "output", "language", "is_classification", "agreement", "score",
          "score_reason")  # fmt: skip
"""What is kept of a row beside its label."""


def draw(rows: Iterable[Mapping[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """Return `count` of the rows, each with an empty label and a place for the reason."""
    chosen = sorted(rows, key=lambda row: word64("sound", seed, row["id"]))[:count]
    return [
        {"id": row["id"], **{name: row[name] for name in FIELDS}, "label": "", "why": ""}
        for row in chosen
    ]
