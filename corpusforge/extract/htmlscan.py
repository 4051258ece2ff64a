"""HTML bytes to elements and text runs, in one pass, without a tree of objects.

Method: the tokenizer states of the HTML standard that matter for text, and its rules on implied end
tags (p, li, dd/dt, table parts), on arrays instead of nodes. Inline formatting is no element here;
a link is a state, as links cannot nest.
Limits: no adoption agency, no foster parenting; elements deeper than 512 count as their ancestor's
(as browsers do); script contents end at the first end tag.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmlbytes import (
    ADDRESSES,
    ATTR_FLAGS,
    BASE_END,
    BASE_START,
    BUTTON,
    COLSPAN,
    ELEMENTS,
    FORMULAS,
    HIDDEN,
    HREF_END,
    HREF_START,
    I16,
    I32,
    I64,
    INLINK,
    LEVEL,
    LINK_END,
    LINK_START,
    LINK_TOP,
    LINK_USED,
    LINKED,
    MATH,
    OPEN_P,
    OWN,
    PENDING,
    PLACES,
    POS,
    ROWSPAN,
    RUNS,
    SELF,
    STYLE_BLOCK,
    STYLE_PRE,
    STYLE_WRAP,
    TITLE_END,
    TITLE_START,
    TOP,
    U8,
    U64,
    Arrays,
    find_end,
    is_space,
    quote_end,
    raw_end,
    read_attributes,
    read_name,
)
from corpusforge.extract.htmltags import (
    AT_FORMULA,
    AT_HINTS,
    AT_KIND,
    AT_TAG,
    BLOCK,
    CLOSES_P,
    HIDE,
    IGNORE,
    PRE,
    RAW,
    SCOPE,
    VOID,
    Tables,
    tables,
    tag_id,
)
from corpusforge.text.jit import jit

__all__ = [
    "BROKEN",
    "CODE",
    "GAP",
    "GUTTER",
    "HIDDEN",
    "LINE",
    "LINK",
    "NEWLINE",
    "PREFORMATTED",
    "QUOTE",
    "SHOWN_BLOCK",
    "SPACE",
    "TYPED",
    "UNQUOTE",
    "VERBATIM",
    "Page",
    "scan",
]

PREFORMATTED, TYPED, BROKEN, SHOWN_BLOCK = 2, 4, 8, 16
"""Flags of an element: its white space counts, it lies in <code> (both inherited, as `HIDDEN` is); it
is <code> with line breaks; its style shows it as a block."""
GAP, NEWLINE, SPACE, LINK, VERBATIM, CODE, LINE, QUOTE, UNQUOTE, GUTTER = (
    1 << n for n in range(10)
)
"""Flags of a text run: a block ended before it, a line break or space stands before it, it lies in
a link, its white space counts, it lies in <code>; runs without bytes: a line break of code, a
quotation mark; line numbers, which are not written."""

_A, _BR, _P, _LI, _DD, _DT = map(tag_id, ("a", "br", "p", "li", "dd", "dt"))
_TD, _TH, _TR, _TABLE = map(tag_id, ("td", "th", "tr", "table"))
_TBODY, _THEAD, _TFOOT = map(tag_id, ("tbody", "thead", "tfoot"))
_DIV, _SPAN, _ADDRESS, _TITLE = map(tag_id, ("div", "span", "address", "title"))
_CODE_TAG, _TEXTAREA, _Q = map(tag_id, ("code", "textarea", "q"))
_IMG, _SUP, _SUB, _RUBY, _RT, _MATH = map(tag_id, ("img", "sup", "sub", "ruby", "rt", "math"))
_BUTTON, _SELECT = map(tag_id, ("button", "select"))
_H1, _H6, _HEAD, _BODY, _HTML = map(tag_id, ("h1", "h6", "head", "body", "html"))
_BASE = tag_id("base")
_DEPTH = 512


class Page(NamedTuple):
    """A scanned page. Element 0 is the document.

    data: uint8 bytes; elements: int32 [n, 5] (tag, parent, flags, level, columns + 32 * rows that a cell
    spans); hints: uint64 [n] groups
    named by the element's tag and attributes; runs: int32 [m, 6] (start, end, element, flags, and where the
    address of the link around it starts and ends: 0 and 0 without one, behind a link's first block, and where
    `links` is false); title, base: (start, end) of the title's bytes and of the address in <base>, (0, 0) if
    there is none; links: whether addresses of links were asked for; formulas: whether there may be
    superscripts, ruby or formulas to write out (`formula.write_out`).
    """

    data: NDArray[np.uint8]
    elements: NDArray[np.int32]
    hints: NDArray[np.uint64]
    runs: NDArray[np.int32]
    title: tuple[int, int]
    base: tuple[int, int]
    links: bool
    formulas: bool


@jit
def _pop_to(elements: I32, state: I64, target: int) -> None:
    """Close elements down to and including the target."""
    parent = elements[target, 1]
    top = state[TOP]
    while top != parent:
        if elements[top, 0] == _P:
            state[OPEN_P] -= 1
        if elements[top, 2] & SHOWN_BLOCK:
            state[PENDING] |= GAP
        if top == state[BUTTON]:
            state[BUTTON] = 0
        top = elements[top, 1]
    state[TOP] = parent
    state[LEVEL] = elements[parent, 3]
    if state[INLINK] and state[LINK_TOP] > parent:
        state[INLINK] = 0


@jit
def _close_p(elements: I32, small: I16, state: I64) -> None:
    """Close an open paragraph inside the current table cell, if there is one."""
    place = state[TOP]
    while place > 0 and not small[AT_KIND + elements[place, 0]] & SCOPE:
        if elements[place, 0] == _P:
            _pop_to(elements, state, place)
            return
        place = elements[place, 1]


@jit
def _close_item(elements: I32, small: I16, state: I64, first: int, second: int) -> None:
    """Close an open list item of the innermost list."""
    place = state[TOP]
    while place > 0:
        tag = elements[place, 0]
        if tag in (first, second):
            _pop_to(elements, state, place)
            return
        if small[AT_KIND + tag] & (BLOCK | SCOPE) and tag not in (_DIV, _P, _ADDRESS):
            return
        place = elements[place, 1]


@jit
def _close_table_part(elements: I32, state: I64, tag: int | np.int64) -> None:
    """Close what a new cell, row or row group of the innermost table ends."""
    place = state[TOP]
    cell = tag in (_TD, _TH)
    row = tag == _TR
    found = -1
    while place > 0 and elements[place, 0] != _TABLE:
        here = elements[place, 0]
        if cell and here == _TR:
            break
        if (row or cell) and here in (_TBODY, _THEAD, _TFOOT):
            break
        if (here in (_TD, _TH)) or (here == _TR) or here in (_TBODY, _THEAD, _TFOOT):
            found = place
        place = elements[place, 1]
    if found > 0 and place > 0:
        _pop_to(elements, state, found)


@jit
def _imply(elements: I32, small: I16, state: I64, tag: int | np.int64) -> None:
    """Close the elements that a start tag implies are over."""
    if state[BUTTON] and small[AT_KIND + tag] & CLOSES_P and tag != _DIV:
        # A button that the page never closes would hide the rest of it.
        _pop_to(elements, state, state[BUTTON])
    if small[AT_KIND + tag] & CLOSES_P and state[OPEN_P]:
        _close_p(elements, small, state)
    if tag == _LI:
        _close_item(elements, small, state, _LI, _LI)
    elif tag in (_DD, _DT):
        _close_item(elements, small, state, _DD, _DT)
    elif tag in (_TD, _TH, _TR, _TBODY, _THEAD, _TFOOT):
        _close_table_part(elements, state, tag)


@jit
def _push(
    elements: I32,
    hints: U64,
    state: I64,
    tag: int | np.int64,
    kind: int,
    words: np.uint64,
    tag_words: np.uint64,
) -> None:
    """Open an element below the current one."""
    if state[LEVEL] >= _DEPTH:
        return
    new = state[ELEMENTS]
    parent = state[TOP]
    style = state[ATTR_FLAGS]
    flags = (elements[parent, 2] & (HIDDEN | PREFORMATTED | TYPED)) | (style & HIDDEN)
    if kind & HIDE:
        flags |= HIDDEN
    if tag == _CODE_TAG:
        flags |= TYPED
    if kind & PRE or style & STYLE_PRE or (style & STYLE_WRAP and tag == _CODE_TAG):
        flags |= PREFORMATTED
    if style & STYLE_BLOCK:
        flags |= SHOWN_BLOCK
    elements[new, 0] = tag
    elements[new, 1] = parent
    elements[new, 2] = flags
    elements[new, 3] = state[LEVEL] + 1
    elements[new, 4] = state[COLSPAN] + 32 * state[ROWSPAN]
    hints[new] = words | tag_words
    state[ELEMENTS] += 1
    state[TOP] = new
    state[LEVEL] += 1
    if tag == _P:
        state[OPEN_P] += 1
    if tag in (_BUTTON, _SELECT) and not state[BUTTON]:
        state[BUTTON] = new


@jit
def _is_math(data: U8, start: int, end: int) -> bool:
    """Whether an element's unknown name is one of MathJax's, or math with a prefix."""
    if end - start > 4 and data[start + 3] == 45:
        return (
            data[start] | 32 == 109 and data[start + 1] | 32 == 106 and data[start + 2] | 32 == 120
        )
    return (
        end - start > 5
        and data[end - 5] == 58
        and data[end - 4] | 32 == 109
        and data[end - 3] | 32 == 97
        and data[end - 2] | 32 == 116
    )


@jit
def _note_formula(
    data: U8, start: int, end: int, tag: int | np.int64, named: np.uint64, state: I64
) -> None:
    """Note that the page may hold a formula, where the start tag just read says so."""
    known = tag in (_SUP, _SUB, _RUBY, _RT, _MATH) or named != 0
    source = state[MATH] == 1 or (state[MATH] and tag == _IMG)
    if known or source or (tag == 0 and _is_math(data, start, end)):
        state[FORMULAS] = 1


@jit
def _note_link(runs: I32, new: int | np.int64, state: I64) -> None:
    """Record the address of the link that is open, for the first block of its text alone.

    Each address is so written once, and a page's text grows with the page.
    """
    runs[new, 4] = runs[new, 5] = 0
    if state[INLINK] & LINKED and state[LINK_END]:
        if state[LINK_USED] and runs[new, 3] & GAP:
            state[LINK_START] = state[LINK_END] = 0
            return
        runs[new, 4], runs[new, 5] = state[LINK_START], state[LINK_END]
        state[LINK_USED] = 1


@jit
def _in_heading(elements: I32, element: int | np.int64) -> bool:
    """Whether an element is a heading or stands right below one."""
    for _ in range(2):
        if _H1 <= elements[element, 0] <= _H6:
            return True
        element = elements[element, 1]
    return False


@jit
def _open_link(data: U8, tag: int | np.int64, elements: I32, state: I64) -> None:
    """Open the link of the start tag just read, or note the page's first <base>.

    A heading's link to a place of its own page (to itself, to the contents, to what it opens) is no link.
    """
    if tag == _A:
        state[INLINK] = state[ATTR_FLAGS] & LINKED
        if state[HREF_END] > state[HREF_START] and data[state[HREF_START]] == 35:  # "#"
            state[INLINK] = OWN if _in_heading(elements, state[TOP]) else LINKED | OWN
        state[LINK_TOP] = state[TOP]
        if state[ADDRESSES]:
            state[LINK_START], state[LINK_END] = state[HREF_START], state[HREF_END]
            state[LINK_USED] = 0
    elif state[HREF_END] and not state[BASE_END]:
        state[BASE_START], state[BASE_END] = state[HREF_START], state[HREF_END]


@jit
def _mark(place: int, flags: int, elements: I32, runs: I32, state: I64) -> None:
    """Record a run without bytes: a quotation mark, or a line break of code."""
    if elements[state[TOP], 2] & HIDDEN:
        return
    new = state[RUNS]
    runs[new, 0] = runs[new, 1] = place
    runs[new, 2] = state[TOP]
    runs[new, 3] = flags | state[PENDING]
    _note_link(runs, new, state)
    state[RUNS] += 1
    state[PENDING] = 0


@jit
def _break_code(place: int, elements: I32, runs: I32, state: I64) -> None:
    """Record a line break inside code, which ends no block there."""
    _mark(place, LINE, elements, runs, state)
    element = state[TOP]
    while element > 0 and elements[element, 2] & TYPED:
        elements[element, 2] |= BROKEN
        element = elements[element, 1]


@jit
def _textarea(
    data: U8, end: int, words: np.uint64, elements: I32, hints: U64, runs: I32, state: I64
) -> None:
    """Record a text field of several lines, where pages show code to copy; others are forms."""
    start = state[POS]
    lines = 0
    for place in range(start, end):
        lines += data[place] == 10 and start < place < end - 1
    if lines and state[LEVEL] < _DEPTH:
        inside = state[TOP]
        level = state[LEVEL]
        _push(elements, hints, state, _TEXTAREA, PRE, words, words)
        _flush(data, start, end, elements, runs, state)
        state[TOP], state[LEVEL] = inside, level
        state[PENDING] |= GAP


@jit
def _start_tag(
    data: U8, position: int, t: Arrays, elements: I32, hints: U64, runs: I32, state: I64
) -> None:
    """Act on the start tag whose name begins at the position."""
    wide, small = t
    tag = np.int64(small[AT_TAG + read_name(data, position, wide, state)])
    name_end = state[POS]
    words = read_attributes(data, t, state)
    kind = small[AT_KIND + tag]
    _note_formula(data, position, name_end, tag, words & wide[AT_HINTS + AT_FORMULA], state)
    if kind & BLOCK or state[ATTR_FLAGS] & STYLE_BLOCK:
        state[PENDING] |= GAP
    if tag == _BR:
        if elements[state[TOP], 2] & (PREFORMATTED | TYPED):
            _break_code(position, elements, runs, state)
        else:
            state[PENDING] |= GAP if state[PENDING] & NEWLINE else NEWLINE
    if tag in (_A, _BASE):
        _open_link(data, tag, elements, state)
    if kind & RAW or (tag == _TITLE and not state[TITLE_END]):
        end = raw_end(data, state[POS], position, name_end)
        if tag == _TITLE:
            state[TITLE_START], state[TITLE_END] = state[POS], end
        if tag == _TEXTAREA:
            _textarea(data, end, words | wide[AT_HINTS + tag], elements, hints, runs, state)
        state[POS] = end
        return
    if kind & (VOID | IGNORE) or tag in (_A, _HTML, _HEAD, _BODY):
        if kind & CLOSES_P and state[OPEN_P]:
            _close_p(elements, small, state)
        return
    _imply(elements, small, state, tag)
    # "/" closes an element in XML only, and there mostly foreign ones (svg paths).
    if state[SELF] and (kind & HIDE or tag == 0):
        return
    if tag == _Q:
        _mark(position, QUOTE, elements, runs, state)
    _push(elements, hints, state, tag, kind, words, wide[AT_HINTS + tag])


@jit
def _end_tag(data: U8, position: int, t: Arrays, elements: I32, runs: I32, state: I64) -> None:
    """Act on the end tag whose name begins at the position."""
    wide, small = t
    tag = np.int64(small[AT_TAG + read_name(data, position, wide, state)])
    read_attributes(data, t, state)
    kind = small[AT_KIND + tag]
    if kind & BLOCK:
        state[PENDING] |= GAP
    if tag == _A:
        state[INLINK] = 0
    if tag == _BR:
        state[PENDING] |= NEWLINE
    if kind & (VOID | IGNORE | RAW) or tag in (_A, _TITLE, _HTML, _HEAD, _BODY):
        return
    table_part = tag in (_TD, _TH, _TR, _TBODY, _THEAD, _TFOOT, _TABLE)
    heading = _H1 <= tag <= _H6
    place = state[TOP]
    while place > 0:
        here = elements[place, 0]
        if here == tag or (heading and _H1 <= here <= _H6):
            _pop_to(elements, state, place)
            if tag == _Q:
                _mark(position, UNQUOTE, elements, runs, state)
            return
        if here == _TABLE or (small[AT_KIND + here] & SCOPE and not table_part):
            return
        place = elements[place, 1]


@jit
def _markup(
    data: U8, position: int, t: Arrays, elements: I32, hints: U64, runs: I32, state: I64
) -> bool:
    """Read the markup at "<"; return False where it is no markup but text."""
    size = len(data)
    following = data[position + 1] if position + 1 < size else 0
    if 97 <= following | 32 <= 122:
        _start_tag(data, position + 1, t, elements, hints, runs, state)
    elif following == 47:
        after = data[position + 2] if position + 2 < size else 0
        if 97 <= after | 32 <= 122:
            _end_tag(data, position + 2, t, elements, runs, state)
        else:
            state[POS] = quote_end(data, position, 62, state) + 1
    elif following in (33, 63):
        if position + 3 < size and data[position + 2] == 45 and data[position + 3] == 45:
            short = position + 4 < size and data[position + 4] == 62  # "<!-->"
            state[POS] = position + 5 if short else find_end(data, position + 4, 45, 45, 62)
        else:
            end = position
            while end < size and data[end] != 62:
                end += 1
            state[POS] = end + 1
    else:
        return False
    return True


@jit
def _blank_end(data: U8, place: int, end: int) -> int:
    """Return where white space ends, no-break spaces among it (as bytes or by their usual names)."""
    while place < end:
        byte = data[place]
        if is_space(byte):
            place += 1
        elif byte == 0xC2 and place + 1 < end and data[place + 1] == 0xA0:
            place += 2
        elif byte == 38 and place + 5 < end and data[place + 1] == 110 and data[place + 2] == 98:
            if data[place + 3] != 115 or data[place + 4] != 112 or data[place + 5] != 59:
                return place
            place += 6
        elif byte == 38 and place + 5 < end and data[place + 1] == 35 and data[place + 2] == 49:
            if data[place + 3] != 54 or data[place + 4] != 48 or data[place + 5] != 59:
                return place
            place += 6
        else:
            return place
    return place


@jit
def _is_mark(data: U8, start: int, end: int) -> bool:
    """Whether a link's text is a sign for "this place": #, §, ¶, a chain, an icon (as bytes or an entity)."""
    size = end - start
    if not 0 < size <= 6:
        return False
    first, second, third = data[start], data[min(start + 1, end - 1)], data[min(start + 2, end - 1)]
    if first == 38:  # &#182; &para; &sect;
        named = (second == 112 and third == 97) or (second == 115 and third == 101)
        return data[end - 1] == 59 and (second == 35 or named)
    if first == 0xF0:
        return size == 4 and second == 0x9F and third == 0x94 and data[end - 1] == 0x97
    if first == 0xEF:
        return size == 3 and 0x80 <= second <= 0xA3  # U+F000 to U+F8FF, where fonts keep icons
    return (first == 35 and size == 1) or (size == 2 and first == 0xC2 and second in (0xA7, 0xB6))


@jit
def _flush(data: U8, start: int, end: int, elements: I32, runs: I32, state: I64) -> None:
    """Record the text between two tags, without white space at its ends unless that counts."""
    if start >= end or elements[state[TOP], 2] & HIDDEN:
        return
    kind = elements[state[TOP], 2]
    verbatim = kind & PREFORMATTED
    first, last = start, end
    while first < last and is_space(data[first]):
        first += 1
    if not verbatim and first < last and (data[first] == 38 or data[first] == 0xC2):
        blank = _blank_end(data, first, last)
        if blank == last and not kind & TYPED:
            first = last
    if first == last and not verbatim:
        state[PENDING] |= SPACE
        return
    while last > first and is_space(data[last - 1]):
        last -= 1
    if state[INLINK] & OWN and _is_mark(data, first, last):
        state[PENDING] |= SPACE
        return
    flags = state[PENDING] | (SPACE if first > start else 0)
    flags |= LINK if state[INLINK] & LINKED else 0
    flags |= CODE if kind & TYPED else 0
    new = state[RUNS]
    runs[new, 0] = start if verbatim else first
    runs[new, 1] = end if verbatim else last
    runs[new, 2] = state[TOP]
    runs[new, 3] = (flags & ~SPACE) | VERBATIM if verbatim else flags
    _note_link(runs, new, state)
    state[RUNS] += 1
    state[PENDING] = SPACE if last < end and not verbatim else 0


@jit
def _scan(data: U8, t: Arrays, elements: I32, hints: U64, runs: I32, state: I64) -> None:
    """Fill elements and runs from the page's bytes."""
    size = len(data)
    text = 0
    position = 0
    while position < size:
        while position < size and data[position] != 60:
            position += 1
        if position >= size:
            break
        following = data[position + 1] if position + 1 < size else 0
        if not (97 <= following | 32 <= 122 or following in (33, 47, 63)):
            position += 1
            continue
        _flush(data, text, position, elements, runs, state)
        _markup(data, position, t, elements, hints, runs, state)
        position = min(state[POS], size)
        text = position
    _flush(data, text, size, elements, runs, state)


def scan(html: bytes, t: Tables | None = None, *, links: bool = False) -> Page:
    """Return the elements and text runs of a page given as UTF-8 bytes; `links`: with addresses of links."""
    known = t or tables()
    data = np.frombuffer(html, dtype=np.uint8)
    marks = html.count(b"<") + 2
    elements = np.empty((marks, 5), np.int32)
    hints = np.zeros(marks, np.uint64)
    runs = np.empty((2 * marks, 6), np.int32)
    state = np.zeros(PLACES, np.int64)
    elements[0] = 0
    state[ELEMENTS] = 1
    state[ADDRESSES] = links
    arrays = (known.wide, known.small)
    _scan(data, arrays, elements, hints, runs, state)
    found = int(state[ELEMENTS])
    return Page(
        data,
        elements[:found],
        hints[:found],
        runs[: int(state[RUNS])],
        (int(state[TITLE_START]), int(state[TITLE_END])),
        (int(state[BASE_START]), int(state[BASE_END])),
        links,
        bool(state[FORMULAS]),
    )
