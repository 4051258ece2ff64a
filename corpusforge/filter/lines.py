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
from collections.abc import Callable, Sequence

from corpusforge.filter.line_patterns import (
    CLOSING,
    ESCAPES,
    FRONT_MATTER,
    MARKS,
    NAVIGATION,
    QUERY,
    TRACKER,
    Mark,
)
from corpusforge.filter.settings import Settings

__all__ = ["clean"]

_WRAPPED = 40
_NAVIGATION_CHARS = max(map(len, NAVIGATION)) + 4
_C4_ENDS = (".", "?", "!", '"', "。", "？", "！", "”", "」")
_C4_POLICY = (
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "use of cookies",
    "use cookies",
)
_C4_WORDS, _C4_WORD_CHARS = 5, 1000
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
    small = body.lower()
    marks = [
        mark
        for mark in MARKS
        if not mark.keywords or any(keyword in small for keyword in mark.keywords)
    ]
    return _without_lines(body, lambda line: _furniture(line, marks), "lines.v1", counts)


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
    """Return the text without the lines that `rule_of` names a rule for.

    Fenced code stays, and so does a line that is one of a hard-wrapped paragraph.
    """
    lines = text.split("\n")
    cut: set[int] = set()
    fenced = False
    for number, line in enumerate(lines):
        bare = line.strip()
        if bare.startswith(("```", "~~~")):
            fenced = not fenced
        if fenced or not bare:
            continue
        rule = rule_of(bare)
        if rule and not _wrapped(lines, number):
            counts[f"{family}:{rule}"] += 1
            cut.add(number)
    if not cut:
        return text
    kept = (line for number, line in enumerate(lines) if number not in cut)
    return _BLANKS.sub("\n\n", "\n".join(kept)).strip("\n")


def _wrapped(lines: list[str], number: int) -> bool:
    """Whether a line goes on in lower case on the next, or goes on from the one before."""
    line = lines[number].strip()
    following = lines[number + 1].strip() if number + 1 < len(lines) else ""
    before = lines[number - 1].strip() if number else ""
    goes_on = len(line) > _WRAPPED and following[:1].islower() and not line.endswith(_C4_ENDS)
    return goes_on or (len(before) > _WRAPPED and line[:1].islower())


def _furniture(line: str, marks: Sequence[Mark]) -> str:
    """Return the rule that cuts a trimmed line, or ""."""
    if line[0] == "|":
        return ""
    length = len(line)
    if length <= _NAVIGATION_CHARS and line.rstrip(CLOSING).lower() in NAVIGATION:
        return "navigation"
    for mark in marks:
        if length <= mark.longest and mark.pattern.match(line):
            return mark.rule
    return ""


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
        parts = query.split("&") if query else []
        kept = [part for part in parts if not TRACKER.match(part)]
        if len(kept) == len(parts):
            return match.group()
        counts["lines.v1:tracker_url"] += 1
        return f"{start}{'?' if kept else ''}{'&'.join(kept)}{fragment or ''}"

    return QUERY.sub(shorter, text)
