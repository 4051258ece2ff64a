"""Names, attribute values and ends of markup in HTML bytes: what the scanner reads with.

Method: the tokenizer states of the HTML standard. Every function moves forward only; the scanner's
place and flags stand in one int64 array, whose places are named here.
Limit: a quote that the page never closes ends at the next ">", where a browser would swallow the
rest of the page.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmltags import (
    AT_ATTRIBUTE,
    AT_FOLD,
    AT_GOTO,
    AT_OUTPUT,
    ATTRIBUTES,
    NAME_CLASSES,
    name_key,
)
from corpusforge.text.jit import jit

__all__ = [
    "find_end",
    "is_space",
    "match_words",
    "quote_end",
    "raw_end",
    "read_attributes",
    "read_name",
]

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]
I16 = NDArray[np.int16]
I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Arrays = tuple[U64, I16]
"""`wide` and `small` of `Tables`, as the kernels take them."""

POS, TOP, LEVEL, ELEMENTS, RUNS, INLINK, LINK_TOP, PENDING, OPEN_P = range(9)
TITLE_START, TITLE_END, ATTR_FLAGS, NO_QUOTE1, NO_QUOTE2, SELF, COLSPAN, ROWSPAN = range(9, 17)
BUTTON, FORMULAS, MATH, HREF_START, HREF_END, LINK_START, LINK_END, LINK_USED = range(17, 25)
ADDRESSES, BASE_START, BASE_END = range(25, 28)
PLACES = 28
"""Places of the state: position in the bytes; innermost element and its level; numbers of elements
and runs; which link is open (`LINKED`, `OWN`, 0 for none), and in which element; flags of the next
run; open paragraphs; the title; flags of the tag just read; quotes that never close; whether the tag
ended in "/"; the columns and rows that a cell spans; the button or choice that is open; whether the
page may hold a formula; whether the tag just read may be one; the address in the tag just read, that
of the open link, and whether a run has it; whether addresses are recorded; the page's <base>."""

HIDDEN, OWN, LINKED, STYLE_PRE, STYLE_WRAP, STYLE_BLOCK = 1, 2, 4, 8, 16, 32
"""Flags that attributes set: hidden, a link to a place of the same page, a link, white space counts
(always, or with wrapped lines), shown as a block."""

_CLASS, _STYLE, _HIDDEN, _ARIA, _HREF, _COLSPAN, _ROWSPAN, _TYPE, _SRC, _DATA = (
    ATTRIBUTES.index(name) + 1
    for name in (
        "class",
        "style",
        "hidden",
        "aria-hidden",
        "href",
        "colspan",
        "rowspan",
        "type",
        "src",
        "data-math",
    )
)
_DISPLAY, _VISIBILITY, _WHITE, _NONE, _IS_HIDDEN, _BLOCKED, _PRE, _PRE_WRAP = (
    np.uint64(name_key(name))
    for name in (
        "display",
        "visibility",
        "white-space",
        "none",
        "hidden",
        "block",
        "pre",
        "pre-wrap",
    )
)
_MOST_SPAN = 20
"""Widest span of a cell that is believed; a page of marks alone must not become a page of bars."""


@jit
def is_space(byte: int) -> bool:
    """Whether the byte is HTML white space."""
    return byte == 32 or 9 <= byte <= 13


@jit
def find_end(data: U8, start: int, first: int, second: int, third: int) -> int:
    """Return the place after the next "first second third" bytes, or the end."""
    for place in range(start, len(data) - 2):
        if data[place] == first and data[place + 1] == second and data[place + 2] == third:
            return place + 3
    return len(data)


@jit
def read_name(data: U8, position: int, names: U64, state: I64) -> np.int64:
    """Return the slot of the tag or attribute name that begins here; move on behind it."""
    key = np.uint64(0)
    size = len(data)
    while position < size:
        byte = data[position]
        if byte in (62, 47, 61) or is_space(byte):  # > / =
            break
        if 65 <= byte <= 90:
            byte += 32
        key = key * np.uint64(257) + np.uint64(byte)
        position += 1
    state[POS] = position
    slot = np.int64(key % np.uint64(1024))
    while names[slot] != 0:
        if names[slot] == key:
            break
        slot = (slot + 1) % 1024
    return slot


@jit
def match_words(data: U8, start: int, end: int, wide: U64, small: I16, classes: int) -> np.uint64:
    """Return the groups whose words occur in a span; runs of other signs count as one boundary."""
    found = np.uint64(0)
    state = np.int64(small[AT_GOTO])
    boundary = True
    lower = False
    for place in range(start, end):
        byte = data[place]
        letter = np.int64(small[AT_FOLD + byte])
        if letter == 0:
            if not boundary:
                state = np.int64(small[AT_GOTO + state * classes])
                found |= wide[AT_OUTPUT + state]
                boundary = True
            lower = False
            continue
        capital = 65 <= byte <= 90
        if capital and lower:
            state = np.int64(small[AT_GOTO + state * classes])
            found |= wide[AT_OUTPUT + state]
        state = np.int64(small[AT_GOTO + state * classes + letter])
        found |= wide[AT_OUTPUT + state]
        boundary = False
        lower = not capital
    if not boundary:
        found |= wide[AT_OUTPUT + small[AT_GOTO + state * classes]]
    return found


@jit
def quote_end(data: U8, position: int, quote: int, state: I64) -> int:
    """Return where a quoted value ends; a quote that is never closed ends at the next ">"."""
    flag = NO_QUOTE1 if quote == 34 else NO_QUOTE2
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
def read_value(data: U8, position: int, state: I64) -> tuple[int, int]:
    """Return the start and end of an attribute's value; the state's place moves behind it."""
    size = len(data)
    while position < size and is_space(data[position]):
        position += 1
    if position >= size or data[position] != 61:
        state[POS] = position
        return position, position
    position += 1
    while position < size and is_space(data[position]):
        position += 1
    if position < size and data[position] in (34, 39):
        end = quote_end(data, position + 1, data[position], state)
        state[POS] = min(end + 1, size) if end < size and data[end] != 62 else end
        return position + 1, end
    end = position
    while end < size and data[end] != 62 and not is_space(data[end]):
        end += 1
    state[POS] = end
    return position, end


@jit
def read_style(data: U8, start: int, end: int) -> int:
    """Return the flags that a style attribute sets."""
    flags = 0
    prop = np.uint64(0)
    key = np.uint64(0)
    for place in range(start, end + 1):
        byte = data[place] if place < end else 59
        if 65 <= byte <= 90:
            byte += 32
        if byte == 58:
            prop, key = key, np.uint64(0)
        elif byte in (59, 33):
            if (prop == _DISPLAY and key == _NONE) or (prop == _VISIBILITY and key == _IS_HIDDEN):
                flags |= HIDDEN
            elif prop == _DISPLAY and key == _BLOCKED:
                flags |= STYLE_BLOCK
            elif prop == _WHITE and key == _PRE:
                flags |= STYLE_PRE
            elif prop == _WHITE and key == _PRE_WRAP:
                flags |= STYLE_WRAP
            prop = key = np.uint64(0)
        elif not is_space(byte):
            key = key * np.uint64(257) + np.uint64(byte)
    return flags


@jit
def _read_span(data: U8, start: int, end: int) -> int:
    """Return how many columns or rows a cell spans: 1 where the value is no number above it."""
    value = 0
    for place in range(start, end):
        if not 48 <= data[place] <= 57:
            break
        value = min(value * 10 + data[place] - 48, _MOST_SPAN)
    return max(value, 1)


@jit
def _ends_with(data: U8, start: int, place: int, word: bytes) -> bool:
    """Whether the bytes up to the place end with a word, whatever its case."""
    first = place - len(word) + 1
    if first < start:
        return False
    same = 0
    for step in range(len(word)):
        same += data[first + step] | 32 == word[step] | 32
    return same == len(word)


@jit
def _tells_math(data: U8, start: int, end: int, attribute: int) -> int:
    """Whether an attribute's value may show a formula: 1 as the element's source, 2 as an image's."""
    if attribute == _TYPE:
        return 1 if _ends_with(data, start, start + 4, b"math/") and end - start > 4 else 0
    for place in range(start, end):
        byte = data[place]
        if attribute >= _DATA:
            if byte in (92, 94, 123):  # \\ ^ {
                return 1
        elif byte | 32 == 120:
            if (
                _ends_with(data, start, place, b"latex")
                or _ends_with(data, start, place, b"mimetex")
                or _ends_with(data, start, place, b"cht=tx")
            ):
                return 2
        elif (byte == 47 and _ends_with(data, start, place, b"/math/")) or (
            byte == 63 and _ends_with(data, start, place, b"equation?")
        ):
            return 2
    return 0


@jit
def read_attributes(data: U8, t: Arrays, state: I64) -> np.uint64:
    """Read attributes up to and including ">"; return hint groups, set flags in the state."""
    wide, small = t
    found = np.uint64(0)
    size = len(data)
    position = state[POS]
    state[ATTR_FLAGS] = 0
    state[SELF] = 0
    state[COLSPAN] = state[ROWSPAN] = 1
    state[MATH] = 0
    state[HREF_START] = state[HREF_END] = 0
    while position < size:
        byte = data[position]
        if byte == 62:
            position += 1
            break
        if is_space(byte) or byte in (47, 61):
            state[SELF] = byte == 47
            position += 1
            continue
        state[SELF] = 0
        attribute = small[AT_ATTRIBUTE + read_name(data, position, wide, state)]
        start, end = read_value(data, state[POS], state)
        position = state[POS]
        if _CLASS <= attribute <= _STYLE:
            if attribute == _STYLE:
                state[ATTR_FLAGS] |= read_style(data, start, end)
            else:
                found |= match_words(data, start, end, wide, small, NAME_CLASSES)
        elif attribute == _HIDDEN or (
            attribute == _ARIA and end - start == 4 and data[start] | 32 == 116
        ):
            state[ATTR_FLAGS] |= HIDDEN
        elif attribute == _HREF:
            if not state[ATTR_FLAGS] & LINKED:  # of two, browsers take the first
                state[HREF_START], state[HREF_END] = start, end
            state[ATTR_FLAGS] |= LINKED
        elif attribute == _COLSPAN:
            state[COLSPAN] = _read_span(data, start, end)
        elif attribute == _ROWSPAN:
            state[ROWSPAN] = _read_span(data, start, end)
        elif attribute >= _TYPE:
            state[MATH] |= _tells_math(data, start, end, attribute)
    state[POS] = position
    return found


@jit
def raw_end(data: U8, start: int, name_start: int, name_end: int) -> int:
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
