"""Which stretches of a text made a rule refuse it, where single stretches did.

Follows the definitions of the statistics that bounds are on, in plain Python, for the few texts that people
look at. Limits: too few words or too short a document are no stretch, and nothing is marked then; words are
runs of letters and digits, so a mark may end a sign earlier than the count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from corpusforge.filter.phrases import PHRASES
from corpusforge.filter.tables import BULLETS

__all__ = ["Piece", "joined", "marked", "offending"]

Span = tuple[int, int]
Piece = tuple[str, bool]
"""A stretch of text, and whether it is marked."""

_LINE = re.compile(r"[^\r\n]+")
_PARAGRAPH = re.compile(r"[^\r\n]+(?:\r?\n[^\r\n]+)*")
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W_]+")
_CHARACTERS = {
    "curly": "{",
    "hashes": "#",
    "ellipses": "...|…",
    "colons": ":|：",
    "garbled": "\ufffd",
}
_LONG_WORD = 64
_SHORT_LINE = 30


def offending(text: str, statistic: str) -> list[Span]:
    """Return the stretches of `text` that a statistic of `filter.columns.COLUMNS` counts, in order.

    Offsets are code points. Empty where the statistic is about no single stretch.
    """
    if statistic in _CHARACTERS:
        return _every(text, _CHARACTERS[statistic].split("|"))
    if statistic.startswith("phrase_"):
        return _every(text, PHRASES.get(statistic.removeprefix("phrase_"), ()))
    if gram := re.fullmatch(r"(top|duplicate)_(\d+)_gram_chars", statistic):
        return _grams(text, int(gram[2]), commonest=gram[1] == "top")
    if statistic.startswith("duplicate_paragraph"):
        return _repeated(text, _PARAGRAPH)
    if statistic.startswith("duplicate_line"):
        return _repeated(text, _LINE)
    if statistic == "long_word_chars":
        return [m.span() for m in re.finditer(r"\S+", text) if len(m[0]) >= _LONG_WORD]
    if statistic == "longest_line":
        return [max((m.span() for m in _LINE.finditer(text)), key=lambda s: s[1] - s[0])][:1]
    if statistic in _LINES:
        return [m.span() for m in _LINE.finditer(text) if _LINES[statistic](m[0].strip())]
    return []


_LINES: dict[str, Callable[[str], bool]] = {
    "bullet_lines": lambda line: line[:1] in BULLETS and line != "",
    "ellipsis_lines": lambda line: line.endswith(("...", "…")),
    "short_lines": lambda line: 0 < len(line) <= _SHORT_LINE,
}


def _every(text: str, phrases: tuple[str, ...] | list[str]) -> list[Span]:
    if not phrases:
        return []
    pattern = re.compile("|".join(map(re.escape, phrases)), re.IGNORECASE)
    return [found.span() for found in pattern.finditer(text)]


def _repeated(text: str, unit: re.Pattern[str]) -> list[Span]:
    seen: set[str] = set()
    spans = []
    for found in unit.finditer(text):
        own = found[0].strip()
        if own in seen:
            spans.append(found.span())
        elif own:
            seen.add(own)
    return spans


def _grams(text: str, n: int, *, commonest: bool) -> list[Span]:
    """The commonest run of n words wherever it stands, or every run of n words seen before."""
    words = [(m[0].lower(), *m.span()) for m in _WORD.finditer(text)]
    grams = [tuple(word for word, _, _ in words[i : i + n]) for i in range(len(words) - n + 1)]
    counts = Counter(grams)
    if commonest:
        most = max(counts.items(), key=lambda item: item[1], default=((), 0))
        wanted = [i for i, gram in enumerate(grams) if gram == most[0] and most[1] > 1]
    else:
        seen: set[tuple[str, ...]] = set()
        wanted = [i for i, gram in enumerate(grams) if gram in seen or seen.add(gram)]  # type: ignore[func-returns-value]
    return list(joined((words[i][1], words[i + n - 1][2]) for i in wanted))


def joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Yield stretches that overlap as one; they come in order."""
    held: Span | None = None
    for start, end in spans:
        if held and start <= held[1]:
            held = (held[0], max(held[1], end))
        else:
            if held:
                yield held
            held = (start, end)
    if held:
        yield held


def marked(text: str, spans: list[Span]) -> list[Piece]:
    """Return the text cut into pieces, those of `spans` marked; `spans` are in order and apart."""
    pieces: list[Piece] = []
    place = 0
    for start, end in spans:
        pieces += [(text[place:start], False), (text[start:end], True)]
        place = end
    return [piece for piece in [*pieces, (text[place:], False)] if piece[0]]
