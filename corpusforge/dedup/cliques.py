"""The same selection without one process that sees everything: cliques of verified copies, in rounds.

Greedy selection in policy order is the lexicographically first maximal independent set of the graph of
verified pairs (Cook 1985). It can be found by rounds: keep each document that has no better undecided
neighbour, remove its neighbours, repeat. Here the graph is a list of *cliques*, sets of documents that are
copies of each other pairwise: a pair, or all documents of one signature, or of two signatures that agree
in enough slots. A clique of m members stands for m (m - 1) / 2 edges and is as long as its members, so a
bucket of equal signatures stays linear.

Everything is a pure function of small values, for engines that group by key (`corpusforge.beam`). Limits:
in a bucket each signature is compared with the `max_kept` better ones nearest before it, kept or not; two
signatures in the uncertain zone that stand for more than `CROWD` pairs of documents are judged by their
best members; every pair in the zone is compared, where the staged run stops at `max_exact` per document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.dedup import kernels
from corpusforge.dedup.plan import Plan, make_plan
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import content_keys, sign_documents
from corpusforge.hashing import id_keys, mix64
from corpusforge.text.packed import packed
from corpusforge.text.urls import url_hashes

__all__ = ["CROWD", "Clique", "Member", "Signed", "cliques_of", "select", "sign_rows", "zone"]

CROWD = 4096
"""Pairs of documents of two signatures, above which their best members speak for all."""

Order = tuple[object, ...]


class Member(NamedTuple):
    """A document as selection sees it: its place in policy order, its id, the batch it lies in."""

    order: Order
    id: str
    batch: str


class Signed(NamedTuple):
    """A document with its signature (uint32 little-endian bytes) and keys; 0 stands for no key."""

    member: Member
    signature: bytes
    content: int
    url: int
    bands: tuple[int, ...]


class Clique(NamedTuple):
    """Documents that are copies of each other pairwise, best first, and how similar they are.

    `certain` False: two documents whose similarity must be computed from their texts first.
    """

    key: str
    similarity: float
    certain: bool
    members: tuple[Member, ...]


def sign_rows(rows: pa.RecordBatch, settings: Settings, batch: str) -> list[Signed]:
    """Return the documents of a batch with signature, keys and place in policy order."""
    plan = make_plan(settings)
    signatures, shingles, content = sign_documents(rows, settings)
    scope = _scope(rows, settings)
    used = np.arange(rows.num_rows, dtype=np.int64)
    bands = np.stack(
        [kernels.band_keys(signatures, used, band, plan.rows) for band in range(plan.bands)], axis=1
    )
    bands = mix64(bands ^ mix64(scope)[:, None]) if scope.any() else bands
    named = url_hashes(rows.column("url").to_pylist())
    sources = rows.column("source").to_pylist()
    linked = np.array([bool({"*", name} & set(settings.url_sources)) for name in sources])
    urls = np.where((named != 0) & linked, mix64(named ^ mix64(scope)), np.uint64(0))
    keys = content_keys(content, shingles, scope)
    return [
        Signed(
            Member(order, identifier, batch),
            signatures[n].astype("<u4").tobytes(),
            int(keys[n]),
            int(urls[n]),
            tuple(bands[n].tolist()) if shingles[n] and settings.method == "fuzzy" else (),
        )
        for n, (order, identifier) in enumerate(
            zip(_orders(rows, settings), rows.column("id").to_pylist(), strict=True)
        )
    ]


def _scope(rows: pa.RecordBatch, settings: Settings) -> NDArray[np.uint64]:
    if settings.scope == "global":
        return np.zeros(rows.num_rows, dtype=np.uint64)
    return id_keys(rows.column("source").to_pylist())


def _orders(rows: pa.RecordBatch, settings: Settings) -> list[Order]:
    """Return a tuple per document that sorts as the policy does: the smallest survives everyone."""
    columns = [_order_column(rows, key, settings) for key in settings.order]
    return list(zip(*columns, rows.column("id").to_pylist(), strict=True))


def _order_column(rows: pa.RecordBatch, key: str, settings: Settings) -> list[object]:
    if key == "source":
        place = {name: number for number, name in enumerate(settings.sources)}
        return [place.get(name, len(place)) for name in rows.column("source").to_pylist()]
    if key == "score":
        if "score" not in rows.schema.names:
            return [float("inf")] * rows.num_rows
        scores = rows.column("score").to_pylist()
        return [float("inf") if s is None or s != s else -s for s in scores]  # noqa: PLR0124 - NaN
    if key in ("newest", "oldest"):
        return [
            _dated(date or "", newest=key == "newest") for date in rows.column("date").to_pylist()
        ]
    sizes = np.diff(packed(rows.column("text"))[1]).tolist()
    return sizes if key == "shortest" else [-size for size in sizes]


def _dated(date: str, *, newest: bool) -> tuple[bool, bytes]:
    """A date as sortable bytes; unknown ones last, and for the newest first every byte reversed."""
    data = date.encode()
    return not date, bytes(255 - byte for byte in data) + b"\xff" if newest else data


class Zone(NamedTuple):
    """Slots that must agree: below `low` no copy, from `high` on a copy, between them compare texts."""

    low: int
    high: int
    threshold: float
    slots: int
    nearest: int


def zone(settings: Settings) -> Zone:
    """Return the bounds of the settings' plan in whole slots."""
    plan: Plan = make_plan(settings)
    low = int(np.ceil(plan.low * plan.slots))
    high = max(low, int(np.ceil(plan.high * plan.slots)))
    return Zone(low, high, settings.threshold, plan.slots, settings.max_kept)


def cliques_of(
    members: Iterable[tuple[Member, bytes]], band: int, bounds: Zone
) -> Iterator[Clique]:
    """Yield the cliques of one bucket, documents that share a band key with their signatures.

    The same clique comes from every bucket that its documents share: they are told apart by `key`.
    Documents of one signature share every band, so they are given by band 0 alone.
    """
    groups: dict[bytes, list[Member]] = {}
    for member, signature in sorted(members):
        groups.setdefault(signature, []).append(member)
    signatures = np.frombuffer(b"".join(groups), dtype="<u4").reshape(len(groups), -1)
    lists = [tuple(dict.fromkeys(group)) for group in groups.values()]
    for group in lists if band == 0 else ():
        if len(group) > 1:
            yield Clique(f"={group[0].id}", 1.0, True, group)
    for later in range(1, len(lists)):
        first = max(0, later - bounds.nearest)
        same = (signatures[first:later] == signatures[later]).sum(axis=1)
        for place in np.flatnonzero(same >= bounds.low).tolist():
            better, agreed = lists[first + place], int(same[place])
            yield from _between(better, lists[later], agreed, bounds)


def _between(
    better: Sequence[Member], worse: Sequence[Member], agreed: int, bounds: Zone
) -> Iterator[Clique]:
    similarity = agreed / bounds.slots
    if agreed >= bounds.high:
        both = tuple(sorted((*better, *worse)))
        yield Clique(f"~{better[0].id} {worse[0].id}", similarity, True, both)
        return
    if len(better) * len(worse) > CROWD:
        better, worse = better[:1], worse[:1]
    for pair in product(better, worse):
        own = tuple(sorted(pair))
        yield Clique(f"?{own[0].id} {own[1].id}", similarity, False, own)


def select(cliques: Iterable[Clique]) -> dict[str, tuple[Member, str, float]]:
    """Return what is removed: id → (the document, the id kept instead, similarity), one by one.

    All cliques of their documents must be given. Of several kept copies the most similar is named.
    """
    own: dict[Member, list[Clique]] = {}
    for clique in cliques:
        for member in clique.members:
            own.setdefault(member, []).append(clique)
    kept: set[Member] = set()
    removed: dict[str, tuple[Member, str, float]] = {}
    for member in sorted(own):
        copies = [
            (-clique.similarity, other)
            for clique in own[member]
            for other in clique.members
            if other in kept
        ]
        if copies:
            similarity, other = min(copies)
            removed[member.id] = (member, other.id, -similarity)
        else:
            kept.add(member)
    return removed


def without(clique: Clique, gone: Mapping[str, object]) -> Clique | None:
    """Return the clique without some documents; None where fewer than two are left."""
    left = tuple(member for member in clique.members if member.id not in gone)
    return clique._replace(members=left) if len(left) > 1 else None
