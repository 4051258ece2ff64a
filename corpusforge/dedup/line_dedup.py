"""Lines or paragraphs that stand in more than one place, kept in the first and cut from the others.

As CCNet does by line (Wenzek et al. 2020) and DCLM by paragraph (Li et al. 2024), but exactly, and
the place that keeps a piece is the best in policy order, so the result does not depend on the order
of documents. Pieces are compared as exact documents are: folded, lower-cased, white space as one space.
Limits: pieces below `span_characters` are left alone, so menus of short words stay; a piece that
differs in one character is another piece; `scope` is not applied.

`PREFIX.spans` holds, for each piece of a part: hashes uint64 [n] ascending, then rows, starts and
ends uint32 [n] each; places are in characters (code points) of the text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup import kernels
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import exact_hashes
from corpusforge.io import files
from corpusforge.text.fold import ROUGH, FoldTable, fold_table
from corpusforge.text.jit import jit
from corpusforge.text.packed import packed

__all__ = ["Cuts", "cut", "find_spans", "text_pieces", "write_spans"]

U32 = NDArray[np.uint32]
_NEWLINE, _LAST_BLANK = 10, 32


@dataclass(frozen=True, slots=True)
class Cuts:
    """What leaves one part: characters starts[i]:ends[i] of row rows[i]; sorted, not overlapping."""

    rows: U32
    starts: U32
    ends: U32
    pieces: int
    """Pieces of the part that were long enough to be compared."""

    def by_row(self) -> dict[int, list[tuple[int, int]]]:
        """Return the cuts of each row that has some."""
        out: dict[int, list[tuple[int, int]]] = {}
        for row, start, end in zip(
            self.rows.tolist(), self.starts.tolist(), self.ends.tolist(), strict=True
        ):
            out.setdefault(row, []).append((start, end))
        return out


def text_pieces(
    texts: pa.Array | Sequence[str], settings: Settings
) -> tuple[NDArray[np.uint64], U32, U32, U32]:
    """Return (hash, text number, start, end) of each line or paragraph that is long enough.

    A piece ends after its newline, a paragraph after the blank lines that follow it.
    `texts` are strings [texts]; the four arrays are [pieces], starts and ends in bytes of `packed` data.
    """
    data, offsets = packed(texts)
    paragraphs = settings.spans == "paragraph"
    hashes, rows, starts, ends, rough = _pieces(
        data, offsets, fold_table(), paragraphs, settings.span_characters
    )
    if len(rough):
        own = [data[first:stop].tobytes().decode() for _, first, stop in rough.tolist()]
        hashes[rough[:, 0]] = exact_hashes(own)
    return hashes, rows, starts, ends


def write_spans(batches: Iterable[pa.RecordBatch], settings: Settings, prefix: str) -> int:
    """Write the pieces of one part's texts (column text) to `PREFIX.spans`; return their number."""
    found: list[tuple[NDArray[np.uint64], U32, U32, U32]] = []
    first = 0
    for batch in batches:
        hashes, rows, starts, ends = text_pieces(batch["text"], settings)
        found.append((hashes, rows + np.uint32(first), starts, ends))
        first += batch.num_rows
    hashes = np.concatenate([item[0] for item in found] + [np.empty(0, np.uint64)])
    order = np.argsort(hashes, kind="stable")
    with files.atomic_write(prefix + ".spans") as stream:
        stream.write(hashes[order].astype("<u8", copy=False).tobytes())
        for column in (1, 2, 3):
            values = np.concatenate([item[column] for item in found] + [np.empty(0, np.uint32)])
            stream.write(values[order].astype("<u4", copy=False).tobytes())
    return len(hashes)


def find_spans(
    prefixes: Sequence[str], ranks: Sequence[NDArray[np.uint32]], ranges: int = 1
) -> list[Cuts]:
    """Return what to cut from each part. `ranks[part][row]`: policy order, the smallest keeps.

    `ranges` divides the hash space to bound memory; the result is the same for any number.
    """
    parts = [_read(prefix) for prefix in prefixes]
    gone: list[list[NDArray[np.int64]]] = [[] for _ in parts]
    edges = [(number << 64) // ranges for number in range(ranges + 1)]
    for low, high in pairwise(edges):
        slices = [_slice(hashes, low, high) for hashes, *_ in parts]
        part = np.repeat(np.arange(len(parts)), [stop - start for start, stop in slices])
        place = np.concatenate([np.arange(start, stop) for start, stop in slices])
        keys = np.concatenate([p[0][s:e] for p, (s, e) in zip(parts, slices, strict=True)])
        rank = np.concatenate(
            [r[p[1][s:e]] for r, p, (s, e) in zip(ranks, parts, slices, strict=True)]
        )
        start = np.concatenate([p[2][s:e] for p, (s, e) in zip(parts, slices, strict=True)])
        order = np.lexsort((start, rank, keys))
        repeated = order[1:][keys[order[1:]] == keys[order[:-1]]]
        for number in range(len(parts)):
            gone[number].append(place[repeated[part[repeated] == number]])
    return [_cuts(part, np.concatenate(places)) for part, places in zip(parts, gone, strict=True)]


def cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text without the characters of the spans (sorted, not overlapping)."""
    pieces, place = [], 0
    for start, end in spans:
        pieces.append(text[place:start])
        place = end
    return "".join([*pieces, text[place:]])


def _cuts(part: tuple[NDArray[np.uint64], U32, U32, U32], places: NDArray[np.int64]) -> Cuts:
    hashes, rows, starts, ends = part
    order = places[np.lexsort((starts[places], rows[places]))]
    return Cuts(rows[order], starts[order], ends[order], len(hashes))


def _read(prefix: str) -> tuple[NDArray[np.uint64], U32, U32, U32]:
    data = files.read_bytes(prefix + ".spans")
    count = len(data) // 20
    hashes = np.frombuffer(data, dtype="<u8", count=count)
    columns = np.frombuffer(data, dtype="<u4", offset=8 * count).reshape(3, count)
    return hashes, columns[0], columns[1], columns[2]


def _slice(hashes: NDArray[np.uint64], low: int, high: int) -> tuple[int, int]:
    first = int(np.searchsorted(hashes, np.uint64(low)))
    last = len(hashes) if high >> 64 else int(np.searchsorted(hashes, np.uint64(high)))
    return first, last


@jit
def _line_end(data: NDArray[np.uint8], i: int, end: int) -> tuple[int, int, bool]:
    """Return (where the next line starts, characters up to there, whether the line is blank)."""
    characters, blank = 0, True
    while i < end:
        byte = data[i]
        i += 1
        characters += (byte & 0xC0) != 0x80
        if byte == _NEWLINE:
            break
        blank = blank and byte <= _LAST_BLANK
    return i, characters, blank


@jit
def _trimmed(data: NDArray[np.uint8], start: int, end: int) -> tuple[int, int]:
    """Return (end without closing white space, characters up to there)."""
    while end > start and data[end - 1] <= _LAST_BLANK:
        end -= 1
    characters = 0
    for i in range(start, end):
        characters += (data[i] & 0xC0) != 0x80
    return end, characters


@jit
def _pieces(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    fold: FoldTable,
    paragraphs: bool,
    least: int,
) -> tuple[NDArray[np.uint64], U32, U32, U32, NDArray[np.int64]]:
    """Return hashes, rows, starts, ends; and of the pieces that must be folded before they are
    hashed (number, first byte, byte behind the last)."""
    room, longest = offsets.size, 0
    for d in range(offsets.size - 1):
        longest = max(longest, offsets[d + 1] - offsets[d])
    for i in range(offsets[0], offsets[-1]):
        room += data[i] == _NEWLINE
    ascii_words, words = kernels.ascii_words(fold), np.empty(longest // 2 + 1, np.uint64)
    hashes, rows = np.empty(room, np.uint64), np.empty(room, np.uint32)
    starts, ends = np.empty(room, np.uint32), np.empty(room, np.uint32)
    rough = np.empty((room, 3), np.int64)
    used, roughs = 0, 0
    for d in range(offsets.size - 1):
        i, end, character = offsets[d], offsets[d + 1], 0
        while i < end:
            first, first_character = i, character
            i, size, blank = _line_end(data, i, end)
            character += size
            while paragraphs and i < end:
                after, size, next_blank = _line_end(data, i, end)
                if blank and not next_blank:
                    break
                i, character, blank = after, character + size, next_blank
            stop, visible = _trimmed(data, first, i)
            if visible < least:
                continue
            hashes[used], count = kernels.content_and_words(
                data, first, stop, fold, False, ascii_words, words
            )
            if count == ROUGH:
                rough[roughs, 0], rough[roughs, 1], rough[roughs, 2] = used, first, stop
                roughs += 1
            rows[used], starts[used], ends[used] = d, first_character, character
            used += 1
    return (
        hashes[:used].copy(), rows[:used].copy(), starts[:used].copy(), ends[:used].copy(),
        rough[:roughs].copy(),
    )  # fmt: skip
