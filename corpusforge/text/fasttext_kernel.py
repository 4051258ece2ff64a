"""What a fastText model says of texts: words, their pieces and n-grams hashed, rows summed, labels scored.

The same numbers as `predict` of fastText 0.9.2, in the same order of addition (labels equal, probabilities
within 1e-5), for many texts in one call: rows are decoded once, features that pruning left are found by a
table, and remainders by a multiplication.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.jit import jit

__all__ = ["END", "HIERARCHICAL", "SOFTMAX", "Tables", "predict", "table_of"]

U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
F32 = NDArray[np.float32]

_LEAST, _MOST, _GRAMS, _BUCKET, _WORDS, _LOSS = range(6)
HIERARCHICAL, SOFTMAX = 1, 3
"""Losses by fastText's numbers; every other one is a sigmoid per label."""
END = b"</s>"
"""The word that ends a text."""
_OPEN, _CLOSE = 60, 62  # "<" and ">" around a word
_LABEL, _END = (np.frombuffer(word, np.uint8) for word in (b"__label__", END))
_BASIS, _PRIME, _GRAM = 2166136261, 16777619, 116049371
_SIGMOIDS, _FURTHEST = 512, 8.0
_HERE, _ALL = range(2)
_ROOM = 4096
"""Rows written down before they are added: their numbers stay near, whatever a text's size."""


class Tables(NamedTuple):
    """A model as the kernel takes it.

    numbers: int64 [6] (shortest and longest piece of a word, words of an n-gram, buckets, words, loss);
    slots: int32 [a power of two], words by hash, -1 for none; starts: int64 [words + 1], letters: uint8, of
    the words; end: the word that ends a text, -1 for none; kept: int32 [buckets], rows of features, or
    empty; rows: float32 [words + features, n]; output: float32 [labels, n]; tree: int32 [nodes, 2].
    """

    numbers: I64
    slots: I32
    starts: I64
    letters: U8
    end: int
    kept: I32
    rows: F32
    output: F32
    tree: I32


class _Room(NamedTuple):
    """What a kernel writes down as it goes, the same for all texts.

    word: uint8, one in its brackets; hashes: int32, of a text's words; found: int32, rows to be added;
    done: int64 [2], how many of them, and how many of the text; hidden: float32 [n], their sum; stack:
    int32 and logs: float32 [twice the labels and 2], of a tree's nodes.
    """

    word: U8
    hashes: I32
    found: I32
    done: I64
    hidden: F32
    stack: I32
    logs: F32


@jit
def _hashed(value: np.uint32, byte: int) -> np.uint32:
    """One step of FNV-1a over signed bytes, as fastText hashes."""
    signed = np.uint32(byte if byte < 128 else byte | 0xFFFFFF00)
    return np.uint32(np.uint32(value ^ signed) * np.uint32(_PRIME))


@jit
def _hash(data: U8, start: int, end: int) -> int:
    value = np.uint32(_BASIS)
    for place in range(start, end):
        value = _hashed(value, data[place])
    return int(value)


@jit
def _same(data: U8, start: int, end: int, other: U8, first: int, last: int) -> bool:
    if end - start != last - first:
        return False
    step = 0
    while step < end - start and data[start + step] == other[first + step]:
        step += 1
    return step == end - start


@jit
def _fill(letters: U8, starts: I64, slots: I32) -> None:
    for word in range(len(starts) - 1):
        slot = _hash(letters, starts[word], starts[word + 1]) & (len(slots) - 1)
        while slots[slot] >= 0:
            slot = (slot + 1) & (len(slots) - 1)
        slots[slot] = word


def table_of(words: list[bytes]) -> tuple[I32, I64, U8]:
    """Return (slots, starts, letters) of the words, as `Tables` holds them.

    slots: int32 [a power of two]; starts: int64 [words + 1]; letters: uint8 [bytes].
    """
    starts = np.zeros(len(words) + 1, np.int64)
    np.cumsum([len(word) for word in words], out=starts[1:])
    letters = np.frombuffer(b"".join(words) or b"\0", np.uint8)
    slots = np.full(1 << (2 * len(words) + 1).bit_length(), -1, np.int32)
    _fill(letters, starts, slots)
    return slots, starts, letters


@jit
def _find(data: U8, start: int, end: int, key: int, model: Tables) -> int:
    """Return the number of a word, -1 for one that the model does not know."""
    last = len(model.slots) - 1
    slot = key & last
    while model.slots[slot] >= 0:
        word = model.slots[slot]
        if _same(data, start, end, model.letters, model.starts[word], model.starts[word + 1]):
            return int(word)
        slot = (slot + 1) & last
    return -1


@jit
def _sum_rows(rows: F32, found: I32, done: I64, hidden: F32) -> None:
    """Add the rows found so far one after another, eight columns at once in registers."""
    column = 0
    while column + 8 <= len(hidden):
        out = hidden[column : column + 8]
        a, b, c, d, e, f, g, h = out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7]
        for place in range(done[_HERE]):
            row = rows[found[place], column : column + 8]
            a += row[0]
            b += row[1]
            c += row[2]
            d += row[3]
            e += row[4]
            f += row[5]
            g += row[6]
            h += row[7]
        out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7] = a, b, c, d, e, f, g, h
        column += 8
    for rest in range(column, len(hidden)):
        for place in range(done[_HERE]):
            hidden[rest] += rows[found[place], rest]
    done[_HERE] = 0


@jit
def _note(row: int | np.int64, model: Tables, room: _Room) -> None:
    """Write a row down, and add up where there is no more room."""
    done = room.done
    if done[_HERE] == len(room.found):
        _sum_rows(model.rows, room.found, done, room.hidden)
    room.found[done[_HERE]] = row
    done[_HERE] += 1
    done[_ALL] += 1


@jit
def _note_feature(feature: int | np.int64, model: Tables, room: _Room) -> None:
    """Write down a feature's row, where pruning left it one."""
    row = np.int64(model.kept[feature]) if len(model.kept) else feature
    if row >= 0:
        _note(model.numbers[_WORDS] + row, model, room)


@jit
def _note_pieces(size: int, model: Tables, room: _Room) -> None:
    """Write down the rows of the pieces of the word in `room`, which has so many bytes with its brackets."""
    word, numbers = room.word, model.numbers
    least, most, bucket = numbers[_LEAST], numbers[_MOST], numbers[_BUCKET]
    inverse = 1.0 / max(bucket, 1)
    for start in range(size):
        if word[start] & 0xC0 == 0x80:
            continue
        value = np.uint32(_BASIS)
        place = start
        length = 1
        while place < size and length <= most:
            while True:
                value = _hashed(value, word[place])
                place += 1
                if place >= size or word[place] & 0xC0 != 0x80:
                    break
            bracket = length == 1 and (start == 0 or place == size)
            if length >= least and not bracket:
                whole = np.int64(value)
                feature = whole - np.int64(np.float64(whole) * inverse) * bucket
                if feature < 0:
                    feature += bucket
                elif feature >= bucket:
                    feature -= bucket
                _note_feature(feature, model, room)
            length += 1


@jit
def _note_grams(count: int, model: Tables, room: _Room) -> None:
    """Write down the rows of n-grams of a text's words."""
    bucket = np.uint64(model.numbers[_BUCKET])
    for start in range(count):
        value = np.uint64(np.int64(room.hashes[start]))
        for place in range(start + 1, min(start + model.numbers[_GRAMS], count)):
            value = value * np.uint64(_GRAM) + np.uint64(np.int64(room.hashes[place]))
            _note_feature(np.int64(value % bucket), model, room)


@jit
def _is_blank(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13 or byte == 0


@jit
def _sum_text(data: U8, start: int, end: int, model: Tables, room: _Room) -> int:
    """Add the rows of all features of a text; return their number."""
    room.hidden[:] = 0
    room.done[:] = 0
    count = 0
    grams = model.numbers[_GRAMS] > 1
    place = start
    ended = False
    while not ended:
        while place < end and _is_blank(data[place]):
            place += 1
        first = place
        while place < end and not _is_blank(data[place]):
            place += 1
        size = place - first
        ended = size == 0 or _same(data, first, place, _END, 0, len(_END))
        if ended:
            known = model.end
            key = _hash(_END, 0, len(_END))
        else:
            key = _hash(data, first, place)
            known = _find(data, first, place, key, model)
            label = min(first + len(_LABEL), place)
            if known < 0 and _same(data, first, label, _LABEL, 0, len(_LABEL)):
                continue
        if grams:
            room.hashes[count] = np.int32(np.uint32(key))
            count += 1
        if known >= 0:
            _note(known, model, room)
        if model.numbers[_MOST] > 0 and not ended:
            room.word[0] = _OPEN
            for step in range(size):
                room.word[1 + step] = data[first + step]
            room.word[size + 1] = _CLOSE
            _note_pieces(size + 2, model, room)
    _note_grams(count, model, room)
    _sum_rows(model.rows, room.found, room.done, room.hidden)
    return int(room.done[_ALL])


@jit
def _dot(output: F32, row: int | np.int64, hidden: F32) -> np.float32:
    total = np.float32(0)
    for column in range(len(hidden)):
        total += output[row, column] * hidden[column]
    return total


@jit
def _log(value: float | np.float32) -> np.float32:
    return np.float32(math.log(np.float64(value) + 1e-5))


@jit
def _insert(label: int | np.int64, score: float | np.float32, labels: I32, scores: F32) -> None:
    """Put a label among the best, which are in order; those that are there go first of equals."""
    place = len(labels) - 1
    if labels[place] >= 0 and not score > scores[place]:
        return
    while place > 0 and (labels[place - 1] < 0 or scores[place - 1] < score):
        labels[place], scores[place] = labels[place - 1], scores[place - 1]
        place -= 1
    labels[place], scores[place] = label, score


@jit
def _descend(model: Tables, room: _Room, labels: I32, scores: F32) -> None:
    """Find the best leaves of the tree of a hierarchical softmax, left before right."""
    output, tree, stack, logs = model.output, model.tree, room.stack, room.logs
    leaves = len(output)
    least = _log(0.0)
    stack[0], logs[0] = len(tree) - 1, 0.0
    depth = 1
    while depth:
        depth -= 1
        node, score = np.int64(stack[depth]), logs[depth]
        full = labels[-1] >= 0
        if score < least or (full and score < scores[-1]):
            continue
        if node < leaves:
            _insert(node, score, labels, scores)
            continue
        right = np.float32(
            1.0 / (np.float32(1) + np.float32(math.exp(-_dot(output, node - leaves, room.hidden))))
        )
        left = np.float32(1.0 - np.float64(right))
        stack[depth], logs[depth] = tree[node, 1], np.float32(score + _log(right))
        stack[depth + 1], logs[depth + 1] = tree[node, 0], np.float32(score + _log(left))
        depth += 2


@jit
def _flat(model: Tables, room: _Room, labels: I32, scores: F32) -> None:
    """Score every label: softmax, or fastText's table of sigmoids."""
    count, values = len(model.output), room.logs
    for label in range(count):
        values[label] = _dot(model.output, label, room.hidden)
    if model.numbers[_LOSS] == SOFTMAX:
        most = values[:count].max()
        total = np.float32(0)
        for label in range(count):
            values[label] = np.float32(math.exp(values[label] - most))
            total += values[label]
        for label in range(count):
            values[label] /= total
    else:
        for label in range(count):
            x = np.float64(values[label])
            if x < -_FURTHEST:
                values[label] = 0
            elif x > _FURTHEST:
                values[label] = 1
            else:
                step = int((x + _FURTHEST) * _SIGMOIDS / _FURTHEST / 2)
                near = np.float32(step * 2 * _FURTHEST / _SIGMOIDS - _FURTHEST)
                values[label] = 1.0 / (1.0 + np.float32(math.exp(-near)))
    for label in range(count):
        _insert(label, _log(values[label]), labels, scores)


@jit
def _predict(data: U8, offsets: I64, model: Tables, room: _Room, labels: I32, scores: F32) -> None:
    for text in range(len(offsets) - 1):
        start, end = offsets[text], offsets[text + 1]
        for place in range(start, end):
            if data[place] == 10:
                end = place
                break
        size = _sum_text(data, start, end, model, room)
        if not size:
            continue
        scale = np.float32(1.0 / size)
        for column in range(len(room.hidden)):
            room.hidden[column] *= scale
        if model.numbers[_LOSS] == HIERARCHICAL:
            _descend(model, room, labels[text], scores[text])
        else:
            _flat(model, room, labels[text], scores[text])
        for place in range(labels.shape[1]):
            if labels[text, place] >= 0:
                scores[text, place] = np.float32(math.exp(scores[text, place]))


def predict(model: Tables, data: U8, offsets: I64, number: int) -> tuple[I32, F32]:
    """Return (labels, probabilities), [texts, number] each, of packed texts; -1 and 0 for no more labels."""
    longest = int(np.diff(offsets).max(initial=0))
    words = longest // 2 + 3 if model.numbers[_GRAMS] > 1 else 0
    depth = 2 * len(model.output) + 2
    room = _Room(
        np.empty(longest + 2, np.uint8),
        np.empty(words, np.int32),
        np.empty(_ROOM, np.int32),
        np.zeros(2, np.int64),
        np.empty(model.rows.shape[1], np.float32),
        np.empty(depth, np.int32),
        np.empty(depth, np.float32),
    )
    labels = np.full((len(offsets) - 1, number), -1, np.int32)
    scores = np.zeros((len(offsets) - 1, number), np.float32)
    _predict(data, offsets, model, room, labels, scores)
    return labels, scores
