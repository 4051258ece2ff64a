"""Is a rewrite true to its passage? Measured first, as columns; then decided, by bounds.

Measured: facts of the rewrite that the passage does not hold, the share of the passage's facts that it
keeps, verbatim copying, length, false equations, likeness to the document's earlier rewrites. What the text
alone tells (refusal, talk about the task, marks of thought, a cut reply, a loop, another language, a missing
form) is a `fault`, the first that is found. Another bound decides again without asking any model. Limits:
those of `facts`; a sentence that turns a fact round in the passage's own words passes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from corpusforge.instruct.accounts import unanswered
from corpusforge.instruct.cot.arithmetic import false_equation
from corpusforge.instruct.echo import copied
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.rules import check_language, check_text
from corpusforge.instruct.tokens import unicode_tokens
from corpusforge.models.records import Completion
from corpusforge.rephrase.facts import Facts, facts, foreign, kept
from corpusforge.rephrase.styles import Bounds, Style
from corpusforge.rephrase.tidy import META

__all__ = ["RULES", "Measures", "Siblings", "decide", "fault", "measure"]

RULES: dict[str, str] = {
    "no_text": "the reply holds no text",
    "meta_talk": "the rewrite speaks of the passage, the task or itself",
    "no_form": "it lacks the marks of its style (questions, table rows, steps, turns)",
    "length_ratio": "it is much shorter or longer than the passage",
    "copied": "too much or too little stands word for word in the passage",
    "facts_kept": "too few of the passage's facts are there",
    "foreign_numbers": "numbers that the passage does not have",
    "foreign_dates": "dates that the passage does not have",
    "foreign_names": "names that the passage does not have",
    "foreign_quotes": "quotations that do not stand in the passage",
    "false_equation": "an equation that is not true",
    "near_copy": "almost an earlier rewrite of the same document",
    "unsupported": "the model, reading it again, names a statement that the passage does not hold",
}
"""The rules of the gate, beside those for every answer of a model (`instruct.rules`, `instruct.accounts`)."""

_RUN = {"en": 8, "zh": 13}
"""Tokens of a verbatim run: a Chinese character is a token, and 1.58 of them are an English word."""
_SHINGLE = {"en": 5, "zh": 8}
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What is measured of one rewrite; `foreign` names the first few of what the passage does not hold."""

    tokens: int
    ratio: float
    copied: float
    facts: int
    kept: float
    foreign_numbers: int
    foreign_dates: int
    foreign_names: int
    foreign_quotes: int
    foreign: str
    false_equation: str
    near: float


@dataclass(slots=True)
class Siblings:
    """The rewrites of one document so far, by shingle."""

    sizes: list[int] = field(default_factory=list)
    holders: dict[Hashable, list[int]] = field(default_factory=dict)

    def nearest(self, shingles: set[tuple[str, ...]]) -> float:
        """Return the largest Jaccard similarity to an earlier one, 0 where there is none."""
        shared: dict[int, int] = {}
        for one in shingles:
            for number in self.holders.get(one, ()):
                shared[number] = shared.get(number, 0) + 1
        return max(
            (n / (len(shingles) + self.sizes[number] - n) for number, n in shared.items()),
            default=0.0,
        )

    def add(self, shingles: set[tuple[str, ...]]) -> None:
        """Take up one that is kept."""
        for one in shingles:
            self.holders.setdefault(one, []).append(len(self.sizes))
        self.sizes.append(len(shingles))


def shingles(text: str, language: str) -> set[tuple[str, ...]]:
    """Return the runs of tokens by which rewrites are compared."""
    return set(_grams(unicode_tokens(text), _SHINGLE[language]))


def measure(text: str, passage: str, passage_facts: Facts, language: str, near: float) -> Measures:
    """Return the measures of a rewrite; `near` is its likeness to its siblings."""
    own, given = unicode_tokens(text), unicode_tokens(passage)
    stated = facts(text, language)
    strange = foreign(stated, passage_facts)
    have, there = kept(stated, passage_facts)
    return Measures(
        tokens=len(own), ratio=round(len(own) / max(1, len(given)), 4),
        copied=round(_copied(own, given, _RUN[language]), 4),
        facts=there, kept=round(have / there, 4) if there else 1.0,
        **{f"foreign_{kind}": len(found) for kind, found in strange.items()},
        foreign="; ".join(one for found in strange.values() for one in found[:_SHOWN]),
        false_equation=false_equation(text), near=round(near, 4),
    )  # fmt: skip


def _grams(tokens: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return (tuple(tokens[k : k + size]) for k in range(len(tokens) - size + 1))


def _copied(own: Sequence[str], given: Sequence[str], run: int) -> float:
    """Share of the own runs that stand among the given tokens."""
    known = set(_grams(given, run))
    found = [gram in known for gram in _grams(own, run)]
    return sum(found) / len(found) if found else 0.0


def fault(
    reply: Completion, text: str, passage: str, language: str, style: Style
) -> Finding | None:
    """Return (rule, value, bound) of the first fault that a rewrite's text alone tells, or None."""
    if found := unanswered(reply):
        return found
    if not text:
        return "no_text", "0", "> 0 characters"
    meta = META.search(text)
    if meta and meta[0].casefold() not in passage.casefold():
        return "meta_talk", meta[0], "the rewrite alone"
    marks = len(style.mark.findall(text)) if style.least else 0
    if marks < style.least:
        return "no_form", str(marks), f">= {style.least} marks of the style"
    return (
        check_text(text)
        or copied(text, language, passage)
        or check_language("", "", text, language)
    )


def decide(measures: Measures, bounds: Bounds) -> Finding | None:
    """Return (rule, value, bound) of the first bound that the measures break, or None."""
    for kind in ("numbers", "dates", "names", "quotes"):
        count, most = getattr(measures, f"foreign_{kind}"), getattr(bounds, f"foreign_{kind}")
        if count > most:
            return f"foreign_{kind}", f"{count}: {measures.foreign}", f"<= {most:g}"
    if measures.false_equation and bounds.false_equations < 1:
        return "false_equation", measures.false_equation, "none"
    ranges: tuple[tuple[str, float, float, float], ...] = (
        ("length_ratio", measures.ratio, bounds.ratio_low, bounds.ratio_high),
        ("copied", measures.copied, bounds.copied_low, bounds.copied_high),
        ("facts_kept", measures.kept, bounds.kept_low, 1.0),
        ("near_copy", measures.near, 0.0, bounds.near_high),
    )
    for rule, value, low, high in ranges:
        if not low <= value <= high:
            return rule, f"{value:g}", f"{low:g} .. {high:g}"
    return None
