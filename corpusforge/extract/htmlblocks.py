"""Blocks of a scanned page, and what can be measured of each without reading its words closely.

A block is the text between two block-level tags (a paragraph, a menu line), or a whole unit: a table of
data, a piece of code, a list of short items (`htmlunits`).
Measures follow what the field found telling (link density and text length: Kohlschütter et al.
2010; class names: Readability; text around: Pomikálek 2011), one pass over the text bytes.
Limit: words of scripts without spaces are estimated at two characters each.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmlbytes import match_words
from corpusforge.extract.htmlscan import GAP, GUTTER, LINK, Page
from corpusforge.extract.htmltags import BLOCK, CLASSES, GROUPS, SAYS, Tables, tag_id
from corpusforge.extract.htmlunits import CODE_UNIT, LIST_UNIT, TABLE_UNIT, units
from corpusforge.text.jit import jit

__all__ = ["FEATURES", "Blocks", "blocks"]

U8 = NDArray[np.uint8]
U64 = NDArray[np.uint64]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
F32 = NDArray[np.float32]
Words = tuple[U64, I16]

_SAYS = next(number for number, name in enumerate(GROUPS) if name.startswith(SAYS))
_H1, _H6 = map(tag_id, ("h1", "h6"))
_MEASURES = [
    "bias",
    "words10",
    "words40",
    "words150",
    "link_density",
    "link_half",
    "link_all",
    "one_word",
    "commas",
    "sentences",
    "ends_sentence",
    "ends_colon",
    "digits",
    "capitals",
    "separators",
    "short_no_link",
    "long_no_link",
    "bare_div",
    "depth",
    "position",
    "position_early",
    "position_late",
    "verbatim",
    "runs",
    "repeated",
    "unit_table",
    "unit_code",
    "unit_list",
    "pieces",
    "piece_words",
    "words_before",
    "words_after",
    "links_before",
    "links_after",
    "after_colon",
    "after_heading",
    "before_heading",
    "named",
    "named_after_text",
    "card",
    "card_after_text",
    "rich",
    "rich_linked",
]
_GROUPS_AT = len(_MEASURES)
FEATURES: tuple[str, ...] = (
    *_MEASURES,
    *(f"near {name}" for name in GROUPS[:_SAYS]),
    *(f"far {name}" for name in GROUPS[:_SAYS]),
    *GROUPS[_SAYS:],
)
"""Names of the columns of `Blocks.features`."""

_BARE_DIV = [FEATURES.index(name) for name in ("bare_div", "near <div>", "near <p>")]

# Columns of the counts of a block.
SIZE, LINKED, WORDS, COMMAS, ENDS, DIGITS, CAPITALS, SEPARATORS, LAST, PIECES = range(10)
_COUNTS = 10
_DOMINANT = 0.7
_NEAR = 3
_PROSE = 400
"""Bytes of prose before repeated siblings from which on they may be comments on it."""


class Blocks(NamedTuple):
    """Blocks of a page in order.

    spans: int32 [n, 4] (first run, run behind the last, innermost block-level element or root of the
    unit, sort of the unit or 0);
    counts: float32 [n, 10]; features: float32 [n, len(FEATURES)]; mass: float32 [elements], bytes of
    text in each element.
    """

    spans: NDArray[np.int32]
    counts: NDArray[np.float32]
    features: NDArray[np.float32]
    mass: NDArray[np.float32]


@jit
def _spans(elements: I32, runs: I32, kinds: I16, unit: I32, sort: U8, spans: I32) -> int:
    """Cut the runs into blocks; return their number."""
    found = 0
    current = 0
    for place in range(len(runs)):
        root = unit[runs[place, 2]]
        if place == 0 or root != current or (runs[place, 3] & GAP and root == 0):
            if found:
                spans[found - 1, 1] = place
            element = root or runs[place, 2]
            while not root and element > 0 and not kinds[elements[element, 0]] & BLOCK:
                element = elements[element, 1]
            spans[found, 0] = place
            spans[found, 2] = element
            spans[found, 3] = sort[element] if root else 0
            found += 1
            current = root
    if found:
        spans[found - 1, 1] = len(runs)
    return found


@jit
def _wide(data: U8, place: int, end: int) -> int:
    """Classify a three-byte sign: 1 comma, 2 sentence end, 3 end quote, 4 Han or kana, else 0."""
    if place + 2 >= end:
        return 0
    first, second, third = data[place], data[place + 1], data[place + 2]
    if first == 0xEF and second == 0xBC:
        if third in (0x8C, 0x9B):
            return 1
        return 2 if third in (0x81, 0x9F) else 0
    if first == 0xE3 and second == 0x80:
        return 1 if third == 0x81 else 2 if third == 0x82 else 0
    if first == 0xE2 and second == 0x80:
        return 2 if third == 0xA6 else 3 if third in (0x99, 0x9D) else 0
    return 4 if 0xE3 <= first <= 0xE9 else 0


@jit
def _count_sign(byte: int, following: int, counts: F32) -> None:
    """Count an ASCII sign for what it may say: comma, sentence end, digit, separator."""
    if byte == 44:
        counts[COMMAS] += 1
    elif byte in (33, 46, 63) and (following <= 32 or following == 34 or following >= 128):
        counts[ENDS] += 1
    elif 48 <= byte <= 57:
        counts[DIGITS] += 1
    elif byte in (124, 47, 62):
        counts[SEPARATORS] += 1


@jit
def _count_run(data: U8, start: int, end: int, linked: bool, counts: F32) -> None:
    """Add one text run to its block's counts."""
    fresh = True
    for place in range(start, end):
        byte = data[place]
        if byte <= 32:
            fresh = True
            continue
        counts[SIZE] += 1
        if linked:
            counts[LINKED] += 1
        if byte < 128:
            if fresh:
                counts[WORDS] += 1
                if 65 <= byte <= 90:
                    counts[CAPITALS] += 1
            fresh = False
            _count_sign(byte, data[place + 1] if place + 1 < end else 32, counts)
        elif byte >= 0xC0:
            kind = _wide(data, place, end)
            if kind == 4:
                counts[WORDS] += 0.5
            elif fresh and kind == 0:
                counts[WORDS] += 1
            fresh = kind == 4
            counts[COMMAS] += kind == 1
            counts[ENDS] += kind == 2


@jit
def _ending(data: U8, start: int, end: int) -> int:
    """Return 1 where the text ends as a sentence does, 2 where by a colon, else 0."""
    place = end - 1
    for _ in range(3):
        if place - 2 > start and _wide(data, place - 2, place + 1) == 3:
            place -= 3
        elif place > start and data[place] in (34, 39, 41):
            place -= 1
        elif place > start and data[place] == 59:  # an entity such as &quot;
            back = place - 1
            while back > start and place - back < 9 and data[back] != 38:
                back -= 1
            place = back - 1 if data[back] == 38 else place - 1
    if place < start:
        return 0
    if data[place] in (33, 46, 63):
        return 1
    if place - 2 >= start and _wide(data, place - 2, place + 1) == 2:
        return 1
    return 2 if data[place] == 58 else 0


@jit
def _count(data: U8, runs: I32, spans: I32, counts: F32) -> None:
    for block in range(len(spans)):
        row = counts[block]
        row[PIECES] = 1
        last = spans[block, 0]
        for place in range(spans[block, 0], spans[block, 1]):
            if runs[place, 3] & GAP and place > spans[block, 0]:
                row[PIECES] += 1
            if runs[place, 3] & GUTTER or runs[place, 0] == runs[place, 1]:
                continue
            linked = bool(runs[place, 3] & LINK)
            _count_run(data, runs[place, 0], runs[place, 1], linked, row)
            last = place
        row[LAST] = _ending(data, runs[last, 0], runs[last, 1])


@jit
def _digests(data: U8, runs: I32, spans: I32, digests: U64) -> None:
    """Hash each block's letters (FNV-1a), to find lines that a page says twice."""
    for block in range(len(spans)):
        value = np.uint64(0xCBF29CE484222325)
        for place in range(spans[block, 0], spans[block, 1]):
            for position in range(runs[place, 0], runs[place, 1]):
                if data[position] > 32:
                    value = (value ^ np.uint64(data[position])) * np.uint64(0x100000001B3)
        digests[block] = value


@jit
def _repeated(digests: U64, order: NDArray[np.int64], features: F32) -> None:
    """Fill whether another block says the same."""
    for place in range(1, len(order)):
        if digests[order[place]] == digests[order[place - 1]]:
            features[order[place], 24] = features[order[place - 1], 24] = 1


@jit
def _masses(elements: I32, spans: I32, counts: F32, mass: F32) -> None:
    """Sum the bytes of text below each element; parents come before their children."""
    for block in range(len(spans)):
        mass[spans[block, 2]] += counts[block, SIZE]
    for element in range(len(elements) - 1, 0, -1):
        mass[elements[element, 1]] += mass[element]


@jit
def _inherited(elements: I32, hints: U64, mass: F32, far: U64) -> None:
    """Pass hints down, except those of elements that hold most of the page."""
    for element in range(1, len(elements)):
        inherited = far[elements[element, 1]]
        if mass[element] <= _DOMINANT * mass[0]:
            inherited |= hints[element]
        far[element] = inherited


@jit
def _measure(
    row: F32, counts: F32, before: np.float32, total: np.float32, depth: int, span: I32
) -> None:
    """Fill the measures of a block, in the order of `_MEASURES`."""
    words = max(counts[WORDS], np.float32(1))
    size = max(counts[SIZE], np.float32(1))
    density = counts[LINKED] / size
    position = before / total
    row[0] = 1
    row[1] = min(words / 10, 1)
    row[2] = min(words / 40, 1)
    row[3] = min(words / 150, 1)
    row[4] = density
    row[5] = density > 0.5
    row[6] = density > 0.9
    row[7] = words < 2
    row[8] = min(counts[COMMAS] / 3, 1)
    row[9] = min(counts[ENDS] / 3, 1)
    row[10] = counts[LAST] == 1
    row[11] = counts[LAST] == 2
    row[12] = counts[DIGITS] / size
    row[13] = min(counts[CAPITALS] / words, 1)
    row[14] = min(counts[SEPARATORS] / words, 1)
    row[15] = words < 6 and density == 0
    row[16] = words >= 20 and density < 0.2
    row[18] = min(depth / 20, 1)
    row[19] = position
    row[20] = position < 0.05
    row[21] = position > 0.9
    row[23] = min((span[1] - span[0]) / 8, 1)
    row[25] = span[3] == TABLE_UNIT
    row[26] = span[3] == CODE_UNIT
    row[27] = span[3] == LIST_UNIT
    row[28] = min((counts[PIECES] - 1) / 10, 1)
    row[29] = min(words / counts[PIECES] / 10, 1) if span[3] else 0


@jit
def _around(elements: I32, spans: I32, counts: F32, features: F32) -> None:
    """Fill what the blocks before and after say of each one."""
    last = len(spans) - 1
    for block in range(last + 1):
        row = features[block]
        if block > 0:
            row[30] = min(counts[block - 1, WORDS] / 40, 1)
            row[32] = counts[block - 1, LINKED] / max(counts[block - 1, SIZE], np.float32(1))
            row[34] = counts[block - 1, LAST] == 2
            row[35] = _H1 <= elements[spans[block - 1, 2], 0] <= _H6
        if block < last:
            row[31] = min(counts[block + 1, WORDS] / 40, 1)
            row[33] = counts[block + 1, LINKED] / max(counts[block + 1, SIZE], np.float32(1))
            row[36] = _H1 <= elements[spans[block + 1, 2], 0] <= _H6


@jit
def _first_blocks(
    elements: I32, spans: I32, counts: F32, first: I32, blocks_in: I32, prose: F32
) -> None:
    """Fill the first block and the number of blocks in each element, and bytes of prose before blocks."""
    for block in range(len(spans)):
        row = counts[block]
        fair = row[WORDS] >= 15 and row[LINKED] < 0.3 * row[SIZE]
        prose[block + 1] = prose[block] + (row[SIZE] if fair else 0)
        element = spans[block, 2]
        while element >= 0 and first[element] < 0:
            first[element] = block
            element = elements[element, 1] if element > 0 else -1
        blocks_in[spans[block, 2]] += 1
    for element in range(len(elements) - 1, 0, -1):
        blocks_in[elements[element, 1]] += blocks_in[element]


@jit
def _kind_of(elements: I32, spans: I32, counts: F32, mass: F32, element: int, block: int) -> int:
    """Return 1 for an element with a name in front of text, 2 for one with a linked line, else 0."""
    head = counts[block]
    heading = _H1 <= elements[spans[block, 2], 0] <= _H6
    brief = head[WORDS] <= 6 and not head[ENDS] and 2 * head[DIGITS] < head[SIZE]
    if brief and not heading and mass[element] >= 3 * head[SIZE]:
        return 1
    return 2 if head[LINKED] > 0.8 * head[SIZE] and mass[element] < 500 else 0


@jit
def _held(elements: I32, first: I32, kind: U8, children: I32, alike: I32, prose: F32) -> U8:
    """Return, for each element, in what repetition it lies: 1 named, 2 and behind prose, 4 and 8 cards."""
    held = np.zeros(len(elements), np.uint8)
    for element in range(1, len(elements)):
        parent = elements[element, 1]
        held[element] = held[parent]
        sort = kind[element]
        if sort and children[parent] >= 3 and 5 * alike[parent, sort] >= 3 * children[parent]:
            bits = 3 if prose[first[parent]] >= _PROSE else 1
            held[element] |= bits << 2 * (sort - 1)
    return held


@jit
def _repetitions(elements: I32, spans: I32, counts: F32, mass: F32, features: F32) -> None:
    """Fill whether a block lies in one of several siblings built alike: with a name in front (comments,
    posts) or with a linked line (cards of other stories), and whether prose stands before them."""
    count = len(elements)
    blocks_in = np.zeros(count, np.int32)
    first = np.full(count, -1, np.int32)
    prose = np.zeros(len(spans) + 1, np.float32)
    _first_blocks(elements, spans, counts, first, blocks_in, prose)
    children = np.zeros(count, np.int32)
    alike = np.zeros((count, 3), np.int32)
    kind = np.zeros(count, np.uint8)
    for element in range(1, count):
        if first[element] >= 0 and blocks_in[element] > 1:
            kind[element] = _kind_of(elements, spans, counts, mass, element, first[element])
            children[elements[element, 1]] += 1
            alike[elements[element, 1], kind[element]] += 1
    held = _held(elements, first, kind, children, alike, prose)
    for block in range(len(spans)):
        row = features[block]
        element = spans[block, 2]
        for bit in range(4):
            row[37 + bit] = (held[element] >> bit) & 1
        best = 0.0
        for _ in range(4):
            element = elements[element, 1]
            if mass[element] > _DOMINANT * mass[0]:
                break
            best = max(best, mass[element] / blocks_in[element])
        row[41] = min(best / 200, 1)
        row[42] = row[41] * row[4]


@jit
def _features(
    data: U8,
    elements: I32,
    hints: U64,
    runs: I32,
    spans: I32,
    counts: F32,
    mass: F32,
    far: U64,
    t: Words,
    features: F32,
    placed: int,
    groups: int,
) -> None:
    wide, small = t
    total = max(mass[0], np.float32(1))
    before = np.float32(0)
    for block in range(len(spans)):
        row = features[block]
        element = spans[block, 2]
        _measure(row, counts[block], before, total, elements[element, 3], spans[block])
        before += counts[block, SIZE]
        row[22] = (runs[spans[block, 0], 3] >> 4) & 1
        inner = element if spans[block, 3] else runs[spans[block, 0], 2]
        near = hints[inner]
        for _ in range(_NEAR):
            near |= hints[inner]
            inner = elements[inner, 1]
        distant = far[inner]
        for group in range(placed):
            row[_GROUPS_AT + group] = (near >> np.uint64(group)) & np.uint64(1)
            row[_GROUPS_AT + placed + group] = (distant >> np.uint64(group)) & np.uint64(1)
        if counts[block, WORDS] < 40:
            says = np.uint64(0)
            for place in range(spans[block, 0], spans[block, 1]):
                says |= match_words(data, runs[place, 0], runs[place, 1], wide, small, CLASSES)
            for group in range(placed, groups):
                row[_GROUPS_AT + placed + group] = (says >> np.uint64(group)) & np.uint64(1)


def blocks(page: Page, t: Tables) -> Blocks:
    """Return a page's blocks with their counts and features."""
    unit, sort = units(page, t)
    spans = np.zeros((len(page.runs), 4), np.int32)
    spans = spans[: _spans(page.elements, page.runs, t.kinds, unit, sort, spans)]
    counts = np.zeros((len(spans), _COUNTS), np.float32)
    _count(page.data, page.runs, spans, counts)
    mass = np.zeros(len(page.elements), np.float32)
    _masses(page.elements, spans, counts, mass)
    far = np.zeros(len(page.elements), np.uint64)
    _inherited(page.elements, page.hints, mass, far)
    features = np.zeros((len(spans), len(FEATURES)), np.float32)
    digests = np.empty(len(spans), np.uint64)
    _digests(page.data, page.runs, spans, digests)
    order = np.argsort(digests)
    _repeated(digests, order, features)
    _around(page.elements, spans, counts, features)
    _repetitions(page.elements, spans, counts, mass, features)
    words = (t.says_wide, t.says_small)
    _features(
        page.data,
        page.elements,
        page.hints,
        page.runs,
        spans,
        counts,
        mass,
        far,
        words,
        features,
        _SAYS,
        len(GROUPS),
    )
    column = _BARE_DIV
    features[:, column[0]] = features[:, column[1]] * (1 - features[:, column[2]])
    return Blocks(spans, counts, features, mass)
