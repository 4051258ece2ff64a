"""The novelty gate: is a text too close, by ROUGE-L, to one that the pool already holds?

Self-Instruct (Wang et al. 2023) refuses an instruction whose ROUGE-L F1 = 2L/(m+n) with some pool
member is above 0.7: L is the longest common subsequence, m and n are the lengths in tokens. Here
that is decided in integers, `20·L > 7·(m+n)`, over the whole pool and without approximation: a
128-bit signature of each member's tokens bounds L from above, and L is computed only where the
bound passes. A verdict depends on the candidate and the *set* of members alone, not on the order in
which they came; of equally near members the first added is named. Limits: time grows with the pool
(`docs/instruct_novelty.md` has figures); the same wish in other words is not found, and in the
Chinese profile a traditional copy of a simplified text is another text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpusforge.errors import InputError
from corpusforge.instruct.novelty_kernels import above, lcs_all, nearest, signature
from corpusforge.instruct.profile import Profile
from corpusforge.instruct.records import Similar

__all__ = ["Gate", "Verdict"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a text is new, and the members that are nearest to it, nearest first."""

    accepted: bool
    nearest: tuple[Similar, ...]


class Gate:
    """A growing pool of texts, and the question whether another text is new to it.

    A text is refused iff denominator·L > numerator·(m+n) for some member. Texts without tokens
    (marks alone) are new to every pool and near to nothing. Not for use by several threads.
    """

    def __init__(self, profile: Profile, numerator: int = 7, denominator: int = 20) -> None:
        if not 0 <= 2 * numerator <= denominator:
            raise InputError(
                f"novelty threshold {numerator}/{denominator} must lie in 0 to 1/2 "
                "(it is compared with L/(m+n), half of ROUGE-L F1); 7/20 is the paper's 0.7"
            )
        self.profile = profile
        self.numerator, self.denominator = numerator, denominator
        self._names: list[str] = []
        self._known: set[str] = set()
        self._vocabulary: dict[str, int] = {}
        self._place = np.zeros(1024, dtype=np.int32)
        self._tokens = np.zeros(1024, dtype=np.int32)
        self._starts = np.zeros(64, dtype=np.int64)
        self._lengths = np.zeros(64, dtype=np.int32)
        self._low = np.zeros(64, dtype=np.uint64)
        self._high = np.zeros(64, dtype=np.uint64)
        self._extra = np.zeros(64, dtype=np.int32)
        self._used = 0

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def add(self, name: str, text: str) -> None:
        """Add a text to the pool without judging it. Raises InputError if the id is there already."""
        if name in self._known:
            raise InputError(f"the pool already holds a text with id {name!r}; ids must be unique")
        vocabulary = self._vocabulary
        words = self.profile.tokens(text)
        ids = np.fromiter(
            (vocabulary.setdefault(word, len(vocabulary)) for word in words), np.int32, len(words)
        )
        row, end = len(self._names), self._used + len(ids)
        self._tokens = _room(self._tokens, end)
        self._place = _room(self._place, len(vocabulary))
        for column in ("_starts", "_lengths", "_low", "_high", "_extra"):
            setattr(self, column, _room(getattr(self, column), row + 1))
        self._tokens[self._used : end] = ids
        self._starts[row], self._lengths[row] = self._used, len(ids)
        self._low[row], self._high[row], self._extra[row] = signature(ids)
        self._used = end
        self._names.append(name)
        self._known.add(name)

    def judge(self, text: str, top: int = 0) -> Verdict:
        """Return whether `text` is new to the pool, with its `top` nearest members.

        With top=0, the fastest, `nearest` is empty for a new text and holds the nearest member for
        a refused one. With top>0 it holds the nearest members, as many as share a token at all.
        """
        ids = self._ids(text)
        best = np.zeros((max(1, top), 3), dtype=np.int64)
        if top < 1:
            found = above(self.numerator, self.denominator, best, *self._arguments(ids))
        else:
            found = nearest(best, *self._arguments(ids))
        close = self._similar(best[:found], len(ids))
        return Verdict(not (close and self._too_close(close[0])), close)

    def judge_many(self, texts: Iterable[str], top: int = 0) -> list[Verdict]:
        """Return the verdict on each text against the pool as it is; the texts are not added."""
        return [self.judge(text, top) for text in texts]

    def admit(self, name: str, text: str, top: int = 0) -> Verdict:
        """Judge a text and, if it is new, add it."""
        verdict = self.judge(text, top)
        if verdict.accepted:
            self.add(name, text)
        return verdict

    def nearest(self, text: str, top: int = 10) -> tuple[Similar, ...]:
        """Return the `top` members of largest ROUGE-L F1 that share a token, nearest first."""
        return self.judge(text, max(1, top)).nearest

    def close(self, text: str) -> tuple[Similar, ...]:
        """Return every member that is too close to `text`, nearest first."""
        ids, top = self._ids(text), 16
        while True:
            best = np.zeros((top, 3), dtype=np.int64)
            found = above(self.numerator, self.denominator, best, *self._arguments(ids))
            if found < top:
                return self._similar(best[:found], len(ids))
            top *= 8

    def mean(self, text: str) -> float:
        """Return the mean ROUGE-L F1 over all members, 0.0 for an empty pool; computes every L."""
        ids, count = self._ids(text), len(self)
        common = np.zeros(count, dtype=np.int64)
        lcs_all(ids, self._place, self._tokens, self._starts[:count], self._lengths[:count], common)
        sizes = np.maximum(self._lengths[:count].astype(np.int64) + len(ids), 1)
        return float(np.mean(2 * common / sizes)) if count else 0.0

    def _too_close(self, other: Similar) -> bool:
        return self.denominator * other.lcs > self.numerator * (other.left + other.right)

    def _ids(self, text: str) -> NDArray[np.int32]:
        words, vocabulary = self.profile.tokens(text), self._vocabulary
        return np.fromiter((vocabulary.get(word, -1) for word in words), np.int32, len(words))

    def _similar(self, best: NDArray[np.int64], size: int) -> tuple[Similar, ...]:
        return tuple(
            Similar(self._names[member], lcs, size, total - size)
            for member, lcs, total in best.tolist()
        )

    def _arguments(self, ids: NDArray[np.int32]) -> tuple[Any, ...]:
        count = len(self)
        return (
            ids, self._place, self._tokens, self._starts[:count], self._lengths[:count],
            self._low[:count], self._high[:count], self._extra[:count],
        )  # fmt: skip


def _room(array: NDArray[Any], size: int) -> NDArray[Any]:
    """Return `array`, twice as long as often as it takes to hold `size` entries."""
    if size <= len(array):
        return array
    longer = np.zeros(max(size, 2 * len(array)), dtype=array.dtype)
    longer[: len(array)] = array
    return longer
