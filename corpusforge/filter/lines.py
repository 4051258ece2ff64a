"""Cleaning inside a document: furniture lines go, markup residue is undone, each thing counted.

`lines.v1` cuts what is furniture wherever it stands: front matter, image-only lines, cookie,
script and sign-in notices, share and comment counters, page and slide numbers, copyright tails;
and it undoes tracker parameters and Markdown escapes. The ideas are C4's and RefinedWeb's line
rules (Raffel et al. 2020; Penedo et al. 2023), held back so that prose that only mentions such a
thing stays: a cut line is short. `lines_c4.v1` is C4 to the letter. Limits: fixed phrases, English
and Chinese; fenced code and table rows are left alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from corpusforge.filter.line_patterns import (
    CLOSING,
    ESCAPES,
    FRONT_MATTER,
    IMAGE_ONLY,
    MARKS,
    NAVIGATION,
    QUERY,
    TRACKER,
)
from corpusforge.filter.settings import Settings

__all__ = ["clean"]

_SHORT = 160
_C4_ENDS = (".", "?", "!", '"', "'", "。", "？", "！", "”", "」")
_C4_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
_C4_WORDS, _C4_WORD_CHARS = 3, 1000
_BLANKS = re.compile(r"\n(?:[^\S\n]*\n){2,}")
_NO_TERMINALS = ("th", "lo", "my", "km")


def clean(text: str, lang: str, settings: Settings) -> tuple[str, dict[str, int]]:
    """Return (text, counts): what each rule of `settings.lines` cut or rewrote, by "set:rule".

    The text comes back unchanged, the same object, where nothing was found.
    """
    counts: Counter[str] = Counter()
    for name in settings.lines:
        text = _RULES[name](text, lang, counts)
    return text, dict(sorted(counts.items()))


def _lines_v1(text: str, _lang: str, counts: Counter[str]) -> str:
    body = _without_front_matter(text, counts)
    if "\\" in body:
        body = _unescaped(body, counts)
    if "://" in body and "?" in body:
        body = _untracked(body, counts)
    return _without_lines(body, _furniture, "lines.v1", counts)


def _lines_c4(text: str, lang: str, counts: Counter[str]) -> str:
    ends = _C4_ENDS if lang.split("-", maxsplit=1)[0] not in _NO_TERMINALS else ("",)
    return _without_lines(text, lambda line: _c4(line, ends), "lines_c4.v1", counts)


_RULES: dict[str, Callable[[str, str, Counter[str]], str]] = {
    "lines.v1": _lines_v1,
    "lines_c4.v1": _lines_c4,
}


def _without_lines(
    text: str, rule_of: Callable[[str], str], family: str, counts: Counter[str]
) -> str:
    """Return the text without the lines that `rule_of` names a rule for; fenced code is kept."""
    kept: list[str] = []
    cut = 0
    fenced = False
    for line in text.split("\n"):
        bare = line.strip()
        if bare.startswith(("```", "~~~")):
            fenced = not fenced
        rule = "" if fenced or not bare else rule_of(bare)
        if rule:
            counts[f"{family}:{rule}"] += 1
            cut += 1
        else:
            kept.append(line)
    return _BLANKS.sub("\n\n", "\n".join(kept)).strip("\n") if cut else text


def _furniture(line: str) -> str:
    """Return the rule that cuts a trimmed line, or ""."""
    if len(line) > _SHORT or line.startswith("|"):
        return "image_only" if line.startswith(("!", "[!")) and IMAGE_ONLY.match(line) else ""
    if line.rstrip(CLOSING).lower() in NAVIGATION:
        return "navigation"
    match = MARKS.match(line)
    return (match.lastgroup or "") if match else ""


def _c4(line: str, ends: tuple[str, ...]) -> str:
    words = line.split()
    if any(len(word) > _C4_WORD_CHARS for word in words):
        return "long_word"
    if not line.endswith(ends) or line.endswith("..."):
        return "no_terminal_punctuation"
    if len(words) < _C4_WORDS and line.isascii():
        return "few_words"
    small = line.lower()
    if "javascript" in small:
        return "javascript"
    return "policy" if any(phrase in small for phrase in _C4_POLICY) else ""


def _without_front_matter(text: str, counts: Counter[str]) -> str:
    match = FRONT_MATTER.match(text) if text.startswith(("---", "+++", "\ufeff---")) else None
    if match is None:
        return text
    counts["lines.v1:front_matter"] += 1
    return text[match.end() :]


def _unescaped(text: str, counts: Counter[str]) -> str:
    """Undo Markdown's escapes, except in lines that hold other backslashes (TeX, paths, code)."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if "\\" in line and not ESCAPES.sub("", line).count("\\"):
            lines[number], found = ESCAPES.subn(r"\1", line)
            counts["lines.v1:markdown_escape"] += found
    return "\n".join(lines)


def _untracked(text: str, counts: Counter[str]) -> str:
    """Cut tracker parameters out of addresses; other parameters and their order stay."""

    def shorter(match: re.Match[str]) -> str:
        start, query, fragment = match.group(1, 2, 3)
        parts = query.split("&")
        kept = [part for part in parts if not TRACKER.match(part)]
        if len(kept) == len(parts):
            return match.group()
        counts["lines.v1:tracker_url"] += 1
        return f"{start}{'?' if kept else ''}{'&'.join(kept)}{fragment or ''}"

    return QUERY.sub(shorter, text)
