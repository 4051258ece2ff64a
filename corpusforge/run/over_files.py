"""A command over files: one part per input file, made here or in processes of their own, and resumable.

The stages are those of a run (receipts, fingerprints, resume), without Beam; they lie in a work directory
inside the output, which is deleted when the output is whole.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.lock import lock
from corpusforge.io.rows import Reading
from corpusforge.manifest import Manifest, Receipt
from corpusforge.run.stage import Part, PartResult, Stage, begun_path, run_part, run_stage

__all__ = ["Local", "all_read", "make_of_files", "work_directory"]


@dataclass(frozen=True, slots=True)
class Local:
    """Makes parts in this process, or in as many as `workers` others, large ones first."""

    workers: int = 1

    def __call__(self, stage: Stage, parts: Sequence[Part]) -> None:
        """Make every part; an error of one ends the others."""
        if self.workers <= 1 or len(parts) == 1:
            for part in parts:
                _make(stage.work, part)
            return
        ordered = sorted(parts, key=lambda part: -part.size)
        with ProcessPoolExecutor(min(self.workers, len(parts)), get_context("spawn")) as pool:
            for made in [pool.submit(_make, stage.work, part) for part in ordered]:
                made.result()


def _make(work: Callable[[Part], PartResult], part: Part) -> None:
    try:
        run_part(work, part)
    except KeyboardInterrupt:  # nothing died: the next try is not one too many
        files.remove(begun_path(part))
        raise


@contextmanager
def work_directory(output: str) -> Iterator[str]:
    """Give a command the directory of its stages, for it alone; it goes when all went well.

    Beside an output in an object store it is a temporary one, and nothing resumes.
    """
    if files.is_remote(output):
        with tempfile.TemporaryDirectory() as work:
            yield work
        return
    work = files.join(output, ".work")
    with lock(work):
        yield work
        shutil.rmtree(work)


@dataclass(frozen=True, slots=True)
class _Opening:
    """Makes a part; a file that cannot be opened is the user's, not a defect."""

    make: Callable[[Part], PartResult]

    def __call__(self, part: Part) -> PartResult:
        try:
            return self.make(part)
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            if error.filename is None:
                raise
            raise InputError(f"cannot open {error.filename!r}: {error.strerror}.") from error


def make_of_files(
    name: str, work: str, make: Callable[[Part], PartResult], paths: Sequence[str], told: Any, *,
    settings: Mapping[str, Any], workers: int,
) -> Manifest:  # fmt: skip
    """Make, or find made, one part per file by `make`, whose part's settings are (path, `told`).

    `settings` are what the parts depend on beside the files. The manifest's `extra["parts"]` are the
    parts' own, in the order of `paths`.
    """
    parts = []
    for number, path in enumerate(paths):
        size = files.list_files(path)[0].size
        changed = 0 if files.is_remote(path) else Path(path).stat().st_mtime_ns
        parts.append(Part(name, number, work, (path, told), (path, size, changed), size))
    stage = Stage(
        name=name, run=work, work=_Opening(make), parts=tuple(parts), settings=settings, reads={},
        inputs=tuple({"file": part.inputs} for part in parts), finish=_parts,
    )  # fmt: skip
    return run_stage(stage, Local(workers))[0]


def _parts(receipts: Sequence[Receipt]) -> tuple[dict[str, Any], dict[str, int]]:
    return {"parts": [receipt.extra for receipt in receipts]}, {}


def all_read(manifest: Manifest) -> Reading:
    """Return what all parts have read, of parts whose `extra["reading"]` is their `Reading`."""
    total = Reading()
    for extra in manifest.extra["parts"]:
        total.add(Reading(**extra["reading"]))
    return total
