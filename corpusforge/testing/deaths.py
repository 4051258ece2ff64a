"""A run that is killed once in every stage: start it again and again until it ends, then compare bytes.

    arm("worker", marks); sys.exit(pipelines.pretrain_mix.main(argv))

A death is a SIGKILL, as the system sends it, at a place in the work and not at a time: where a part's first
whole output (its receipt, where it has none) would get its name. A mark on disk (a file per stage in `marks`)
says that a stage has had its death. Limits: one machine that forks; local runs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from corpusforge import manifest
from corpusforge.errors import InputError
from corpusforge.manifest import Receipt
from corpusforge.run.stage import Part, PartResult, Plan, Stage, plan_path, run_part

__all__ = ["POINTS", "arm"]

POINTS = {
    "worker": "a forked worker, while it makes a part; one-task stages are forked too",
    "driver": "the driver, while a forked worker makes a part",
    "alone": "the driver, while it makes a part itself",
    "end": "the driver, where all parts are made and a manifest or a page of the report is named",
}
_FEW = 3  # parts; where there are so many, one of two workers makes more than one
_LAST = ("report.json", "report.html", "CARD.md")


def arm(point: str, marks: str) -> None:
    """From now on kill the process of `POINTS[point]` once a stage; `marks` is a directory that exists.

    Raises InputError for a point that is not known.
    """
    if point not in POINTS:
        raise InputError(f"point {point!r} is not known; expected one of {', '.join(POINTS)}.")
    driver = os.getpid()
    if point == "end":
        _before_names(lambda path: _end(path, marks))
        return
    from corpusforge.beam import parts
    from corpusforge.run import local

    making: list[Part] = []
    made: list[str] = []

    def watched(work: Callable[[Part], PartResult], part: Part) -> Receipt:
        making.append(part)
        receipt = run_part(work, part)
        making.clear()
        made.append(part.stage)
        return receipt

    def die(path: Path) -> None:
        own = path.parent.name == "_receipts" and path.suffix != ".json"  # a begin, an error
        if not making or own:
            return
        part = making[0]
        few = len(_plan(part).sizes) < _FEW
        if (few or part.stage in made) and _first(marks, part.stage):
            os.kill(driver if point == "driver" else os.getpid(), signal.SIGKILL)
            signal.pause()  # a worker that has killed its driver is ended by the fork server

    for module in (parts, local):
        setattr(module, "run_part", watched)  # noqa: B010 - the modules' own name for it
    if point != "alone":
        setattr(local, "worth_forking", _always)  # noqa: B010
    _before_names(die)


def _always(_stage: Stage, parts: Sequence[Part], workers: int) -> bool:
    return bool(parts) and workers > 1


def _plan(part: Part) -> Plan:
    plan: Plan | None = manifest.read_json(plan_path(part.run, part.stage), Plan)
    assert plan is not None
    return plan


def _first(marks: str, name: str) -> bool:
    """Whether this is the first to come: of two workers, and of all starts of the run."""
    try:
        os.close(os.open(Path(marks) / name, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _end(path: Path, marks: str) -> None:
    own = (path.parent / "recipe.json").exists()  # the run's directory, not a stage's
    if path.name == "manifest.json" or (own and path.name in _LAST):
        name = path.name if path.name in _LAST else f"{path.parent.name}.manifest"
        if _first(marks, name):
            os.kill(os.getpid(), signal.SIGKILL)


def _before_names(look: Callable[[Path], None]) -> None:
    """Show `look` every file that is about to get its name, in this process and its forks."""
    replace = Path.replace

    def watched(self: Path, target: str | Path) -> Path:
        look(Path(target))
        return replace(self, target)

    setattr(Path, "replace", watched)  # noqa: B010
