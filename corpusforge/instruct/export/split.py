"""Train and validation rows, no near copies across: groups are kept whole.

Rows are one group when they share a task, a `Row.group`, an equal prompt, or instructions whose
ROUGE-L F1 is above 0.7 (the novelty gate's own bound), joined by union-find. A group goes where the
hash of its first id says. Limits: near copies of inputs or answers alone do not join rows; shares are
of groups, so a large group moves the share of rows.
"""

from __future__ import annotations

from collections.abc import Sequence

from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import PROFILES, profile
from corpusforge.instruct.records import Row

__all__ = ["divide", "groups"]


class _Sets:
    """Union-find over places; the smallest place stands for its set."""

    def __init__(self, count: int) -> None:
        self.parent = list(range(count))

    def find(self, place: int) -> int:
        while self.parent[place] != place:
            self.parent[place] = self.parent[self.parent[place]]
            place = self.parent[place]
        return place

    def join(self, a: int, b: int) -> None:
        low, high = sorted((self.find(a), self.find(b)))
        self.parent[high] = low


def groups(rows: Sequence[Row]) -> list[str]:
    """Return the group of each row, named by the smallest row id in it."""
    sets = _Sets(len(rows))
    first: dict[tuple[str, ...], int] = {}
    distinct: dict[tuple[str, str], int] = {}
    for place, row in enumerate(rows):
        keys = [("task", row.task), ("prompt", row.instruction, row.input)]
        keys += [("group", row.group)] if row.group else []
        for key in keys:
            sets.join(place, first.setdefault(key, place))
        sets.join(place, distinct.setdefault((row.language, row.instruction), place))
    gates: dict[str, Gate] = {}
    for (language, instruction), place in distinct.items():
        gate = gates.setdefault(language, Gate(profile(language if language in PROFILES else "en")))
        for other in gate.close(instruction):
            sets.join(place, int(other.id))
        gate.add(str(place), instruction)
    names: dict[int, str] = {}
    for place, row in enumerate(rows):
        root = sets.find(place)
        names[root] = min(names.get(root, row.id), row.id)
    return [names[sets.find(place)] for place in range(len(rows))]


def divide(rows: Sequence[Row], validation: float, seed: int = 0) -> dict[str, list[Row]]:
    """Return {"train": rows, "validation": rows}, in order; without the second where it would be empty.

    About the share `validation` of the groups is held out.
    """
    parts: dict[str, list[Row]] = {"train": list(rows)}
    if not validation or not rows:
        return parts
    names = groups(rows)
    held = uniform(id_keys(names), seed, "validation") < validation
    if held.any() and not held.all():
        parts["train"] = [row for row, out in zip(rows, held, strict=True) if not out]
        parts["validation"] = [row for row, out in zip(rows, held, strict=True) if out]
    return parts
