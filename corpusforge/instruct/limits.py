"""Caps on rows per task and a (task, language), families that dominate, and evaluation text.

Ours. Which rows stay under a cap is drawn by seed and row id, so the order of rows and the number
of workers change nothing. Limit: a family is what `Row.group` or `Row.task` says it is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from corpusforge.decontaminate.scan import Scanner
from corpusforge.decontaminate.settings import BOUND_RULES, STEPS_RULE
from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row

__all__ = ["Capped", "cap", "contaminated", "dominant"]


@dataclass(frozen=True, slots=True)
class Capped:
    """The rows that stay, in their order, and the others, each with its finding."""

    kept: tuple[Row, ...]
    refused: tuple[tuple[Row, Finding], ...]


def cap(
    rows: Sequence[Row], per_task: int = 0, per_task_language: int = 0, seed: int = 0
) -> Capped:
    """Keep at most so many rows a task, and a task and language; 0 sets no cap."""
    draws = uniform(id_keys(row.id for row in rows), seed, "caps")
    tasks: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    findings: dict[int, Finding] = {}
    for place in sorted(range(len(rows)), key=lambda k: (float(draws[k]), rows[k].id)):
        row = rows[place]
        pair = (row.task, row.language)
        if per_task_language and pairs[pair] >= per_task_language:
            findings[place] = ("task_language_cap", row.language, f"<= {per_task_language}")
        elif per_task and tasks[row.task] >= per_task:
            findings[place] = ("task_cap", row.task, f"<= {per_task}")
        else:
            tasks[row.task] += 1
            pairs[pair] += 1
    kept = tuple(row for k, row in enumerate(rows) if k not in findings)
    return Capped(kept, tuple((rows[k], findings[k]) for k in sorted(findings)))


def dominant(
    rows: Sequence[Row], family: Callable[[Row], str] = lambda row: row.task, bound: float = 0.2
) -> tuple[str, ...]:
    """Return a warning for every family with more than `bound` of a language's rows."""
    by_language: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        by_language[row.language][family(row)] += 1
    warnings = []
    for language, counts in sorted(by_language.items()):
        total = counts.total()
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            if count > max(1, bound * total):
                warnings.append(
                    f"{name} has {count} of {total} rows in {language} ({count / total:.0%}); "
                    f"above {bound:.0%} the set teaches one family. Cap it, or add seeds."
                )
    return tuple(warnings)


def contaminated(texts: Sequence[str], scanner: Scanner) -> list[Finding | None]:
    """Return for each text a finding that names the evaluation item it holds, or None.

    A text whose search reached the scanner's bound has the finding "unsearched": it may hold one.
    `scanner` searches the same index as the pretraining corpus (`corpusforge.decontaminate`).
    """
    findings: list[Finding | None] = [None] * len(texts)
    hits = scanner.scan(texts)
    columns = (hits.column(name).to_pylist() for name in ("document", "rule", "item", "share"))
    for document, rule, item, share in zip(*columns, strict=True):
        before = findings[document]
        if rule in BOUND_RULES:
            steps = f"<= {scanner.max_steps} steps"
            bound = steps if rule == STEPS_RULE else f"<= {scanner.bound.seconds:g} s a megabyte"
            findings[document] = before or ("unsearched", rule, bound)
        elif before is None or before[0] == "unsearched":
            benchmark, name = scanner.index.name_of(item)
            value = f"{benchmark}/{name} {np.float32(share):.2f}"
            findings[document] = ("contaminated", value, rule)
    return findings
