"""A rule's bound moved: what each threshold keeps, and what n-grams of that say of held-out texts.

The statistics are those that the run stored, and the text is that of its stream, so nothing is extracted
again. At each threshold n-gram models are trained on as many ids, sources in the run's own shares; seeds
begin elsewhere in each source. Compared with the stream as it is, paired over seeds and over texts.
Limits: what the run dropped has no text, so a threshold that would keep some of it is not measured (make
a run without the rule); a source of few documents is read again, which the column of epochs tells; the
proxy's limits are those of `tuning`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpusforge.ablate import ngram
from corpusforge.ablate.compare import Difference, difference
from corpusforge.ablate.corpus import Corpus
from corpusforge.ablate.evaluation import WHOLE, Evaluation, Sets, evaluation
from corpusforge.ablate.measure import Tally
from corpusforge.ablate.settings import Settings, Thresholds
from corpusforge.ablate.tuning import given_weights, mixed, supplies
from corpusforge.errors import InputError
from corpusforge.filter import sweep
from corpusforge.hashing import uniform
from corpusforge.score.card import table

__all__ = ["Point", "Sweep", "markdown", "measure"]

F64 = NDArray[np.float64]
Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A threshold: what it keeps of the stream, each document counted once, and bits per byte by measure.

    `threshold` None: the stream as it is. `epochs`: how often the models read the source they read most
    often. `differences` are from the stream as it is.
    """

    threshold: float | None
    documents: int
    tokens: int
    epochs: float
    bits_per_byte: dict[str, float]
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Every point of a bound (thresholds.json): `end` is the one that is moved, `own` the rule's own."""

    rule: str
    statistic: str
    end: str
    own: float | None
    tokens: int
    seeds: int
    points: tuple[Point, ...]


def _points(
    rule: str, end: str | None, given: Sequence[float], directory: str, there: frozenset[str]
) -> Iterator[tuple[float, frozenset[str]]]:
    """Yield each threshold with the documents of the stream that it drops.

    `there` has the names of the stream's documents. Raises InputError for a threshold that would keep
    what the run's own bound dropped.
    """
    rule_set, bound = sweep.lookup(rule)
    end, _ = sweep.end_of(bound, end)
    stats = sweep.load(directory, rule_set, bound, ["id"])
    values = sweep.statistic(rule_set, bound, stats)
    names = np.array(stats.column("id").to_pylist(), dtype=object)
    held = np.array([name in there for name in names], dtype=bool)
    lost = values[np.array(stats.column("rule").to_pylist(), dtype=object) == rule]
    points = sweep.thresholds(bound, end, values[held], given)
    unknown = np.array([sweep.passes(lost, points[[n]], end).any() for n in range(len(points))])
    if given and unknown.any():
        raise InputError(
            f"--at {points[unknown][0]:g} keeps documents that {rule} dropped in this run, which holds "
            "none of their text. Give stricter thresholds, or a run without the rule."
        )
    for point in points[~unknown]:
        kept = sweep.passes(values, np.array([point]), end)[0]
        yield float(point), frozenset(names[~kept & held].tolist())


def _mixture(weights: F64, supply: Sequence[Sequence[Ids]], settings: Thresholds, seed: int) -> Ids:
    """Return the ids of a seed, which begins with another document of each source, [ids]."""
    keys = np.arange(len(supply), dtype=np.uint64)
    starts = (uniform(keys, seed, "ablate/threshold") * [len(own) for own in supply]).astype(int)
    turned = [[*own[at:], *own[:at]] for own, at in zip(supply, starts.tolist(), strict=True)]
    return mixed(weights, turned, settings.tokens)


def _tallies(
    corpus: Corpus, supply: Mapping[str, Sequence[Ids]], texts: Evaluation, settings: Thresholds
) -> tuple[float, list[dict[str, Tally]]]:
    """Return how often the most read source is read, and each seed's bits per byte by measure."""
    sizes = np.array([sum(map(len, own)) for own in supply.values()], dtype=np.float64)
    shares = np.where(sizes > 0, given_weights(corpus, list(supply)), 0.0)
    weights = shares / shares.sum()
    found = []
    for seed in range(settings.seeds):
        ids = _mixture(weights, list(supply.values()), settings, seed)
        grams = ngram.train(ids, settings.order, corpus.tokenizer.vocab_size)
        found.append(texts.per_byte(grams.bits_of, corpus))
    return float(np.max(weights * settings.tokens / np.maximum(sizes, 1.0))), found


def measure(
    corpus: Corpus,
    sets: Sets,
    rule: str,
    end: str | None,
    given: Sequence[float],
    settings: Thresholds,
) -> Sweep:
    """Return what each threshold of "set.v1:bound" keeps, and bits per byte by n-grams of it.

    `end` is "low", "high" or None for the bound's own, `given` thresholds (empty: quantiles, and the
    rule's own). Thresholds that keep nothing are left out. Raises InputError.
    """
    _, bound = sweep.lookup(rule)
    moved, own = sweep.end_of(bound, end)
    there = frozenset(corpus.documents())
    points = list(_points(rule, end, given, corpus.directory, there))
    texts = evaluation(sets, [], corpus.texts(), Settings())
    found: list[Point] = []
    base: list[dict[str, Tally]] = []
    for threshold, dropped in [(None, frozenset[str]()), *points]:
        supply = supplies(corpus, there - dropped)
        if not any(supply.values()):
            continue
        epochs, tallies = _tallies(corpus, supply, texts, settings)
        base = base or tallies
        pairs = {
            name: {"kept": [row[name] for row in tallies], "all": [row[name] for row in base]}
            for name in tallies[0]
        }
        found.append(
            Point(
                threshold=threshold,
                documents=sum(map(len, supply.values())),
                tokens=sum(len(ids) for own in supply.values() for ids in own),
                epochs=epochs,
                bits_per_byte={
                    name: float(np.mean([tally.value for tally in pair["kept"]]))
                    for name, pair in pairs.items()
                },
                differences=tuple(
                    difference(name, "kept", "all", pair)
                    for name, pair in pairs.items()
                    if threshold is not None
                ),
            )
        )
    return Sweep(
        rule=rule, statistic=str(bound.statistic), end=moved, own=own, tokens=settings.tokens,
        seeds=settings.seeds, points=tuple(found),
    )  # fmt: skip


def _ends(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"({low:+.4f} to {high:+.4f})"


def markdown(found: Sweep) -> str:
    """Return the table: what each threshold keeps, bits per byte of all texts, its difference, and by set."""
    sets = [name for name in found.points[0].bits_per_byte if name != WHOLE]
    rows = []
    whole = found.points[0].tokens
    for point in found.points:
        row = next((row for row in point.differences if row.measure == WHOLE), None)
        shown = "none" if point.threshold is None else f"{point.threshold:g}"
        rows.append(
            [shown + "*" * (point.threshold == found.own and found.own is not None),
             f"{point.documents:,}", f"{point.tokens:,}", f"{point.tokens / whole:.1%}",
             f"{point.epochs:.2f}", f"{point.bits_per_byte[WHOLE]:.4f}",
             f"{row.mean:+.4f} {_ends(row.low, row.high)}".rstrip() if row else "",
             _ends(row.items_low, row.items_high) if row else "",
             ("better" if row.mean < 0 else "worse") if row and row.clear else "",
             *(f"{point.bits_per_byte[name]:.4f}" for name in sets)]
        )  # fmt: skip
    sign = ">=" if found.end == "low" else "<="
    heads = ["threshold", "documents", "tokens", "share", "epochs", "bits per byte"]
    heads += ["difference (95 % over seeds)", "over texts", "verdict"]
    return "\n".join(
        [
            f"# {found.rule}: keep where {found.statistic} {sign} threshold",
            "",
            f"N-gram models of {found.tokens:,} ids, {found.seeds} seeds; differences from the stream as it "
            "is; * the rule's own threshold.",
            "",
            *table([*heads, *(name.removeprefix("bits_per_byte/") for name in sets)], rows),
        ]
    )
