"""Two texts with what differs between them marked in each.

Words are compared, characters in scripts without spaces (`dedup.show`), by Python's difflib; what both
begin and end with is set aside first. Limit: the first 2,000 words from where they differ.
"""

from __future__ import annotations

import difflib
import re

from corpusforge.dedup.show import word_spans
from corpusforge.view.spans import Piece, Span, marked

__all__ = ["compared", "shared"]

_MARKS = re.compile(r"\W")
_LONGEST = 2000
_CONTEXT = 30
"""Equal words shown at either end of a long run of them."""


def compared(left: str, right: str) -> tuple[list[Piece], list[Piece]]:
    """Return both texts in pieces, those marked that the other has not; long equal runs are shortened."""
    one, two = word_spans(left), word_spans(right)
    pieces: tuple[list[Piece], list[Piece]] = ([], [])
    for equal, (i, j), (k, m) in _blocks(one, two, left, right):
        pieces[0].extend(_shown(left, one[i:j], equal=equal))
        pieces[1].extend(_shown(right, two[k:m], equal=equal))
    return pieces


def _shown(text: str, words: list[Span], *, equal: bool) -> list[Piece]:
    if not words:
        return []
    begin, end = words[0][0], words[-1][1]
    behind = text[end : len(text) - len(text[end:].lstrip())]
    if not equal:
        return [(text[begin:end], True), *([(behind, False)] if behind else [])]
    skipped = len(words) - 2 * _CONTEXT
    if skipped < _CONTEXT:
        return [(text[begin:end] + behind, False)]
    told = f"\n[… {skipped:,} equal words …]\n"
    shown = text[begin : words[_CONTEXT - 1][1]] + told + text[words[-_CONTEXT][0] : end]
    return [(shown + behind, False)]


_Block = tuple[bool, tuple[int, int], tuple[int, int]]


def _blocks(a: list[Span], b: list[Span], left: str, right: str) -> list[_Block]:
    """Whether words i..j of the left are words k..m of the right, in order, covering both."""
    one = [left[start:end] for start, end in a]
    two = [right[start:end] for start, end in b]
    least = min(len(one), len(two))
    head = next((n for n in range(least) if one[n] != two[n]), least)
    tail = next((n for n in range(least - head) if one[-1 - n] != two[-1 - n]), least - head)
    ends = len(one) - tail, len(two) - tail
    cut = [min(end, head + _LONGEST) for end in ends]
    blocks: list[_Block] = [(True, (0, head), (0, head))] if head else []
    matcher = difflib.SequenceMatcher(None, one[head : cut[0]], two[head : cut[1]], autojunk=False)
    blocks += [
        (kind == "equal", (head + i, head + j), (head + k, head + m))
        for kind, i, j, k, m in matcher.get_opcodes()
    ]
    if cut != list(ends):
        blocks.append((False, (cut[0], ends[0]), (cut[1], ends[1])))
    return [*blocks, (True, (ends[0], len(one)), (ends[1], len(two)))] if tail else blocks


def shared(text: str, other: str) -> list[Piece]:
    """Return a text in pieces, those marked whose words stand in `other` too, in order.

    Case and punctuation are ignored.
    """
    words = word_spans(text)[:_LONGEST]
    theirs = [_plain(other[start:end]) for start, end in word_spans(other)[:_LONGEST]]
    own = [_plain(text[start:end]) for start, end in words]
    found = difflib.SequenceMatcher(None, own, theirs, autojunk=False).get_matching_blocks()
    spans = [(words[a][0], words[a + size - 1][1]) for a, _, size in found if size]
    return marked(text, spans)


def _plain(word: str) -> str:
    return _MARKS.sub("", word).casefold() or word
