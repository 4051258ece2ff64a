"""Decide: compare statistics that were measured once with the bounds of rule sets.

The first bound that fails, in the order of the sets and of their bounds, names the drop. Rule sets see
a document's statistics and its `meta`; rules of one's own (`TextRule`) see its text, and only the text of
documents that no earlier rule refused.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.cputime import each
from corpusforge.errors import RecipeError, nearest
from corpusforge.filter.rules import F64, Bound, Rule, TextRule, base_language, limits_text

__all__ = ["Decision", "decide", "values_of"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Per document, in order: the first failing rule as "set:bound" ("" = kept), its value and
    bound.
    """

    rule: list[str]
    value: list[str]
    bound: list[str]
    errors: dict[int, str] = field(default_factory=dict)
    """Documents on which a rule of one's own raised an error, by place: the rule and the error."""

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which documents no rule refuses, and none failed on; bool, [n]."""
        kept = np.fromiter((not name for name in self.rule), dtype=np.bool_, count=len(self.rule))
        kept[list(self.errors)] = False
        return kept


def decide(
    stats: pa.RecordBatch,
    meta: pa.RecordBatch,
    rules: Sequence[Rule],
    texts: pa.Array | None = None,
) -> Decision:
    """Return the first failing rule of each document.

    `stats` is `measure`'s batch; `meta` has a row per document with the columns source, category,
    format, url, lang (and, where code rules are used, flags). Nulls count as empty. `texts` are needed
    by rules of one's own only.
    `texts` are strings [documents].
    """
    rows = stats.num_rows
    decision = Decision([""] * rows, [""] * rows, [""] * rows)
    languages = _languages(meta, rows)
    for rule_set in rules:
        if isinstance(rule_set, TextRule):
            _judge(rule_set, texts, decision)
            continue
        counts = _reader(stats, rule_set.derive(stats, meta) if rule_set.derive else {})
        for bound in rule_set.bounds:
            _apply(f"{rule_set.name}:{bound.name}", bound, counts, languages, decision)
    return decision


def _judge(rule: TextRule, texts: pa.Array | None, decision: Decision) -> None:
    assert texts is not None, "a rule on texts needs the texts"
    rows = np.flatnonzero(decision.kept).tolist()
    for row, text in each((row, texts[row].as_py() or "") for row in rows):
        try:
            refused = rule.refusal(text)
        except Exception as error:  # a user's function: its document fails, the others go on
            decision.errors[row] = f"{rule.name}: {type(error).__name__} at {_place(error)}"
            continue
        if refused:
            decision.rule[row] = rule.name
            decision.value[row], decision.bound[row] = refused


def _place(error: Exception) -> str:
    """Where an error was raised, and nothing of its message, which may quote the document."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"


def values_of(
    bound: Bound, derived: Mapping[str, F64], stats: pa.Table, languages: Sequence[str]
) -> F64:
    """Return a bound's statistic a document, float64; NaN where the bound does not apply.

    The columns of `derived` and the result are float64 [documents].
    """
    counts = _reader(stats, derived)
    values = np.full(len(languages), np.nan)
    labels = np.array([base_language(name) for name in languages], dtype=object)
    for language in sorted(set(labels)):
        if bound.limits(language) != (None, None):
            chosen = labels == language
            values[chosen] = bound.for_language(language)(counts)[chosen]
    return values


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
                decision.bound[row] = limits_text(low, high)
