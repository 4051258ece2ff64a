"""What a rule is: a named bound on a statistic, with unit, source and languages, all as data.

A statistic is a count or a quotient of sums of counts (`columns.COLUMNS`); a rule set is a
versioned list of bounds, tried in order. Limit: bounds are inclusive, a value equal to one is
kept, also where a paper writes "or more".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from numbers import Real
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import RecipeError, nearest

__all__ = [
    "NO_LIMITS",
    "UNSPACED_LANGUAGES",
    "Bound",
    "Derive",
    "Ratio",
    "Rule",
    "RuleSet",
    "TextRule",
    "base_language",
]

F64 = NDArray[np.float64]
Derive = Callable[[pa.RecordBatch | pa.Table, pa.RecordBatch | pa.Table], Mapping[str, F64]]
"""Returns more statistics a document, from (stats, meta): what a quotient of counts cannot say."""

NO_LIMITS: tuple[float | None, float | None] = (None, None)
UNSPACED_LANGUAGES = ("zh", "yue", "wuu", "lzh", "ja", "th", "lo", "km", "my")
"""Languages in which a word of ours is a character."""


def base_language(label: str | None) -> str:
    """Return the language of a label such as "zh-Hant" or "eng_Latn" ("" where unknown)."""
    label = (label or "").replace("_", "-").lower()
    return "" if label == "und" else label.split("-", 1)[0]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A count, or a quotient of sums of counts. A name with a leading "-" is subtracted.

    An empty `below` means the plain sum; a divisor less than one counts as one.
    """

    above: tuple[str, ...]
    below: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Ratio:
        """Return the statistic written as "a", "a / b" or "(a + b) / (c - d)"."""
        above, _, below = text.replace("(", " ").replace(")", " ").partition("/")
        return cls(_terms(above), _terms(below))

    def names(self) -> tuple[str, ...]:
        """Return the names of the counts it reads."""
        return tuple(name.lstrip("-") for name in (*self.above, *self.below))

    def __call__(self, counts: Callable[[str], F64]) -> F64:
        """Return the value a document, float64, from a function that returns a count's column."""
        value = _sum(self.above, counts)
        return value / np.maximum(_sum(self.below, counts), 1.0) if self.below else value

    def __str__(self) -> str:
        return " / ".join(_written(terms) for terms in (self.above, self.below) if terms)


def _written(names: tuple[str, ...]) -> str:
    text = " + ".join(names).replace("+ -", "- ")
    return f"({text})" if len(names) > 1 else text


def _terms(text: str) -> tuple[str, ...]:
    words = text.replace("-", " -").replace("+", " ").split()
    joined = " ".join(words).replace("- ", "-")
    return tuple(joined.split())


def _sum(names: tuple[str, ...], counts: Callable[[str], F64]) -> F64:
    total: F64 = np.zeros(())
    for name in names:
        total = total - counts(name[1:]) if name.startswith("-") else total + counts(name)
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A named bound: documents with `low <= statistic <= high` pass.

    `by_language` holds other limits for single languages, (None, None) switching the rule off
    there; `languages`, where not empty, are the only ones it applies to, and `{lang}` in the
    statistic then stands for the document's language. `reason` says why a language differs.
    """

    name: str
    statistic: Ratio
    low: float | None = None
    high: float | None = None
    unit: str
    source: str
    languages: tuple[str, ...] = ()
    by_language: Mapping[str, tuple[float | None, float | None]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    reason: str = ""

    def limits(self, language: str) -> tuple[float | None, float | None]:
        """Return (low, high) for a base language; (None, None) where the rule does not apply."""
        if self.languages and language not in self.languages:
            return NO_LIMITS
        return self.by_language.get(language, (self.low, self.high))

    def for_language(self, language: str) -> Ratio:
        """Return the statistic with `{lang}` filled in."""
        return Ratio(
            tuple(name.format(lang=language) for name in self.statistic.above),
            tuple(name.format(lang=language) for name in self.statistic.below),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """A versioned family of bounds. `derive` adds statistics made of `meta` or of other counts."""

    name: str
    bounds: tuple[Bound, ...]
    derive: Derive | None = None

    def with_bounds(self, values: Mapping[str, float]) -> RuleSet:
        """Return the set with single limits replaced: {"words_low": 30}.

        A replaced limit holds in every language that the rule has not switched off. Raises
        RecipeError naming the key where no bound has it.
        """
        known = {f"{bound.name}_{end}" for bound in self.bounds for end in ("low", "high")}
        for key in values:
            if key not in known:
                raise RecipeError(f"bounds.{self.name!r} has no {key!r}.{nearest(key, known)}")
        return replace(self, bounds=tuple(_with(bound, values) for bound in self.bounds))


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRule:
    """A rule of one's own: a function of a document's text.

    It returns a bool, True to keep, or a number that must lie in `low` .. `high`; a recipe sets these as
    `filter.bounds."package.module:NAME" = {low = 1}`.
    """

    name: str
    function: Callable[[str], Any]
    low: float | None = None
    high: float | None = None

    def with_bounds(self, values: Mapping[str, float]) -> TextRule:
        """Return the rule with these limits: "low" and "high". Raises RecipeError for another key."""
        for key in values:
            if key not in ("low", "high"):
                raise RecipeError(f"bounds.{self.name!r} has no {key!r}. Known names: high, low.")
        return replace(self, low=values.get("low", self.low), high=values.get("high", self.high))

    def refusal(self, text: str) -> tuple[str, str] | None:
        """Return (value, bound) where the text is refused, else None.

        Raises TypeError where the function returns no bool and no number, ValueError for a number
        without limits, and whatever the function itself raises.
        """
        value = self.function(text)
        if isinstance(value, (bool, np.bool_)):
            return None if value else ("False", "True")
        if not isinstance(value, Real) or np.isnan(float(value)):
            raise TypeError(f"returns {value!r}; expected a bool or a number")
        if self.low is None and self.high is None:
            raise ValueError(
                f'returns a number: set filter.bounds."{self.name}" = {{low = …, high = …}}'
            )
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        if low <= float(value) <= high:
            return None
        return f"{float(value):.6g}", limits_text(self.low, self.high)


Rule = RuleSet | TextRule


def limits_text(low: float | None, high: float | None) -> str:
    """Return limits as they stand in a drop row: ">= 50", "<= 0.1" or "3 .. 10"."""
    if low is not None and high is not None:
        return f"{low:g} .. {high:g}"
    return f">= {low:g}" if low is not None else f"<= {high:g}"


def _with(bound: Bound, values: Mapping[str, float]) -> Bound:
    low = values.get(f"{bound.name}_low", bound.low)
    high = values.get(f"{bound.name}_high", bound.high)
    if (low, high) == (bound.low, bound.high):
        return bound
    kept = {name: pair for name, pair in bound.by_language.items() if pair == NO_LIMITS}
    return replace(bound, low=low, high=high, by_language=MappingProxyType(kept))
