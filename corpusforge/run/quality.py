"""The quality stage: which documents stay, given their scores. Reads narrow tables only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from corpusforge import records as rec
from corpusforge.hashing import id_keys
from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.manifest import part_name
from corpusforge.run.context import Context
from corpusforge.run.stage import Part, PartResult, Stage
from corpusforge.score.selection import bound_text, keep, tiers
from corpusforge.score.settings import KeepSettings

__all__ = ["make_quality", "stage"]


@dataclass(frozen=True, slots=True)
class QualityTask:
    """What a worker is told: the rule, the run's seed, whether a model gave the scores."""

    settings: KeepSettings
    seed: int
    indices: tuple[int, ...]
    scored: bool


def stage(context: Context) -> Stage:
    """Return the quality stage; the rule `top` sees all scores at once, the others part by part."""
    recipe = context.recipe
    scored = bool(recipe.score.train.positive or recipe.score.model)
    every = range(context.part_count)
    groups = [tuple(every)] if recipe.score.keep.rule == "top" else [(index,) for index in every]
    parts = tuple(
        Part(
            "quality",
            number,
            context.run,
            QualityTask(recipe.score.keep, recipe.seed, group, scored),
            group,
        )
        for number, group in enumerate(groups)
    )
    return Stage(
        name="quality",
        run=context.run,
        work=make_quality,
        parts=parts,
        settings={"keep": recipe.score.keep, "seed": recipe.seed, "scored": scored},
        reads=context.reads("documents", "scores"),
    )


def make_quality(part: Part) -> PartResult:
    """Decide for the documents of the part's score files; write who stays and who was dropped."""
    work: QualityTask = part.settings
    tables = [
        read_table(files.join(part.run, "scores", f"{part_name(index)}.parquet"))
        for index in work.indices
    ]
    whole = pa.concat_tables(tables)
    scores = whole.column("score").to_numpy()
    ids = whole.column("id").to_pylist()
    sources = whole.column("source").to_pylist()
    languages = [lang or "" for lang in whole.column("lang").to_pylist()]
    if work.scored:
        kept = keep(scores, id_keys(ids), work.settings, work.seed, sources, languages)
    else:
        kept = np.ones(len(ids), dtype=bool)
    names = tiers(scores, work.settings)
    made = PartResult(documents=len(ids))
    start = 0
    for index, table in zip(work.indices, tables, strict=True):
        end = start + table.num_rows
        _write(part.run, index, table, kept[start:end], names[start:end], work, made)
        start = end
    return made


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
