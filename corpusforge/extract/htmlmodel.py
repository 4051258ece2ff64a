"""Which blocks of a page are its main text: two looks, the second one at each block's surroundings.

First each block is judged by itself (text, links, names of the elements around it), by a logistic
regression whose weights can be read by name. Then it is judged again with what the first look says of
its surroundings (`htmlcontext`), by small regression trees. Both stand in `html_weights.json`, trained
by `benchmarks/extract_train.py`. Headings go with what they head, long lists as a whole, short quotations
with the text around them, banners that ask for consent never stay; where almost nothing is kept, the
subtree with most text is.
Method: block classification (Kohlschütter et al. 2010), context by stacking (Cohen, Carvalho 2005),
gradient-boosted trees (Friedman 2001).
Limit: the trees learnt from pages of a few hundred sites, mostly German and English.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.extract.htmlblocks import FEATURES, LINKED, SIZE, WORDS, Blocks
from corpusforge.extract.htmlcontext import CONTEXT, context
from corpusforge.extract.htmlscan import Page
from corpusforge.extract.htmltags import tag_id
from corpusforge.io.decoding import decode_json
from corpusforge.text.jit import jit

__all__ = ["Model", "choose", "first_look", "keep", "load", "probabilities", "stored"]

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]
Bools = NDArray[np.bool_]

_CONSENT = np.array([FEATURES.index("near consent"), FEATURES.index("far consent")])
"""A banner that asks for consent is never text, whatever it looks like."""
_SURELY_NOT, _SURE, _PAUSE = 0.025, 4.0, 75
"""First looks below it need no second one (of 14,000 kept blocks of the training pages one lay below);
log odds beyond which the rest of the trees is not asked, and after how many trees that is looked at."""
_LIST_SHARE, _LAYOUT, _HOLDER_LEVELS, _QUOTED = 0.6, 60, 8, 150
_LEAST, _ENOUGH, _RELAXED = 0.08, 40, 0.2
"""Where less than this share of at least so many unlinked words is kept, the second pass keeps the
subtree that gains most at a probability above the last number."""
_SIBLING = (0.6, 0.2)
_HEADED, _TITLED, _SURELY_HEADED = 0.12, 0.3, 0.7
"""From which probability a heading stays with kept text, a title does, a heading without any does."""
_SHORT_PAGE, _UNIT_PAGE, _UNIT_SHARE = 80, 400, 0.3
"""A title stays on a page of so few words, or of so few with this share in tables, code and lists."""
_TINY, _TINY_FACTOR, _BARE = 40, 0.4, 12
"""A page of so few unlinked words has hardly any furniture: its threshold is lower by the factor. One of
fewer than the last number of words has none."""
_UL, _OL, _H1, _H6, _QUOTE = map(tag_id, ("ul", "ol", "h1", "h6", "blockquote"))


class Model(NamedTuple):
    """Weights of both looks.

    first: float64 [features]; trees: int16 [nodes, 3] (column, left, right; a negative child -1 - n is
    leaf n); cuts: float32 [nodes] (go left at or below); leaves: float64; roots: int32 [trees].
    """

    first: F64
    trees: I16
    cuts: F32
    leaves: F64
    roots: I32
    bias: float
    threshold: float


def load(kept: Mapping[str, Any]) -> Model:
    """Return a model from its names and numbers, as the trainer gives them."""
    columns = {name: place for place, name in enumerate((*FEATURES, *CONTEXT))}
    nodes: list[list[int]] = []
    leaves: list[float] = []
    cuts: list[float] = []
    roots: list[int] = []
    for tree in kept["trees"]:
        start, first = len(nodes), len(leaves)
        roots.append(start)
        for name, cut, left, right in tree["nodes"]:
            children = [at + start if at >= 0 else at - first for at in (left, right)]
            nodes.append([columns[name], *children])
            cuts.append(cut)
        leaves += tree["leaves"]
    return Model(
        np.array([float(kept["first"][name]) for name in FEATURES]),
        np.array(nodes, np.int16).reshape(-1, 3),
        np.array(cuts, np.float32),
        np.array(leaves, np.float64),
        np.array(roots, np.int32),
        float(kept["bias"]),
        float(kept["threshold"]),
    )


@functools.cache
def stored() -> Model:
    """Return the trained model."""
    text = resources.files(__package__).joinpath("html_weights.json").read_text("utf-8")
    return load(decode_json(text))


@jit
def _sigmoid(z: float) -> float:
    return 1 / (1 + np.exp(-min(max(z, -30.0), 30.0)))


@jit
def _first(features: F32, weights: F64, out: F64) -> None:
    """Fill the first look's probabilities; most features are 0."""
    for block in range(len(features)):
        z = 0.0
        for column in range(len(weights)):
            value = features[block, column]
            if value != 0:
                z += value * weights[column]
        out[block] = _sigmoid(z)


@jit
def _second(
    features: F32,
    around: F32,
    first: F64,
    trees: I16,
    cuts: F32,
    leaves: F64,
    roots: I32,
    bias: float,
    out: F64,
) -> None:
    """Fill the second look's probabilities."""
    width = features.shape[1]
    row = np.empty(width + around.shape[1], np.float32)
    for block in range(len(features)):
        if first[block] < _SURELY_NOT:
            out[block] = first[block]
            continue
        row[:width] = features[block]
        row[width:] = around[block]
        z = bias
        for number in range(len(roots)):
            if number % _PAUSE == 0 and abs(z) > _SURE:
                break
            node = np.int64(roots[number])
            while node >= 0:
                left = row[trees[node, 0]] <= cuts[node]
                node = np.int64(trees[node, 1] if left else trees[node, 2])
            z += leaves[-1 - node]
        out[block] = _sigmoid(z)


def first_look(found: Blocks, weights: F64) -> F64:
    """Return the probability of each block to be main text by itself.

    `weights` are float64 [features], the result float64 [blocks], from 0 to 1.
    """
    out = np.empty(len(found.features))
    _first(found.features, weights, out)
    return out


def probabilities(page: Page, found: Blocks, model: Model) -> tuple[F64, F64]:
    """Return the probability of each block to be main text, after each look.

    Both are float64 [blocks], from 0 to 1.
    """
    first = first_look(found, model.first)
    second = np.empty(len(first))
    trees = (model.trees, model.cuts, model.leaves, model.roots, model.bias)
    _second(found.features, context(page, found, first), first, *trees, second)
    return first, second


@jit
def _holder(elements: I32, element: int) -> int:
    """Return the nearest list at or above, within 8 levels, or 0."""
    for _ in range(_HOLDER_LEVELS):
        if element <= 0:
            return 0
        if elements[element, 0] in (_UL, _OL):
            return element
        element = elements[element, 1]
    return 0


@jit
def _whole_lists(elements: I32, spans: I32, counts: F32, kept: Bools) -> None:
    """Keep all of a list of which most is kept."""
    total, chosen = np.zeros(len(elements)), np.zeros(len(elements))
    for block in range(len(spans)):
        holder = _holder(elements, spans[block, 2])
        words = counts[block, WORDS]
        total[holder] += words
        if words > _LAYOUT:
            total[holder] = np.inf
        if kept[block]:
            chosen[holder] += words
    for block in range(len(spans)):
        holder = _holder(elements, spans[block, 2])
        if holder and chosen[holder] >= _LIST_SHARE * total[holder]:
            kept[block] = True


@jit
def _quoted(elements: I32, element: int) -> int:
    """Return the nearest <blockquote> at or above, within 8 levels, or 0."""
    for _ in range(_HOLDER_LEVELS):
        if element <= 0 or elements[element, 0] == _QUOTE:
            return max(element, 0)
        element = elements[element, 1]
    return 0


@jit
def _quotations(elements: I32, spans: I32, counts: F32, kept: Bools) -> None:
    """Keep a short quotation whole (a post of another site, mostly) beside kept text."""
    count = len(spans)
    start = 0
    while start < count:
        quote = _quoted(elements, spans[start, 2])
        end = start + 1
        words = counts[start, WORDS]
        while quote and end < count and _quoted(elements, spans[end, 2]) == quote:
            words += counts[end, WORDS]
            end += 1
        if (
            quote
            and words <= _QUOTED
            and ((start and kept[start - 1]) or (end < count and kept[end]))
        ):
            kept[start:end] = True
        start = end


@jit
def _level(elements: I32, spans: I32, block: int) -> int:
    """Return the level of a heading, 0 for other blocks."""
    tag = elements[spans[block, 2], 0]
    return tag - _H1 + 1 if _H1 <= tag <= _H6 else 0


@jit
def _headings(elements: I32, spans: I32, counts: F32, second: F64, kept: Bools) -> None:
    """Keep headings of kept text, drop those whose text is dropped; a short page keeps its title."""
    count = len(spans)
    words = in_units = 0.0
    first = -1
    for block in range(count):
        if kept[block]:
            words += counts[block, WORDS]
            in_units += counts[block, WORDS] if spans[block, 3] else 0.0
            first = block if first < 0 else first
    for block in range(count - 1, -1, -1):
        level = _level(elements, spans, block)
        if not level:
            continue
        following = block + 1
        some = False
        while following < count:
            below = _level(elements, spans, following)
            if below and below <= level:
                break
            some = some or kept[following]
            following += 1
        after = block + 1 < count and kept[block + 1]
        linked = counts[block, LINKED] > 0.5 * counts[block, SIZE]
        if after and not linked and second[block] > (_TITLED if level == 1 else _HEADED):
            kept[block] = True
        elif not some and level > 1 and second[block] < _SURELY_HEADED:
            kept[block] = False
    units = words < _UNIT_PAGE and in_units >= _UNIT_SHARE * words
    if first < 0 or (words >= _SHORT_PAGE and not units):
        return
    for block in range(first - 1, -1, -1):
        if _level(elements, spans, block) == 1 and counts[block, LINKED] == 0:
            kept[block] = True
            return


@jit
def _unlinked_words(counts: F32, block: int) -> float:
    """Return a block's words, 0 where most of them are links."""
    return counts[block, WORDS] if 2 * counts[block, LINKED] < counts[block, SIZE] else 0.0


@jit
def _best_subtree(elements: I32, spans: I32, counts: F32, p: F64) -> Bools:
    """Return which elements lie in the subtree that gains most from being kept, if any gains."""
    gain = np.zeros(len(elements))
    for block in range(len(spans)):
        gain[spans[block, 2]] += counts[block, SIZE] * (p[block] - _RELAXED)
    for element in range(len(elements) - 1, 0, -1):
        gain[elements[element, 1]] += gain[element]
    best = len(elements) - 1
    for element in range(len(elements) - 1, -1, -1):
        if gain[element] > gain[best]:
            best = element
    inside = np.zeros(len(elements), np.bool_)
    inside[best] = gain[best] > 0
    for element in range(best + 1, len(elements)):
        inside[element] = inside[elements[element, 1]]
    return inside


@jit
def _fallback(elements: I32, spans: I32, counts: F32, p: F64, kept: Bools) -> bool:
    """Keep the subtree with most text where almost nothing is kept; return whether that was so."""
    fair = chosen = 0.0
    for block in range(len(spans)):
        fair += _unlinked_words(counts, block)
        chosen += counts[block, WORDS] if kept[block] else 0.0
    if fair < _ENOUGH or chosen >= _LEAST * fair:
        return False
    inside = _best_subtree(elements, spans, counts, p)
    some = False
    for block in range(len(spans)):
        likely = inside[spans[block, 2]] and p[block] > _RELAXED / 2 and not kept[block]
        if likely and _unlinked_words(counts, block) > 0:
            kept[block] = some = True
    return some


@jit
def _keep_siblings(elements: I32, spans: I32, first: F64, second: F64, kept: Bools) -> None:
    """Keep what the first look is sure of beside a kept block of the same parent and tag."""
    tags = np.zeros(len(elements), np.uint64)
    for block in range(len(spans)):
        own = spans[block, 2]
        if kept[block]:
            tags[elements[own, 1]] |= np.uint64(1) << np.uint64(elements[own, 0] % 64)
    for block in range(len(spans)):
        own = spans[block, 2]
        alike = tags[elements[own, 1]] >> np.uint64(elements[own, 0] % 64) & np.uint64(1)
        if alike and first[block] > _SIBLING[0] and second[block] > _SIBLING[1]:
            kept[block] = True


@jit
def _choose(
    elements: I32,
    spans: I32,
    counts: F32,
    features: F32,
    first: F64,
    second: F64,
    threshold: float,
    kept: Bools,
) -> bool:
    """Fill which blocks stay; return whether the second pass had to choose."""
    most = 0
    fair = 0.0
    for block in range(len(spans)):
        fair += _unlinked_words(counts, block)
    if fair < _TINY:
        threshold *= _TINY_FACTOR
    if counts[:, WORDS].sum() < _BARE:
        threshold = 0.0
    for block in range(len(spans)):
        asking = features[block, _CONSENT[0]] > 0 or features[block, _CONSENT[1]] > 0
        if asking:
            first[block] = second[block] = 0.0
        kept[block] = second[block] > threshold
        most = block if second[block] > second[most] else most
    second_pass = _fallback(elements, spans, counts, np.maximum(first, second), kept)
    if not np.any(kept):
        for block in range(len(spans)):
            kept[block] = second[block] >= 0.5 * second[most]
    _keep_siblings(elements, spans, first, second, kept)
    _whole_lists(elements, spans, counts, kept)
    _quotations(elements, spans, counts, kept)
    _headings(elements, spans, counts, second, kept)
    return second_pass


def choose(page: Page, found: Blocks, model: Model) -> tuple[Bools, bool]:
    """Return which blocks a model keeps, and whether the second pass had to choose them."""
    kept = np.zeros(len(found.spans), np.bool_)
    if not len(kept):
        return kept, False
    looks = probabilities(page, found, model)
    sizes = (page.elements, found.spans, found.counts, found.features)
    return kept, bool(_choose(*sizes, *looks, model.threshold, kept))


def keep(page: Page, found: Blocks) -> tuple[Bools, bool]:
    """Return which blocks are main text, and whether almost none was by the two looks alone."""
    return choose(page, found, stored())
