"""A public preference file becomes a job directory and an import directory, like any other.

    OUTPUT/job/         job.json and tasks.jsonl: the prompts with their answers
    OUTPUT/             rankings.jsonl, refused.jsonl, import.json: as an import writes them

So figures, aggregation and training files are made from it in the same way. Limit: the same answers to
the same prompt twice in the files are one task with two rankings, each flagged "again".
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from corpusforge.annotate.imports.run import Imported, finish, list_answers
from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.imports.sources import SOURCES, read_source
from corpusforge.annotate.imports.state import State
from corpusforge.annotate.jobs import Job, open_tasks, write_job
from corpusforge.annotate.records import Ranking, Refused, Task
from corpusforge.errors import InputError, nearest
from corpusforge.io import files

__all__ = ["import_source"]


def import_source(
    kind: str, answers: Sequence[str], output: str, settings: Settings | None = None
) -> Imported:
    """Read public files of one kind of `SOURCES` into a new `output`.

    Raises InputError for an unknown kind, where `output` holds something, or nothing was found.
    """
    if kind not in SOURCES:
        raise InputError(f"no preference format {kind!r}.{nearest(kind, SOURCES)}")
    if files.list_files(output):
        raise InputError(
            f"{output!r} is not empty. A public file is read whole; use a new --output."
        )
    paths = list_answers(answers)
    settings = replace(settings or Settings(), repeats="all")
    name = _job_id(kind, paths)
    rows: list[Ranking | Refused] = []

    def tasks() -> Iterator[Task]:
        seen: set[str] = set()
        for row in read_source(kind, paths, name):
            if isinstance(row, Refused):
                rows.append(row)
                continue
            task, ranking = row
            rows.append(ranking)
            if task.id not in seen:
                seen.add(task.id)
                yield task

    place = files.join(output, "job")
    job = write_job(place, Job(id=name, kind="ranking", k=0), tasks())
    if not job.tasks:
        raise InputError(f"no ranking of kind {kind!r} in {', '.join(paths)}; {_why(rows)}")
    opened = open_tasks(place)
    state = State(opened)
    for row in rows:
        state.add(row)
    made = finish(place, output, job, state, settings)
    opened.close()
    return made


def _job_id(kind: str, paths: Sequence[str]) -> str:
    digest = hashlib.blake2b(kind.encode(), digest_size=8)
    for path in paths:
        digest.update(files.sha256(path).encode())
    return f"j_{digest.hexdigest()}"


def _why(rows: Sequence[Ranking | Refused]) -> str:
    refused = [row for row in rows if isinstance(row, Refused)]
    if not refused:
        return "they hold no rows."
    found = Counter((row.rule, row.value) for row in refused).most_common(1)[0][0]
    return f"{len(refused)} rows were refused, most with {found[0]}: {found[1]}."
