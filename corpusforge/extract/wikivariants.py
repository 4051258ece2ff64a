"""Marks of MediaWiki's language converter, -{…}-, as one variant of the language shows them.

Chinese articles mix simplified and traditional forms; a mark names the form of a word for each variant. One
variant holds for a whole dump, so that scripts do not mix by the order in which a mark names them. Flags
as in MediaWiki (its manual's page on writing systems): H, T, "-", D and N print nothing, A and R their
text; so does a filter of variants. A rule for one direction only prints nothing.
Limit: text outside marks stays in the script it was written in.
"""

from __future__ import annotations

import re

__all__ = ["VARIANTS", "shown"]

_SIMPLIFIED = ("zh-cn", "zh-hans", "zh-sg", "zh-my", "zh", "zh-hant", "zh-tw", "zh-hk", "zh-mo")
_TRADITIONAL = ("zh-tw", "zh-hant", "zh-hk", "zh-mo", "zh", "zh-hans", "zh-cn", "zh-sg", "zh-my")
VARIANTS = {
    "zh-cn": _SIMPLIFIED,
    "zh-hans": ("zh-hans", *_SIMPLIFIED),
    "zh-sg": ("zh-sg", "zh-my", "zh-hans", *_SIMPLIFIED),
    "zh-my": ("zh-my", "zh-sg", "zh-hans", *_SIMPLIFIED),
    "zh-tw": _TRADITIONAL,
    "zh-hant": ("zh-hant", *_TRADITIONAL),
    "zh-hk": ("zh-hk", "zh-mo", "zh-hant", *_TRADITIONAL),
    "zh-mo": ("zh-mo", "zh-hk", "zh-hant", *_TRADITIONAL),
}
"""The variants by name, each with the order in which forms of others stand in for its own."""

_CODE = (
    r"(?:zh(?:-han[st])?(?:-(?:cn|tw|hk|mo|sg|my))?|(?:gan|iu|kk|ku|sh|shi|sr|tg|uz|ban|crh|wuu)"
    r"(?:-(?:hans|hant|cn|arab|cyrl|latn|ec|el|tr|kz|cans|tfng))?)"
)
_RULE = re.compile(
    rf"\s*+(?:(?P<from>[^;:]{{0,200}}?)=>\s*+)?(?P<code>{_CODE})\s*+:(?P<text>.*)", re.S | re.I
)
_BETWEEN = re.compile(rf";\s*+(?={_CODE}\s*:|[^;:]*=>|$)", re.I)
_IS_CODE = re.compile(_CODE, re.I)
_SILENT = frozenset("HT-DN")


def shown(pieces: list[str], variant: str) -> str:
    """Return what a mark shows in a variant of `VARIANTS`.

    `pieces` is the mark's inside, cut at its bars: flags and rules, or rules alone.
    """
    body = "|".join(pieces[1:]) if len(pieces) > 1 else pieces[0]
    flags = {flag.strip() for flag in pieces[0].split(";")} if len(pieces) > 1 else set()
    if "R" in flags or any(_IS_CODE.fullmatch(flag) for flag in flags):
        return body
    if flags & _SILENT:
        return ""
    forms: dict[str, str] = {}
    rules = [_RULE.fullmatch(rule) for rule in _BETWEEN.split(body) if rule.strip()]
    for rule in rules:
        if rule is None:
            return body
        if rule["from"] is None and rule["text"].strip():
            code = re.sub(r"^zh-han[st]-", "zh-", rule["code"].lower())
            forms.setdefault(code, rule["text"].strip())
    order = (*VARIANTS[variant], *forms)
    return next((forms[code] for code in order if code in forms), "")
