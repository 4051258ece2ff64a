"""What every target needs: files of tasks that fit together, and nothing that unblinds a rater.

A file holds tasks of one batch with the same number of candidates, since a labelling interface is
fixed per file or project. Only ids, prompt and answer texts leave; models, sampling values, gold
tiers, qualification marks and users stay in the job directory.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Protocol, TypedDict

from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.jobs import Job
from corpusforge.annotate.records import Ranking, Rating, Refused, Task
from corpusforge.errors import InputError

__all__ = [
    "RANKED",
    "ROLES",
    "WRITTEN",
    "Origin",
    "Said",
    "Sheet",
    "Target",
    "answers_of",
    "is_table",
    "letter",
    "marks",
    "origin",
    "presented",
    "prompt_text",
    "ratings_of",
    "sheets",
    "surface",
]

RANKED = ("ranking", "pairwise")
WRITTEN = ("demonstration", "dialogue", "red_team")

_UNSAFE = re.compile(r"[^0-9A-Za-z._-]+")
ROLES = {
    "en": {"system": "Instructions", "user": "User", "assistant": "Assistant"},
    "zh": {"system": "说明", "user": "用户", "assistant": "助手"},
}


def is_table(path: str) -> bool:
    """Whether the name says CSV or TSV, compressed or not."""
    name = PurePosixPath(path).name.lower()
    return re.search(r"\.(csv|tsv)(\.[a-z0-9]+)?$", name) is not None


class Target(Protocol):
    """A labelling tool: how tasks go to it and answers come back."""

    def write(self, tasks: Sequence[Task], job: Job, directory: str) -> list[str]:
        """Write the tool's files into `directory`; return their paths."""

    def read(
        self, paths: Sequence[str], tasks: Mapping[str, Task], job: Job, settings: Settings = ...
    ) -> Iterator[Ranking | Refused]:
        """Yield exactly one Ranking or Refused for each answer in the files."""

    def owns(self, row: Any) -> bool:
        """Whether a decoded first row of a file looks like this tool's export."""


class Origin(TypedDict):
    """The fields of an `Answer` that say what it answers."""

    task: str
    job: str
    checksum: str
    batch: str


class Said(TypedDict, total=False):
    """The fields of an `Answer` that a tool's controls fill."""

    tiers: tuple[tuple[str, ...], ...]
    unrankable: tuple[str, ...]
    unplaced: tuple[str, ...]
    ratings: tuple[Rating, ...]
    text: str
    cannot_rank: bool
    confirmed: bool
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Tasks of one batch with the same number of candidates `k` and one surface language."""

    name: str
    batch: str
    k: int
    language: str
    tasks: tuple[Task, ...]


def sheets(tasks: Sequence[Task], job: Job, directory: str) -> list[Sheet]:
    """Return the tasks by batch and K, in order of first appearance; names are safe file names.

    Raises InputError where two batches get the same file name.
    """
    groups: dict[tuple[str, int], list[Task]] = {}
    for task in tasks:
        groups.setdefault((task.batch, len(task.candidates)), []).append(task)
    several = len({k for _, k in groups}) > 1
    made: dict[str, Sheet] = {}
    for (batch, k), group in groups.items():
        name = _UNSAFE.sub("_", batch).strip("._") or "batch"
        name = f"{name}-k{k}" if several else name
        if name in made:
            raise InputError(
                f"batches {made[name].batch!r} and {batch!r} would both be written to {name!r} in "
                f"{directory!r}. Give batches names of letters, digits, '-' and '_'."
            )
        made[name] = Sheet(name, batch, k, surface(group[0], job), tuple(group))
    return list(made.values())


def surface(task: Task, job: Job) -> str:
    """Return the language of a rater's interface for this task: "zh" or "en"."""
    return "zh" if (task.prompt.language or job.language).startswith("zh") else "en"


def letter(place: int) -> str:
    """Return the label of a presented place: 0 is A."""
    return chr(ord("A") + place)


def answers_of(task: Task) -> list[tuple[str, str]]:
    """Return (id, text) of the candidates in presented order."""
    texts = {candidate.id: candidate.text for candidate in task.candidates}
    return [(name, texts[name]) for name in task.presented_order]


def prompt_text(task: Task, language: str) -> str:
    """Return the prompt as one text; roles are named where it has more than one turn."""
    turns = task.prompt.messages
    if len(turns) == 1:
        return turns[0].content
    return "\n\n".join(f"{ROLES[language][turn.role]}: {turn.content}" for turn in turns)


def marks(task: Task, job: Job) -> dict[str, str]:
    """Return what ties an answer to its task: ids and the job's checksum."""
    return {"task_id": task.id, "job": job.id, "checksum": job.checksum, "batch": task.batch}


def origin(data: Mapping[str, Any]) -> Origin:
    """Return the `Answer` fields that `marks` wrote, "" where missing or not text."""

    def text(name: str) -> str:
        value = data.get(name)
        return value if isinstance(value, str) else ""

    return Origin(
        task=text("task_id"), job=text("job"), checksum=text("checksum"), batch=text("batch")
    )


def ratings_of(
    order: Sequence[str],
    scores: Mapping[tuple[int, str], float],
    flags: Mapping[int, Sequence[str]],
    comments: Mapping[int, str],
) -> tuple[Rating, ...]:
    """Return ratings by candidate from values by presented place; a place out of range is kept.

    Such a place gets the id "#<place>", which `judge` refuses as unknown.
    """
    places = sorted({place for place, _ in scores} | set(flags) | set(comments))
    return tuple(
        Rating(
            candidate=order[place] if 0 <= place < len(order) else f"#{place}",
            scores=tuple(sorted((n, v) for (p, n), v in scores.items() if p == place)),
            flags=tuple(sorted(set(flags.get(place, ())))),
            comment=comments.get(place, ""),
        )
        for place in places
    )


def presented(answer: Mapping[str, Any], tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """Return the presented order of the task a row names; () where there is no such task."""
    name = answer.get("task_id")
    return tasks[name].presented_order if isinstance(name, str) and name in tasks else ()
