"""What a first look at all blocks of a page says of each one's surroundings, as columns for a second look.

Columns: the probabilities before and after, over windows, over siblings that are no siblings; the share
of kept text in the elements around; the subtree that gains most from being kept (maximum-subsequence
extraction: Pasternack, Roth 2009); distances to the next sure paragraph; blocks that are built alike.
One pass each, no Python in between: a page has about a hundred blocks, and each call would cost more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmlblocks import FEATURES, LINKED, SIZE, WORDS, Blocks
from corpusforge.extract.htmlscan import Page
from corpusforge.extract.htmltags import tag_id
from corpusforge.extract.htmlunits import LIST_UNIT, TABLE_UNIT
from corpusforge.text.jit import jit

__all__ = ["CONTEXT", "context"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
U64 = NDArray[np.uint64]

CONTEXT: tuple[str, ...] = (
    "p",
    "logit_p",
    "p_before",
    "p_after",
    "p_window1",
    "p_window3",
    "p_window8",
    "p_before3",
    "p_after3",
    "p_outside_before",
    "p_outside_after",
    "item_p_before",
    "item_p_after",
    "item_p_both",
    "cell_p_both",
    "p_element",
    "p_parent",
    "p_grandparent",
    "p_greatgrandparent",
    "share_element",
    "share_parent",
    "share_grandparent",
    "share_greatgrandparent",
    "in_best",
    "under_main",
    "parent_main",
    "grandparent_main",
    "item_in_best",
    "cell_in_best",
    "link_in_best",
    "p_in_best",
    "p_parent_main",
    "long_in_best",
    "long_outside",
    "tag_share",
    "tag_share_parent_main",
    "depth_off",
    "starts_next",
    "before",
    "after",
    "is_before",
    "is_after",
    "between",
    "near",
    "touches",
    "both_touch",
    "between_short",
    "between_link",
    "between_far",
    "heading_p_after",
    "heading_after",
    "p_alike",
    "share_alike",
    "p_alike_p",
    "good_text",
    "good_share",
    "good_text_p",
    "blocks",
    "page_links",
    "page_words",
)
"""Names of the columns of `context`."""

_P, _LOGIT, _WINDOWS, _OUTSIDE, _RATIOS, _SHARES, _BEST = 0, 1, 2, 9, 15, 19, 23
_PLACES, _ALIKE, _GOOD = 37, 51, 54
_SPANS = np.array([[-1, 0], [1, 2], [-1, 2], [-3, 4], [-8, 9], [-3, 0], [1, 4]])
_STRONG, _STRONG_WORDS, _SAME = 0.6, 12, 0.999
_TAGS = 256
_LI_COLUMN, _TD_COLUMN = FEATURES.index("near <li>"), FEATURES.index("near <td>")
_H1, _H2, _H6 = map(tag_id, ("h1", "h2", "h6"))


@jit
def _gather(elements: I32, spans: I32, counts: F32, p: F64, total: F64, gain: F64) -> None:
    """Sum kept bytes and gain below each element; parents come before their children."""
    for block in range(len(spans)):
        size = counts[block, SIZE]
        total[spans[block, 2]] += size * p[block]
        gain[spans[block, 2]] += size * (p[block] - 0.5)
    for element in range(len(elements) - 1, 0, -1):
        total[elements[element, 1]] += total[element]
        gain[elements[element, 1]] += gain[element]


@jit
def _inside(elements: I32, root: int) -> NDArray[np.bool_]:
    """Return which elements lie in the root's subtree, the root included."""
    inside = np.zeros(len(elements), np.bool_)
    inside[root] = True
    for element in range(root + 1, len(elements)):
        inside[element] = inside[elements[element, 1]]
    return inside


@jit
def _windows(counts: F32, p: F64, out: F32) -> None:
    """Fill the mean probability of text around each block, by bytes, in windows of blocks."""
    count = len(p)
    kept, everything = np.zeros(count + 1), np.zeros(count + 1)
    for block in range(count):
        size = counts[block, SIZE]
        kept[block + 1] = kept[block] + size * p[block]
        everything[block + 1] = everything[block] + size
    for block in range(count):
        for window in range(len(_SPANS)):
            low = min(max(block + _SPANS[window, 0], 0), count)
            high = min(max(block + _SPANS[window, 1], 0), count)
            text = everything[high] - everything[low]
            out[block, _WINDOWS + window] = (kept[high] - kept[low]) / (text + 20)


@jit
def _siblings(parents: I32, p: F64, item: F32, cell: F32, out: F32) -> None:
    """Fill the probabilities of the nearest blocks that are no siblings: a list stands between."""
    count = len(p)
    left = 0.0
    for block in range(count):
        if block and parents[block] != parents[block - 1]:
            left = p[block - 1]
        out[block, _OUTSIDE] = left
    right = 0.0
    for block in range(count - 1, -1, -1):
        if block < count - 1 and parents[block] != parents[block + 1]:
            right = p[block + 1]
        row = out[block]
        before = row[_OUTSIDE]
        both = min(before, right)
        row[_OUTSIDE + 1] = right
        row[_OUTSIDE + 2] = item[block] * before
        row[_OUTSIDE + 3] = item[block] * right
        row[_OUTSIDE + 4] = item[block] * both
        row[_OUTSIDE + 5] = cell[block] * both


@jit
def _tree(
    elements: I32,
    spans: I32,
    counts: F32,
    mass: F32,
    p: F64,
    item: F32,
    cell: F32,
    out: F32,
) -> NDArray[np.bool_]:
    """Fill the columns on the elements around blocks; return which elements the best subtree holds."""
    size = len(elements)
    total, gain = np.zeros(size), np.zeros(size)
    _gather(elements, spans, counts, p, total, gain)
    best, most = 0, gain.max()
    if most > 0:
        for element in range(size):
            if gain[element] >= most * _SAME:
                best = element
    at_parent = np.zeros(size)
    by_tag = np.zeros(_TAGS)
    kept = depth = 0.0
    main = 0
    for block in range(len(spans)):
        inner = spans[block, 2]
        good = counts[block, SIZE] * p[block]
        at_parent[elements[inner, 1]] += good
        by_tag[elements[inner, 0]] += good
        kept += good + 1e-6
        depth += (good + 1e-6) * elements[inner, 3]
    for element in range(size):
        if at_parent[element] > at_parent[main]:
            main = element
    middle = depth / kept
    inside, below = _inside(elements, best), _inside(elements, main)
    whole = max(total[0], 1.0)
    for block in range(len(spans)):
        row = out[block]
        at = inner = spans[block, 2]
        for step in range(4):
            row[_RATIOS + step] = total[at] / (max(mass[at], np.float32(1)) + 20)
            row[_SHARES + step] = total[at] / whole
            at = elements[at, 1]
        parent = elements[inner, 1]
        held, under = inside[inner], parent == main
        links = counts[block, LINKED] / max(counts[block, SIZE], np.float32(1))
        share = by_tag[elements[inner, 0]] / max(kept, 1.0)
        row[_BEST] = held
        row[_BEST + 1] = below[inner]
        row[_BEST + 2] = under
        row[_BEST + 3] = elements[parent, 1] == main
        row[_BEST + 4] = item[block] * held
        row[_BEST + 5] = cell[block] * held
        row[_BEST + 6] = links * held
        row[_BEST + 7] = p[block] * held
        row[_BEST + 8] = p[block] * under
        row[_BEST + 9] = held and counts[block, WORDS] > 40
        row[_BEST + 10] = not held and counts[block, WORDS] > 25
        row[_BEST + 11] = share
        row[_BEST + 12] = share * under
        row[_BEST + 13] = min(abs(elements[inner, 3] - middle), 8.0) / 8
    return inside


@jit
def _places(
    elements: I32, spans: I32, counts: F32, p: F64, inside: NDArray[np.bool_], out: F32
) -> None:
    """Fill the columns on the place of each block among the sure paragraphs."""
    count = len(p)
    strong = np.zeros(count, np.bool_)
    first, final = -1, -1
    likely, most = 0, -1.0
    for block in range(count):
        words = counts[block, WORDS]
        strong[block] = p[block] > _STRONG and words >= _STRONG_WORDS and inside[spans[block, 2]]
        if strong[block]:
            first = block if first < 0 else first
            final = block
        if counts[block, SIZE] * (p[block] + 1e-3) > most:
            likely, most = block, counts[block, SIZE] * (p[block] + 1e-3)
    if first < 0:
        first = final = likely
    back = np.full(count, 50)
    last = -1
    for block in range(count):
        last = block if strong[block] else last
        back[block] = block - last if last >= 0 else 50
    following = -1
    for block in range(count - 1, -1, -1):
        following = block if strong[block] else following
        ahead = following - block if following >= 0 else 50
        before, after = max(first - block, 0), max(block - final, 0)
        near = min(back[block], ahead)
        between = back[block] < 50 and ahead < 50
        tag = elements[spans[block, 2], 0]
        heading = _H2 <= tag <= _H6
        row = out[block, _PLACES:]
        links = counts[block, LINKED] / max(counts[block, SIZE], np.float32(1))
        row[0] = before == 1
        row[1] = np.log1p(before) / 4
        row[2] = np.log1p(after) / 4
        row[3] = before > 0
        row[4] = after > 0
        row[5] = between
        row[6] = np.log1p(near) / 4
        row[7] = near == 1
        row[8] = back[block] == 1 and ahead == 1
        row[9] = between and counts[block, WORDS] < 8
        row[10] = between * links
        row[11] = between * np.log1p(near) / 4
        row[12] = heading * out[block, _WINDOWS + 1]
        row[13] = heading and after > 0


@jit
def _alike(elements: I32, hints: U64, spans: I32, counts: F32, p: F64, out: F32) -> None:
    """Fill the mean probability of blocks built like each one, and their share of kept text."""
    count = len(p)
    slots = 2
    while slots < 2 * count:
        slots *= 2
    keys = np.zeros(slots, np.uint64)
    kept, text = np.zeros(slots), np.zeros(slots)
    place = np.zeros(count, np.int64)
    odd = np.uint64(0x9E3779B97F4A7C15)
    whole = 0.0
    for block in range(count):
        own = spans[block, 2]
        shape = np.uint64(2 * (elements[own, 0] * 1024 + elements[own, 3]))
        key = (((hints[own] * odd) ^ hints[elements[own, 1]]) * odd ^ shape) | np.uint64(1)
        slot = np.int64((key * odd) >> np.uint64(40)) % slots
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + 1) % slots
        keys[slot] = key
        place[block] = slot
        size = counts[block, SIZE]
        kept[slot] += size * p[block]
        text[slot] += size
        whole += size * p[block]
    for block in range(count):
        slot = place[block]
        mean = kept[slot] / (text[slot] + 20)
        row = out[block]
        row[_ALIKE] = mean
        row[_ALIKE + 1] = kept[slot] / max(whole, 1.0)
        row[_ALIKE + 2] = mean * p[block]


@jit
def _context(
    elements: I32,
    hints: U64,
    spans: I32,
    counts: F32,
    features: F32,
    mass: F32,
    p: F64,
    out: F32,
) -> None:
    count = len(p)
    item, cell = np.zeros(count, np.float32), np.zeros(count, np.float32)
    parents = np.zeros(count, np.int32)
    good = text = linked = words = 0.0
    for block in range(count):
        size, links = counts[block, SIZE], counts[block, LINKED]
        fair = links < 0.5 * size
        listed = features[block, _LI_COLUMN] > 0 or spans[block, 3] == LIST_UNIT
        item[block] = listed and fair
        cell[block] = features[block, _TD_COLUMN] > 0 or spans[block, 3] == TABLE_UNIT
        parents[block] = elements[spans[block, 2], 1]
        good += size * p[block]
        text += size
        linked += links
        words += counts[block, WORDS]
    _windows(counts, p, out)
    _siblings(parents, p, item, cell, out)
    inside = _tree(elements, spans, counts, mass, p, item, cell, out)
    _places(elements, spans, counts, p, inside, out)
    _alike(elements, hints, spans, counts, p, out)
    for block in range(count):
        row = out[block]
        row[_P] = p[block]
        odds = np.log((p[block] + 1e-4) / (1 - p[block] + 1e-4))
        row[_LOGIT] = min(max(odds, -6.0), 6.0) / 6
        row[_GOOD] = min(good / 4000, 1.0)
        row[_GOOD + 1] = good / max(text, 1.0)
        row[_GOOD + 2] = min(good / 1000, 1.0) * p[block]
        row[_GOOD + 3] = min(np.log1p(count) / 7, 1.0)
        row[_GOOD + 4] = linked / max(text, 1.0)
        row[_GOOD + 5] = min(np.log1p(words) / 9, 1.0)


def context(page: Page, found: Blocks, p: F64) -> F32:
    """Return the second look's columns, float32 [blocks, len(CONTEXT)].

    `p` are the first look's probabilities, float64 [blocks], at least one block.
    """
    out = np.empty((len(p), len(CONTEXT)), np.float32)
    _context(
        page.elements,
        page.hints,
        found.spans,
        found.counts,
        found.features,
        found.mass,
        p,
        out,
    )
    return out
