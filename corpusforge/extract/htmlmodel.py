"""Which blocks of a page are its main text: a linear model, applied twice.

First each block is judged by itself (text, links, names of the elements around it). Then it is
judged again with what the first look says of its surroundings: the blocks before and after, its
siblings, the subtree that gains most from being kept, the distance to the next sure paragraph.
Both looks are logistic regressions; their weights stand by name in `html_weights.json`, trained by
`benchmarks/extract_train.py`, and can be read.
Method: block classification (Kohlschütter et al. 2010), context by stacking (Cohen, Carvalho 2005),
the best subtree as in maximum-subsequence extraction (Pasternack, Roth 2009).
Limit: trained on news, blogs, manuals and forums, mostly in English.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmlblocks import (
    FEATURES,
    SIZE,
    WORDS,
    Blocks,
)
from corpusforge.extract.htmlscan import Page
from corpusforge.extract.htmltags import tag_id
from corpusforge.io.decoding import decode_json
from corpusforge.text.jit import jit

__all__ = ["CONTEXT", "choose", "context", "keep", "probabilities"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

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
)
"""Names of the columns of `context`."""

_COLUMN = {name: number for number, name in enumerate(FEATURES)}
_CONSENT = [_COLUMN["near consent"], _COLUMN["far consent"]]
"""A banner that asks for consent is never text, whatever it looks like."""
_STRONG, _STRONG_WORDS, _ALIKE = 0.6, 12, 0.999
_ALONE, _SPARSE, _SIBLING = 0.5, 0.35, (0.6, 0.2)
_ROW_SHARE, _LIST_SHARE, _LAYOUT = 0.3, 0.6, 60
_TR, _UL, _OL = map(tag_id, ("tr", "ul", "ol"))


@jit
def _gather(elements: I32, spans: I32, kept: F64, gain: F64, total: F64, best_gain: F64) -> None:
    """Sum kept bytes and gain below each element; parents come before their children."""
    for block in range(len(spans)):
        total[spans[block, 2]] += kept[block]
        best_gain[spans[block, 2]] += gain[block]
    for element in range(len(elements) - 1, 0, -1):
        total[elements[element, 1]] += total[element]
        best_gain[elements[element, 1]] += best_gain[element]


@jit
def _below(elements: I32, root: int) -> NDArray[np.bool_]:
    """Return which elements lie in the root's subtree, the root included."""
    inside = np.zeros(len(elements), np.bool_)
    inside[root] = True
    for element in range(root + 1, len(elements)):
        inside[element] = inside[elements[element, 1]]
    return inside


@jit
def _outside(parents: I32, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
    """Fill, for each block, the nearest blocks on both sides that are not its siblings."""
    last = len(parents) - 1
    for block in range(last + 1):
        same = block > 0 and parents[block] == parents[block - 1]
        before[block] = before[block - 1] if same else block - 1
    for block in range(last, -1, -1):
        same = block < last and parents[block] == parents[block + 1]
        after[block] = after[block + 1] if same else block + 1


def _windows(p: F64, size: F64, order: NDArray[np.int64]) -> list[F64]:
    """Return the mean probability of text around each block, by bytes, in windows of blocks."""
    kept = np.concatenate(([0.0], np.cumsum(p * size)))
    everything = np.concatenate(([0.0], np.cumsum(size)))

    def window(start: int, end: int) -> F64:
        low, high = np.clip(order + start, 0, len(p)), np.clip(order + end, 0, len(p))
        return (kept[high] - kept[low]) / (everything[high] - everything[low] + 20)

    spans = ((-1, 0), (1, 2), (-1, 2), (-3, 4), (-8, 9), (-3, 0), (1, 4))
    return [window(*span) for span in spans]


def _siblings(p: F64, parents: I32, item: F64, cell: F64) -> list[F64]:
    """Return probabilities of the nearest blocks that are no siblings: a list stands between."""
    before, after = np.empty(len(p), np.int64), np.empty(len(p), np.int64)
    _outside(parents, before, after)
    ends = np.append(p, 0.0)
    left, right = ends[before], ends[after]
    both = np.minimum(left, right)
    return [left, right, item * left, item * right, item * both, cell * both]


def _tree(
    page: Page, found: Blocks, p: F64, item: F64, cell: F64
) -> tuple[list[F64], NDArray[np.bool_]]:
    """Return columns on the elements around blocks, and which blocks lie in the best subtree."""
    elements, spans = page.elements, found.spans
    size = found.counts[:, SIZE].astype(np.float64)
    words = found.counts[:, WORDS]
    links = found.features[:, _COLUMN["link_density"]]
    kept = p * size
    total, gains = np.zeros(len(elements)), np.zeros(len(elements))
    _gather(elements, spans, kept, size * (p - 0.5), total, gains)
    own = spans[:, 2]
    parent = elements[own, 1]
    grand = elements[parent, 1]
    chain = (own, parent, grand, elements[grand, 1])
    ratios = [total[at] / (np.maximum(found.mass[at], 1) + 20) for at in chain]
    shares = [total[at] / max(total[0], 1) for at in chain]
    best = int(np.flatnonzero(gains >= gains.max() * _ALIKE).max()) if gains.max() > 0 else 0
    main = int(np.bincount(parent, weights=kept, minlength=len(elements)).argmax())
    inside = _below(elements, best)[own]
    at_main = parent == main
    tags = elements[own, 0]
    by_tag = np.bincount(tags, weights=kept) / max(kept.sum(), 1)
    level = elements[own, 3]
    middle = np.average(level, weights=kept + 1e-6)
    columns = [*ratios, *shares, inside, _below(elements, main)[own], at_main, grand == main]
    columns += [item * inside, cell * inside, links * inside, p * inside, p * at_main]
    columns += [(words > 40) & inside, (words > 25) & ~inside, by_tag[tags], by_tag[tags] * at_main]
    columns += [np.minimum(np.abs(level - middle), 8) / 8]
    return columns, inside


def _alike(page: Page, found: Blocks, p: F64) -> list[F64]:
    """Return the mean probability of blocks built like each one, and their share of kept text."""
    own = found.spans[:, 2]
    parent = page.elements[own, 1]
    shape = page.elements[own, 0].astype(np.uint64) * np.uint64(1024)
    shape += page.elements[own, 3].astype(np.uint64)
    odd = np.uint64(0x9E3779B97F4A7C15)
    key = ((page.hints[own] * odd) ^ page.hints[parent]) * odd ^ shape
    _, group = np.unique(key, return_inverse=True)
    size = found.counts[:, SIZE].astype(np.float64)
    kept = np.bincount(group, weights=p * size)
    mean = (kept / (np.bincount(group, weights=size) + 20))[group]
    return [mean, (kept / max(kept.sum(), 1))[group], mean * p]


def _far(distance: NDArray[np.int64]) -> F64:
    return np.log1p(distance) / 4


def _places(found: Blocks, p: F64, strong: NDArray[np.bool_], follows: F64) -> list[F64]:
    """Return columns on the place of each block among the sure paragraphs."""
    count = len(p)
    order = np.arange(count)
    size = found.counts[:, SIZE]
    sure = np.flatnonzero(strong)
    if not len(sure):
        sure = np.array([int((size * (p + 1e-3)).argmax())])
    before, after = np.maximum(sure[0] - order, 0), np.maximum(order - sure[-1], 0)
    last = np.maximum.accumulate(np.where(strong, order, -1))
    following = np.minimum.accumulate(np.where(strong, order, 2 * count)[::-1])[::-1]
    back = np.where(last >= 0, order - last, 50)
    ahead = np.where(following <= count, following - order, 50)
    near = np.minimum(back, ahead)
    between = (back < 50) & (ahead < 50)
    links = found.features[:, _COLUMN["link_density"]]
    heading = sum(found.features[:, _COLUMN[f"near <h{n}>"]] for n in (2, 3, 4))
    return [
        before == 1,
        _far(before),
        _far(after),
        before > 0,
        after > 0,
        between,
        _far(near),
        near == 1,
        (back == 1) & (ahead == 1),
        between & (found.counts[:, WORDS] < 8),
        between * links,
        between * _far(near),
        heading * follows,
        heading * (after > 0),
    ]


def context(page: Page, found: Blocks, p: F64) -> F32:
    """Return the second look's columns, float32 [blocks, len(CONTEXT)].

    `p` are the first look's probabilities, float64 [blocks], at least one block.
    """
    size = found.counts[:, SIZE].astype(np.float64)
    features = found.features.astype(np.float64)
    item = features[:, _COLUMN["near <li>"]] * (features[:, _COLUMN["link_density"]] < 0.5)
    cell = features[:, _COLUMN["near <td>"]]
    order = np.arange(len(p))
    windows = _windows(p, size, order)
    parents = page.elements[found.spans[:, 2], 1]
    tree, inside = _tree(page, found, p, item, cell)
    strong = (p > _STRONG) & (found.counts[:, WORDS] >= _STRONG_WORDS) & inside
    good = float((p * size).sum())
    columns: list[Any] = [p, np.clip(np.log((p + 1e-4) / (1 - p + 1e-4)), -6, 6) / 6, *windows]
    columns += _siblings(p, parents, item, cell)
    columns += tree
    columns += _places(found, p, strong, windows[1])
    columns += _alike(page, found, p)
    columns += [min(good / 4000, 1), good / max(float(size.sum()), 1), min(good / 1000, 1) * p]
    out = np.empty((len(p), len(CONTEXT)), np.float32)
    for number, column in enumerate(columns):
        out[:, number] = column
    return out


@functools.cache
def _weights() -> tuple[tuple[F64, ...], float]:
    """Return one weight vector a look, and the probability above which a block stays."""
    text = resources.files(__package__).joinpath("html_weights.json").read_text("utf-8")
    stored = decode_json(text)
    names = (FEATURES, (*FEATURES, *CONTEXT))
    looks = [
        np.array([float(look.get(name, 0)) for name in columns])
        for look, columns in zip(stored["looks"], names, strict=True)
    ]
    return tuple(looks), float(stored["threshold"])


def _sigmoid(z: F64) -> F64:
    return 1 / (1 + np.exp(-np.clip(z, -30, 30)))


def probabilities(page: Page, found: Blocks, looks: tuple[F64, ...]) -> list[F64]:
    """Return the probability of each block to be main text, after each look."""
    features = found.features
    out = [_sigmoid(features @ looks[0])]
    for weights in looks[1:]:
        around = context(page, found, out[-1])
        z = features @ weights[: len(FEATURES)] + around @ weights[len(FEATURES) :]
        out.append(_sigmoid(z))
    return out


@jit
def _holder(elements: I32, element: int, tags: tuple[int, ...]) -> int:
    """Return the nearest element of one of the tags at or above, within 8 levels, or 0."""
    for _ in range(8):
        if element <= 0:
            return 0
        for tag in tags:
            if elements[element, 0] == tag:
                return element
        element = elements[element, 1]
    return 0


@jit
def _whole(
    elements: I32,
    spans: I32,
    words: F32,
    kept: NDArray[np.bool_],
    tags: tuple[int, ...],
    share: float,
) -> None:
    """Keep all of a row or list of which at least a share is kept: half a row means little."""
    total = np.zeros(len(elements))
    chosen = np.zeros(len(elements))
    for block in range(len(spans)):
        holder = _holder(elements, spans[block, 2], tags)
        total[holder] += words[block]
        if words[block] > _LAYOUT:
            total[holder] = np.inf
        if kept[block]:
            chosen[holder] += words[block]
    for block in range(len(spans)):
        holder = _holder(elements, spans[block, 2], tags)
        if holder and chosen[holder] >= share * total[holder]:
            kept[block] = True


def _siblings_of(page: Page, found: Blocks, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which blocks share parent and tag with a kept one."""
    own = found.spans[:, 2]
    key = page.elements[own, 1].astype(np.int64) * 1024 + page.elements[own, 0]
    return np.isin(key, key[kept])


def choose(
    page: Page, found: Blocks, looks: tuple[F64, ...], threshold: float
) -> NDArray[np.bool_]:
    """Return which blocks the given weights keep."""
    if not len(found.spans):
        return np.zeros(0, np.bool_)
    first, second = probabilities(page, found, looks)
    kept = second > threshold
    words = found.counts[:, WORDS]
    # A page of many small sections has no main cluster; the first look alone serves it better.
    alone = first > _ALONE
    kept |= _siblings_of(page, found, kept) & (first > _SIBLING[0]) & (second > _SIBLING[1])
    if not kept.any():
        kept = second >= 0.5 * second.max()
    elif words[kept].sum() < _SPARSE * words[alone].sum():
        kept = kept | alone
    _whole(page.elements, found.spans, words, kept, (_UL, _OL), _LIST_SHARE)
    asking = found.features[:, _CONSENT].any(axis=1)
    return kept & ~asking if (kept & ~asking).any() else kept


def keep(page: Page, found: Blocks) -> NDArray[np.bool_]:
    """Return which blocks are main text."""
    return choose(page, found, *_weights())
