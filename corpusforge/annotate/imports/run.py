"""One import: answer files of a job become rankings, refused rows and the two work lists.

    rankings.jsonl    one `Ranking` a line, in the order of the job's tasks
    refused.jsonl     one `Refused` a line: every row that was not accepted, and why
    missing.jsonl     the `Task`s without an accepted answer: to be assigned again
    adjudicate.jsonl  prompts on which raters disagree
    import.json       counts, settings, job and checksum

Importing again, the same, more or grown files, in any order and number of calls, ends in the same
bytes. Limit: settings that judge answers cannot change within a directory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

import msgspec

from corpusforge.annotate.compare import AGREE, counts
from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.imports.state import RANKINGS, State
from corpusforge.annotate.jobs import TASKS_FILE, Job, open_tasks, read_job
from corpusforge.annotate.records import Ranking, Task
from corpusforge.annotate.targets import TARGETS, find_target
from corpusforge.annotate.targets.common import is_table
from corpusforge.annotate.targets.labelstudio_table import is_export
from corpusforge.annotate.votes import votes_of
from corpusforge.errors import InputError, RunError
from corpusforge.io import files, layouts
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.jsonl import read_lines, write_jsonl
from corpusforge.losses import losses

__all__ = [
    "Imported",
    "disagreements",
    "finish",
    "import_answers",
    "list_answers",
    "notices",
    "summary",
    "target_of",
]

IMPORT = "import.json"
SCHEMA = "corpusforge.import/1"
_LOOKED_AT = 20
"""Rows of a file that are looked at to tell its tool: the first may be damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What one import did (rows = accepted + repeated + refused) and where the directory stands."""

    rows: int
    accepted: int
    repeated: int
    forgotten: int
    refused: dict[str, int] = field(default_factory=dict)
    tasks: int
    rankings: int
    missing: int
    adjudicate: int


def import_answers(
    job_directory: str,
    answers: Sequence[str],
    output: str,
    settings: Settings | None = None,
    *,
    target: str = "",
) -> Imported:
    """Read answer files (paths or globs) into `output`; `target` "" tells each file's tool itself.

    Raises InputError for a file of no known tool and for a job that was changed, RunError where
    `output` belongs to another job or to other settings.
    """
    settings = settings or Settings()
    job, tasks = read_job(job_directory), open_tasks(job_directory)
    _check_output(output, job, settings)
    state = State(tasks)
    state.load(output)
    for name, group in groupby(_named(answers, target), key=lambda pair: pair[1]):
        for row in find_target(name).read([path for path, _ in group], tasks, job, settings):
            state.add(row)
    made = finish(job_directory, output, job, state, settings)
    tasks.close()
    return made


def finish(job_directory: str, output: str, job: Job, state: State, settings: Settings) -> Imported:
    """Settle a state and write every file of an import directory."""
    state.settle(settings.repeats)
    files.make_directory(output)
    refused = state.write(output)
    missing = _write_missing(job_directory, output, state)
    queue = disagreements(state.tasks, state.rankings(), settings.adjudicate)
    adjudicate = write_jsonl(files.join(output, "adjudicate.jsonl"), queue)
    made = Imported(
        rows=state.rows,
        accepted=state.accepted,
        repeated=state.repeated,
        forgotten=state.forgotten,
        refused=dict(sorted(state.refused.items())),
        tasks=len(state.tasks),
        rankings=state.count(),
        missing=missing,
        adjudicate=adjudicate,
    )
    _write_summary(output, job, settings, made, refused)
    return made


def list_answers(answers: Sequence[str]) -> list[str]:
    """Return the files that paths and globs name, each once, sorted."""
    paths: set[str] = set()
    for pattern in answers:
        found = files.list_files(pattern)
        if not found:
            raise InputError(f"no answers at {pattern!r}. Name the files that raters sent back.")
        paths |= {info.path for info in found}
    return sorted(paths)


def _named(answers: Sequence[str], target: str) -> list[tuple[str, str]]:
    """Return (path, target) of every file, each once, sorted."""
    named = ((path, target or target_of(path)) for path in list_answers(answers))
    return [(path, name) for path, name in named if name]


def target_of(path: str) -> str:
    """Return the target whose export a file is, "" where it holds no row.

    Raises InputError where it looks like none.
    """
    if is_table(path):
        return "label-studio" if is_export(path) else "csv"
    empty = True
    for _, row in islice(layouts.rows(path), _LOOKED_AT):
        empty = False
        value = layouts.decode(row)
        for name in TARGETS:
            if find_target(name).owns(value):
                return name
    if empty:
        return ""
    raise InputError(
        f"{path!r} is no export of {', '.join(sorted(TARGETS))}. Name its tool with --target; "
        "Argilla's answers are read from its REST interface (docs/annotate_targets.md)."
    )


def _judging(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in ("untouched", "seconds", "repeats")}


def _check_output(output: str, job: Job, settings: Settings) -> None:
    path = files.join(output, IMPORT)
    if not files.exists(path):
        if files.exists(files.join(output, RANKINGS)):
            raise RunError(f"{output!r} holds rankings without {IMPORT}. Use a new --output.")
        return
    try:
        made = decode_json(files.read_bytes(path), dict[str, Any])
    except DecodingError as error:
        raise RunError(
            f"{path}: not written by an import ({error}). Use a new --output."
        ) from error
    if made.get("job") != job.id:
        raise RunError(
            f"{output!r} holds answers of job {made.get('job')!r}, not of {job.id!r}. "
            "Use a new --output."
        )
    if made.get("judged") != _judging(settings):
        raise RunError(
            f"{output!r} was judged with {made.get('judged')}, now asked for {_judging(settings)}. "
            "Use a new --output and give it all answer files."
        )


def _write_missing(job_directory: str, output: str, state: State) -> int:
    """Copy the lines of unanswered tasks, bytes as they are."""
    count = 0
    names = iter(state.unanswered())
    wanted = next(names, None)
    with files.atomic_write(files.join(output, "missing.jsonl")) as out:
        for _, line in read_lines(files.join(job_directory, TASKS_FILE)):
            # the file and the state list tasks in the same order
            if wanted is not None and line.startswith(b'{"id":"' + wanted.encode() + b'"'):
                out.write(line + b"\n")
                count += 1
                wanted = next(names, None)
    return count


def disagreements(
    tasks: Mapping[str, Task], rankings: Iterable[Ranking], threshold: float
) -> Iterator[dict[str, Any]]:
    """Yield the prompts whose raters' mean Kendall tau-b is below `threshold`, worst first.

    Prompts with one ranking, or none that can be compared, are left out.
    """
    votes = votes_of(tasks, rankings)
    sums, pairs = AGREE.index("tau_sum"), AGREE.index("taus")
    table = counts(votes)[0]
    found = [
        (table[p, sums] / table[p, pairs], p)
        for p in range(len(table))
        if table[p, pairs] and table[p, sums] / table[p, pairs] < threshold
    ]
    for tau, p in sorted(found):
        start, end = int(votes.book.start[p]), int(votes.book.start[p + 1])
        names = votes.book.candidates[start:end]
        rows = range(votes.rows[p], votes.rows[p + 1])
        yield {
            "prompt": votes.book.prompts[p],
            "tau_b": round(float(tau), 6),
            "candidates": names,
            "rankings": [
                {
                    "task": votes.tasks[row],
                    "rater": votes.raters[votes.rater[row]],
                    "ranks": votes.rank[votes.first[row] : votes.first[row + 1]].tolist(),
                }
                for row in rows
            ],
        }


def _write_summary(
    output: str, job: Job, settings: Settings, made: Imported, refused: Mapping[str, int]
) -> None:
    """Write what the directory is: nothing about the calls it took, so that these cannot show."""
    body = {
        "schema": SCHEMA,
        "job": job.id,
        "checksum": job.checksum,
        "judged": _judging(settings),
        "adjudicate_below": settings.adjudicate,
        "tasks": made.tasks,
        "rankings": made.rankings,
        "missing": made.missing,
        "adjudicate": made.adjudicate,
        "refused": dict(sorted(refused.items())),
    }
    text = msgspec.json.format(msgspec.json.encode(body), indent=1)
    files.write_bytes(files.join(output, IMPORT), text + b"\n")


_ADVICE = {
    "wrong_job": "the files belong to another job; give that job's directory by --job",
    "unknown_task": "the files belong to another job; give that job's directory by --job",
    "unknown_rater": "add the tool's users to the table that --raters names",
    "other_rater": "tasks were answered by other users than theirs; say who is who by --raters",
    "unanswered": "the raters have not answered yet; import again when they have",
    "draft": "the answers were not submitted; ask the raters to submit them",
    "untouched": "raters left the presented order; --untouched flag keeps such rows, --seconds says "
    "what is too fast",
    "ranks_lost": "the tool dropped the ranks; docs/annotate_targets.md says how to export them",
    "malformed": "the rows are not what the tool writes; say which tool by --target",
}


def notices(made: Imported, source: str = "") -> list[str]:
    """Return a line where one rule refused more than half of the rows of answers, or of a public `source`."""
    look = "refused.jsonl says why, row by row"
    public = {"malformed": look if source == "auto" else f"{look}; try --source auto"}
    return losses("import", made.rows, made.refused, public if source else _ADVICE, look)


def summary(made: Imported) -> str:
    """Return an import as text for a person."""
    lines = [
        f"{made.rows} rows read: {made.accepted} accepted, {made.repeated} known already, "
        f"{sum(made.refused.values())} refused",
        *(f"  {rule}: {count}" for rule, count in made.refused.items()),
        f"{made.rankings} of {made.tasks} tasks answered, {made.missing} missing, "
        f"{made.adjudicate} prompts to adjudicate",
    ]
    if made.forgotten:
        lines.append(f"{made.forgotten} earlier rows belonged to deleted tasks and were dropped")
    return "\n".join(lines)
