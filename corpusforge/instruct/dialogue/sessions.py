"""Long dialogues cut into pieces that fit a budget, between exchanges only, and the cuts recorded.

A piece is as many whole exchanges (a user's turn and the answer to it) as fit; a system turn stands
at the head of every piece and counts in each. Limits: a piece may begin with a turn that speaks of
what was said before it; sizes are of the texts, without what a chat template adds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpusforge.instruct.chat import Turns

__all__ = ["Measure", "Piece", "cut_turns", "measure_by"]

Measure = Callable[[Sequence[str]], Sequence[int]]
"""Sizes of texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One piece of a dialogue (a line of cuts.jsonl).

    `row` is the piece's row, `dialogue` the first row it was made from. Turns `first` to `last` of
    the dialogue (from 0, `last` not included), the system turn aside; `size` in `unit`, with it.
    """

    row: str
    dialogue: str
    piece: int
    pieces: int
    first: int
    last: int
    size: int
    most: int
    unit: str


def measure_by(unit: str) -> Measure:
    """Return what measures texts in characters, or in tokens of the tokenizer `unit` names.

    Raises InputError for a tokenizer that cannot be loaded.
    """
    if unit == "characters":
        return lambda texts: [len(text) for text in texts]
    import pyarrow as pa

    tokenizer = _tokenizer(unit)

    def tokens(texts: Sequence[str]) -> list[int]:
        _, offsets = tokenizer.encode(pa.array(texts, pa.large_string()))
        return [int(size) for size in offsets[1:] - offsets[:-1]]

    return tokens


@functools.cache
def _tokenizer(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202
    from corpusforge.tokenize import Settings, load

    return load(Settings(tokenizer=name))


def cut_turns(turns: Turns, most: int, measure: Measure) -> list[tuple[int, int, int]] | None:
    """Return (first, last, size) of each piece of at most `most`; None where an exchange is larger.

    `turns` must alternate (`check_turns`). `most` 0 cuts nothing. A piece takes as many exchanges as
    fit, from the first on.
    """
    sizes = list(measure([text for _, text in turns]))
    head = sizes.pop(0) if turns[0][0] == "system" else 0
    pairs = [sizes[k] + sizes[k + 1] for k in range(0, len(sizes), 2)]
    if not most:
        return [(0, len(sizes), head + sum(pairs))]
    if any(head + size > most for size in pairs):
        return None
    pieces: list[tuple[int, int, int]] = []
    first, total = 0, head
    for place, size in enumerate(pairs):
        if total + size > most:
            pieces.append((2 * first, 2 * place, total))
            first, total = place, head
        total += size
    return [*pieces, (2 * first, len(sizes), total)]
