"""Deduplication as Beam transforms on real GroupByKeys: the staged run's survivors, on any number of workers.

Keys, ids and signatures are shuffled; text is shuffled once, in batches, when the removed rows are taken
out. `DedupMinHash` finds near copies by `corpusforge.dedup.cliques`: every bucket of a band gives cliques of
verified copies, and rounds of groupings decide them; what is undecided after `rounds` of them is decided
by one worker. Limits: `keep_one` alone, no spans, no snapshot scope; ids must be unique; similarities in
the uncertain zone are computed from the shingle sets of the documents concerned, whose ids every worker
holds; those of `cliques`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.pvalue import AsIter

from corpusforge.beam.transforms import Outputs, letters, tagged
from corpusforge.dedup.cliques import Clique, Member, Signed, cliques_of, select, sign_rows, zone
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import shingle_sets
from corpusforge.dedup.verify import jaccard
from corpusforge.errors import InputError
from corpusforge.steps import dropped, without

__all__ = ["DedupExact", "DedupMinHash"]


class Removal(NamedTuple):
    """A document to be removed: where it lies, the id kept instead, how it was found, how similar.

    A copy by address brings its signature, to be compared with a survivor that is known only later.
    """

    batch: str
    id: str
    kept: str
    method: str
    similarity: float
    signature: bytes = b""


def _check(settings: Settings) -> Settings:
    unsupported = {
        "action": settings.action != "keep_one",
        "selection": settings.selection != "greedy",
        "spans": settings.spans != "off",
        "scope": settings.scope == "snapshot",
        "method": settings.method == "off",
    }
    for name, wrong in unsupported.items():
        if wrong:
            raise InputError(
                f"dedup.{name} = {getattr(settings, name)!r} is not one of the transforms': take the staged "
                "run (pipelines.pretrain_mix) or pipelines.dedup."
            )
    return settings


class DedupExact(beam.PTransform):
    """Remove copies of equal content, and of equal address for `settings.url_sources`; the best stays.

    Content is compared lower-cased, white space as one space. Policy order: `settings.order`.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__()
        self._settings = _check(settings or Settings(method="exact"))

    def expand(self, rows: beam.PCollection) -> Outputs:
        """Batches in, batches without copies out."""
        named = rows | "Name" >> beam.Map(_named)
        signed = named | "Sign" >> beam.FlatMap(_signed, self._settings)
        alive, exact, url = _equal(signed)
        return _taken_out(named, _followed(alive, exact, url, None))


class DedupMinHash(beam.PTransform):
    """Remove equal copies, then near copies: verified, without chaining, the best stays.

    `rounds`: groupings over undecided documents before one worker decides the rest; the survivors are
    the same for any number.
    """

    def __init__(self, settings: Settings | None = None, rounds: int = 4) -> None:
        super().__init__()
        if rounds < 0:
            raise InputError(f"rounds is {rounds}; expected 0 or more.")
        self._settings = _check(settings or Settings())
        self._rounds = rounds

    def expand(self, rows: beam.PCollection) -> Outputs:
        """Batches in, batches without copies out."""
        named = rows | "Name" >> beam.Map(_named)
        signed = named | "Sign" >> beam.FlatMap(_signed, self._settings)
        alive, exact, url = _equal(signed)
        live = _verified(named, _cliques(alive, self._settings), self._settings)
        gone = []
        for number in range(self._rounds):
            live, decided = live | f"Round{number + 1}" >> _Round()
            gone.append(decided)
        rest = live | "Together" >> beam.Map(_together) | "Rest" >> beam.GroupByKey()
        gone.append(rest | "Decide" >> beam.FlatMap(_decide_rest))
        near = gone | "Near" >> beam.Flatten()
        return _taken_out(named, _followed(alive, exact, url, near))


def _named(rows: pa.RecordBatch) -> tuple[str, pa.RecordBatch]:
    """A batch with a name: the hash of its documents' ids."""
    ids = "\0".join(rows.column("id").to_pylist())
    return hashlib.blake2b(ids.encode(), digest_size=12).hexdigest(), rows


def _signed(named: tuple[str, pa.RecordBatch], settings: Settings) -> list[Signed]:
    return sign_rows(named[1], settings, named[0])


def _equal(
    signed: beam.PCollection,
) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
    """Return (documents that stay, removals of equal content, then those of equal address)."""
    gone = []
    for name, key in (("exact", "content"), ("url", "url")):
        split = (
            signed
            | f"Key {name}" >> beam.Map(_keyed, key)
            | f"Equal {name}" >> beam.GroupByKey()
            | f"Best {name}" >> beam.FlatMap(_best, name).with_outputs("removed", main="alive")
        )
        signed = split.alive
        gone.append(split.removed)
    return (signed, *gone)


def _keyed(document: Signed, key: str) -> tuple[str, Signed]:
    """The document by its key; by its own id where it has none."""
    value = getattr(document, key)
    return (f"{value:016x}" if value else f"id {document.member.id}"), document


def _best(group: tuple[str, Iterable[Signed]], method: str) -> Iterator[Any]:
    first, *copies = sorted(group[1])
    yield first
    for copy in copies:
        linked = method == "url"
        similarity = _agreement(first.signature, copy.signature) if linked else 1.0
        own, kept = copy.member, first.member.id
        signature = copy.signature if linked else b""
        yield beam.pvalue.TaggedOutput(
            "removed", Removal(own.batch, own.id, kept, method, similarity, signature)
        )


def _agreement(left: bytes, right: bytes) -> float:
    return float((np.frombuffer(left, "<u4") == np.frombuffer(right, "<u4")).mean())


def _followed(
    alive: beam.PCollection,
    exact: beam.PCollection,
    url: beam.PCollection,
    near: beam.PCollection | None,
) -> beam.PCollection:
    """All removals, those whose kept document was itself removed pointing to its survivor."""
    if near is not None:
        signatures = alive | "Signatures" >> beam.Map(_signature)
        url = (
            (_moved(url, near, "Url") | "By survivor" >> beam.Map(_by_kept), signatures)
            | "Compare again" >> beam.CoGroupByKey()
            | "Estimate" >> beam.FlatMap(_estimated)
        )
    others = [url] if near is None else [url, near]
    gone = others | "Others" >> beam.Flatten()
    return (_moved(exact, gone, "Exact"), gone) | "Removed" >> beam.Flatten()


def _moved(copies: beam.PCollection, gone: beam.PCollection, name: str) -> beam.PCollection:
    pairs = (
        copies | f"{name} kept" >> beam.Map(_by_kept),
        gone | f"{name} gone" >> beam.Map(_by_id_of),
    )
    return pairs | f"{name} meet" >> beam.CoGroupByKey() | f"{name} follow" >> beam.FlatMap(_follow)


def _signature(document: Signed) -> tuple[str, bytes]:
    return document.member.id, document.signature


def _by_kept(removal: Removal) -> tuple[str, Removal]:
    return removal.kept, removal


def _by_id_of(removal: Removal) -> tuple[str, Removal]:
    return removal.id, removal


def _follow(group: tuple[str, tuple[Iterable[Removal], Iterable[Removal]]]) -> Iterator[Removal]:
    copies, first = group[1]
    for twin in first:
        for copy in copies:
            if copy.method == "exact":  # equal text: found as its twin was
                method, similarity = twin.method, twin.similarity
                yield copy._replace(kept=twin.kept, method=method, similarity=similarity)
            else:
                yield copy._replace(kept=twin.kept)
        return
    yield from copies


def _estimated(group: tuple[str, tuple[Iterable[Removal], Iterable[bytes]]]) -> Iterator[Removal]:
    """Copies by address with their similarity to the document that stays in the end."""
    copies, signature = group[1]
    for kept in signature:
        for copy in copies:
            yield copy._replace(similarity=_agreement(kept, copy.signature), signature=b"")


def _cliques(alive: beam.PCollection, settings: Settings) -> beam.PCollection:
    """The cliques of every bucket, each once, by key."""
    return (
        alive
        | "Bands" >> beam.FlatMap(_banded)
        | "Buckets" >> beam.GroupByKey()
        | "Cliques" >> beam.FlatMap(_cliques_of_bucket, zone(settings))
        | "By key" >> beam.GroupByKey()
        | "Each once" >> beam.Map(_first)
    )


def _banded(document: Signed) -> Iterator[tuple[tuple[int, int], tuple[Member, bytes]]]:
    for band, key in enumerate(document.bands):
        yield (band, key), (document.member, document.signature)


def _cliques_of_bucket(
    bucket: tuple[tuple[int, int], Iterable[tuple[Member, bytes]]], bounds: Any
) -> Iterator[tuple[str, Clique]]:
    for clique in cliques_of(bucket[1], bucket[0][0], bounds):
        yield clique.key, clique


def _first(group: tuple[str, Iterable[Clique]]) -> Clique:
    return min(group[1])


def _verified(
    named: beam.PCollection, cliques: beam.PCollection, settings: Settings
) -> beam.PCollection:
    """The cliques that are certain, and those whose texts were compared and are similar enough."""
    unsure = cliques | "Unsure" >> beam.Filter(_is_unsure)
    wanted = unsure | "Wanted" >> beam.FlatMap(_ids) | "Ids once" >> beam.Distinct()
    shingles = named | "Shingles" >> beam.ParDo(_Shingles(settings.ngram), AsIter(wanted))
    halves = (
        (unsure | "Pairs" >> beam.FlatMap(_by_id), shingles)
        | "Meet" >> beam.CoGroupByKey()
        | "Halves" >> beam.FlatMap(_halves)
        | "Whole" >> beam.GroupByKey()
        | "Compare" >> beam.FlatMap(_compared, settings.threshold)
    )
    return (cliques | "Certain" >> beam.Filter(_is_certain), halves) | "Copies of" >> beam.Flatten()


def _is_certain(clique: Clique) -> bool:
    return clique.certain


def _is_unsure(clique: Clique) -> bool:
    return not clique.certain


def _ids(clique: Clique) -> list[str]:
    return [member.id for member in clique.members]


def _by_id(clique: Clique) -> list[tuple[str, Clique]]:
    return [(member.id, clique) for member in clique.members]


class _Shingles(beam.DoFn):
    """The shingle sets of the documents that pairs in the zone ask for."""

    def __init__(self, ngram: int) -> None:
        self._ngram = ngram

    def process(
        self, named: tuple[str, pa.RecordBatch], wanted: Iterable[str]
    ) -> Iterator[tuple[str, bytes]]:
        ids = named[1].column("id").to_pylist()
        own = set(wanted)
        places = [place for place, name in enumerate(ids) if name in own]
        texts = named[1].column("text").take(pa.array(places, type=pa.int64()))
        flat, offsets = shingle_sets(texts, self._ngram)
        for number, place in enumerate(places):
            yield ids[place], flat[offsets[number] : offsets[number + 1]].tobytes()


def _halves(group: tuple[str, tuple[Iterable[Clique], Iterable[bytes]]]) -> Iterator[Any]:
    cliques, shingles = group[1]
    for data in shingles:
        for clique in cliques:
            yield clique.key, (clique, data)


def _compared(
    group: tuple[str, Iterable[tuple[Clique, bytes]]], threshold: float
) -> Iterator[Clique]:
    (clique, left), (_, right) = group[1]
    value = jaccard(np.frombuffer(left, np.uint32), np.frombuffer(right, np.uint32))
    if np.float32(value) >= np.float32(threshold):
        yield clique._replace(similarity=float(np.float32(value)), certain=True)


class _Round(beam.PTransform):
    """Keep what is the best of all its cliques, remove the others of those; (cliques left, removals)."""

    def expand(self, cliques: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        """Cliques of undecided documents in; cliques of those still undecided, and `Removal`s, out."""
        kept = (
            cliques
            | "Places" >> beam.FlatMap(_places)
            | "By document" >> beam.GroupByKey()
            | "Best everywhere" >> beam.FlatMap(_best_everywhere)
        )
        settled = (
            (cliques | "By best" >> beam.Map(_by_best), kept)
            | "Best kept" >> beam.CoGroupByKey()
            | "Settle" >> beam.FlatMap(_settle).with_outputs("open", main="removed")
        )
        removed = (
            settled.removed
            | "Each" >> beam.GroupByKey()
            | "Nearest" >> beam.Map(_nearest).with_output_types(tuple[str, Removal])
        )
        left = (
            (settled.open | "Members" >> beam.FlatMap(_memberships), removed)
            | "Leave" >> beam.CoGroupByKey()
            | "Left" >> beam.FlatMap(_left)
            | "Again" >> beam.GroupByKey()
            | "Rejoin" >> beam.FlatMap(_rejoined)
        )
        return left, removed | "Removals" >> beam.Values()


def _places(clique: Clique) -> Iterator[tuple[str, bool]]:
    for number, member in enumerate(clique.members):
        yield member.id, number == 0


def _best_everywhere(group: tuple[str, Iterable[bool]]) -> Iterator[tuple[str, bool]]:
    if all(group[1]):
        yield group[0], True


def _by_best(clique: Clique) -> tuple[str, Clique]:
    return clique.members[0].id, clique


def _settle(group: tuple[str, tuple[Iterable[Clique], Iterable[bool]]]) -> Iterator[Any]:
    """Of the cliques of one best document: who goes because it stays, else the clique as it was."""
    best, (cliques, kept) = group
    stays = any(kept)
    for clique in cliques:
        if not stays:
            yield beam.pvalue.TaggedOutput("open", clique)
            continue
        for member in clique.members[1:]:
            yield member.id, Removal(member.batch, member.id, best, "minhash", clique.similarity)


def _nearest(group: tuple[str, Iterable[Removal]]) -> tuple[str, Removal]:
    return group[0], min(group[1], key=lambda removal: (-removal.similarity, removal.kept))


def _memberships(clique: Clique) -> Iterator[tuple[str, tuple[Member, str, float]]]:
    for member in clique.members:
        yield member.id, (member, clique.key, clique.similarity)


def _left(group: tuple[str, tuple[Iterable[Any], Iterable[Removal]]]) -> Iterator[Any]:
    memberships, removed = group[1]
    if not any(True for _ in removed):
        for member, key, similarity in memberships:
            yield (key, similarity), member


def _rejoined(group: tuple[tuple[str, float], Iterable[Member]]) -> Iterator[Clique]:
    members = tuple(sorted(group[1]))
    if len(members) > 1:
        yield Clique(group[0][0], group[0][1], True, members)


def _together(clique: Clique) -> tuple[None, Clique]:
    return None, clique


def _decide_rest(group: tuple[None, Iterable[Clique]]) -> Iterator[Removal]:
    for member, kept, similarity in select(group[1]).values():
        yield Removal(member.batch, member.id, kept, "minhash", similarity)


def _taken_out(named: beam.PCollection, removed: beam.PCollection) -> Outputs:
    """The batches without the removed documents, which become dead letters."""
    keyed = removed | "By batch" >> beam.Map(_by_batch)
    met = {"rows": named, "removed": keyed} | "Meet batches" >> beam.CoGroupByKey()
    return Outputs.of(met | "Take out" >> tagged(beam.ParDo(_take_out), pa.RecordBatch))


def _by_batch(removal: Removal) -> tuple[str, Removal]:
    return removal.batch, removal


def _take_out(group: tuple[str, dict[str, Iterable[Any]]]) -> Iterator[Any]:
    removals = {removal.id: removal for removal in group[1]["removed"]}
    for rows in group[1]["rows"]:
        ids = rows.column("id").to_pylist()
        gone = [place for place, name in enumerate(ids) if name in removals]
        own = [removals[ids[place]] for place in gone]
        reasons = [(r.method, f"{r.similarity:.4f}", f"copy of {r.kept}") for r in own]
        yield from letters("dedup", dropped(rows, gone, "dedup", reasons), ())
        left = without(rows, gone)
        if left.num_rows:
            Metrics.counter("corpusforge.dedup", "kept").inc(left.num_rows)
            yield left
