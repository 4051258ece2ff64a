"""Cells of tables that people open in a spreadsheet: text that begins a formula is made inert.

Spreadsheets run a cell that begins with =, +, - or @ (OWASP, CSV Injection), some also in full width,
and drop white space, quotes or an apostrophe in front before they look. Such a cell gets one more
apostrophe, by which programs know a text. `original` takes it away again, and nothing else: of any
text, `original(inert(text))` is the text.
"""

from __future__ import annotations

import re

__all__ = ["inert", "original"]

# White space and quotes, and characters without width or control characters, which programs drop too.
_BEFORE = "\\s\"'\\x00-\\x1f\\x7f\\u00ad\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u2064\\u2066-\\u2069\\ufeff"
_SIGNS = "=+\\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_RUNS = re.compile(f"'*+(?:[\\t\\r\\n]|[{_BEFORE}]*+[{_SIGNS}])")


def inert(text: str) -> str:
    """Return the cell to write for a text: no spreadsheet runs it."""
    return "'" + text if _RUNS.match(text) else text


def original(cell: str) -> str:
    """Return the text that `inert` made a cell of."""
    return cell[1:] if cell.startswith("'") and _RUNS.match(cell, 1) else cell
