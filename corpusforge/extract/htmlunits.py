"""Units of a page: tables, code and short lists, which are judged and written as one block.

A table of data is one decision, its rows are never cut; a piece of code has all its lines; a list of
short items goes as a whole. Tables that only lay a page out are no units, nor are lists of long items:
their parts are judged by themselves. Line numbers beside code are marked and never written.
Method: sums over each element's subtree (bytes of text, code, figures), then roots from the top down.
Limit: a table that stands in another one's cell is data, and the outer one layout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmlbytes import is_space
from corpusforge.extract.htmlscan import (
    BROKEN,
    CODE,
    GAP,
    GUTTER,
    SHOWN_BLOCK,
    TYPED,
    VERBATIM,
    Page,
)
from corpusforge.extract.htmltags import BLOCK, GROUPS, Tables, tag_id
from corpusforge.text.jit import jit

__all__ = ["CODE_UNIT", "LIST_UNIT", "TABLE_UNIT", "units"]

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]
I32 = NDArray[np.int32]

TABLE_UNIT, CODE_UNIT, LIST_UNIT = 1, 2, 3
"""Sorts of units; 0 is a plain block."""

_TABLE, _TR, _TD, _TH, _PRE, _P, _UL, _OL, _DL, _LI, _DT, _DD = map(
    tag_id, ("table", "tr", "td", "th", "pre", "p", "ul", "ol", "dl", "li", "dt", "dd")
)
_H1, _H6, _FORM, _ARTICLE, _SECTION, _NAV, _ASIDE, _TEXTAREA, _QUOTE = map(
    tag_id,
    ("h1", "h6", "form", "article", "section", "nav", "aside", "textarea", "blockquote"),
)
_CODE, _GUTTER = (np.uint64(1 << GROUPS.index(name)) for name in ("code", "gutter"))

# Columns of the sums of an element's subtree: bytes of text, of code, of figures alone; what else is
# counted for tables (rows, rows of several cells, cells, heads, nested tables, what data tables do not
# hold, longest cell) and lists (items, longest item, blocks, paragraphs).
_MASS, _CODED, _FIGURES, _ROWS, _WIDE, _CELLS, _HEADS, _NESTED, _ODD, _LONGEST = range(10)
_ITEMS, _PIECES, _PARAGRAPHS, _HEADINGS = range(10, 14)
_SUMS = 14
_NEARLY = 0.98
_CELL_BYTES, _CELL_MOST = 700, 4000
_ITEM_MEAN, _ITEM_MOST = 160, 420


@jit
def _figures(data: U8, start: int, end: int) -> bool:
    """Whether the bytes are figures and white space alone."""
    some = False
    for place in range(start, end):
        byte = data[place]
        if 48 <= byte <= 57:
            some = True
        elif not is_space(byte) and byte not in (46, 58):
            return False
    return some


@jit
def _sum_up(data: U8, elements: I32, hints: U64, runs: I32, code: np.uint64, sums: I32) -> None:
    """Sum bytes and blocks below each element."""
    sums[:, :] = 0
    coded = np.zeros(len(elements), np.uint8)
    for element in range(1, len(elements)):
        parent = coded[elements[element, 1]]
        typed = elements[element, 2] & TYPED
        coded[element] = parent | (elements[element, 2] & BROKEN)
        if hints[element] & code and not typed:
            coded[element] |= 1
    for run in range(len(runs)):
        row = sums[runs[run, 2]]
        flags = runs[run, 3]
        row[_PIECES] += flags & GAP
        if flags & GUTTER:
            continue
        size = 0
        for place in range(runs[run, 0], runs[run, 1]):
            size += data[place] > 32
        row[_MASS] += size
        if flags & VERBATIM or (flags & CODE and coded[runs[run, 2]]):
            row[_CODED] += size
        if size and _figures(data, runs[run, 0], runs[run, 1]):
            row[_FIGURES] += size
    for element in range(len(elements) - 1, 0, -1):
        above = sums[elements[element, 1]]
        row = sums[element]
        for column in range(3):
            above[column] += row[column]
        above[_PIECES] += row[_PIECES]


@jit
def _rises(data: U8, start: int, end: int, last: int) -> int:
    """Return the last of the numbers in the bytes if each is one above the one before, else -1."""
    place = start
    while place < end:
        if not 48 <= data[place] <= 57:
            place += 1
            continue
        value = 0
        while place < end and 48 <= data[place] <= 57:
            value = min(value * 10 + data[place] - 48, 1 << 40)
            place += 1
        if last >= 0 and value != last + 1:
            return -1
        last = value
    return last


@jit
def _mark_gutters(
    data: U8, elements: I32, hints: U64, runs: I32, sums: I32, gutter: np.uint64
) -> bool:
    """Mark the runs that are line numbers beside code; return whether there are any."""
    count = len(elements)
    dropped = np.zeros(count, np.uint8)
    table = np.zeros(count, np.int32)
    cell = np.zeros(count, np.int32)
    seen = np.zeros(count, np.int32)
    some = False
    for element in range(1, count):
        parent = elements[element, 1]
        tag = elements[element, 0]
        dropped[element] = dropped[parent]
        table[element] = element if tag == _TABLE else table[parent]
        cell[element] = 0 if tag == _TABLE else cell[parent]
        row = sums[element]
        alone = row[_MASS] > 0 and row[_FIGURES] == row[_MASS]
        if hints[element] & gutter and alone:
            over = elements[parent, 1]
            near = max(sums[parent, _CODED], sums[over, _CODED], sums[elements[over, 1], _CODED])
            if near > row[_MASS]:
                dropped[element] = 1
                some = True
        if tag in (_TD, _TH):
            seen[parent] += 1
            cell[element] = element if seen[parent] == 1 and alone else -1
    last = np.full(count, -1, np.int64)
    fails = np.zeros(count, np.uint8)
    columns = False
    for run in range(len(runs)):
        element = runs[run, 2]
        here = cell[element]
        holder = table[element]
        if here <= 0 or holder == 0 or runs[run, 0] == runs[run, 1]:
            continue
        if seen[elements[here, 1]] < 2 or dropped[element]:
            continue
        whole = sums[holder]
        if whole[_CODED] == 0 or whole[_CODED] + whole[_FIGURES] < _NEARLY * whole[_MASS]:
            continue
        value = _rises(data, runs[run, 0], runs[run, 1], last[holder])
        if value < 0:
            fails[holder] = 1
        last[holder] = value
        columns = True
    if not (some or columns):
        return False
    for run in range(len(runs)):
        element = runs[run, 2]
        here = cell[element]
        holder = table[element]
        column = here > 0 and holder > 0 and last[holder] >= 0 and not fails[holder]
        if dropped[element] or (column and seen[elements[here, 1]] > 1):
            runs[run, 3] |= GUTTER
            some = True
    return some


@jit
def _count_tables(elements: I32, sums: I32) -> None:
    """Count what tells data from layout, for each table."""
    count = len(elements)
    table = np.zeros(count, np.int32)
    cells = np.zeros(count, np.int32)
    for element in range(1, count):
        tag = elements[element, 0]
        parent = elements[element, 1]
        around = table[parent]
        table[element] = element if tag == _TABLE else around
        if not around:
            continue
        row = sums[around]
        if tag == _TABLE:
            outer = around
            while outer > 0:
                sums[outer, _NESTED] += 1
                outer = table[elements[outer, 1]]
        elif tag == _TR:
            row[_ROWS] += sums[element, _MASS] > 0
        elif tag in (_TD, _TH):
            cells[parent] += 1
            row[_CELLS] += 1
            row[_WIDE] += cells[parent] == 2 and sums[parent, _MASS] > 0
            row[_HEADS] += tag == _TH
            row[_LONGEST] = max(row[_LONGEST], sums[element, _MASS])
        elif _H1 <= tag <= _H6 or tag in (
            _FORM,
            _ARTICLE,
            _SECTION,
            _NAV,
            _ASIDE,
            _TEXTAREA,
            _PRE,
        ):
            row[_ODD] += 1
        elif tag == _P:
            row[_PARAGRAPHS] += sums[element, _MASS] > 0


@jit
def _count_lists(elements: I32, sums: I32) -> None:
    """Count what tells a list of short items from one of sections, for each list."""
    count = len(elements)
    holder = np.zeros(count, np.int32)
    for element in range(1, count):
        tag = elements[element, 0]
        around = holder[elements[element, 1]]
        holder[element] = element if tag in (_UL, _OL, _DL) else around
        if not around:
            continue
        if tag in (_LI, _DT, _DD):
            outer = around
            while outer > 0:
                row = sums[outer]
                row[_ITEMS] += 1
                row[_LONGEST] = max(row[_LONGEST], sums[element, _MASS])
                outer = holder[elements[outer, 1]]
        elif (
            _H1 <= tag <= _H6
            or tag in (_TABLE, _PRE, _FORM, _ARTICLE, _SECTION, _TEXTAREA, _QUOTE)
            or elements[element, 2] & BROKEN
        ):
            outer = around
            while outer > 0:
                sums[outer, _HEADINGS] += 1
                outer = holder[elements[outer, 1]]


@jit
def _is_data(row: I32) -> bool:
    """Whether a table's counts are those of data, not of layout."""
    if row[_NESTED] or row[_ODD] or row[_ROWS] < 2 or row[_MASS] == 0:
        return False
    if row[_LONGEST] > _CELL_MOST or row[_PARAGRAPHS] > 2 * row[_CELLS]:
        return False
    wide = 2 * row[_WIDE] >= row[_ROWS] or (row[_HEADS] > 0 and row[_WIDE] > 0)
    if not wide:
        return row[_LONGEST] <= _ITEM_MEAN
    if row[_LONGEST] <= _CELL_BYTES:
        return True
    return row[_HEADS] > 1 and row[_ROWS] > 2 and row[_MASS] > 3 * row[_LONGEST]


@jit
def _is_list(row: I32) -> bool:
    """Whether a list's counts are those of short items."""
    if row[_ITEMS] < 2 or row[_HEADINGS] or row[_LONGEST] > _ITEM_MOST:
        return False
    return row[_MASS] <= _ITEM_MEAN * row[_ITEMS] and 2 * row[_PIECES] <= 3 * row[_ITEMS]


@jit
def _roots(elements: I32, kinds: NDArray[np.int16], sums: I32, unit: I32, sort: U8) -> None:
    """Give each element the root of the unit that it lies in, 0 if in none, and the unit's sort."""
    for element in range(1, len(elements)):
        parent = elements[element, 1]
        if unit[parent]:
            unit[element] = unit[parent]
            sort[element] = sort[parent]
            continue
        tag = elements[element, 0]
        row = sums[element]
        shown = kinds[tag] & BLOCK or elements[element, 2] & SHOWN_BLOCK
        if row[_CODED] and shown and row[_CODED] >= _NEARLY * row[_MASS]:
            sort[element] = CODE_UNIT
        elif tag == _TABLE and _is_data(row):
            sort[element] = TABLE_UNIT
        elif tag in (_UL, _OL, _DL) and _is_list(row):
            sort[element] = LIST_UNIT
        if sort[element]:
            unit[element] = element


@jit
def _units(
    data: U8,
    elements: I32,
    hints: U64,
    runs: I32,
    kinds: NDArray[np.int16],
    code: np.uint64,
    gutter: np.uint64,
    unit: I32,
    sort: U8,
) -> None:
    sums = np.zeros((len(elements), _SUMS), np.int32)
    _sum_up(data, elements, hints, runs, code, sums)
    if sums[0, _CODED] and _mark_gutters(data, elements, hints, runs, sums, gutter):
        _sum_up(data, elements, hints, runs, code, sums)
    _count_tables(elements, sums)
    _count_lists(elements, sums)
    _roots(elements, kinds, sums, unit, sort)


def units(page: Page, t: Tables) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return, for each element, the root of its unit (0 if none) and the unit's sort.

    Runs that are line numbers get the flag `GUTTER`.
    Both are [elements].
    """
    unit = np.zeros(len(page.elements), np.int32)
    sort = np.zeros(len(page.elements), np.uint8)
    _units(page.data, page.elements, page.hints, page.runs, t.kinds, _CODE, _GUTTER, unit, sort)
    return unit, sort
