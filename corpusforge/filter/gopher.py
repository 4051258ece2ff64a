"""Gopher's quality and repetition rules (Rae et al. 2021, section A1.1 and table A1).

Where datatrove's code differs we follow the paper: "words" are runs without white space where
their length or letters count, never single punctuation marks (datatrove's spaCy tokens make
ordinary prose fail the alphabetic rule); blank lines are no lines, so they cannot be duplicates.
Stop words ignore case. Repeated n-grams are shares of the characters in words, so separators on
one side of the quotient only do not bias them. Limit: for languages other than English the bounds
are defaults chosen here, and stated as such.
"""

from __future__ import annotations

from types import MappingProxyType

from corpusforge.filter.phrases import STOP_WORDS
from corpusforge.filter.rules import NO_LIMITS, UNSPACED_LANGUAGES, Bound, Ratio, RuleSet

__all__ = ["QUALITY", "REPETITION"]

_PAPER = "Rae et al. 2021"
_OFF = MappingProxyType(dict.fromkeys(UNSPACED_LANGUAGES, NO_LIMITS))
_PER_CHARACTER = "a word is one character there, about 0.6 of a word of other scripts"


def _bound(name: str, statistic: str, unit: str, **rest: object) -> Bound:
    return Bound(name=name, statistic=Ratio.of(statistic), unit=unit, source=_PAPER, **rest)  # type: ignore[arg-type]


QUALITY = RuleSet(
    name="gopher_quality.v1",
    bounds=(
        _bound(
            "words",
            "words",
            "words",
            low=50,
            high=100_000,
            by_language=MappingProxyType(dict.fromkeys(UNSPACED_LANGUAGES, (80.0, 170_000.0))),
            reason=_PER_CHARACTER,
        ),
        _bound(
            "mean_word_length",
            "chars - spaces / tokens",
            "characters a run without white space",
            low=3,
            high=10,
            by_language=_OFF,
            reason="no white space between words",
        ),
        _bound("hash_ratio", "hashes / tokens", "'#' a word", high=0.1),
        _bound("ellipsis_ratio", "ellipses / words", "ellipses a word", high=0.1),
        _bound("bullet_lines", "bullet_lines / lines", "share of lines", high=0.9),
        _bound("ellipsis_lines", "ellipsis_lines / lines", "share of lines", high=0.3),
        _bound("alphabetic_words", "alpha_tokens / tokens", "share of words", low=0.8),
        _bound(
            "stop_words",
            "stop_words_{lang}",
            "different stop words",
            low=2,
            languages=tuple(STOP_WORDS),
            reason="only languages with a list",
        ),
    ),
)


def _repetition() -> tuple[Bound, ...]:
    lines = (
        ("duplicate_lines", "duplicate_lines / lines", "share of lines", 0.30),
        ("duplicate_paragraphs", "duplicate_paragraphs / paragraphs", "share of paragraphs", 0.30),
        ("duplicate_line_chars", "duplicate_line_chars / line_chars", "share of characters", 0.20),
        (
            "duplicate_paragraph_chars",
            "duplicate_paragraph_chars / line_chars",
            "share of characters",
            0.20,
        ),
    )
    grams = [(f"top_{n}_gram_chars", high) for n, high in ((2, 0.20), (3, 0.18), (4, 0.16))]
    grams += [
        (f"duplicate_{n}_gram_chars", high)
        for n, high in zip(range(5, 11), (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True)
    ]
    shares = (
        (name, f"{name} / word_chars", "share of characters in words", high) for name, high in grams
    )
    return tuple(
        _bound(name, what, unit, high=high) for name, what, unit, high in (*lines, *shares)
    )


REPETITION = RuleSet(name="gopher_repetition.v1", bounds=_repetition())
