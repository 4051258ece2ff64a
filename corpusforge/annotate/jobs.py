"""A labelling job: what is asked of raters, and the file of its tasks with a checksum.

A job directory holds `tasks.jsonl` (one `Task` a line, the coordinator's file: it names the models)
and, written last, `job.json`. The id is fixed when the job is made and goes into every file a rater
gets; the checksum covers job and tasks and is verified before answers are read. Scales and flags
follow the metadata of InstructGPT (Ouyang et al. 2022, table 3 and appendix B). Limit: tasks are
read by seeking, so compressed job directories are not supported.
"""

from __future__ import annotations

import hashlib
import re
import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import msgspec

from corpusforge.annotate.records import JobKind, Task
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.jsonl import read_lines

__all__ = [
    "Flag",
    "Job",
    "Rule",
    "Scale",
    "TaskFile",
    "Words",
    "open_tasks",
    "read_job",
    "read_tasks",
    "task_id",
    "write_job",
]

JOB_FILE = "job.json"
TASKS_FILE = "tasks.jsonl"
SCHEMA = "corpusforge.job/1"
_ID = re.compile(rb'^\{"id":"(t_[0-9a-f]{16})"')


@dataclass(frozen=True, slots=True)
class Words:
    """A text for raters in both languages; an empty Chinese one falls back to the English."""

    en: str = ""
    zh: str = ""

    def say(self, language: str) -> str:
        """Return the text for "zh…" or any other language."""
        return self.zh if language.startswith("zh") and self.zh else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A whole-number scale for one answer, `low` to `high` inclusive, higher is better."""

    name: str
    low: int = 1
    high: int = 7
    title: Words = field(default_factory=Words)
    help: Words = field(default_factory=Words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something true or false about one answer, set where it is true."""

    name: str
    title: Words = field(default_factory=Words)
    help: Words = field(default_factory=Words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something an answer must keep to; a verdict on it is a label of its own (Sparrow)."""

    name: str
    title: Words = field(default_factory=Words)
    help: Words = field(default_factory=Words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is asked, of whom, and about which tasks.

    `id` is "j_" and hex. `k` is the largest number of candidates a task has. `raters` are the
    pseudonyms ("r_" and hex), `overlap` how many of them see one prompt. `rubric` and
    `guidelines_version` are versioned names, `guidelines` and `warning` the Markdown shown.
    `language` is the raters' surface language where a task does not say its own. `targets` names
    the forms it was written in. `checksum` covers everything else and the bytes of tasks.jsonl;
    `earlier` keeps the checksums it had before a rater's data were deleted.
    """

    id: str
    kind: JobKind
    k: int
    scales: tuple[Scale, ...] = ()
    flags: tuple[Flag, ...] = ()
    rules: tuple[Rule, ...] = ()
    rubric: str = ""
    guidelines_version: str = ""
    guidelines: Words = field(default_factory=Words)
    warning: Words = field(default_factory=Words)
    language: str = "en"
    ties: bool = True
    raters: tuple[str, ...] = ()
    overlap: int = 1
    seed: int = 0
    round: int = 0
    previous: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    prompts: int = 0
    tasks: int = 0
    checksum: str = ""
    earlier: tuple[str, ...] = ()
    schema: str = SCHEMA

    def accepts(self, checksum: str) -> bool:
        """Whether an answer file made for this job carries one of the job's checksums."""
        return checksum == self.checksum or checksum in self.earlier


def task_id(job: str, prompt: str, candidates: Iterable[str], rater: str) -> str:
    """Return "t_" and 16 hex digits: the same task for the same job, prompt, answers and rater."""
    text = "\x1f".join([job, prompt, *sorted(candidates), rater])
    return "t_" + hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def write_job(directory: str, job: Job, tasks: Iterable[Task]) -> Job:
    """Stream the tasks to `directory`, then write job.json; return the job with counts and checksum.

    Task ids and raters are the caller's; every task must carry the job's id.
    """
    count, width, prompts, digest = 0, 0, set[str](), hashlib.blake2b(digest_size=16)
    encoder = msgspec.json.Encoder()
    with files.atomic_write(files.join(directory, TASKS_FILE)) as stream:
        for task in tasks:
            assert task.job == job.id, (task.job, job.id)
            line = encoder.encode(task) + b"\n"
            digest.update(line)
            stream.write(line)
            count, width = count + 1, max(width, len(task.candidates))
            prompts.add(task.prompt.id)
    counted = replace(job, tasks=count, k=width, prompts=len(prompts))
    finished = replace(counted, checksum=_checksum(counted, digest.hexdigest()))
    text = msgspec.json.format(msgspec.json.encode(finished), indent=1)
    files.write_bytes(files.join(directory, JOB_FILE), text + b"\n")
    return finished


def read_job(directory: str, *, verify: bool = True) -> Job:
    """Read job.json; with `verify`, check it and tasks.jsonl against the checksum.

    Raises InputError where the directory holds no job, or job or tasks were changed since export.
    """
    path = files.join(directory, JOB_FILE)
    if not files.exists(path):
        raise InputError(f"{directory!r} holds no {JOB_FILE}. Name the directory that export made.")
    try:
        job = decode_json(files.read_bytes(path), Job)
    except DecodingError as error:
        raise InputError(f"{path}: not a job ({error}). Export it again.") from error
    if verify:
        found = _checksum(job, _tasks_digest(directory))
        if found != job.checksum:
            raise InputError(
                f"{directory!r}: job and tasks do not match the checksum {job.checksum} "
                f"(found {found}). They were changed after export; restore or export them again."
            )
    return job


def read_tasks(directory: str) -> Iterator[Task]:
    """Yield the tasks in file order; raises InputError naming file and line of a damaged one."""
    path = files.join(directory, TASKS_FILE)
    for number, line in read_lines(path):
        yield _decoded(line, f"{path}:{number}")


def open_tasks(directory: str) -> TaskFile:
    """Return the tasks by id without holding them in memory: one index entry a task."""
    return TaskFile(files.join(directory, TASKS_FILE))


class TaskFile(Mapping[str, Task]):
    """A read-only mapping of task id to `Task`, each decoded from disk when it is asked for.

    `close()` closes the file; so does forgetting the mapping.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._places: dict[str, int] = {}
        place = 0
        self._stream: BinaryIO = files.open_raw(path)
        self.close = weakref.finalize(self, self._stream.close)
        for number, line in enumerate(self._stream, 1):
            match = _ID.match(line)
            if match is None:
                raise InputError(f"{path}:{number}: not a task. Export the job again.")
            self._places[match[1].decode()] = place
            place += len(line)

    def __getitem__(self, key: str) -> Task:
        place = self._places[key]
        self._stream.seek(place)
        return _decoded(self._stream.readline(), f"{self._path} at byte {place}")

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _decoded(line: bytes, where: str) -> Task:
    try:
        return decode_json(line, Task)
    except DecodingError as error:
        raise InputError(f"{where}: not a task ({error}). Export the job again.") from error


def _tasks_digest(directory: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with files.open_raw(files.join(directory, TASKS_FILE)) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _checksum(job: Job, tasks: str) -> str:
    content = msgspec.json.encode(replace(job, checksum="", earlier=()))
    return hashlib.blake2b(content + tasks.encode(), digest_size=16).hexdigest()
