"""Wikitext tables as lines: one row per line, cells separated by " | ".

Limits: row and column spans are not repeated; tables that lay out boxes (navigation, infoboxes) are
dropped by their class, as templates of that kind are.
"""

from __future__ import annotations

import re

__all__ = ["table_rows"]

_BOX = re.compile(
    r"infobox|navbox|toc\b|toccolours|metadata|ambox|mbox|vcard|vevent|messagebox|sidebar|noprint|navigation",
    re.I,
)
_BEFORE_BAR = re.compile(r"(?:[^|\[\]{}=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s|\"']*+))*+\|(?!\|)")
_ATTRIBUTE = re.compile(r"(?<![\w-])[\w-]++\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s|\"'])")
_EMPTY_ATTRIBUTES = re.compile(r"^\s*(?:nowrap\s*)?\|(?!\|)")
_SPACE = re.compile(r"(?:\s|<br\b[^<>]*>)+", re.I)


def _cell(text: str) -> str:
    """Return a cell's content without the attributes before its single bar."""
    before = _BEFORE_BAR.match(text) if "|" in text else None
    if before and _ATTRIBUTE.search(before[0]):
        text = text[before.end() :]
    return _EMPTY_ATTRIBUTES.sub("", text, count=1)


def _row(cells: list[str]) -> str:
    clean = [_SPACE.sub(" ", cell).strip() for cell in cells]
    return " | ".join(clean) if any(clean) else ""


def table_rows(text: str) -> list[str]:
    """Return the rows of a table's inside (after "{|", before "|}"), empty ones left out."""
    head, *lines = text.split("\n")
    if _BOX.search(head):
        return []
    rows: list[str] = []
    cells: list[str] = []
    for line in lines:
        mark = line.lstrip()[:2]
        if mark in ("|-", "|+"):
            rows.append(_row(cells))
            cells = [_cell(line.lstrip()[2:])] if mark == "|+" else []
            if mark == "|+":
                rows.append(_row(cells))
                cells = []
        elif mark[:1] in ("|", "!") and mark:
            body = line.lstrip()[1:]
            body = body.replace("!!", "||") if mark[0] == "!" else body
            cells += [_cell(cell) for cell in body.split("||")]
        elif cells:
            cells[-1] += "\n" + line
    rows.append(_row(cells))
    return [row for row in rows if row]
