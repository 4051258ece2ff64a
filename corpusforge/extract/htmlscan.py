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

from corpusforge.extract.htmltags import (
    BLOCK,
    CLOSES_P,
    GROUPS,
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

__all__ = ["HIDDEN", "LINK", "NEWLINE", "Page", "scan"]

HIDDEN, PREFORMATTED = 1, 2
"""Flags of an element; both are inherited."""
GAP, NEWLINE, SPACE, LINK, VERBATIM = 1, 2, 4, 8, 16
"""Flags of a text run: a block ended before it, a line break or space stands before it, it lies in
a link, its white space counts."""

_A, _BR, _P, _LI, _DD, _DT = map(tag_id, ("a", "br", "p", "li", "dd", "dt"))
_TD, _TH, _TR, _TABLE = map(tag_id, ("td", "th", "tr", "table"))
_TBODY, _THEAD, _TFOOT = map(tag_id, ("tbody", "thead", "tfoot"))
_DIV, _SPAN, _ADDRESS, _TITLE = map(tag_id, ("div", "span", "address", "title"))
_H1, _H6, _HEAD, _BODY, _HTML = map(tag_id, ("h1", "h6", "head", "body", "html"))
_CLASS, _STYLE, _HIDDEN_ATTR, _ARIA, _HREF = 1, 5, 6, 7, 8
_STYLE_BIT = np.uint64(1 << GROUPS.index("hiddenstyle"))
_ONE = np.uint64(0)
_DEPTH = 512

# Places in the state array.
_POS, _TOP, _LEVEL, _ELEMENTS, _RUNS, _INLINK, _LINK_TOP, _PENDING, _OPEN_P = range(9)
_TITLE_START, _TITLE_END, _TAG, _ATTR_FLAGS, _NO_QUOTE1, _NO_QUOTE2, _SELF = range(9, 16)


class Page(NamedTuple):
    """A scanned page. Element 0 is the document.

    data: uint8 bytes; elements: int32 [n, 4] (tag, parent, flags, level); hints: uint64 [n] groups
    named by the element's tag and attributes; runs: int32 [m, 4] (start, end, element, flags);
    title: (start, end) of the title's bytes, (0, 0) if there is none.
    """

    data: NDArray[np.uint8]
    elements: NDArray[np.int32]
    hints: NDArray[np.uint64]
    runs: NDArray[np.int32]
    title: tuple[int, int]


@jit
def _is_space(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13


@jit
def _find(data, start, first, second, third):  # type: ignore[no-untyped-def]
    """Return the place after the next "first second third" bytes, or the end."""
    for place in range(start, len(data) - 2):
        if data[place] == first and data[place + 1] == second and data[place + 2] == third:
            return place + 3
    return len(data)


@jit
def _name(data, position, names, state):  # type: ignore[no-untyped-def]
    """Return the slot of the tag or attribute name that begins here; move on behind it."""
    key = np.uint64(0)
    size = len(data)
    while position < size:
        byte = data[position]
        if byte in (62, 47, 61) or _is_space(byte):  # > / =
            break
        if 65 <= byte <= 90:
            byte += 32
        key = key * np.uint64(257) + np.uint64(byte)
        position += 1
    state[_POS] = position
    slot = np.int64(key % np.uint64(1024))
    while names[slot] != 0:
        if names[slot] == key:
            break
        slot = (slot + 1) % 1024
    return slot


@jit
def match_words(data, start, end, fold, goto, output):  # type: ignore[no-untyped-def]
    """Return the groups whose words occur in a span; runs of other signs count as one boundary."""
    found = np.uint64(0)
    state = np.int64(goto[0, 0])
    boundary = True
    lower = False
    for place in range(start, end):
        byte = data[place]
        letter = fold[byte]
        if letter == 0:
            if not boundary:
                state = np.int64(goto[state, 0])
                found |= output[state]
                boundary = True
            lower = False
            continue
        capital = 65 <= byte <= 90
        if capital and lower:
            state = np.int64(goto[state, 0])
            found |= output[state]
        state = np.int64(goto[state, letter])
        found |= output[state]
        boundary = False
        lower = not capital
    if not boundary:
        found |= output[goto[state, 0]]
    return found


@jit
def _quoted(data, position, quote, state):  # type: ignore[no-untyped-def]
    """Return where a quoted value ends; a quote that is never closed ends at the next ">"."""
    flag = _NO_QUOTE1 if quote == 34 else _NO_QUOTE2
    if not state[flag]:
        for place in range(position, len(data)):
            if data[place] == quote:
                return place
        state[flag] = 1
    for place in range(position, len(data)):
        if data[place] == 62:
            return place
    return len(data)


@jit
def _value(data, position, state):  # type: ignore[no-untyped-def]
    """Return the start and end of an attribute's value; the state's place moves behind it."""
    size = len(data)
    while position < size and _is_space(data[position]):
        position += 1
    if position >= size or data[position] != 61:
        state[_POS] = position
        return position, position
    position += 1
    while position < size and _is_space(data[position]):
        position += 1
    if position < size and data[position] in (34, 39):
        end = _quoted(data, position + 1, data[position], state)
        state[_POS] = min(end + 1, size) if end < size and data[end] != 62 else end
        return position + 1, end
    end = position
    while end < size and data[end] != 62 and not _is_space(data[end]):
        end += 1
    state[_POS] = end
    return position, end


@jit
def _attributes(data, t, state):  # type: ignore[no-untyped-def]
    """Read attributes up to and including ">"; return hint groups, set flags in the state."""
    names, ids, _, _, fold, goto, output = t
    found = np.uint64(0)
    size = len(data)
    position = state[_POS]
    state[_ATTR_FLAGS] = 0
    state[_SELF] = 0
    while position < size:
        byte = data[position]
        if byte == 62:
            position += 1
            break
        if _is_space(byte) or byte == 47 or byte == 61:
            state[_SELF] = byte == 47
            position += 1
            continue
        state[_SELF] = 0
        attribute = ids[_name(data, position, names, state), 1]
        start, end = _value(data, state[_POS], state)
        position = state[_POS]
        if _CLASS <= attribute <= _STYLE:
            words = match_words(data, start, end, fold, goto, output)
            if attribute == _STYLE:
                if words & _STYLE_BIT:
                    state[_ATTR_FLAGS] |= HIDDEN
            else:
                found |= words & ~_STYLE_BIT
        elif attribute == _HIDDEN_ATTR:
            state[_ATTR_FLAGS] |= HIDDEN
        elif attribute == _ARIA and end - start == 4 and data[start] | 32 == 116:  # "true"
            state[_ATTR_FLAGS] |= HIDDEN
        elif attribute == _HREF:
            state[_ATTR_FLAGS] |= 4
    state[_POS] = position
    return found


@jit
def _pop_to(elements, state, target):  # type: ignore[no-untyped-def]
    """Close elements down to and including the target."""
    parent = elements[target, 1]
    top = state[_TOP]
    while top != parent:
        if elements[top, 0] == _P:
            state[_OPEN_P] -= 1
        top = elements[top, 1]
    state[_TOP] = parent
    state[_LEVEL] = elements[parent, 3]
    if state[_INLINK] and state[_LINK_TOP] > parent:
        state[_INLINK] = 0


@jit
def _close_p(elements, kinds, state):  # type: ignore[no-untyped-def]
    """Close an open paragraph inside the current table cell, if there is one."""
    place = state[_TOP]
    while place > 0 and not kinds[elements[place, 0]] & SCOPE:
        if elements[place, 0] == _P:
            _pop_to(elements, state, place)
            return
        place = elements[place, 1]


@jit
def _close_item(elements, kinds, state, first, second):  # type: ignore[no-untyped-def]
    """Close an open list item of the innermost list."""
    place = state[_TOP]
    while place > 0:
        tag = elements[place, 0]
        if tag in (first, second):
            _pop_to(elements, state, place)
            return
        if kinds[tag] & (BLOCK | SCOPE) and tag not in (_DIV, _P, _ADDRESS):
            return
        place = elements[place, 1]


@jit
def _close_table_part(elements, state, tag):  # type: ignore[no-untyped-def]
    """Close what a new cell, row or row group of the innermost table ends."""
    place = state[_TOP]
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
def _imply(elements, kinds, state, tag):  # type: ignore[no-untyped-def]
    """Close the elements that a start tag implies are over."""
    if kinds[tag] & CLOSES_P and state[_OPEN_P]:
        _close_p(elements, kinds, state)
    if tag == _LI:
        _close_item(elements, kinds, state, _LI, _LI)
    elif tag in (_DD, _DT):
        _close_item(elements, kinds, state, _DD, _DT)
    elif tag in (_TD, _TH, _TR, _TBODY, _THEAD, _TFOOT):
        _close_table_part(elements, state, tag)


@jit
def _push(elements, hints, state, tag, kind, words, tag_words):  # type: ignore[no-untyped-def]
    """Open an element below the current one."""
    if state[_LEVEL] >= _DEPTH:
        return
    new = state[_ELEMENTS]
    parent = state[_TOP]
    flags = elements[parent, 2] | (state[_ATTR_FLAGS] & HIDDEN)
    if kind & HIDE:
        flags |= HIDDEN
    if kind & PRE:
        flags |= PREFORMATTED
    elements[new, 0] = tag
    elements[new, 1] = parent
    elements[new, 2] = flags
    elements[new, 3] = state[_LEVEL] + 1
    hints[new] = words | tag_words
    state[_ELEMENTS] += 1
    state[_TOP] = new
    state[_LEVEL] += 1
    if tag == _P:
        state[_OPEN_P] += 1


@jit
def _raw_end(data, start, name_start, name_end):  # type: ignore[no-untyped-def]
    """Return where the end tag of a raw text element begins, or the end of the page."""
    size = len(data)
    length = name_end - name_start
    place = start
    while place < size - length - 1:
        if data[place] == 60 and data[place + 1] == 47:
            same = True
            for k in range(length):
                if data[place + 2 + k] | 32 != data[name_start + k] | 32:
                    same = False
                    break
            if same:
                return place
        place += 1
    return size


@jit
def _start_tag(data, position, t, elements, hints, state):  # type: ignore[no-untyped-def]
    """Act on the start tag whose name begins at the position."""
    names, ids, kinds, tag_hints, _, _, _ = t
    tag = ids[_name(data, position, names, state), 0]
    name_end = state[_POS]
    words = _attributes(data, t, state)
    kind = kinds[tag]
    if kind & BLOCK:
        state[_PENDING] |= GAP
    if tag == _BR:
        state[_PENDING] |= GAP if state[_PENDING] & NEWLINE else NEWLINE
    if tag == _A:
        state[_INLINK] = (state[_ATTR_FLAGS] >> 2) & 1
        state[_LINK_TOP] = state[_TOP]
    if kind & RAW or (tag == _TITLE and not state[_TITLE_END]):
        end = _raw_end(data, state[_POS], position, name_end)
        if tag == _TITLE:
            state[_TITLE_START], state[_TITLE_END] = state[_POS], end
        state[_POS] = end
        return
    if kind & (VOID | IGNORE) or tag in (_A, _HTML, _HEAD, _BODY):
        if kind & CLOSES_P and state[_OPEN_P]:
            _close_p(elements, kinds, state)
        return
    _imply(elements, kinds, state, tag)
    # "/" closes an element in XML only, and there mostly foreign ones (svg paths).
    if state[_SELF] and (kind & HIDE or tag == 0):
        return
    _push(elements, hints, state, tag, kind, words, tag_hints[tag])


@jit
def _end_tag(data, position, t, elements, state):  # type: ignore[no-untyped-def]
    """Act on the end tag whose name begins at the position."""
    names, ids, kinds, _, _, _, _ = t
    tag = ids[_name(data, position, names, state), 0]
    _attributes(data, t, state)
    kind = kinds[tag]
    if kind & BLOCK:
        state[_PENDING] |= GAP
    if tag == _A:
        state[_INLINK] = 0
    if tag == _BR:
        state[_PENDING] |= NEWLINE
    if kind & (VOID | IGNORE | RAW) or tag in (_A, _TITLE, _HTML, _HEAD, _BODY):
        return
    table_part = tag in (_TD, _TH, _TR, _TBODY, _THEAD, _TFOOT, _TABLE)
    heading = _H1 <= tag <= _H6
    place = state[_TOP]
    while place > 0:
        here = elements[place, 0]
        if here == tag or (heading and _H1 <= here <= _H6):
            _pop_to(elements, state, place)
            return
        if here == _TABLE or (kinds[here] & SCOPE and not table_part):
            return
        place = elements[place, 1]


@jit
def _markup(data, position, t, elements, hints, state):  # type: ignore[no-untyped-def]
    """Read the markup at "<"; return False where it is no markup but text."""
    size = len(data)
    following = data[position + 1] if position + 1 < size else 0
    if 97 <= following | 32 <= 122:
        _start_tag(data, position + 1, t, elements, hints, state)
    elif following == 47:
        after = data[position + 2] if position + 2 < size else 0
        if 97 <= after | 32 <= 122:
            _end_tag(data, position + 2, t, elements, state)
        else:
            state[_POS] = _quoted(data, position, 62, state) + 1
    elif following == 33 or following == 63:
        if position + 3 < size and data[position + 2] == 45 and data[position + 3] == 45:
            short = position + 4 < size and data[position + 4] == 62  # "<!-->"
            state[_POS] = position + 5 if short else _find(data, position + 4, 45, 45, 62)
        else:
            end = position
            while end < size and data[end] != 62:
                end += 1
            state[_POS] = end + 1
    else:
        return False
    return True


@jit
def _flush(data, start, end, elements, runs, state):  # type: ignore[no-untyped-def]
    """Record the text between two tags, without white space at its ends unless that counts."""
    if start >= end or elements[state[_TOP], 2] & HIDDEN:
        return
    verbatim = elements[state[_TOP], 2] & PREFORMATTED
    first, last = start, end
    while first < last and _is_space(data[first]):
        first += 1
    if first == last and not verbatim:
        state[_PENDING] |= SPACE
        return
    while last > first and _is_space(data[last - 1]):
        last -= 1
    flags = state[_PENDING] | (SPACE if first > start else 0)
    flags |= LINK if state[_INLINK] else 0
    new = state[_RUNS]
    runs[new, 0] = start if verbatim else first
    runs[new, 1] = end if verbatim else last
    runs[new, 2] = state[_TOP]
    runs[new, 3] = (flags & ~SPACE) | VERBATIM if verbatim else flags
    state[_RUNS] += 1
    state[_PENDING] = SPACE if last < end and not verbatim else 0


@jit
def _scan(data, t, elements, hints, runs, state):  # type: ignore[no-untyped-def]
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
        _markup(data, position, t, elements, hints, state)
        position = min(state[_POS], size)
        text = position
    _flush(data, text, size, elements, runs, state)


def scan(html: bytes, t: Tables | None = None) -> Page:
    """Return the elements and text runs of a page given as UTF-8 bytes."""
    known = t or tables()
    data = np.frombuffer(html, dtype=np.uint8)
    marks = html.count(b"<") + 2
    elements = np.empty((marks, 4), np.int32)
    hints = np.zeros(marks, np.uint64)
    runs = np.empty((marks, 4), np.int32)
    state = np.zeros(16, np.int64)
    elements[0] = 0
    state[_ELEMENTS] = 1
    arrays = (
        known.names,
        known.ids,
        known.kinds,
        known.tag_hints,
        known.fold,
        known.goto,
        known.output,
    )
    _scan(data, arrays, elements, hints, runs, state)
    found = int(state[_ELEMENTS])
    return Page(
        data,
        elements[:found],
        hints[:found],
        runs[: int(state[_RUNS])],
        (int(state[_TITLE_START]), int(state[_TITLE_END])),
    )
