"""Chosen blocks of a page as text: paragraphs, headings, lists, rows and code keep their lines.

White space inside a line is one space, except in preformatted text. Entities are read last, once.
"""

from __future__ import annotations

import html
import re

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmlscan import NEWLINE, SPACE, VERBATIM, Page
from corpusforge.extract.htmltags import tag_id
from corpusforge.text.jit import jit

__all__ = ["text_of"]

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]

_LI, _TR, _TD, _TH, _DT, _DD = map(tag_id, ("li", "tr", "td", "th", "dt", "dd"))
_PARAGRAPH, _LINE, _CELL, _ITEM = 0, 1, 2, 3
_SPACES = re.compile(r"[ \t\xa0\u2000-\u200a\u202f\u205f]+")
_EDGES = re.compile(r"(?<![ \t])[ \t]*+\n[ \t]*+")
_LINES = re.compile(r"\n{3,}")


@jit
def _holder(elements: I32, element: int, first: int, second: int) -> int:
    """Return the nearest element of either tag at or above, within 12 levels, or 0."""
    for _ in range(12):
        if element <= 0:
            return 0
        if elements[element, 0] == first or elements[element, 0] == second:
            return element
        element = elements[element, 1]
    return 0


@jit
def _joint(elements: I32, last: int, element: int) -> int:
    """Say how a block follows the one before it."""
    row = _holder(elements, element, _TR, _TR)
    if row and last >= 0 and row == _holder(elements, last, _TR, _TR):
        same = _holder(elements, element, _TD, _TH) == _holder(elements, last, _TD, _TH)
        return _LINE if same else _CELL
    if row and last >= 0 and _holder(elements, last, _TR, _TR):
        return _LINE
    item = _holder(elements, element, _LI, _LI)
    if item:
        if last >= 0 and item == _holder(elements, last, _LI, _LI):
            return _LINE
        return _ITEM
    if last >= 0 and _holder(elements, element, _DT, _DD) and _holder(elements, last, _DT, _DD):
        return _LINE
    return _PARAGRAPH


@jit
def _write(out: U8, size: int, text: bytes) -> int:
    for byte in text:
        out[size] = byte
        size += 1
    return size


@jit
def _write_run(data: U8, run: I32, out: U8, size: int) -> int:
    """Copy a run's bytes, white space runs as one space unless the run is verbatim."""
    verbatim = run[3] & VERBATIM
    space = False
    for place in range(run[0], run[1]):
        byte = data[place]
        if not verbatim and (byte == 32 or 9 <= byte <= 13):
            space = True
            continue
        if space:
            out[size] = 32
            size += 1
            space = False
        out[size] = byte
        size += 1
    return size


@jit
def _render(
    data: U8, elements: I32, runs: I32, spans: I32, keep: NDArray[np.bool_], out: U8
) -> int:
    """Write the kept blocks; return the number of bytes."""
    size = 0
    last = -1
    for block in range(len(spans)):
        if not keep[block]:
            continue
        element = spans[block, 2]
        joint = _joint(elements, last, element)
        if last >= 0:
            if joint == _CELL:
                size = _write(out, size, b" | ")
            elif joint == _PARAGRAPH:
                size = _write(out, size, b"\n\n")
            else:
                size = _write(out, size, b"\n")
        if joint == _ITEM:
            if last >= 0 and not _holder(elements, last, _LI, _LI):
                size = _write(out, size, b"\n")
            size = _write(out, size, b"- ")
        for place in range(spans[block, 0], spans[block, 1]):
            if place > spans[block, 0]:
                if runs[place, 3] & NEWLINE:
                    size = _write(out, size, b"\n")
                elif runs[place, 3] & SPACE:
                    size = _write(out, size, b" ")
            size = _write_run(data, runs[place], out, size)
        last = element
    return size


def text_of(page: Page, spans: NDArray[np.int32], keep: NDArray[np.bool_]) -> str:
    """Return the text of the blocks for which `keep` is true, in page order."""
    out = np.empty(len(page.data) + 5 * len(page.runs) + 16, np.uint8)
    size = _render(page.data, page.elements, page.runs, spans, keep, out)
    text = out[:size].tobytes().decode("utf-8", "replace")
    if "&" in text:
        text = html.unescape(text).replace("\xad", "")
    return text.strip()
