"""The quality stage: which documents stay, given their scores. Reads narrow tables only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from corpusforge import records as rec
from corpusforge.hashing import id_keys
from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.manifest import Receipt, added, part_name
from corpusforge.run.context import Context
from corpusforge.run.groups import few_groups
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.score.selection import Cut, bound_text, digits, groups_of, keep, tiers, within
from corpusforge.score.settings import KeepSettings

__all__ = ["make_quality", "stage"]


@dataclass(frozen=True, slots=True)
class QualityTask:
    """What a worker is told: the rule, the run's seed, whether a model gave the scores.

    `cuts` are those of the rule `top` by group, once some digits of them are known. A task that counts for
    it has document parts [first, stop); one that decides has part `first`.
    """

    settings: KeepSettings
    seed: int
    scored: bool
    first: int = 0
    stop: int = 0
    cuts: Mapping[str, Cut] | None = None


def stage(context: Context) -> Stage:
    """Return the quality stage; for the rule `top`, waves of tasks count all scores first."""
    recipe = context.recipe
    scored = bool(recipe.score.train.positive or recipe.score.model)
    work = QualityTask(recipe.score.keep, recipe.seed, scored)
    groups = few_groups(context)

    def deciding(begun: int, work: QualityTask) -> tuple[Part, ...]:
        every = range(context.part_count)
        return _parts(context, begun, [replace(work, first=index) for index in every])

    def counting(begun: int, work: QualityTask) -> tuple[Part, ...]:
        tasks = [replace(work, first=first, stop=stop) for first, stop, _ in groups]
        return _parts(context, begun, tasks)

    def more(receipts: Sequence[Receipt]) -> tuple[Part, ...]:
        if "counts" not in receipts[-1].extra:
            return ()
        cuts = _cuts(receipts, len(groups), work.settings.share)
        settled = all(cut.settled for cut in cuts.values())
        return (deciding if settled else counting)(len(receipts), replace(work, cuts=cuts))

    by_counts = scored and work.settings.rule == "top"
    return Stage(
        name="quality",
        run=context.run,
        work=make_quality,
        parts=(counting if by_counts else deciding)(0, work),
        settings={"keep": recipe.score.keep, "seed": recipe.seed, "scored": scored},
        reads=context.reads("documents", "scores"),
        pace=10.0,
        more=more if by_counts else None,
        finish=lambda _: ({}, {}),
    )


def _parts(context: Context, begun: int, tasks: Sequence[QualityTask]) -> tuple[Part, ...]:
    size = sum(output.bytes for output in context.manifests["scores"].outputs) // len(tasks)
    return tuple(
        Part("quality", begun + number, context.run, work, (work.first, work.stop), size)
        for number, work in enumerate(tasks)
    )


def _cuts(receipts: Sequence[Receipt], width: int, share: float) -> dict[str, Cut]:
    """Return the cut of each group as far as the waves of counts, `width` tasks each, tell it."""
    cuts: dict[str, Cut] = {}
    for first in range(0, len(receipts), width):
        wave = added([item.extra["counts"] for item in receipts[first : first + width]])
        for name, counts in wave.items():
            own = {int(digit): count for digit, count in counts.items()}
            cuts[name] = cuts.get(name, Cut()).next(own, share)
    return cuts


def make_quality(part: Part) -> PartResult:
    """Write who of a part stays and who was dropped, or count its scores for the rule `top`."""
    work: QualityTask = part.settings
    if work.stop:
        counts = [_count(part.run, index, work) for index in range(work.first, work.stop)]
        return PartResult(extra={"counts": added(counts)})
    table = _scores(part.run, work.first)
    scores, keys, sources, languages = _columns(table)
    if work.scored:
        kept = keep(scores, keys, work.settings, work.seed, sources, languages, work.cuts)
    else:
        kept = np.ones(len(keys), dtype=bool)
    made = PartResult(documents=len(keys))
    _write(part.run, work.first, table, kept, tiers(scores, work.settings), work, made)
    return made


def _scores(run: str, index: int) -> pa.Table:
    return read_table(files.join(run, "scores", f"{part_name(index)}.parquet"))


def _columns(table: pa.Table) -> tuple[Any, Any, list[str], list[str]]:
    """Return scores, id keys, sources and languages."""
    languages = [lang or "" for lang in table.column("lang").to_pylist()]
    return (
        table.column("score").to_numpy(),
        id_keys(table.column("id").to_pylist()),
        table.column("source").to_pylist(),
        languages,
    )


def _count(run: str, index: int, work: QualityTask) -> dict[str, dict[str, int]]:
    """Count the documents of each group that have its cut's digits, by their next digit."""
    scores, keys, sources, languages = _columns(_scores(run, index))
    own = digits(scores, keys)
    names = np.array(groups_of(work.settings, sources, languages), dtype=object)
    found = {}
    for name in sorted(set(names)):
        cut = (work.cuts or {}).get(name, Cut())
        if not cut.settled:
            rest = own[(names == name) & within(cut, own)[1], len(cut.digits)]
            values, counts = np.unique(rest, return_counts=True)
            found[name] = dict(zip(map(str, values), counts.tolist(), strict=True))
    return found


def _write(
    run: str,
    index: int,
    table: pa.Table,
    kept: np.ndarray,
    tier: list[str],
    work: QualityTask,
    made: PartResult,
) -> None:
    path = f"quality/{part_name(index)}.parquet"
    columns = {
        "id": table.column("id"),
        "kept": pa.array(kept),
        "tier": pa.array(tier, pa.string()),
    }
    made.outputs[path] = write_table(files.join(run, path), pa.table(columns))
    rule = work.settings.rule
    rows = np.flatnonzero(~kept)
    documents = read_table(
        files.join(run, "documents", f"{part_name(index)}.parquet"),
        ["id", "url", "source", "locator"],
    ).take(pa.array(rows))
    dropped = pa.table(
        {
            "id": documents.column("id"),
            "url": documents.column("url"),
            "source": documents.column("source"),
            "stage": pa.array(["score"] * len(rows), pa.string()),
            "rule": pa.array([rule] * len(rows), pa.string()),
            "value": pa.array(
                [f"{v:.4f}" for v in table.column("score").to_numpy()[rows]], pa.string()
            ),
            "bound": pa.array([bound_text(work.settings)] * len(rows), pa.string()),
            "locator": documents.column("locator"),
        },
        schema=rec.DROPPED,
    )
    target = f"dropped/quality-{part_name(index)}.parquet"
    made.outputs[target] = write_table(files.join(run, target), dropped)
    for source, stays in zip(table.column("source").to_pylist(), kept.tolist(), strict=True):
        account = made.ledger.of("score", source)
        account.seen += 1
        account.kept += int(stays)
        if not stays:
            account.dropped[rule] += 1
