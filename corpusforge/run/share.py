"""Parts of one stage made by many processes that know nothing of each other, as a cluster's job array is.

Each process walks once over the stage's parts, from a place of its own, and makes what has no receipt and is
held by nobody. So any number of processes, started in any order, twice, or killed at any time, make what one
would make; whoever comes late finds nothing to do. What is left when all have ended is made by the run, which
also writes the stage's manifest. Limit: in an object store nothing holds a part, so two
processes may make the same one, with the same bytes.
"""

from __future__ import annotations

import time

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.lock import beside_others, held
from corpusforge.recipe import Recipe
from corpusforge.run.pretrain import stage_of
from corpusforge.run.stage import (
    Part,
    Plan,
    Stage,
    error_path,
    fingerprinted,
    finished,
    is_made,
    plan_path,
    receipt_path,
    run_part,
)

__all__ = ["make_share"]


def make_share(recipe: Recipe, output: str, name: str, number: int, count: int) -> int:
    """Make parts of a stage beside `count` - 1 others, as the process `number` of them; return how many.

    Raises RunError where an earlier stage is not finished or the run itself is at work, and what ends a part.
    """
    if not 0 <= number < count:
        raise InputError(f"process {number} of {count}: expected a number from 0 to {count - 1}.")
    with beside_others(output):
        stage = stage_of(recipe, output, name)
        if stage is None or finished(stage):
            return 0
        parts = _begun(stage)
        start = number * len(parts) // count
        order = [*parts[start:], *parts[:start]]
        return sum(_made(stage, part) for part in order)


def _begun(stage: Stage) -> list[Part]:
    """Make the stage's directory what the run itself would make of it before its parts."""
    files.remove(stage.path("manifest.json"))
    files.make_directory(stage.path("_receipts"))
    parts = fingerprinted(stage)
    if not files.exists(plan_path(stage.run, stage.name)):
        plan = Plan(time.time(), tuple(part.size for part in parts))
        records.write_json(plan_path(stage.run, stage.name), plan)
    return parts


def _made(stage: Stage, part: Part) -> bool:
    """Make the part where it is not made and nobody holds it."""
    with held(files.join(part.run, part.stage, "_receipts", f"{part.name}.lock")) as ours:
        if not ours or is_made(part):
            return False
        files.remove(error_path(part))
        files.remove(receipt_path(part))
        run_part(stage.work, part)
        return True
