"""The one fold behind "the same words": what a reader cannot tell apart is written one way.

A folded text is in Unicode's normal form C, full-width, half-width and presentation forms stand as
the plain letter (ＡＢＣ, ｶﾞ, ﬁ), and characters that nobody sees are gone: soft hyphens, zero-width
spaces, byte-order marks, direction marks, variation selectors. Zero-width joiners stay where they
shape what is read: behind Arabic, Indic and like letters and behind pictures. Case stays; whoever
compares words lowers it code point by code point (`lower_table`). Superscripts, circled numbers and
other forms that a reader can tell from the plain ones stay too (NFKC would make 10² into 102).

`fold_text` is the definition. Kernels read `fold_table` instead, which needs no copy of a text: each
code point is folded by a table where that is enough, and `special` decides about the few that depend
on their neighbours. Where marks must be put in order or joined to a letter, it says ROUGH, and the
text is folded by `fold_text` first. Method: Unicode Standard Annex 15, with its stream-safe limit of
30 marks in a row: longer rows are composed in pieces, since normalising them takes quadratic time.
"""

from __future__ import annotations

import functools
import itertools
import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpusforge.text.arrays import U8
from corpusforge.text.classes import LIMIT, are, class_table, lower_table
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed, unpacked

__all__ = [
    "FOLD",
    "GONE",
    "ROUGH",
    "SPECIAL",
    "FoldTable",
    "compose",
    "fold_places",
    "fold_point",
    "fold_table",
    "fold_text",
    "point_at",
    "refolded",
    "special",
]

FOLD = 1
"""Version of the fold: what was made with another one is made again, or refused."""

_LONGEST_RUN = 30  # marks in a row, as the stream-safe text format of Annex 15 allows

# Default_Ignorable_Code_Point of Unicode 16, without the joiners, the fillers that hold the place of
# a Hangul letter and Mongolian's selectors, which choose between shapes that a reader sees.
_UNSEEN = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x17B4, 0x17B5), (0x200B, 0x200B), (0x200E, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_JOINERS = (0x200C, 0x200D)
# Behind these a joiner changes what is read: Arabic to Samaritan and Syriac, the Indic scripts and
# Sinhala, Myanmar, Khmer, Mongolian, Limbu to Lepcha, Vedic marks, the same scripts' later blocks,
# Arabic presentation forms, Adlam; and arrows, symbols and pictures, which joiners make into one.
_JOINING = (
    (0x600, 0xDFF), (0x1000, 0x109F), (0x1780, 0x18AF), (0x1900, 0x1C7F), (0x1CC0, 0x1CFF),
    (0x2190, 0x21FF), (0x2300, 0x2328), (0x232B, 0x23FF), (0x2460, 0x2BFF), (0xA800, 0xA9FF),
    (0xAA00, 0xAAFF), (0xABC0, 0xABFF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFC), (0x10A00, 0x10AFF),
    (0x10D00, 0x11FFF), (0x1E900, 0x1E95F), (0x1F000, 0x1FAFF),
)  # fmt: skip
_SHAPES = ("<wide>", "<narrow>", "<initial>", "<medial>", "<final>", "<isolated>", "<noBreak>")
_LIGATURES = range(0xFB00, 0xFB50)  # Latin, Armenian and Hebrew presentation forms

COMBINES, CHANGES, SHAPED, UNSEEN, JOINER = 1, 2, 4, 8, 16
"""Kinds of code points: may be reordered or join what stands before; normal form C writes it otherwise;
a form of another character; unseen; a zero-width joiner."""

SPECIAL = 1 << 24
"""Values of `FoldTable.points` from here on are for `special` to decide."""
_MARK, _SECOND, _HIDDEN, _JOIN, _OTHER = (SPECIAL << n for n in range(5))
GONE, ROUGH = -1, -2
"""What `special` says of a character that is left out, and of a text that must be folded first."""
_FAR = 32  # characters that `special` looks back over; more are left to `fold_text`


class FoldTable(NamedTuple):
    """What kernels know of each code point below `LIMIT`; arrays of that length.

    points uint32: the folded, lower-cased code point, or a value from `SPECIAL` on; classes uint8:
    class bits of the folded code point; order uint8: its canonical combining class; first bool:
    whether a mark behind it may join it, or take the place of one that it holds; joining bool:
    whether a joiner behind it stays.
    """

    points: NDArray[np.uint32]
    classes: NDArray[np.uint8]
    order: NDArray[np.uint8]
    first: NDArray[np.bool_]
    joining: NDArray[np.bool_]


class _Data(NamedTuple):
    """Unicode's data by code point: kinds uint8 [0x110000]; the other arrays [LIMIT]."""

    kinds: NDArray[np.uint8]
    order: NDArray[np.uint8]
    first: NDArray[np.bool_]
    second: NDArray[np.bool_]
    joining: NDArray[np.bool_]
    shapes: dict[int, str]


def _within(ranges: Iterable[tuple[int, int]], size: int = LIMIT) -> NDArray[np.bool_]:
    found = np.zeros(size, dtype=bool)
    for low, high in ranges:
        found[low : high + 1] = True
    return found


@functools.cache
def _data() -> _Data:
    order = np.zeros(LIMIT, dtype=np.uint8)
    marks = np.flatnonzero(are("M"))
    order[marks] = [unicodedata.combining(chr(mark)) for mark in marks]
    first, second = _within([(0x1100, 0x1112)]), _within([(0x1161, 0x1175), (0x11A8, 0x11C2)])
    first[0xAC00:0xD7A4:28] = True  # Hangul, composed by arithmetic: syllables without a final
    kinds = np.zeros(0x110000, dtype=np.uint8)
    shapes = {}
    for point, decomposed in enumerate(map(unicodedata.decomposition, map(chr, range(LIMIT)))):
        if not decomposed:
            continue
        tag, *rest = decomposed.split() if decomposed[0] == "<" else ("", *decomposed.split())
        parts = [int(part, 16) for part in rest]
        plain = "".join(map(chr, parts))
        if not tag and unicodedata.normalize("NFC", chr(point)) != chr(point):
            kinds[point] = CHANGES
        elif not tag and len(parts) == 2:
            first[point] = first[parts[0]] = second[parts[1]] = True
        elif (tag in _SHAPES or (point in _LIGATURES and tag)) and (
            len(parts) == 1 or 32 not in parts
        ):
            kinds[point], shapes[point] = (
                SHAPED,
                plain,
            )  # phrases and marks on a blank are no shapes
    kinds[:LIMIT][(order > 0) | second] |= COMBINES
    for point in np.flatnonzero(kinds & (CHANGES | SHAPED)).tolist():
        start = shapes.get(point) or unicodedata.normalize("NFD", chr(point))
        kinds[point] |= kinds[ord(start[0])] & COMBINES
    kinds[_within(_UNSEEN, len(kinds))] = UNSEEN
    kinds[list(_JOINERS)] = JOINER
    kinds.flags.writeable = False
    return _Data(kinds, order, first, second, _within(_JOINING), shapes)


def _held(text: str) -> int:
    """Return the kinds of all code points of a text, in one number."""
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    return int(_all_kinds(data, _data().kinds))


def _decoded(text: str) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the code points of a text and the kinds of them."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    return points, _data().kinds[points]


def compose(text: str) -> str:
    """Return the text in normal form C; of more than 30 marks in a row each 30 by themselves."""
    if text.isascii() or not _held(text) & (COMBINES | CHANGES):
        return text
    kinds = _decoded(text)[1]
    marks = np.flatnonzero(kinds & COMBINES)
    if not (marks[_LONGEST_RUN:] - marks[:-_LONGEST_RUN] == _LONGEST_RUN).any():
        return unicodedata.normalize("NFC", text)
    new = np.concatenate([[True], np.diff(marks) > 1])
    number = np.arange(len(marks))
    place = number - np.maximum.accumulate(np.where(new, number, 0))  # in its row
    cuts = marks[(place > 0) & (place % _LONGEST_RUN == 0)].tolist()
    edges = itertools.pairwise([0, *cuts, len(text)])
    return "".join(unicodedata.normalize("NFC", text[a:b]) for a, b in edges)


def fold_text(text: str) -> str:
    """Return the text without unseen characters, in plain forms, composed. Case and space stay."""
    held = 0 if text.isascii() else _held(text)
    if held & (UNSEEN | JOINER):
        points, kinds = _decoded(text)
        seen = _seen(points, kinds)
        text = points[seen].tobytes().decode("utf-32-le", "surrogatepass")
    if held & SHAPED:
        text = text.translate(_data().shapes)
    return compose(text) if held else text


def _seen(points: NDArray[np.uint32], kinds: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which characters stay: all but the unseen, and joiners where they shape what is read.

    What counts is the letter or picture before a joiner; marks and other joiners may lie between.
    """
    seen = kinds != UNSEEN
    joiners = np.flatnonzero(kinds == JOINER)
    letter = (kinds & (COMBINES | UNSEEN | JOINER)) == 0
    last = np.maximum.accumulate(np.where(letter, np.arange(len(points)), -1))[joiners]
    before = points[last]
    seen[joiners] = (
        (last >= 0) & (before < LIMIT) & _within(_JOINING)[np.minimum(before, LIMIT - 1)]
    )
    return seen


_fold_few = functools.lru_cache(maxsize=1 << 14)(fold_text)


def fold_places(text: str) -> tuple[str, NDArray[np.int64]]:
    """Return the folded text; and where each of its characters, and its end, stands in `text`.

    A character made of several stands where the first of them does. int64 [characters + 1].
    """
    kinds = _decoded(text)[1]
    begins = (kinds & (COMBINES | UNSEEN | JOINER)) == 0  # a letter, which marks may follow
    begins[:1] = True
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(text))
    changed = np.flatnonzero((ends - starts > 1) | (kinds[starts] != 0))
    pieces, places, done = [], [], 0
    for start, end in zip(starts[changed].tolist(), ends[changed].tolist(), strict=True):
        own = text[start:end]
        folded = _fold_few(own) if end - start < 8 else fold_text(own)
        pieces += [text[done:start], folded]
        places += [np.arange(done, start), np.full(len(folded), start)]
        done = end
    places.append(np.arange(done, len(text) + 1))
    return "".join([*pieces, text[done:]]), np.concatenate(places)


def refolded(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], rough: NDArray[np.bool_]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the packed texts with those marked as rough folded by `fold_text`.

    `data` is uint8 [bytes], `offsets` int64 [texts + 1], `rough` bool [texts]; the same two are
    returned.
    """
    texts = unpacked(data, offsets, np.ones(len(rough), dtype=bool))
    return packed([fold_text(t) if r else t for t, r in zip(texts, rough.tolist(), strict=True)])


@functools.cache
def fold_table() -> FoldTable:
    """Return the table by which kernels fold."""
    unicode, lower = _data(), lower_table()
    kinds = unicode.kinds[:LIMIT]
    alone = np.arange(LIMIT, dtype=np.uint32)
    rough = np.zeros(LIMIT, dtype=bool)
    for point in np.flatnonzero(kinds & (CHANGES | SHAPED)).tolist():
        plain = unicodedata.normalize("NFC", unicode.shapes.get(point, chr(point)))
        rough[point] = len(plain) > 1
        alone[point] = ord(plain[0])
    points = lower[alone]
    classes = class_table()[points]
    points[(kinds & COMBINES) != 0] |= _MARK
    points[unicode.second[alone]] |= _SECOND
    points[rough] = _OTHER
    points[(kinds & UNSEEN) != 0] = _HIDDEN
    points[(kinds & JOINER) != 0] |= _JOIN
    order, first = unicode.order[alone], unicode.first[alone]
    table = FoldTable(points, classes, order, first, unicode.joining.copy())
    for column in table:
        column.flags.writeable = False
    return table


@jit
def point_at(data: U8, i: int) -> tuple[Any, int]:
    """Return the code point that starts at byte i of valid UTF-8, and where the next one starts."""
    first = np.int64(data[i])
    if first < 0x80:
        return first, i + 1
    second = np.int64(data[i + 1]) & 0x3F
    if first < 0xE0:
        return ((first & 0x1F) << 6) | second, i + 2
    third = np.int64(data[i + 2]) & 0x3F
    if first < 0xF0:
        return ((first & 0x0F) << 12) | (second << 6) | third, i + 3
    fourth = np.int64(data[i + 3]) & 0x3F
    return ((first & 0x07) << 18) | (second << 12) | (third << 6) | fourth, i + 4


@jit
def _all_kinds(data: U8, kinds: U8) -> Any:
    held, i = np.uint8(0), 0
    while i < len(data):
        if data[i] < 0x80:
            i += 1
            continue
        point, i = point_at(data, i)
        held |= kinds[point]
    return held


@jit
def fold_point(point: int, points: Any) -> Any:
    """Return the entry of a code point in `FoldTable.points`, whatever plane it is of."""
    if point < LIMIT:
        return np.int64(points[point])
    return np.int64(_HIDDEN if 0xE0000 <= point < 0xE1000 else point)


@jit
def _before(data: U8, start: int, i: int) -> int:
    """Return where the character before byte i starts; i must lie behind `start`."""
    i -= 1
    while i > start and data[i] & 0xC0 == 0x80:
        i -= 1
    return i


@jit
def _stays(data: U8, start: int, i: int, fold: FoldTable) -> int:
    """Return 1 where a joiner at byte i stays, 0 where it goes, ROUGH where that is too far to see."""
    for _ in range(_FAR):
        if i <= start:
            return 0
        i = _before(data, start, i)
        point = point_at(data, i)[0]
        value = fold_point(point, fold.points)
        if value & _OTHER:
            return ROUGH
        if not value & (_HIDDEN | _JOIN | _MARK):
            return np.int64(point < LIMIT and fold.joining[point])  # type: ignore[return-value]
    return ROUGH


@jit
def _disturbs(data: U8, start: int, i: int, fold: FoldTable) -> bool:
    """Whether a mark at byte i may have to change places, or be joined, with what stands before it."""
    mark = point_at(data, i)[0]
    order, second = fold.order[mark], fold.points[mark] & _SECOND
    nearest = True
    for _ in range(_FAR):
        if i <= start:
            return False
        i = _before(data, start, i)
        point = point_at(data, i)[0]
        value = fold_point(point, fold.points)
        if value & (_HIDDEN | _JOIN):
            stays = _stays(data, start, i, fold) if value & _JOIN else 0
            if stays != 0:
                return stays == ROUGH
            continue
        if value & _OTHER:
            return True
        own = fold.order[point] if point < LIMIT else 0
        if nearest and own > order and order > 0:
            return True
        if own == 0 or not second:
            return bool(second and point < LIMIT and fold.first[point])
        nearest = False
    return True


@jit
def special(data: U8, start: int, i: int, value: int, fold: FoldTable, folded: bool) -> int:
    """Return what the character at byte i, of entry `value`, folds to in a text that begins at `start`.

    A code point, `GONE`, or `ROUGH`: fold the text by `fold_text` and ask with `folded` set.
    """
    if value & _HIDDEN:
        return GONE
    if folded:
        return value & (SPECIAL - 1)
    if value & _JOIN:
        stays = _stays(data, start, i, fold)
        return value & (SPECIAL - 1) if stays == 1 else GONE if stays == 0 else ROUGH
    if value & _OTHER or _disturbs(data, start, i, fold):
        return ROUGH
    return value & (SPECIAL - 1)
