"""FineWeb's own rules over lines (Penedo et al. 2024, section 3.6).

Duplicate-line characters: the paper says 0.1, datatrove's code defaults to 0.01; we follow the
paper. Line breaks a word (0.3; runs without white space, single characters where none is written)
stands only in the code, and is taken from there. The unit of the first rule is a line that ends: a
line which goes on in lower case on the next one was wrapped, and is not counted, so that
hard-wrapped prose (old books, mail) is judged as what it is. Inclusive bounds keep a document
exactly on them, where the paper drops it.
"""

from __future__ import annotations

from corpusforge.filter.rules import NO_LIMITS, Bound, Ratio, RuleSet

__all__ = ["QUALITY"]

_PAPER = "Penedo et al. 2024"

QUALITY = RuleSet(
    name="fineweb.v1",
    bounds=(
        Bound(
            name="line_punctuation",
            statistic=Ratio.of("terminal_lines / (lines - wrapped_lines)"),
            low=0.12,
            unit="share of lines that end",
            source=_PAPER,
            by_language=dict.fromkeys(("th", "lo", "my", "km", "bo", "dz"), NO_LIMITS),
            reason="sentences seldom end with a sign there",
        ),
        Bound(
            name="short_lines",
            statistic=Ratio.of("short_lines / lines"),
            high=0.67,
            unit="share of lines at most 30 wide (Han and kana 3 wide)",
            source=_PAPER,
        ),
        Bound(
            name="duplicate_line_chars",
            statistic=Ratio.of("duplicate_line_chars / line_chars"),
            high=0.1,
            unit="share of characters in lines",
            source=_PAPER,
        ),
        Bound(
            name="list_ratio",
            statistic=Ratio.of("breaks / (tokens + unspaced)"),
            high=0.3,
            unit="line breaks a word",
            source="datatrove's code",
        ),
    ),
)
