"""The mix stage: one task that plans the mixture from token counts and draws the streams.

It reads the narrow token indexes only. Documents of one duplicate cluster stand on one side of the
train/validation split.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from corpusforge.errors import InputError, RunError
from corpusforge.io import files
from corpusforge.io.parquet import read_table, write_table
from corpusforge.manifest import plain, write_json
from corpusforge.mix.estimate import scaled_tokens
from corpusforge.mix.plan import plan, plan_validation
from corpusforge.mix.receipt import (
    diversity,
    receipt,
    repetition_ledger,
    repetitions,
    tokens_by,
)
from corpusforge.mix.sample import Draws, Supply, stream
from corpusforge.mix.settings import Settings
from corpusforge.mix.supply import Supplies, supplies
from corpusforge.run.context import Context
from corpusforge.run.stage import Made, Part, Stage, part_name

__all__ = ["STREAMS", "make_mix", "stage"]

STREAMS = ("train", "val")


@dataclass(frozen=True, slots=True)
class Work:
    """What the task is told."""

    settings: Settings
    seed: int
    parts: int
    sources: tuple[str, ...]
    choice: dict[str, dict[str, Any]]
    """By leaf of which only some documents were tokenized: bytes in all, and bytes tokenized."""


def stage(context: Context) -> Stage:
    """Return the mix stage."""
    recipe = context.recipe
    leaves: dict[str, dict[str, Any]] = {}
    if "choice" in context.manifests:
        leaves = context.manifests["choice"].extra["leaves"]
    partial = {path: facts for path, facts in leaves.items() if not facts["complete"]}
    names = tuple(sorted(recipe.sources))
    work = Work(recipe.mix, recipe.seed, context.part_count, names, partial)
    return Stage(
        name="mix",
        run=context.run,
        work=make_mix,
        parts=(Part("mix", 0, context.run, work),),
        settings={"mix": recipe.mix, "seed": recipe.seed, **_digest(recipe.mix)},
        reads=context.reads("tokens", "choice"),
    )


def make_mix(part: Part) -> Made:
    """Plan the mixture, draw both streams, write them and the receipt."""
    work: Work = part.settings
    names = [files.join(part.run, "tokens", f"{part_name(n)}.parquet") for n in range(work.parts)]
    supply = supplies(names, work.settings, work.seed, sorted(work.choice))
    if not supply.index.num_rows:
        raise InputError(
            "no document survived to be mixed. `corpusforge why` and dropped/ show where they went: "
            "loosen [filter], [score] or [identify], or give more sources."
        )
    available = _available(supply.train, work)
    for path, part_of in work.choice.items():
        size, whole = part_of["chosen_bytes"], part_of["bytes"]
        available[path] = scaled_tokens(available[path], size, whole)
    train_plan = plan(work.settings, available)
    val_plan = plan_validation(work.settings, train_plan, _available(supply.validation, work))
    streams = [
        stream(supply.train, train_plan.phases, work.seed),
        stream(supply.validation, val_plan.phases, work.seed),
    ]
    spread = diversity(tokens_by(streams[0], supply), work.settings.diversity)
    if spread.failures:
        raise RunError(
            f"mix.diversity: {'; '.join(spread.failures)}. Change weights or the bounds."
        )
    made = Made(documents=supply.index.num_rows)
    facts: dict[str, Any] = {
        "notes": list(train_plan.notes),
        "entropy": spread.entropy,
        "repetitions": {str(times): n for times, n in repetitions(streams[0]).items()},
        "phases": plain(train_plan.phases),
    }
    for name, draws, planned in zip(STREAMS, streams, (train_plan, val_plan), strict=True):
        path = f"mix/{name}.parquet"
        made.outputs[path] = write_table(files.join(part.run, path), supply.named(draws))
        facts[name] = {"sources": receipt(planned, draws), "tokens": draws.tokens}
    path = "mix/repetitions.parquet"
    ledger = repetition_ledger(supply.named(streams[0]), _earlier(work.settings))
    made.outputs[path] = write_table(files.join(part.run, path), ledger)
    write_json(files.join(part.run, "mix/receipt.json"), facts)
    made.outputs["mix/receipt.json"] = 0
    made.extra = facts
    _account(supply, streams, work, made)
    return made


def _ledger(settings: Settings) -> str:
    """Path of the repetition ledger to go on with, "" where there is none."""
    if not settings.earlier:
        return ""
    path = files.join(settings.earlier, "mix/repetitions.parquet")
    if not files.exists(path):
        raise InputError(
            f"mix.earlier: {path!r} does not exist; expected the directory of a finished run."
        )
    return path


def _digest(settings: Settings) -> dict[str, str]:
    path = _ledger(settings)
    return {"earlier": files.sha256(path)} if path else {}


def _earlier(settings: Settings) -> pa.Table | None:
    path = _ledger(settings)
    return read_table(path) if path else None


def _available(side: dict[str, Supply], work: Work) -> dict[str, int]:
    """Tokens by leaf; sources that gave no document count as empty, so their weights are known."""
    empty = {name: 0 for name in work.sources if not any(p.split("/")[0] == name for p in side)}
    return {**empty, **{path: supply.tokens for path, supply in side.items()}}


def _account(supply: Supplies, streams: list[Draws], work: Work, made: Made) -> None:
    drawn = np.zeros(supply.index.num_rows, dtype=bool)
    for draws in streams:
        drawn[supply.numbers(draws)] = True
    sources = supply.index.column("source")
    for source, count in _counts(sources, np.ones(len(drawn), dtype=bool)).items():
        account = made.ledger.of("mix", source)
        account.seen = count
        account.kept = _counts(sources, drawn).get(source, 0)
        unshared = supply.unshared.get(source, 0)
        if unshared:
            account.dropped["no_weight"] = unshared
        if count - account.kept - unshared:
            account.dropped["not_drawn"] = count - account.kept - unshared


def _counts(sources: pa.ChunkedArray, mask: NDArray[np.bool_]) -> dict[str, int]:
    rows = sources.filter(pa.array(mask)).value_counts().to_pylist()
    return {row["values"]: row["counts"] for row in rows}
