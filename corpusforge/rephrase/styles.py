"""The styles of rewriting: what each must look like and how true to its passage it must be.

After the published recipes: WRAP (Maini et al. 2024: easy, Wikipedia-like, question–answer), Nemotron-CC (Su
et al. 2024: diverse questions, distillation, lists of knowledge) and FinePhrase (2026: FAQ, worked
mathematics, table with a question, tutorial); every prompt was written for this project
(`models/prompts/rephrase_*`). The bounds are first guesses by reading, to be set by labels; `decide` in
`gate` applies them, and a file of one's own replaces any (docs/rephrase.md).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from corpusforge.errors import RecipeError, nearest
from corpusforge.fields import build
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_toml

__all__ = ["STYLES", "Bounds", "Style", "read_bounds"]

_MANY = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds on what `gate.Measures` holds, inclusive; 1e9 is no bound."""

    ratio_low: float = 0.1
    """Least tokens of the rewrite per token of the passage."""
    ratio_high: float = 3.0
    """Most tokens of the rewrite per token of the passage."""
    copied_low: float = 0.0
    """Least share of the rewrite's 8-grams (13-grams in Chinese) that stand in the passage."""
    copied_high: float = 0.7
    """Most of that share: above, it is a copy."""
    kept_low: float = 0.0
    """Least share of the passage's facts (numbers, dates, names) that the rewrite has."""
    foreign_numbers: float = 0
    """Most distinct numbers that the passage does not have."""
    foreign_dates: float = 0
    """Most distinct dates that the passage does not have."""
    foreign_names: float = 1
    """Most distinct names that the passage does not have."""
    foreign_quotes: float = 0
    """Most quotations that do not stand in the passage."""
    false_equations: float = 0
    """Most false equations: 0, or 1 for no bound (the first one is looked for)."""
    near_high: float = 0.7
    """Largest similarity (Jaccard, 5-grams) to an earlier rewrite of the same document."""
    supported_low: float = 0.5
    """Least share of the readings (`readings`) that find each statement in the passage."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value <= _MANY:
                raise RecipeError(f"bounds.{name} is {value}; expected 0 to 1e9.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """One style: the marks that a rewrite of it has, at least `least` of them, and its bounds."""

    mark: re.Pattern[str] = re.compile("")
    least: int = 0
    bounds: Bounds = field(default_factory=Bounds)


_QUESTION = re.compile(r"[?？]")
_STEP = re.compile(r"^\W{0,4}(?:step |步骤 ?|第)?(?:\d{1,2}|[一二三四五六七八九十]{1,3})(?:[.)、:：．]|步)",
                   re.MULTILINE | re.IGNORECASE)  # fmt: skip
_BULLET = re.compile(r"^[ \t]*(?:[-*•]|\d{1,2}[.)、])[ \t]*\S", re.MULTILINE)
_TURN = re.compile(r"^\W{0,4}[^\s:：|][^:：\n|]{0,30}[:：]", re.MULTILINE)
_ROW = re.compile(r"^[ \t]*\|.+\|[ \t]*$", re.MULTILINE)

STYLES: dict[str, Style] = {
    "faq": Style(mark=_QUESTION, least=2, bounds=Bounds(kept_low=0.2)),
    "math": Style(
        mark=re.compile(r"\d"), least=3,
        bounds=Bounds(foreign_numbers=_MANY, foreign_names=3, ratio_high=6.0),
    ),
    "table": Style(mark=_ROW, least=3, bounds=Bounds(kept_low=0.2, foreign_numbers=2)),
    "tutorial": Style(mark=_STEP, least=2, bounds=Bounds(kept_low=0.2, foreign_names=2)),
    "wikipedia": Style(bounds=Bounds(kept_low=0.5, ratio_low=0.3, ratio_high=2.0)),
    "qa": Style(mark=_QUESTION, least=3, bounds=Bounds(kept_low=0.2)),
    "distill": Style(bounds=Bounds(kept_low=0.5, ratio_high=0.9, copied_high=0.8)),
    "knowledge": Style(mark=_BULLET, least=3, bounds=Bounds(kept_low=0.4, copied_high=0.85)),
    "dialogue": Style(mark=_TURN, least=4, bounds=Bounds(kept_low=0.2, foreign_names=3)),
}  # fmt: skip
"""The built-in styles by name; a style of one's own is `Style()`."""


def read_bounds(path: str, styles: Mapping[str, Style]) -> dict[str, Bounds]:
    """Return each style's bounds, with those that the TOML file `path` ("": none) sets in their place.

    The table [all] holds for every style, [STYLE] for one. Raises RecipeError.
    """
    table = _table(path)
    for name in table:
        if name != "all" and name not in styles:
            raise RecipeError(f"{path}: [{name}] is no style.{nearest(name, ('all', *styles))}")
    found = {}
    for name, style in styles.items():
        given = {**table.get("all", {}), **table.get(name, {})}
        checked = build(Bounds, given, f"{path}: {name}")
        found[name] = replace(style.bounds, **{key: getattr(checked, key) for key in given})
    return found


def _table(path: str) -> dict[str, dict[str, Any]]:
    if not path:
        return {}
    if not files.exists(path):
        raise RecipeError(f"bounds file {path!r} does not exist.")
    try:
        table = decode_toml(files.read_bytes(path).decode())
    except (DecodingError, UnicodeDecodeError) as error:
        raise RecipeError(f"bounds file {path!r} is not TOML: {error}.") from error
    if wrong := [name for name, value in table.items() if not isinstance(value, dict)]:
        raise RecipeError(
            f"{path}: {wrong[0]} stands in no table; write [all] or [STYLE] above it."
        )
    return table
