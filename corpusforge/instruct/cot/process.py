"""Process rewards out of sampled reasoning: steps with labels ("stepwise supervision" in TRL and axolotl).

A step is labelled by what came of it, never by an opinion. True: from here the gold answer was reached,
by this path or by another of the question that begins with the same steps (the hard estimate of
Math-Shepherd, Wang et al. 2024, over the samples that are there). False: the last step of a path that
leaves all right paths with this very step and ends at another answer. A wrong path that leaves them
earlier has steps of which nobody knows, and is left out whole. Limits: True says that the step led to
the answer, not that it is sound; without `keep_wrong` a run has no wrong path, so no False.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from corpusforge.instruct.cot.paths import equations
from corpusforge.instruct.cot.plain import text_key
from corpusforge.instruct.cot.settings import MIX
from corpusforge.instruct.records import Row

__all__ = ["process_rows", "split_steps"]

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)|(?<=[。！？])\s*(?=\S)")
_UNFIT = frozenset(("hinted", "unverified", *(name for name in MIX if name != "plain")))
"""Flags of rows whose path was not found by the model alone, has no gold answer, or asks otherwise."""


def split_steps(reasoning: str) -> list[str]:
    """Return the steps of a reasoning: its lines, or its sentences where it is one line."""
    lines = [line.strip() for line in reasoning.splitlines() if line.strip()]
    return lines if len(lines) > 1 else [one for line in lines for one in _SENTENCE.split(line)]


def _key(step: str) -> tuple[str, ...]:
    """What makes two steps the same one: equal equations, or equal letters where there are none."""
    return equations(step) or (text_key(step),)


def process_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return {"prompt", "completions", "labels", …} of each path that can be labelled.

    The last step of `completions` ends with the answer on a line of its own.
    """
    paths = [
        (row, split_steps(row.reasoning)) for row in rows
        if row.reasoning and not _UNFIT.intersection(row.flags)
    ]  # fmt: skip
    right: dict[str, set[tuple[tuple[str, ...], ...]]] = {}
    for row, steps in paths:
        if "wrong" not in row.flags:
            keys = tuple(map(_key, steps))
            right.setdefault(row.task, set()).update(keys[:k] for k in range(len(keys) + 1))
    made = []
    for row, steps in paths:
        wrong = "wrong" in row.flags
        keys = tuple(map(_key, steps))
        if len(steps) < 2 or (wrong and keys[:-1] not in right.get(row.task, ())):
            continue
        completions = [*steps[:-1], f"{steps[-1]}\n{row.output}"]
        made.append(
            {"prompt": row.instruction, "completions": completions,
             "labels": [True] * (len(steps) - 1) + [not wrong], "id": row.id, "question_id": row.task}
        )  # fmt: skip
    return made
