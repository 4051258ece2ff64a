"""Gopher's quality and repetition rules (Rae et al. 2021, section A1.1 and table A1).

Where datatrove's code differs we follow the paper: "words" are runs without white space where
their length or letters count, never single punctuation marks (datatrove's spaCy tokens make
ordinary prose fail the alphabetic rule); blank lines are no lines, so they cannot be duplicates.
Stop words ignore case. Repeated n-grams are shares of the characters in words, so separators on
one side of the quotient only do not bias them. Limit: for languages other than English the bounds
are defaults chosen here, and stated as such.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from corpusforge.filter.phrases import STOP_WORDS
from corpusforge.filter.rules import NO_LIMITS, UNSPACED_LANGUAGES, Bound, Ratio, RuleSet

__all__ = ["QUALITY", "REPETITION"]

_PAPER = "Rae et al. 2021"
_NO_SPACES = (*UNSPACED_LANGUAGES, "bo", "dz", "am", "ti")
_LENGTHS = MappingProxyType(
    dict.fromkeys(_NO_SPACES, NO_LIMITS)
    | {"ko": (2.0, 8.0), "ta": (3.0, 13.0), "ml": (3.0, 15.0), "te": (3.0, 12.0)}
    | {"kn": (3.0, 12.0), "kl": (3.0, 20.0)}
)
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
            "(chars - spaces) / tokens",
            "characters a run without white space",
            low=3,
            high=10,
            by_language=_LENGTHS,
            reason="no white space between words, or words of other lengths; from the UDHR texts",
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


_IDEOGRAPHIC = ("zh", "yue", "wuu", "lzh", "ja")  # 8 characters are about 5 words
_ALPHABETIC = ("th", "lo", "km", "my")  # 10 letters are about 2 words


def _by_language(n: int) -> Mapping[str, tuple[float | None, float | None]]:
    """Return the limits of duplicate n-grams where a word is a character."""
    ideographic = {8: (None, 0.15), 9: (None, 0.15), 10: (None, 0.14)}.get(n, NO_LIMITS)
    alphabetic = (None, 0.30) if n == 10 else NO_LIMITS
    limits = dict.fromkeys(_IDEOGRAPHIC, ideographic) | dict.fromkeys(_ALPHABETIC, alphabetic)
    return MappingProxyType(limits)


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
    tops = ((f"top_{n}_gram_chars", high) for n, high in ((2, 0.20), (3, 0.18), (4, 0.16)))
    share = "share of characters in words"
    return (
        *(_bound(name, what, unit, high=high) for name, what, unit, high in lines),
        *(_bound(name, f"{name} / word_chars", share, high=high) for name, high in tops),
        *(
            _bound(
                f"duplicate_{n}_gram_chars",
                f"duplicate_{n}_gram_chars / chars",
                "share of characters",
                high=high,
                by_language=_by_language(n),
                reason=_PER_CHARACTER,
            )
            for n, high in zip(range(5, 11), (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True)
        ),
    )


REPETITION = RuleSet(name="gopher_repetition.v1", bounds=_repetition())
