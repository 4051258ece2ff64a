"""A reply as the rewrite alone: without the model's greeting, announcement, fence and farewell.

Small models put "Sure! Here is the rewritten text:" before a rewrite and "I hope this helps." behind it. A
first or last line that is nothing else is taken off; what such talk is left is found by `META`, and the gate
refuses it. Limit: lists of phrases, English and Chinese.
"""

from __future__ import annotations

import re

__all__ = ["META", "tidy"]

_THING = (
    r"(?:rewrit\w+|rephras\w+|revis\w+|summar\w+|version|text|passage|article|tutorial|table|faqs?|questions?"
    r"|conversation|dialogue|list|facts?|problem|frequently asked questions|answers?|solution)"
)
_OPENING = re.compile(
    r"(?:(?:sure|certainly|of course|absolutely|okay|ok|great)[!.,]? ?)?"
    r"(?:(?:here(?: is|['’]s| are)|below (?:is|are)|the following (?:is|are)|this is)\b"
    rf"[^\n]{{0,30}}?\b{_THING}\b[^\n]{{0,80}}[:.]|(?:sure|certainly|of course|absolutely)[!.,]?)"
    r"|(?:好的|当然|没问题)?[，,！!。]?(?:以下|下面|这)(?:是|为)[^\n]{0,40}[:：。]"
    r"|(?:好的|当然(?:可以)?)[，,！!。]?",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:i hope (?:this|that|it)\b|(?:please )?let me know\b|feel free to\b"
    r"|if you (?:have|need|want|would like)\b|is there anything else\b|would you like me\b)[^\n]{0,160}"
    r"|\(?note: (?:this|the|i)\b[^\n]{0,200}"
    r"|(?:希望|如果(?:您|你)|如有|请告诉我|如需)[^\n]{0,60}(?:帮助|告诉我|问题|联系|需要)[^\n]{0,30}",
    re.IGNORECASE,
)
_FENCE = re.compile(r"\A```(?:markdown|md|text|txt)?[ \t]*\n(.*)\n```\Z", re.DOTALL | re.IGNORECASE)
_RULE = re.compile(r"\A(?:-{3,}|\*{3,}|={3,})[ \t]*\n|\n[ \t]*(?:-{3,}|\*{3,}|={3,})\Z")
"""A ruled line at the beginning or the end."""

META = re.compile(
    r"\b(?:here(?: is|['’]s| are)(?: (?:the|a|an|your|some))? "
    r"(?:rewrit\w+|rephras\w+|revis\w+|summary of|faqs?\b)"
    r"|(?:the|this) (?:given |provided |original |above |following )?passage\b"
    r"|(?:provided|given|original) (?:text|passage|article)\b|as (?:requested|instructed)\b"
    r"|the text (?:above|provided|does not (?:mention|provide|contain))|according to the text"
    r"|(?:rewritten|rephrased) (?:text|version|passage))"
    r"|改写(?:后|如下|的文字)|(?:这|该|本|上述|以上|原)(?:段|篇)?(?:文字|原文|段落)(?:中|里|没有|未)"
    r"|根据(?:上述|以上|所给|给定|提供)的?(?:文字|文章|段落|内容|材料)|文中(?:没有|未)提(?:到|及)"
    r"|按照(?:您|你)?的?要求|希望(?:这|以上)[^\n]{0,20}有(?:所)?帮助",
    re.IGNORECASE,
)
"""The model speaks of the passage, the task or its own text."""


def tidy(text: str) -> tuple[str, bool]:
    """Return the rewrite that a reply holds, and whether anything was taken off it."""
    whole = text.strip()
    lines = whole.split("\n")
    if len(lines) > 1 and _OPENING.fullmatch(lines[0].strip(" *_#")):
        lines = lines[1:]
    while len(lines) > 1 and (not lines[-1].strip() or _CLOSING.fullmatch(lines[-1].strip(" *_"))):
        lines = lines[:-1]
    left = "\n".join(lines).strip()
    if found := _FENCE.match(left):
        left = found[1].strip()
    left = _RULE.sub("", left).strip()
    return left, left != whole
