"""The collisions stage: which documents share a key, one key range a task.

It is there where the signed documents are many (or `dedup.ranges` asks for it); elsewhere the stage
`duplicates` looks at the one range itself. The result is the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.dedup.lsh_buckets import choose_ranges, write_collisions
from corpusforge.dedup.settings import Settings
from corpusforge.io import files
from corpusforge.manifest import part_name
from corpusforge.run.context import Context
from corpusforge.run.stage import Part, PartResult, Stage

__all__ = ["collision_paths", "make_collisions", "stage"]


@dataclass(frozen=True, slots=True)
class CollisionsTask:
    """What a task is told: the settings, how many document parts there are, and key ranges."""

    settings: Settings
    parts: int
    ranges: int


def stage(context: Context) -> Stage | None:
    """Return the collisions stage; None where there is one range only."""
    settings = context.recipe.dedup
    signed = context.manifests["signatures"]
    ranges = choose_ranges(settings, signed.documents)
    if ranges == 1:
        return None
    size = sum(output.bytes for output in signed.outputs if output.path.endswith(".keys"))
    work = CollisionsTask(settings, context.part_count, ranges)
    used = {"method": settings.method, "urls": bool(settings.url_sources), "ranges": ranges}
    return Stage(
        name="collisions",
        run=context.run,
        work=make_collisions,
        parts=tuple(
            Part("collisions", number, context.run, work, size=size // ranges)
            for number in range(ranges)
        ),
        settings=used,
        reads=context.reads("signatures"),
    )


def make_collisions(part: Part) -> PartResult:
    """Find the documents that share a key of one range."""
    work: CollisionsTask = part.settings
    prefixes = [files.join(part.run, "signatures", part_name(index)) for index in range(work.parts)]
    path = f"collisions/{part.name}.groups"
    target = files.join(part.run, path)
    members = write_collisions(prefixes, work.settings, part.index, work.ranges, target)
    return PartResult(outputs={path: members}, documents=members)


def collision_paths(context: Context) -> list[str] | None:
    """Return the files of the stage inside the run, where it was asked for."""
    if "collisions" not in context.manifests:
        return None
    return [files.join(context.run, out.path) for out in context.manifests["collisions"].outputs]
