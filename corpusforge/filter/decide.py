"""Decide: compare statistics that were measured once with the bounds of rule sets.

The first bound that fails, in the order of the sets and of their bounds, names the drop. Limit:
the rules see a document's statistics and its `meta` only, never its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import RecipeError, nearest
from corpusforge.filter.rules import F64, Bound, RuleSet, base_language

__all__ = ["Decision", "bound_text", "decide", "values_of"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Per document, in order: the first failing rule as "set:bound" ("" = kept), its value and
    bound.
    """

    rule: list[str]
    value: list[str]
    bound: list[str]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which documents no rule refuses; bool, [n]."""
        return np.fromiter((not name for name in self.rule), dtype=np.bool_, count=len(self.rule))


def decide(stats: pa.RecordBatch, meta: pa.RecordBatch, rules: Sequence[RuleSet]) -> Decision:
    """Return the first failing rule of each document.

    `stats` is `measure`'s batch; `meta` has a row a document with the columns source, category,
    format, url, lang (and, where code rules are used, flags). Nulls count as empty.
    """
    rows = stats.num_rows
    decision = Decision([""] * rows, [""] * rows, [""] * rows)
    languages = _languages(meta, rows)
    for rule_set in rules:
        counts = _reader(stats, rule_set.derive(stats, meta) if rule_set.derive else {})
        for bound in rule_set.bounds:
            _apply(f"{rule_set.name}:{bound.name}", bound, counts, languages, decision)
    return decision


def values_of(
    bound: Bound, derived: Mapping[str, F64], stats: pa.Table, languages: Sequence[str]
) -> F64:
    """Return a bound's statistic a document, float64; NaN where the bound does not apply."""
    counts = _reader(stats, derived)
    values = np.full(len(languages), np.nan)
    labels = np.array([base_language(name) for name in languages], dtype=object)
    for language in sorted(set(labels)):
        if bound.limits(language) != (None, None):
            chosen = labels == language
            values[chosen] = bound.for_language(language)(counts)[chosen]
    return values


def bound_text(low: float | None, high: float | None) -> str:
    """Return a bound as it stands in a drop row: ">= 50", "<= 0.1" or "3 .. 10"."""
    if low is not None and high is not None:
        return f"{low:g} .. {high:g}"
    return f">= {low:g}" if low is not None else f"<= {high:g}"


def _languages(meta: pa.RecordBatch, rows: int) -> dict[str, NDArray[np.bool_]]:
    labels = meta.column("lang").to_pylist() if "lang" in meta.schema.names else [""] * rows
    bases = np.array([base_language(label) for label in labels], dtype=object)
    return {language: bases == language for language in sorted(set(bases))}


def _reader(stats: pa.RecordBatch | pa.Table, derived: Mapping[str, F64]) -> Callable[[str], F64]:
    cache: dict[str, F64] = dict(derived)

    def column(name: str) -> F64:
        if name not in cache:
            if name not in stats.schema.names:
                raise RecipeError(
                    f"no statistic {name!r} in the table.{nearest(name, stats.schema.names)}"
                )
            cache[name] = np.asarray(stats.column(name), dtype=np.float64)
        return cache[name]

    return column


def _apply(
    name: str,
    bound: Bound,
    counts: Callable[[str], F64],
    languages: Mapping[str, NDArray[np.bool_]],
    decision: Decision,
) -> None:
    for language, chosen in languages.items():
        low, high = bound.limits(language)
        if low is None and high is None:
            continue
        values = bound.for_language(language)(counts)
        failed = chosen & (
            (values < (-np.inf if low is None else low))
            | (values > (np.inf if high is None else high))
        )
        for row in np.flatnonzero(failed):
            if not decision.rule[row]:
                decision.rule[row] = name
                decision.value[row] = f"{values[row]:.6g}"
                decision.bound[row] = bound_text(low, high)
