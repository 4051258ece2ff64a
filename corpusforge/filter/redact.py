"""Personal data and secrets replaced by typed placeholders, before any text is written.

A text is first searched for anchors in one pass over its bytes (`anchors`); only around those the
patterns of `pii` and `secrets` run. A placeholder (<EMAIL>, <SECRET:aws_key> …) says what stood
there and nothing of it is kept. Redacting twice changes nothing more. Limits: see `pii`, `secrets`.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from corpusforge.errors import RecipeError, nearest
from corpusforge.filter.anchors import WIDE, anchored, anchors
from corpusforge.filter.pii import Span, find_pii
from corpusforge.filter.secrets import find_secrets

__all__ = ["REDACTION_RULES", "Redacted", "redact", "redact_names", "spans"]

REDACTION_RULES = {"pii.v1": find_pii, "secrets.v1": find_secrets}

_MOST_SEARCHES = 8  # two are usual; a bound, so that no text can keep the loop going
_SHORT = 400  # names and addresses, of which every document has two
_UNANCHORED = re.compile("QQ|微信|WeChat|/home/|Users|PRIVATE KEY|:AA".encode())
"""What `pii` and `secrets` look for without an anchor."""
_NARROW = {0xFF10 + k: 0x30 + k for k in range(10)} | {0xFF20: 0x40, 0xFF0E: 0x2E, 0xFF0D: 0x2D}


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without the originals, and how often each placeholder was put."""

    text: str
    counts: dict[str, int]


def _apart(spans: Iterable[Span]) -> list[Span]:
    """Return the spans that stay: lower priority number first, then earlier, then longer; by place."""
    kept: list[tuple[int, int, int, str]] = []  # (start, end, priority, placeholder), by start
    for priority, start, end, label in sorted(spans, key=lambda s: (s[0], s[1], -s[2])):
        place = bisect.bisect(kept, (start,))
        before_is_free = place == 0 or kept[place - 1][1] <= start
        if before_is_free and (place == len(kept) or end <= kept[place][0]):
            kept.insert(place, (start, end, priority, label))
    return [(priority, start, end, label) for start, end, priority, label in kept]


def _searched(text: str, rules: Sequence[str]) -> tuple[bytes, list[Span]]:
    """Return the text's bytes as they were searched, and the spans to replace in them, by place."""
    for name in rules:
        if name not in REDACTION_RULES:
            raise RecipeError(
                f"redaction rule {name!r} is unknown.{nearest(name, REDACTION_RULES)}"
            )
    data = text.encode("utf-8", "surrogatepass")
    found = anchors(data)
    if not found and len(data) < _SHORT and not _UNANCHORED.search(data):
        return data, []
    if any(kind == WIDE for kind, _, _ in found):
        data = text.translate(_NARROW).encode("utf-8", "surrogatepass")
        found = anchors(data)
    return data, _apart(span for name in rules for span in REDACTION_RULES[name](data, found))


def spans(text: str, rules: tuple[str, ...] = ("pii.v1", "secrets.v1")) -> list[Span]:
    """Return (priority, start, end, placeholder) of all that `redact` would replace, in bytes.

    Bytes of the text with full-width digits narrowed, so the places are the text's own unless it
    holds such digits.
    """
    return _searched(text, rules)[1]


def redact(text: str, rules: tuple[str, ...] = ("pii.v1", "secrets.v1")) -> Redacted:
    """Return the text with everything the rules find replaced by its placeholder.

    Raises RecipeError for an unknown rule.
    """
    counts: Counter[str] = Counter()
    for _ in range(_MOST_SEARCHES):
        text, labels = _replaced(text, rules)
        if not labels:
            break
        # A placeholder may end what hid a second hit ("a@b.cc.c@d.ee"), so look until none is left.
        counts.update(labels)
    return Redacted(text, dict(sorted(counts.items())))


def redact_names(
    names: Sequence[str], rules: tuple[str, ...] = ("pii.v1", "secrets.v1")
) -> list[str]:
    """Return what `redact` makes of each of many names and addresses, most of which it leaves."""
    data = [name.encode("utf-8", "surrogatepass") for name in names]
    return [
        redact(name, rules).text
        if suspect or len(own) >= _SHORT or _UNANCHORED.search(own)
        else name
        for name, own, suspect in zip(names, data, anchored(data), strict=True)
    ]


def _replaced(text: str, rules: Sequence[str]) -> tuple[str, list[str]]:
    """Return the text with one search's hits replaced, and their placeholders; equal text if none."""
    data, found = _searched(text, rules)
    if not found:
        return text, []
    parts: list[str] = []
    byte = place = 0
    for _, start, end, label in found:
        # Narrowing keeps the number of characters, so the original is cut by characters.
        begin = place + len(data[byte:start].decode("utf-8", "surrogatepass"))
        parts += [text[place:begin], label]
        place = begin + len(data[start:end].decode("utf-8", "surrogatepass"))
        byte = end
    return "".join([*parts, text[place:]]), [span[3] for span in found]
