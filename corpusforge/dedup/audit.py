"""What deduplication left behind: a sample of survivors against all survivors, exactly.

Method: an inverted index over every shingle of the sample; each survivor's intersections with all
sampled documents are counted, so no pair is missed by a band, a bucket or an estimate. It shares
the meaning of a shingle with the signatures, and nothing else. Cost: one pass over the text, plus
one addition for each shingle a survivor shares with a sampled document.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import shingle_sets
from corpusforge.errors import InputError
from corpusforge.hashing import id_keys, uniform
from corpusforge.text.jit import jit

__all__ = ["Audit", "Probe", "audit", "audit_survivors", "pick_sample", "wilson"]

Documents = tuple[Sequence[str], pa.Array | Sequence[str]]
"""Ids and texts of some survivors."""


@dataclass(frozen=True, slots=True)
class Audit:
    """Sampled survivors, those that still have a copy, and the 95 % interval of the share."""

    sampled: int
    with_copy: int
    low: float
    high: float
    pairs: tuple[tuple[str, str, float], ...]
    """(sampled id, other id, exact Jaccard), each unordered pair once, by id."""

    @property
    def share(self) -> float:
        """Share of sampled survivors that still have a copy."""
        return self.with_copy / self.sampled if self.sampled else 0.0

    def check(self, limit: float) -> None:
        """Raise InputError where the share is above the recipe's bound."""
        if self.share > limit:
            raise InputError(
                f"dedup.audit_limit: {self.with_copy} of {self.sampled} audited survivors "
                f"({self.share:.2%}) still have a copy, more than {limit:.2%}. "
                "Raise dedup.recall or dedup.slots, or the limit."
            )


class Probe:
    """An inverted index of some documents' shingles, to be matched against streamed documents."""

    def __init__(self, texts: pa.Array | Sequence[str], ngram: int) -> None:
        self._ngram = ngram
        flat, bounds = shingle_sets(texts, ngram)
        self.sizes = np.diff(bounds)
        owners = np.repeat(np.arange(len(self.sizes)), self.sizes)
        order = np.argsort(flat, kind="stable")
        self._owners = owners[order].astype(np.uint32)
        self._hashes, starts = np.unique(flat[order], return_index=True)
        self._starts = np.append(starts, len(flat)).astype(np.int64)

    def matches(
        self, texts: pa.Array | Sequence[str], threshold: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """Return (place in the probe, place in texts, exact Jaccard) of pairs >= threshold.

        `texts` are strings [texts]; the three arrays are [pairs].
        """
        flat, bounds = shingle_sets(texts, self._ngram)
        return _count(self._hashes, self._starts, self._owners, self.sizes, flat, bounds, threshold)


@jit
def _count(
    hashes: NDArray[np.uint32],
    starts: NDArray[np.int64],
    owners: NDArray[np.uint32],
    sizes: NDArray[np.int64],
    flat: NDArray[np.uint32],
    bounds: NDArray[np.int64],
    threshold: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    shared = np.zeros(sizes.size, np.int64)
    left, right, values = [0], [0], [0.0]
    for d in range(bounds.size - 1):
        shared[:] = 0
        for h in flat[bounds[d] : bounds[d + 1]]:
            place = np.searchsorted(hashes, h)
            if place < hashes.size and hashes[place] == h:
                for k in range(starts[place], starts[place + 1]):
                    shared[owners[k]] += 1
        size = bounds[d + 1] - bounds[d]
        for s in range(sizes.size):
            if shared[s] and shared[s] >= threshold * (size + sizes[s] - shared[s]):
                left.append(s)
                right.append(d)
                values.append(shared[s] / (size + sizes[s] - shared[s]))
    return np.array(left[1:]), np.array(right[1:]), np.array(values[1:])


def pick_sample(ids: Sequence[str], count: int, seed: int) -> NDArray[np.int64]:
    """Return the places of `count` ids (all, if fewer), the smallest draws, ascending.

    `ids` are [documents]; the places are int64 [at most count].
    """
    draws = uniform(id_keys(ids), seed, "dedup audit")
    return np.sort(np.argsort(draws, kind="stable")[:count])


def audit(sample: Documents, survivors: Iterable[Documents], settings: Settings) -> Audit:
    """Compare the sampled survivors with all survivors; ids tell a document from itself."""
    probe = Probe(sample[1], settings.ngram)
    found: dict[tuple[str, str], float] = {}
    hit: set[str] = set()
    for ids, texts in survivors:
        for place, other, value in zip(*probe.matches(texts, settings.threshold), strict=True):
            name, match = sample[0][place], ids[other]
            if name != match:
                hit.add(name)
                found[min(name, match), max(name, match)] = float(value)
    low, high = wilson(len(hit), len(sample[0]))
    pairs = tuple((a, b, value) for (a, b), value in sorted(found.items()))
    return Audit(len(sample[0]), len(hit), low, high, pairs)


def audit_survivors(
    read: Callable[[Sequence[str]], Iterable[pa.RecordBatch]], settings: Settings
) -> Audit:
    """Audit a sample of all survivors; `read` yields batches that have the named columns."""
    ids = [name for batch in read(["id"]) for name in batch.column("id").to_pylist()]
    wanted = {ids[place] for place in pick_sample(ids, settings.audit_sample, settings.seed)}
    names: list[str] = []
    texts: list[str] = []

    for batch in read(["id", "text"]):
        some = batch.column("id").to_pylist()
        places = [place for place, name in enumerate(some) if name in wanted]
        names += [some[place] for place in places]
        texts += batch.column("text").take(pa.array(places, type=pa.int64())).to_pylist()
    every = (
        (batch.column("id").to_pylist(), batch.column("text")) for batch in read(["id", "text"])
    )
    return audit((names, texts), every, settings)


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share; (0, 1) for an empty sample."""
    if total == 0:
        return 0.0, 1.0
    z = 1.959963984540054
    share, square = hits / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
