"""Comments and extension tags of wikitext, taken out before any bracket is read.

MediaWiki strips these first, so brackets inside them mean nothing. Contents that stay (code,
formulas, nowiki) are held aside under marks and put back at the end. Linear: a tag whose end is
missing is found missing once.
"""

from __future__ import annotations

import html
import re

from corpusforge.extract.formula import tex

__all__ = ["protect", "restore"]

_DROPPED = frozenset(
    {
        "categorytree",
        "charinsert",
        "gallery",
        "graph",
        "hiero",
        "imagemap",
        "indicator",
        "inputbox",
        "mapframe",
        "maplink",
        "phonos",
        "ref",
        "references",
        "rss",
        "score",
        "section",
        "templatedata",
        "templatestyles",
        "timeline",
    }
)
_CODE = frozenset(("pre", "source", "syntaxhighlight"))
_MATH = frozenset(("math", "chem", "ce"))
_TAG = re.compile(
    r"<!--|<(nowiki|pre|source|syntaxhighlight|math|chem|ce|"
    + "|".join(sorted(_DROPPED))
    + r")\b([^<>]*)>",
    re.I,
)
_MARK = re.compile("\x00([0-9]+)\x00")


def _keep(name: str, attributes: str, body: str, kept: list[str]) -> str:
    """Hold a body aside and return the mark that stands for it."""
    if name in _CODE:
        body = html.unescape(body).strip("\n")
    elif name in _MATH:
        source = body if name == "math" else f"\\ce{{{' '.join(body.split())}}}"
        body = tex(source, display="block" in attributes)
    else:
        body = html.unescape(body)
    kept.append(body)
    mark = f"\x00{len(kept) - 1}\x00"
    return f"\n\n{mark}\n\n" if name in _CODE else mark


def protect(text: str) -> tuple[str, list[str]]:
    """Return the text without comments and dropped tags, and the bodies that marks stand for.

    `text` must hold no NUL characters: they delimit the marks.
    """
    lowered = text.replace("İ", "I").lower()  # the one letter that would become two
    out: list[str] = []
    kept: list[str] = []
    missing: set[str] = set()
    position = 0
    for match in _TAG.finditer(text):
        if match.start() < position:
            continue
        name = match[1].lower() if match[1] else "!--"
        out.append(text[position : match.start()])
        position = match.end()
        if name != "!--" and match[2].rstrip().endswith("/"):
            continue
        close = "-->" if name == "!--" else f"</{name}"
        end = -1 if close in missing else lowered.find(close, position)
        if end < 0:
            missing.add(close)
            continue
        if name not in _DROPPED and name != "!--":
            out.append(_keep(name, match[2], text[position:end], kept))
        stop = end + 3 if name == "!--" else lowered.find(">", end) + 1
        position = stop or len(text)
    out.append(text[position:])
    return "".join(out), kept


def restore(text: str, kept: list[str]) -> str:
    """Put the bodies back where their marks stand."""
    return _MARK.sub(lambda match: kept[int(match[1])], text)
