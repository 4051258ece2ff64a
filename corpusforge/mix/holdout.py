"""Which documents are held out for validation: by hash, whole groups of near copies, as many as are asked.

Every document has u = hash(seed, its group). Held out are all groups with u below `mix.validation`. That is
too little of a leaf whose documents are drawn several times, and by chance of a small one; then single
documents with the next greater u are added, step by step, until the leaf's tokens reach `mix.validation` of
what is drawn of it for training, but never to more than twice that, nor to half of the leaf. Where less than
an epoch is drawn, steps follow from the estimate by which documents are chosen for tokenizing, so that
they do not depend on what was chosen. A group with more documents than all that is to be held out stays
in training. Limit: a document larger than what is asked may be too much: the receipt says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from corpusforge.hashing import uniform
from corpusforge.mix.plan import Plan, validation_tokens

__all__ = [
    "NEVER",
    "SPREAD",
    "STEPS",
    "SURE",
    "Spread",
    "codes",
    "hold_out",
    "largest_group",
    "read_spread",
    "spread_table",
    "spreads",
]

I64 = NDArray[np.int64]

STEPS = 4096
"""Steps between `mix.validation` and 1, of equal width in u."""
NEVER = STEPS + 1
"""The code of documents that are never held out."""
SURE = Fraction(11, 10)
"""How much more than asked is held out where tokens are estimates."""
_ROUNDS = 8
"""Plans that are tried: what is held out changes what may be drawn, by less each time."""
SPREAD = pa.schema(
    [("leaf", pa.string()), ("code", pa.int32()), ("documents", pa.int64()), ("tokens", pa.int64())]
)
"""A row per leaf and code that any document has."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A leaf's documents and tokens by code, arrays [STEPS + 2], and the tokens of its longest one."""

    documents: I64
    tokens: I64
    longest: int = 0

    def __add__(self, other: Spread) -> Spread:
        return Spread(
            self.documents + other.documents,
            self.tokens + other.tokens,
            max(self.longest, other.longest),
        )

    def held(self, steps: int) -> tuple[int, int]:
        """Return the documents and tokens held out with so many steps."""
        own = slice(0, steps + 1)
        return int(self.documents[own].sum()), int(self.tokens[own].sum())

    @property
    def whole(self) -> tuple[int, int]:
        """All documents and tokens."""
        return int(self.documents.sum()), int(self.tokens.sum())


def codes(
    keys: NDArray[np.uint64], alike: NDArray[np.int32], seed: int, share: float, largest: int
) -> NDArray[np.int16]:
    """Return how many steps hold a document out: 0 always, `NEVER` never.

    `keys` are keys of groups; `alike` the documents of each one's group, 0 where that is not known, which
    counts as a group of a few.
    `keys`, `alike` and the result are [documents].
    """
    found = np.full(len(keys), NEVER, dtype=np.int16)
    if share <= 0:
        return found
    u = uniform(keys, seed, "validation")
    single = (alike == 1) & (u >= share)
    step = np.floor((u[single] - share) / (1.0 - share) * STEPS).astype(np.int16)
    found[single] = 1 + np.minimum(step, np.int16(STEPS - 1))
    found[(u < share) & (alike <= largest)] = 0
    return found


def largest_group(share: float, documents: int) -> int:
    """Return the most documents of a group that may be held out, of a run with so many documents."""
    return max(2, round(share * documents))


def spreads(
    leaf: NDArray[np.int32], code: NDArray[np.int16], tokens: I64, paths: Collection[str]
) -> dict[str, Spread]:
    """Return the spread of each leaf; `leaf` are numbers in `paths`, -1 for none.

    `leaf`, `code` (of `codes`) and `tokens` are [documents].
    """
    found = {}
    for number, path in enumerate(paths):
        own = leaf == number
        sums = np.zeros(STEPS + 2, dtype=np.int64)
        np.add.at(sums, code[own], tokens[own])  # bincount's weights are floats
        counts = np.bincount(code[own], minlength=STEPS + 2).astype(np.int64)
        found[path] = Spread(counts, sums, int(tokens[own].max(initial=0)))
    return found


def spread_table(found: Mapping[str, Spread]) -> pa.Table:
    """Return spreads as `SPREAD`."""
    rows = [
        {"leaf": path, "code": code, "documents": own.documents[code], "tokens": own.tokens[code]}
        for path, own in found.items()
        for code in np.flatnonzero(own.documents).tolist()
    ]
    return pa.Table.from_pylist(rows, schema=SPREAD)


def read_spread(table: pa.Table, path: str) -> Spread:
    """Return the spread of one leaf; its longest document is not told."""
    own = table.filter(pc.equal(table.column("leaf"), path))
    at = own.column("code").to_numpy()
    documents, tokens = (np.zeros(STEPS + 2, dtype=np.int64) for _ in range(2))
    documents[at], tokens[at] = (own.column(name).to_numpy() for name in ("documents", "tokens"))
    return Spread(documents, tokens)


def hold_out(
    share: float,
    found: Mapping[str, Spread],
    fixed: Mapping[str, int],
    planned: Callable[[Mapping[str, int]], Plan],
    sure: Fraction = Fraction(1),
) -> dict[str, int]:
    """Return the steps of each leaf; those of `fixed` ones are given.

    `planned` makes the plan of the training tokens of each leaf; `sure` times what is asked is aimed at.
    """
    steps = {path: fixed.get(path, 0) for path in found}
    for _ in range(_ROUNDS if share > 0 else 0):
        left = {path: own.whole[1] - own.held(steps[path])[1] for path, own in found.items()}
        asked = {one.path: one.asked for one in planned(left).shares}
        again = dict(steps)
        for path in found.keys() - fixed.keys():
            tokens = validation_tokens(share, asked.get(path, 0))
            again[path] = _reach(found[path], tokens, steps[path], sure)
        if again == steps:
            break
        steps = again
    return steps


def _reach(own: Spread, tokens: int, now: int, sure: Fraction) -> int:
    """Return the steps, `now` or more, with which so many tokens are held out, or as many as may be."""
    sums = np.cumsum(own.tokens[: STEPS + 1])
    limit, least = min(2 * tokens, own.whole[1] // 2), ceil(sure * tokens)
    if least <= sums[now]:
        return now
    first = int(np.searchsorted(sums, least))
    if first <= STEPS and sums[first] <= limit:
        return max(now, first)
    return max(now, int(np.searchsorted(sums, limit, side="right")) - 1)
