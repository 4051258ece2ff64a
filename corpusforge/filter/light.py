"""Rules for sources that people edited (books, encyclopedias): only what is no text at all fails.

The web families presume crawl; on an edited page a list or a refrain is content. Bounds are ours.
"""

from __future__ import annotations

from corpusforge.filter.rules import UNSPACED_LANGUAGES, Bound, Ratio, RuleSet

__all__ = ["LIGHT"]

_OURS = "corpusforge"

LIGHT = RuleSet(
    name="light.v1",
    bounds=(
        Bound(
            name="words",
            statistic=Ratio(("words",)),
            low=20,
            unit="words",
            source=_OURS,
            by_language=dict.fromkeys(UNSPACED_LANGUAGES, (30.0, None)),
            reason="a word is one character there",
        ),
        Bound(
            name="garbled",
            statistic=Ratio.of("garbled / chars"),
            high=0.01,
            unit="share of characters that are U+FFFD, control or private use",
            source=_OURS,
        ),
        Bound(
            name="alphabetic_words",
            statistic=Ratio.of("alpha_tokens / tokens"),
            low=0.5,
            unit="share of runs without white space",
            source=_OURS,
        ),
        Bound(
            name="duplicate_line_chars",
            statistic=Ratio.of("duplicate_line_chars / line_chars"),
            high=0.5,
            unit="share of characters in lines",
            source=_OURS,
        ),
    ),
)
