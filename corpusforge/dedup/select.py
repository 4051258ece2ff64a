"""From signed parts to duplicates: exact copies, equal URLs, then verified near copies.

Everything works on ranks in policy order (`corpus.py`), so the result is the same for any order of
parts and rows and any number of key ranges, and whole components may be selected apart from others
(`by_component.py`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpusforge.dedup import greedy
from corpusforge.dedup.bitset import Marks
from corpusforge.dedup.buckets import Buckets, components, gather
from corpusforge.dedup.connected import Components, Links, Verified, join, links
from corpusforge.dedup.lsh_buckets import choose_ranges, read_collisions, write_collisions
from corpusforge.dedup.parts import KeyFile, read_signatures
from corpusforge.dedup.plan import Plan, make_plan
from corpusforge.dedup.ranked import Corpus, load_corpus
from corpusforge.dedup.results import Counts, Duplicates, find_alarms
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.verify import TextOf, Verifier
from corpusforge.errors import InputError

__all__ = ["Selection", "find_duplicates", "select_near"]

_EXACT, _URL, _MINHASH = 1, 2, 3
_HIGH, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)
_IN_MEMORY = 1 << 28  # bytes of candidate signatures; more go to a mapped scratch file


@dataclass(frozen=True, slots=True)
class Selection:
    """Near copies among some documents: ranks removed, the ranks kept instead, similarity, work.

    `known` are the exact similarities that it took.
    """

    removed: NDArray[np.uint32]
    kept: NDArray[np.uint32]
    similarity: NDArray[np.float32]
    counts: Counts
    known: Verified


def find_duplicates(
    part_prefixes: Sequence[str],
    settings: Settings,
    text_of: TextOf | None = None,
    *,
    index: Sequence[str] = (),
    components: bool = False,
) -> Duplicates:
    """Return the duplicates among signed parts, and against the parts of an earlier run's index.

    `text_of(part, rows)` gives texts for exact comparison; without it the estimate decides alone.
    `settings.ranges` do not change the result. With `components` it holds the connected components of all
    verified pairs. Raises InputError for parts that do not fit.
    """
    if not part_prefixes:
        raise InputError("dedup: no parts to compare. Sign at least one document part first.")
    with tempfile.TemporaryDirectory(prefix="corpusforge-dedup-") as scratch:
        every = (*index, *part_prefixes)
        ranges = choose_ranges(settings, sum(KeyFile(prefix).documents for prefix in every))
        paths = [f"{scratch}/{number}.groups" for number in range(ranges)]
        for number, path in enumerate(paths):
            write_collisions(every, settings, number, ranges, path)
        return _select(part_prefixes, settings, text_of, index, paths, components)


def _select(
    part_prefixes: Sequence[str],
    settings: Settings,
    text_of: TextOf | None,
    index: Sequence[str],
    paths: Sequence[str],
    components: bool,
) -> Duplicates:
    marks = _mark((*index, *part_prefixes), settings, paths)
    corpus = load_corpus(part_prefixes, settings, index, marks)
    kept = np.arange(corpus.size, dtype=np.uint32)
    similarity = np.ones(corpus.size, dtype=np.float32)
    method = np.zeros(corpus.size, dtype=np.uint8)
    counts = Counts(documents=corpus.documents)
    if settings.method != "off":
        for keys, name in ((corpus.exact, _EXACT), (corpus.urls, _URL)):
            copies, firsts = _equal_keys(keys, method, corpus.frozen)
            kept[copies], method[copies] = firsts, name
            if name == _URL:
                similarity[copies] = _estimates(corpus, settings, copies, firsts)
    joined: list[Links] = []
    if settings.method == "fuzzy":
        alive = (method == 0) & (corpus.shingles > 0)
        every = wide = gather(corpus, alive, read_collisions(paths), marks, settings.max_kept)
        if components and (method == _URL).any():  # copies by URL have texts of their own
            alive |= (method == _URL) & (corpus.shingles > 0)
            wide = gather(corpus, alive, read_collisions(paths), marks, settings.max_kept)
        del marks
        found = _near(corpus, every, settings, text_of, len(index))
        kept[found.removed], method[found.removed] = found.kept, _MINHASH
        similarity[found.removed] = found.similarity
        counts = found.counts
        if (
            components and settings.selection != "components"
        ):  # chaining has joined whatever shares a bucket
            joined = [_links(corpus, wide, kept, settings, found.known, text_of, len(index))]
    _follow(corpus, settings, kept, similarity, method)
    out = _outcome(corpus, settings, len(index), kept, similarity, method, counts)
    return replace(out, components=_components(out, joined)) if components else out


def _links(
    corpus: Corpus,
    every: Buckets,
    kept: NDArray[np.uint32],
    settings: Settings,
    known: Verified,
    text_of: TextOf | None,
    first_part: int,
) -> Links:
    """Return what joins all verified pairs."""
    bounds = _bounds(settings, make_plan(settings), exact=text_of is not None)
    with tempfile.TemporaryDirectory(prefix="corpusforge-dedup-") as scratch:
        rows = _gather_signatures(corpus, every.documents, settings.slots, scratch)
        return links(corpus, every, rows, kept, bounds, known, text_of, settings.ngram, first_part)


def _components(out: Duplicates, joined: list[Links]) -> Components:
    stays = ~out.removed
    stays[: out.corpus.frozen] = False
    return join(out.kept, stays, joined)


def _mark(prefixes: Sequence[str], settings: Settings, paths: Sequence[str]) -> Marks:
    """Return which documents have a neighbour; with spans all are asked for their rank."""
    marks = Marks(sum(KeyFile(prefix).documents for prefix in prefixes))
    for some in read_collisions(paths):
        marks.add(some.numbers)
    if settings.spans != "off":
        marks.add_all()
    marks.seal()
    return marks


def _near(
    corpus: Corpus,
    buckets: Buckets,
    settings: Settings,
    text_of: TextOf | None,
    first_part: int,
) -> Selection:
    plan = make_plan(settings)
    with tempfile.TemporaryDirectory(prefix="corpusforge-dedup-") as scratch:
        signatures = _gather_signatures(corpus, buckets.documents, settings.slots, scratch)
        if settings.selection == "components":
            return _chained(buckets, signatures, corpus)
        return select_near(corpus, buckets, signatures, settings, plan, text_of, first_part)


def select_near(
    corpus: Corpus,
    buckets: Buckets,
    signatures: NDArray[np.uint32],
    settings: Settings,
    plan: Plan,
    text_of: TextOf | None,
    first_part: int,
) -> Selection:
    """Return the sequential greedy selection over some buckets (whole components of the graph).

    `signatures` are uint32 [documents, slots], as `buckets.documents` names them.
    """
    bounds = _bounds(settings, plan, exact=text_of is not None)
    frozen = int(np.searchsorted(buckets.documents, corpus.frozen))
    pairs, values = np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.float32)
    sweeps = 1
    result = greedy.sweep(buckets, signatures, bounds, frozen, pairs, values)
    if len(result.requests):
        assert text_of is not None
        with Verifier(corpus, buckets.documents, text_of, settings.ngram, first_part) as verifier:
            while len(result.requests):
                asked = np.sort(result.requests)
                pairs = np.concatenate([pairs, asked])
                values = np.concatenate([values, verifier.similarities(asked)])
                order = np.argsort(pairs)
                pairs, values = pairs[order], values[order]
                result = greedy.sweep(buckets, signatures, bounds, frozen, pairs, values)
                sweeps += 1
    gone = np.flatnonzero(result.state == greedy.REMOVED)
    counts = Counts(
        corpus.documents,
        len(buckets.documents),
        result.compared,
        len(pairs),
        sweeps,
        result.unseen,
        result.unchecked,
    )
    documents = buckets.documents
    high, low = (
        documents[(pairs >> shift) & _LOW].astype(np.uint64) for shift in (_HIGH, np.uint64(0))
    )
    known = Verified(high << _HIGH | low, values)
    return Selection(
        documents[gone], documents[result.kept[gone]], result.similarity[gone], counts, known
    )


def _bounds(settings: Settings, plan: Plan, *, exact: bool) -> greedy.Bounds:
    low = int(np.ceil(plan.low * plan.slots)) if exact else _least(settings)
    high = max(low, int(np.ceil(plan.high * plan.slots))) if exact else low
    return greedy.Bounds(low, high, settings.threshold, settings.max_kept, settings.max_exact)


def _least(settings: Settings) -> int:
    return int(np.ceil(settings.threshold * settings.slots - 1e-9))


def _chained(buckets: Buckets, signatures: NDArray[np.uint32], corpus: Corpus) -> Selection:
    roots = components(buckets)
    gone = np.flatnonzero(roots != np.arange(len(roots)))
    similarity = (signatures[gone] == signatures[roots[gone]]).mean(axis=1, dtype=np.float32)
    documents = buckets.documents
    counts = Counts(corpus.documents, len(documents), len(gone))
    none = Verified(np.empty(0, np.uint64), np.empty(0, np.float32))
    return Selection(documents[gone], documents[roots[gone]], similarity, counts, none)


def _gather_signatures(
    corpus: Corpus, ranks: NDArray[np.uint32], slots: int, scratch: str
) -> NDArray[np.uint32]:
    shape = (len(ranks), slots)
    out: NDArray[np.uint32]
    if 4 * len(ranks) * slots > _IN_MEMORY:
        out = np.memmap(Path(scratch) / "signatures", dtype=np.uint32, mode="w+", shape=shape)
    else:
        out = np.empty(shape, dtype=np.uint32)
    parts, rows = corpus.locate(ranks.astype(np.int64))
    for part in np.unique(parts):
        places = np.flatnonzero(parts == part)
        places = places[np.argsort(rows[places], kind="stable")]
        source = read_signatures(corpus.prefixes[part], slots)
        for first in range(0, len(places), 1 << 16):
            some = places[first : first + (1 << 16)]
            out[some] = source[rows[some]]
    return out


def _estimates(
    corpus: Corpus, settings: Settings, left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.float32]:
    ranks, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    with tempfile.TemporaryDirectory(prefix="corpusforge-dedup-") as scratch:
        rows = _gather_signatures(corpus, ranks.astype(np.uint32), settings.slots, scratch)
        half = len(left)
        equal = [
            (rows[a] == rows[b]).mean(dtype=np.float32)
            for a, b in zip(places[:half], places[half:], strict=True)
        ]
    return np.array(equal, dtype=np.float32)


def _equal_keys(
    keys: NDArray[np.uint64], method: NDArray[np.uint8], frozen: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (copies, firsts): living documents whose key a better rank has, and that rank."""
    alive = np.flatnonzero((method == 0) & (keys != 0))
    if len(alive) == 0:
        return alive, alive
    order = np.argsort(keys[alive])
    ranks, sorted_keys = alive[order], keys[alive][order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]))
    firsts = np.repeat(np.minimum.reduceat(ranks, starts), np.diff(np.append(starts, len(ranks))))
    copies = (ranks != firsts) & (ranks >= frozen)
    return ranks[copies], firsts[copies]


def _follow(
    corpus: Corpus,
    settings: Settings,
    kept: NDArray[np.uint32],
    similarity: NDArray[np.float32],
    method: NDArray[np.uint8],
) -> None:
    """Point copies of a document that was itself removed to the survivor, with that similarity."""
    for name in (_URL, _EXACT):
        copies = np.flatnonzero(method == name)
        moved = copies[method[kept[copies]] != 0]
        first = kept[moved]
        kept[moved], similarity[moved] = kept[first], similarity[first]
        if name == _EXACT:
            method[moved] = method[first]  # equal text: found as its twin was
        elif len(moved):
            similarity[moved] = _estimates(corpus, settings, moved, kept[moved].astype(np.int64))


def _outcome(
    corpus: Corpus,
    settings: Settings,
    first_part: int,
    kept: NDArray[np.uint32],
    similarity: NDArray[np.float32],
    method: NDArray[np.uint8],
    counts: Counts,
) -> Duplicates:
    sizes = np.bincount(kept, minlength=corpus.size).astype(np.uint32)
    removed = method != 0
    if settings.action == "mark":
        removed = np.zeros_like(removed)
    elif settings.action == "drop_all":
        removed = sizes[kept] > 1
    removed[: corpus.frozen] = False
    lost = _lost(corpus, removed)
    alarms = find_alarms(corpus.seen, lost, settings)
    return Duplicates(
        corpus, first_part, kept, similarity, method, removed, lost, sizes, counts, alarms
    )


def _lost(corpus: Corpus, removed: NDArray[np.bool_]) -> dict[str, int]:
    """Return how many of each source's new documents leave."""
    names = corpus.sources.dictionary.to_pylist()
    codes = np.asarray(corpus.sources.indices)[corpus.places[corpus.frozen :]]
    lost = np.bincount(codes[removed[corpus.frozen :]], minlength=len(names))
    return dict(zip(names, lost.tolist(), strict=True))
