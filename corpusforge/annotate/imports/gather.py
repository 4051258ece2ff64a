"""Unpaired preference: rows of one answer that is good or bad, brought together by what they answer.

TRL's `completion` and `label` (KTO), or LLaMA-Factory's `kto_tag`: good answers to a prompt are better than
its bad ones. A row that cannot be read costs itself alone. Other rows pass as they are. Limit: such rows are
held in memory, and come after the others, one comparison per prompt where its first row stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from corpusforge.annotate.imports.ranked import guarded
from corpusforge.annotate.imports.shapes import Compared, Judged, is_judged, judged
from corpusforge.annotate.records import Refused

__all__ = ["gathered"]


def gathered(rows: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield (where, row), and behind them a `Compared` per prompt or a `Refused` per row that gives none."""
    groups: dict[Any, list[tuple[str, Judged]]] = {}
    for where, row in rows:
        if not (isinstance(row, Mapping) and is_judged(row)):
            yield where, row
            continue
        one = guarded(where, row, judged)
        if isinstance(one, Refused):
            yield where, one
        else:
            groups.setdefault((one.messages, str(row.get("group_id"))), []).append((where, one))
    for group in groups.values():
        yield from _together(group)


def _together(group: list[tuple[str, Judged]]) -> Iterator[tuple[str, Compared | Refused]]:
    if len({one.good for _, one in group}) < 2:
        told = f"{len(group)} answers, all {'good' if group[0][1].good else 'bad'}"
        for where, _ in group:
            yield where, Refused(locator=where, rule="one_sided", value=told)
        return
    answers = tuple((one.text, "") for _, one in group)
    ranks = tuple(1 if one.good else 2 for _, one in group)
    yield group[0][0], Compared("unpaired", group[0][1].messages, answers, ranks)
