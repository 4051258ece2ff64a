"""Chosen blocks of a page as text: paragraphs, headings, lists, rows and code keep their lines.

White space inside a line is one space, except in preformatted text. A row has a field for each cell,
empty ones too, so that no value slides under another heading; what a cell holds in several blocks stands
in one line. Entities are read last, once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmllinks import MARK, entities_read, written
from corpusforge.extract.htmlscan import (
    CODE,
    GAP,
    GUTTER,
    LINE,
    NEWLINE,
    PREFORMATTED,
    QUOTE,
    SPACE,
    UNQUOTE,
    VERBATIM,
    Page,
)
from corpusforge.extract.htmltags import tag_id
from corpusforge.extract.htmlunits import CODE_UNIT, TABLE_UNIT
from corpusforge.text.jit import jit

__all__ = ["text_of"]

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

_LI, _TR, _TD, _TH, _DT, _DD, _Q = map(tag_id, ("li", "tr", "td", "th", "dt", "dd", "q"))
_H1, _H6, _OL, _UL = map(tag_id, ("h1", "h6", "ol", "ul"))
_PARAGRAPH, _LINE, _ITEM = 0, 1, 2
_MARK = MARK.encode()
_COLUMNS = 64
"""Most columns of a table whose cells that span rows are followed."""


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
def _is_blank(data: U8, place: int, end: int) -> int:
    """Return the length of a no-break space at the place: its bytes or its usual names, else 0."""
    if data[place] == 0xC2 and place + 1 < end and data[place + 1] == 0xA0:
        return 2
    if data[place] != 38 or place + 5 >= end or data[place + 5] != 59:
        return 0
    first, second, third, fourth = (
        data[place + 1],
        data[place + 2],
        data[place + 3],
        data[place + 4],
    )
    if first == 110 and second == 98 and third == 115 and fourth == 112:  # nbsp
        return 6
    if first == 35 and second == 49 and third == 54 and fourth == 48:  # #160
        return 6
    return 0


@jit
def _is_mark(data: U8, place: int) -> bool:
    """Whether a quotation mark stands at the place: a straight or a curved one."""
    if place < 0 or place >= len(data):
        return False
    if data[place] in (34, 39):
        return True
    if place + 2 >= len(data) or data[place] != 0xE2 or data[place + 1] != 0x80:
        return False
    return 0x98 <= data[place + 2] <= 0x9F


@jit
def _quotes(data: U8, elements: I32, run: I32, out: U8, size: int) -> int:
    """Write the quotation mark of a <q>, unless the text has one there."""
    inner = _holder(elements, run[2], _Q, _Q) > 0
    if run[3] & QUOTE:
        if size and (_is_mark(out[:size], size - 3) or _is_mark(out[:size], size - 1)):
            return size
        return _write(out, size, b"\xe2\x80\x98" if inner else b"\xe2\x80\x9c")
    place = run[0]
    while place < len(data) and data[place] != 62:
        place += 1
    if _is_mark(data, place + 1):
        return size
    return _write(out, size, b"\xe2\x80\x99" if inner else b"\xe2\x80\x9d")


@jit
def _write_run(data: U8, elements: I32, run: I32, out: U8, size: int, flat: bool) -> int:
    """Copy a run's bytes, white space runs as one space unless the run is verbatim; no line numbers.

    `flat` writes verbatim runs in one line too: they stand in a cell.
    """
    flags = run[3]
    if flags & GUTTER:
        return size
    if flags & (QUOTE | UNQUOTE):
        return _quotes(data, elements, run, out, size)
    verbatim = flags & VERBATIM and not flat
    code = flags & (VERBATIM | CODE)
    space = False
    place, end = run[0], run[1]
    while place < end:
        byte = data[place]
        if code and byte in (38, 0xC2):
            blank = _is_blank(data, place, end)
            if blank:
                out[size] = 32
                size += 1
                place += blank
                continue
        place += 1
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
def _write_mark(elements: I32, element: int, joint: int, out: U8, size: int) -> int:
    """Write Markdown's mark of a heading or list item."""
    if joint == _ITEM:
        item = _holder(elements, element, _LI, _LI)
        depth = 0
        above = elements[item, 1]
        for _ in range(12):
            depth += elements[above, 0] in (_OL, _UL)
            above = elements[above, 1]
        for _ in range(depth - 1):
            size = _write(out, size, b"   ")
        inside = _holder(elements, item, _OL, _UL)
        return _write(out, size, b"1. " if elements[inside, 0] == _OL else b"- ")
    for _ in range(4):
        if _H1 <= elements[element, 0] <= _H6:
            for _ in range(elements[element, 0] - _H1 + 1):
                size = _write(out, size, b"#")
            return _write(out, size, b" ")
        element = elements[element, 1]
    return size


@jit
def _begin_link(runs: I32, place: int, link: int, out: U8, size: int) -> tuple[int, int]:
    """Write the mark before a link's text at its first run; return the size and the open link's run."""
    if runs[place, 4] and (place == 0 or runs[place - 1, 4] != runs[place, 4]):
        return _write(out, size, _MARK), place
    return size, link


@jit
def _end_link(
    data: U8, runs: I32, link: int, place: int, end: int, out: U8, size: int
) -> tuple[int, int]:
    """Write the open link's address between marks where its text is over; return as `_begin_link` does.

    `link` is the first run of the open link, -1 for none, `place` the run that follows, `end` for none.
    """
    if link < 0 or (place < end and runs[place, 4] == runs[link, 4]):
        return size, link
    size = _write(out, size, _MARK)
    for byte in range(runs[link, 4], runs[link, 5]):
        out[size] = data[byte]
        size += 1
    return _write(out, size, _MARK), -1


@jit
def _write_plain(
    data: U8, elements: I32, runs: I32, span: I32, last: int, markdown: bool, out: U8, size: int
) -> int:
    """Write a block or list: a line an item, a paragraph else."""
    link = -1
    for place in range(span[0], span[1]):
        flags = runs[place, 3]
        size, link = _end_link(data, runs, link, place, span[1], out, size)
        first = place == span[0]
        if first or flags & GAP:
            element = runs[place, 2]
            joint = _joint(elements, last, element)
            if last >= 0:
                size = _write(out, size, b"\n\n" if joint == _PARAGRAPH else b"\n")
            if joint == _ITEM:
                if last >= 0 and not _holder(elements, last, _LI, _LI):
                    size = _write(out, size, b"\n")
                if not markdown:
                    size = _write(out, size, b"- ")
            if markdown:
                size = _write_mark(elements, element, joint, out, size)
            last = element
        elif flags & (NEWLINE | LINE):
            size = _write(out, size, b"\n")
        elif flags & SPACE:
            size = _write(out, size, b" ")
        size, link = _begin_link(runs, place, link, out, size)
        size = _write_run(data, elements, runs[place], out, size, False)
    return _end_link(data, runs, link, span[1], span[1], out, size)[0]


@jit
def _pre_of(elements: I32, element: int) -> int:
    """Return the outermost preformatted element around, or 0."""
    found = 0
    while element > 0:
        if elements[element, 2] & PREFORMATTED:
            found = element
        element = elements[element, 1]
    return found


@jit
def _has_feed(data: U8, runs: I32, first: int, end: int, elements: I32, pre: int) -> bool:
    """Whether a preformatted element has several lines, from its first run on."""
    seen = False
    for place in range(first, end):
        if _pre_of(elements, runs[place, 2]) != pre:
            return False
        if seen and runs[place, 3] & (GAP | LINE):
            return True
        seen = True
        for position in range(runs[place, 0], runs[place, 1] - 1):
            if data[position] == 10:
                return True
    return False


@jit
def _trim(out: U8, start: int, size: int) -> int:
    """Return the size without line feeds and blanks at the end."""
    while size > start and out[size - 1] in (10, 32):
        size -= 1
    return size


@jit
def _empty_rows(elements: I32, row: int, here: int, out: U8, start: int, size: int) -> int:
    """Write a line feed for each empty row of a table of lines between two rows."""
    if here and row and here != row and elements[here, 1] == elements[row, 1] and size > start:
        for between in range(row + 1, here):
            if elements[between, 0] == _TR and elements[between, 1] == elements[row, 1]:
                size = _write(out, size, b"\n")
    return size


@jit
def _skip_feed(data: U8, run: I32) -> None:
    """Move a run's start behind a line feed: the line has begun."""
    first = run[0]
    if first + 1 < run[1] and data[first] == 13 and data[first + 1] == 10:
        first += 1
    if first < run[1] and data[first] == 10:
        run[0] = first + 1


@jit
def _write_code(
    data: U8, elements: I32, runs: I32, span: I32, markdown: bool, out: U8, size: int
) -> int:
    """Write code: a line feed where a line ends by whatever mark-up, a blank line between pieces."""
    size = _write(out, size, b"```\n" if markdown else b"")
    start = size
    current = 0
    several = False
    row = 0
    for place in range(span[0], span[1]):
        run = runs[place]
        flags = run[3]
        fresh = flags & GAP or place == span[0]
        here = _holder(elements, run[2], _TR, _TR)
        if fresh:
            pre = _pre_of(elements, run[2])
            feeds = 1 if size > start and out[size - 1] != 10 else 0
            if pre != current:
                more = pre > 0 and _has_feed(data, runs, place, span[1], elements, pre)
                apart = (more or several) and current > 0 and pre > 0 and not (row and here)
                size = _trim(out, start, size)
                feeds = 0 if size == start else 2 if apart else 1
                current, several = pre, more
            for _ in range(feeds):
                size = _write(out, size, b"\n")
        size = _empty_rows(elements, row, here, out, start, size)
        row = here or row
        if flags & LINE:
            size = _write(out, size, b"\n")
        elif flags & VERBATIM and fresh:
            _skip_feed(data, run)
        elif not flags & (VERBATIM | GUTTER) and not fresh:
            if flags & NEWLINE and size > start and out[size - 1] != 10:
                size = _write(out, size, b"\n")
            elif flags & SPACE:
                size = _write(out, size, b" ")
        size = _write_run(data, elements, run, out, size, False)
    return _write(out, _trim(out, start, size), b"\n```" if markdown else b"")


@jit
def _write_cell(
    data: U8, elements: I32, runs: I32, place: int, end: int, cells: I32, out: U8, size: int
) -> tuple[int, int]:
    """Write the runs of one cell in a line; return the size and the first run behind them."""
    cell = cells[runs[place, 2]]
    start = size
    link = -1
    while place < end and cells[runs[place, 2]] == cell:
        flags = runs[place, 3]
        size, link = _end_link(data, runs, link, place, end, out, size)
        if size > start:
            if flags & GAP:
                item = _holder(elements, runs[place, 2], _LI, _DD)
                size = _write(out, size, b"; " if item > cell else b" ")
            elif flags & (NEWLINE | SPACE | LINE):
                size = _write(out, size, b" ")
        size, link = _begin_link(runs, place, link, out, size)
        size = _write_run(data, elements, runs[place], out, size, True)
        place += 1
    return _end_link(data, runs, link, end, end, out, size)[0], place


@jit
def _has_text(runs: I32, place: int, end: int, cells: I32, behind: int) -> bool:
    """Whether a run lies in a cell before the element `behind`."""
    while place < end:
        cell = cells[runs[place, 2]]
        if cell >= behind:
            return False
        if cell:
            return True
        place += 1
    return False


@jit
def _skip_spanned(
    spans: I32, column: int, room: I64, out: U8, size: int, write: bool
) -> tuple[int, int]:
    """Write an empty field for each column that a cell above reaches down to."""
    while column < _COLUMNS and spans[column] > 0:
        spans[column] -= 1
        if write and column and room[0] > 3:
            size = _write(out, size, b" | ")
            room[0] -= 3
        column += 1
    return size, column


@jit
def _write_row(
    data: U8,
    elements: I32,
    runs: I32,
    place: int,
    span: I32,
    row: int,
    end: int,
    cells: I32,
    spans: I32,
    room: I64,
    markdown: bool,
    out: U8,
    size: int,
) -> tuple[int, int, int]:
    """Write the cells of the elements from `row` to `end`; a row without text leaves no line.

    Returns the size, the first run behind the row and the number of its columns.
    """
    write = _has_text(runs, place, span[1], cells, end)
    column = 0
    if markdown and write:
        size = _write(out, size, b"| ")
    for element in range(row, end):
        if elements[element, 0] not in (_TD, _TH):
            continue
        size, column = _skip_spanned(spans, column, room, out, size, write)
        if write and column and room[0] > 3:
            size = _write(out, size, b" | ")
            room[0] -= 3
        while place < span[1] and cells[runs[place, 2]] <= element:
            size, place = _write_cell(data, elements, runs, place, span[1], cells, out, size)
        wide, high = elements[element, 4] & 31, elements[element, 4] >> 5
        for extra in range(wide):
            if extra and write and room[0] > 3:
                size = _write(out, size, b" | ")
                room[0] -= 3
            if column < _COLUMNS:
                spans[column] = high - 1
            column += 1
    if column < _COLUMNS and np.any(spans[column:] > 0):
        size, column = _skip_spanned(spans, column, room, out, size, write)
    if markdown and write:
        size = _write(out, size, b" |")
    return size, place, column if write else 0


@jit
def _write_table(
    data: U8,
    elements: I32,
    runs: I32,
    span: I32,
    cells: I32,
    room: I64,
    markdown: bool,
    out: U8,
    size: int,
) -> int:
    """Write a table of data: a line per row, a field a cell and a column."""
    root = span[2]
    start = size
    end = root + 1
    while end < len(elements) and elements[end, 1] >= root:
        end += 1
    cells[root] = 0
    for element in range(root + 1, end):
        tag = elements[element, 0]
        cells[element] = element if tag in (_TD, _TH) else cells[elements[element, 1]]
    spans = np.zeros(_COLUMNS, np.int32)
    place = span[0]
    row = root + 1
    headed = False
    while row < end:
        behind = row + 1
        while behind < end and elements[behind, 0] != _TR:
            behind += 1
        # Text outside cells (a caption) has a line of its own.
        while place < span[1] and cells[runs[place, 2]] == 0 and runs[place, 2] < behind:
            if size > start and out[size - 1] != 10:
                size = _write(out, size, b"\n")
            size, place = _write_cell(data, elements, runs, place, span[1], cells, out, size)
        if _has_text(runs, place, span[1], cells, behind) and size > start:
            size = _write(out, size, b"\n")
        size, place, columns = _write_row(
            data, elements, runs, place, span, row, behind, cells, spans, room, markdown, out, size
        )
        if markdown and columns and not headed:
            size = _write(out, size, b"\n|")
            for _ in range(min(columns, room[0] // 6)):
                size = _write(out, size, b" --- |")
                room[0] -= 6
            headed = True
        row = behind
    while place < span[1]:
        if size > start:
            size = _write(out, size, b"\n")
        size, place = _write_cell(data, elements, runs, place, span[1], cells, out, size)
    return size


@jit
def _render(
    data: U8,
    elements: I32,
    runs: I32,
    spans: I32,
    keep: NDArray[np.bool_],
    markdown: bool,
    out: U8,
) -> int:
    """Write the kept blocks; return the number of bytes."""
    size = 0
    last = -1
    cells = np.zeros(len(elements), np.int32)
    room = np.array([2 * len(data)], np.int64)
    for block in range(len(spans)):
        if not keep[block]:
            continue
        span = spans[block]
        if span[3] in (TABLE_UNIT, CODE_UNIT):
            if size:
                size = _write(out, size, b"\n\n")
            if span[3] == TABLE_UNIT:
                size = _write_table(data, elements, runs, span, cells, room, markdown, out, size)
            else:
                size = _write_code(data, elements, runs, span, markdown, out, size)
            last = span[2]
        else:
            size = _write_plain(data, elements, runs, span, last, markdown, out, size)
            last = runs[span[1] - 1, 2]
    return size


def text_of(
    page: Page,
    spans: NDArray[np.int32],
    keep: NDArray[np.bool_],
    *,
    markdown: bool = False,
    base: str = "",
) -> str:
    """Return the text of the blocks for which `keep` is true, in page order.

    `markdown` marks headings, list items, tables and code as Markdown does; signs in the text itself
    stay as they are. A page that was scanned with the addresses of its links has them written, in full
    where `base` is the page's address.
    `spans` are int32 [blocks, 4], as `Blocks` has them, `keep` is bool [blocks].
    """
    room = 48 if markdown else 8
    out = np.empty(3 * len(page.data) + room * len(page.runs) + 64, np.uint8)
    size = _render(page.data, page.elements, page.runs, spans, keep, markdown, out)
    text = out[:size].tobytes().decode("utf-8", "replace")
    text = written(text, base) if page.links else entities_read(text)
    return text.strip("\n").rstrip()
