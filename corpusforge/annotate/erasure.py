"""A rater's data, deleted: tasks, target files, answers; what was made from them goes too.

Files are rewritten atomically, the name's own record last, so a killed deletion is run again.
Reports and training files of an import hold everybody's answers mixed, so they are removed; the
next import makes them again from what is left. Limit: files the rater sent, and copies elsewhere,
are the coordinator's to delete; given to import again, their rows are refused without the name.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpusforge.annotate.jobs import read_job, read_tasks, write_job
from corpusforge.annotate.private import Private, load_private, save_private
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import decode_json
from corpusforge.io.jsonl import read_lines
from corpusforge.plugins import folder

__all__ = ["Forgotten", "forget"]

_ROWS = ("rankings.jsonl", "refused.jsonl", "missing.jsonl", "verdicts.jsonl")
_DERIVED = ("adjudicate.jsonl", "report.html", "figures.json")
_DERIVED_FOLDERS = ("training",)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What a deletion removed: tasks, target files, rows of imports, files and folders made anew."""

    rater: str
    tasks: int
    target_files: int
    rows: int
    derived: tuple[str, ...]


def forget(job_directory: str, name: str, imports: Sequence[str] = ()) -> Forgotten:
    """Delete a rater, by name or pseudonym, from a job and from import directories made of it.

    Raises InputError where the job is remote or knows no such rater.
    """
    if files.is_remote(job_directory):
        raise InputError(f"--job {job_directory!r} is not local. Copy the job here, then forget.")
    job = read_job(job_directory, verify=False)
    private = load_private(job_directory)
    rater = private.of(name)
    if rater not in job.raters and name not in private.raters:
        raise InputError(
            f"rater {name!r} is not in job {job.id}; it has {len(job.raters)}. Give the name as it "
            "was given to --raters, or the pseudonym (r_…)."
        )
    tasks = {task.id for task in read_tasks(job_directory) if task.rater == rater}
    rows = 0
    derived: list[str] = []
    for directory in imports:
        found, removed = _from_import(directory, rater, tasks)
        rows, derived = rows + found, derived + removed
    target_files = sum(
        _remove_targets(Path(job_directory) / folder(name), rater) for name in job.targets
    )
    kept = replace(
        job,
        raters=tuple(other for other in job.raters if other != rater),
        earlier=tuple(dict.fromkeys([*job.earlier, job.checksum])),
    )
    others = (task for task in read_tasks(job_directory) if task.rater != rater)
    write_job(job_directory, kept, others)
    known = {key: value for key, value in private.raters.items() if value != rater}
    save_private(job_directory, Private(private.salt, known))
    return Forgotten(rater, len(tasks), target_files, rows, tuple(derived))


def _from_import(directory: str, rater: str, tasks: set[str]) -> tuple[int, list[str]]:
    if not files.exists(directory):
        raise InputError(f"--import {directory!r} does not exist.")
    rows = 0
    for name in _ROWS:
        path = files.join(directory, name)
        if files.exists(path):
            rows += _filter(path, rater, tasks)
    removed = []
    for name in _DERIVED:
        path = files.join(directory, name)
        if files.exists(path):
            files.remove(path)
            removed.append(path)
    for name in _DERIVED_FOLDERS:
        folder = Path(directory) / name
        if folder.is_dir():
            shutil.rmtree(folder)
            removed.append(folder.as_posix())
    return rows, removed


def _filter(path: str, rater: str, tasks: set[str]) -> int:
    """Rewrite a file of rows without those of the rater or of the rater's tasks; return how many."""
    removed = 0

    def kept() -> Iterator[bytes]:
        nonlocal removed
        for _, line in read_lines(path):
            row = decode_json(line)
            if row.get("rater") == rater or {row.get("task"), row.get("id")} & tasks:
                removed += 1
            else:
                yield line

    with files.atomic_write(path) as stream:
        for line in kept():
            stream.write(line + b"\n")
    return removed


def _remove_targets(folder: Path, rater: str) -> int:
    """Delete the files of the rater's batches: their names begin with the pseudonym."""
    mine = [path for path in folder.rglob(f"{rater}-*") if path.is_file()]
    for path in mine:
        path.unlink()
    return len(mine)
