"""Two texts side by side, with what differs marked: for examples of duplicates.

Tokens are words, single ideographs, punctuation and runs of space; the alignment is difflib's
(Ratcliff and Obershelp). Limit: snippets of a few hundred characters, since it is quadratic.
"""

from __future__ import annotations

import difflib
import re

from markupsafe import Markup, escape

__all__ = ["SNIPPET", "marked"]

SNIPPET = 320
"""Characters of a text that are shown."""

_BREAKS = re.compile(r"(?<!\s)[^\S\n]*+\n\s*+")
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+|\s+|[^\w\s]")


def _tokens(text: str) -> list[str]:
    text = _BREAKS.sub("\n", text.strip())
    tokens: list[str] = _TOKEN.findall(text[:SNIPPET])
    return tokens[:-1] if len(text) > SNIPPET else tokens  # the last may be half a word


def _join(tokens: list[str], spans: list[tuple[int, int]]) -> Markup:
    out = Markup("")
    end = 0
    for first, last in spans:
        out += escape("".join(tokens[end:first]))
        if first < last:
            out += Markup("<mark>") + escape("".join(tokens[first:last])) + Markup("</mark>")
        end = last
    return out + escape("".join(tokens[end:]))


def marked(left: str, right: str) -> tuple[Markup, Markup]:
    """Return the beginnings of both texts as safe HTML, what differs between them in <mark>."""
    a, b = _tokens(left), _tokens(right)
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    changed = [code[1:] for code in matcher.get_opcodes() if code[0] != "equal"]
    if changed and (changed[-1][1], changed[-1][3]) == (len(a), len(b)):
        changed = _trimmed(changed, left, right)
    return (
        _join(a, [(first, last) for first, last, _, _ in changed]),
        _join(b, [(first, last) for _, _, first, last in changed]),
    )


def _trimmed(
    changed: list[tuple[int, int, int, int]], left: str, right: str
) -> list[tuple[int, int, int, int]]:
    """Do not mark the end of a snippet that was merely cut at another place than its twin."""
    a_first, a_last, b_first, b_last = changed[-1]
    only_one = a_first == a_last or b_first == b_last
    cut = len(left) > SNIPPET and len(right) > SNIPPET
    return changed[:-1] if only_one and cut else changed
