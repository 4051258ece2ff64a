"""Crowd platforms and spreadsheets: one row per task, as CSV and as JSON lines, filled in and read back.

In CSV the rater writes a number into `rank_<i>` for the answer in `answer_<i>` (1 is best, K the last,
equal numbers tie, "x" cannot be ranked). Platforms that prefix columns ("Input.", "Answer.", as
Mechanical Turk does) are read as they are: what was answered counts before what was given. Cells that a
spreadsheet would run as a formula are made inert; JSON lines hold texts unchanged. Prompts and answers
that come back are compared with the task's. Limits: an export that is not UTF-8 keeps its ranks, but a
written answer in it is refused; only `.csv` and `.tsv` names are read as tables.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import msgspec

from corpusforge.annotate.imports.answers import (
    Answer,
    by_rank,
    judge_all,
    moment,
    seconds,
    whole_rank,
)
from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.jobs import Job
from corpusforge.annotate.records import Ranking, Rating, Refused, Task
from corpusforge.annotate.targets.common import (
    WRITTEN,
    Sheet,
    answers_of,
    is_table,
    marks,
    origin,
    presented,
    prompt_text,
    ratings_of,
    sheets,
)
from corpusforge.annotate.targets.texts import compared
from corpusforge.io import files, layouts
from corpusforge.io.cells import inert

__all__ = ["Crowd"]

_PREFIX = re.compile(r"(?:(Input|Answer)\.)?(.*)", re.DOTALL)
_SLOT = re.compile(r"(rank|rate|flags|comment)_([1-9][0-9]?)(?:_(.+))?", re.DOTALL)
_SHOWN = re.compile(r"answer_([1-9][0-9]?)")
_TRUE = {"1", "true", "yes", "x", "是"}
_FALSE = {"", "0", "false", "no", "否"}
_BAD = (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError, OverflowError)


class Crowd:
    """Files NAME.csv and NAME.jsonl a sheet: the same tasks twice, for whichever form is taken."""

    def write(self, tasks: Sequence[Task], job: Job, directory: str) -> list[str]:
        """Write both forms of each sheet; return the paths."""
        paths = []
        for sheet in sheets(tasks, job, directory):
            paths += [files.join(directory, f"{sheet.name}{end}") for end in (".csv", ".jsonl")]
            _write_csv(paths[-2], sheet, job)
            with files.atomic_write(paths[-1]) as out:
                for task in sheet.tasks:
                    out.write(msgspec.json.encode(_line(task, job)) + b"\n")
        return paths

    def read(
        self,
        paths: Sequence[str],
        tasks: Mapping[str, Task],
        job: Job,
        settings: Settings | None = None,
    ) -> Iterator[Ranking | Refused]:
        """Yield one Ranking or Refused for each row of tables and JSON lines."""
        for path in paths:
            read = _read_table if is_table(path) else _read_lines
            yield from judge_all(read(path, tasks), tasks, job, settings or Settings())

    def owns(self, row: Any) -> bool:
        """Whether this is one of our lines."""
        return isinstance(row, dict) and "task_id" in row and "ranks" in row


def _write_csv(path: str, sheet: Sheet, job: Job) -> None:
    places = range(1, sheet.k + 1) if job.kind not in WRITTEN else range(0)
    ranked = job.kind not in ("rating", *WRITTEN)
    fill = [f"rank_{place}" for place in places if ranked]
    for place in places:
        fill += [f"rate_{place}_{scale.name}" for scale in job.scales]
        fill += [f"flags_{place}"] if job.flags else []
    fill += ["cannot_rank", "seconds"] if places else ["text", "seconds"]
    shown = [*marks(sheet.tasks[0], job), "prompt", *(f"answer_{place}" for place in places)]
    with files.atomic_write(path) as out:
        # the mark makes spreadsheets read UTF-8, without which Chinese texts are mangled
        text = io.TextIOWrapper(out, encoding="utf-8-sig", errors="replace", newline="")
        table = csv.writer(text)
        table.writerow([*shown, *fill])
        for task in sheet.tasks:
            answers = [one for _, one in answers_of(task)] if places else []
            cells = [*marks(task, job).values(), prompt_text(task, sheet.language), *answers]
            table.writerow([*map(inert, cells), *("" for _ in fill)])
        text.flush()
        text.detach()


def _line(task: Task, job: Job) -> dict[str, Any]:
    answers = [] if task.kind in WRITTEN else answers_of(task)
    return {
        **marks(task, job),
        "kind": task.kind,
        "messages": [{"role": m.role, "content": m.content} for m in task.prompt.messages],
        "answers": [{"id": name, "text": text} for name, text in answers],
        "ranks": {},
        "unrankable": [],
        "ratings": [],
        "cannot_rank": False,
        "text": "",
        "seconds": None,
    }


def _read_table(path: str, tasks: Mapping[str, Task]) -> Iterator[Answer | Refused]:
    base = PurePosixPath(path).name
    header: _Header | None = None
    for number, cells in layouts.cells(path):
        where = f"{base}#{number}"
        if isinstance(cells, str):
            yield Refused(locator=where, rule="malformed", value=cells[:200])
        elif header is None:
            header = _Header.of(cells)
        else:
            yield _row(where, header, cells, tasks)


@dataclass(frozen=True, slots=True)
class _Header:
    """A table's columns: where each name stands, how many there are, and what is wrong with them."""

    place: Mapping[str, int]
    count: int
    fault: str = ""

    @classmethod
    def of(cls, cells: Sequence[str]) -> _Header:
        split = [_PREFIX.fullmatch(layouts.utf8(cell).strip()) for cell in cells]
        names = [(match[1], match[2]) for match in split if match]
        twice = [name for (_, name), n in Counter(names).items() if n > 1 and name]
        known = {name for _, name in names}
        fault = f"two columns {twice[0][:40]!r}" if twice else ""
        if {"annotation_id", "lead_time"} <= known:
            fault = "Label Studio's CSV; import it with --target label-studio"
        # what was answered stands before what was given, and a name without prefix before both
        order = sorted(
            range(len(names)), key=lambda n: ("Input", "Answer", None).index(names[n][0])
        )
        return cls({names[n][1]: n for n in order}, len(cells), fault)


def _row(
    where: str, header: _Header, cells: Sequence[str], tasks: Mapping[str, Task]
) -> Answer | Refused:
    raw = {name: cells[n] for name, n in header.place.items() if n < len(cells)}
    data = {name: layouts.utf8(cell) for name, cell in raw.items()}
    task = origin(data)["task"][:64]
    fault = header.fault
    if len(cells) != header.count:
        fault = f"{len(cells)} cells under {header.count} columns"
    if fault:
        return Refused(locator=where, rule="malformed", value=fault, task=task)
    return _guarded(where, task, lambda: _table_answer(where, data, raw, tasks))


def _came_back(raw: Mapping[str, str], tasks: Mapping[str, Task]) -> tuple[str, tuple[str, ...]]:
    """Return which text of a row is not its task's, and flags."""
    task = tasks.get(raw.get("task_id", ""))
    if task is None:
        return "", ()
    shown = ((_SHOWN.fullmatch(name), cell) for name, cell in raw.items())
    answers = [(int(match[1]) - 1, cell) for match, cell in shown if match]
    return compared(task, raw.get("prompt"), answers)


def _guarded(where: str, task: str, make: Callable[[], Answer]) -> Answer | Refused:
    try:
        return make()
    except _BAD as error:
        return Refused(locator=where, rule="malformed", value=str(error)[:200], task=task)


def _table_answer(
    where: str, data: Mapping[str, str], raw: Mapping[str, str], tasks: Mapping[str, Task]
) -> Answer:
    order = presented(data, tasks)
    ranks, left, scores, flags = [], [], {}, {}
    comments: dict[int, str] = {}
    for name, cell in data.items():
        slot, value = _SLOT.fullmatch(name), cell.strip()
        if not slot or not value:
            continue
        place = int(slot[2]) - 1
        candidate = order[place] if 0 <= place < len(order) else f"#{place + 1}"
        if slot[1] == "rank" and value.lower() == "x":
            left.append(candidate)
        elif slot[1] == "rank":
            ranks.append((candidate, whole_rank(value, len(order))))
        elif slot[1] == "rate" and slot[3]:
            scores[place, slot[3]] = _number(value)
        elif slot[1] == "flags":
            flags[place] = [flag.strip() for flag in re.split(r"[|,;，；]", value) if flag.strip()]
        elif slot[1] == "comment":
            comments[place] = value
    changed, told = _came_back(raw, tasks)
    cannot = _truth(data.get("cannot_rank", ""))
    text = data.get("text", "")
    if "\ufffd" in text:
        raise ValueError("the written answer is not UTF-8")
    given = bool(ranks or left or scores or flags or cannot or text.strip())
    rejected = data.get("AssignmentStatus", "").lower() == "rejected"
    return Answer(
        locator=where,
        tool="csv",
        state="skipped" if rejected else "submitted" if given else "unanswered",
        tiers=by_rank(ranks),
        unrankable=tuple(left),
        ratings=ratings_of(order, scores, flags, comments),
        text=text,
        cannot_rank=cannot,
        confirmed=True,
        lead_time=seconds(data.get("seconds") or data.get("WorkTimeInSeconds")),
        created=moment(data.get("created") or data.get("SubmitTime")),
        annotation=data.get("AssignmentId", "")[:64],
        users=(worker,) if (worker := data.get("WorkerId", "").strip()) else (),
        changed=changed,
        flags=told,
        **origin(data),
    )


def _read_lines(path: str, tasks: Mapping[str, Task]) -> Iterator[Answer | Refused]:
    base = PurePosixPath(path).name
    for number, row in layouts.rows(path):
        where = f"{base}#{number}"
        value = layouts.decode(row)
        if isinstance(value, dict):
            task = origin(value)["task"][:64]
            yield _guarded(where, task, lambda v=value, w=where: _line_answer(w, v, tasks))  # type: ignore[misc]
        else:
            yield Refused(locator=where, rule="malformed", value="not a JSON object")


def _line_answer(where: str, data: Mapping[str, Any], tasks: Mapping[str, Task]) -> Answer:
    given = msgspec.convert(data, _Filled)
    k = len(presented(data, tasks))
    ranks = [(name, whole_rank(rank, k)) for name, rank in given.ranks.items() if rank is not None]
    said = ranks or given.unrankable or given.ratings or given.cannot_rank or given.text.strip()
    return Answer(
        locator=where,
        tool="csv",
        state="submitted" if said else "unanswered",
        tiers=by_rank(ranks),
        unrankable=given.unrankable,
        ratings=_ratings(given),
        text=given.text,
        cannot_rank=given.cannot_rank,
        confirmed=True,
        lead_time=seconds(given.seconds),
        created=moment(given.created),
        changed=_line_changed(data, tasks),
        **origin(data),
    )


def _line_changed(data: Mapping[str, Any], tasks: Mapping[str, Task]) -> str:
    """Name the text of a line that is not its task's; answers are known by their ids."""
    task = tasks.get(origin(data)["task"])
    if task is None:
        return ""
    place = {name: n for n, name in enumerate(task.presented_order)}
    shown = data.get("answers")
    answers = [
        (place.get(str(one.get("id")), len(place)), one.get("text"))
        for one in (shown if isinstance(shown, list) else ())
        if isinstance(one, dict)
    ]
    return compared(task, data.get("messages"), answers)[0]


class _Rated(msgspec.Struct):
    """Ratings of one answer in a line."""

    candidate: str
    scores: dict[str, float] = {}
    flags: list[str] = []
    comment: str = ""


class _Filled(msgspec.Struct):
    """The keys of a line that a rater fills."""

    ranks: dict[str, float | str | None] = {}
    unrankable: tuple[str, ...] = ()
    ratings: list[_Rated] = []
    cannot_rank: bool = False
    text: str = ""
    seconds: float | None = None
    created: str = ""


def _ratings(given: _Filled) -> tuple[Rating, ...]:
    return tuple(
        Rating(
            candidate=one.candidate,
            scores=tuple(sorted(one.scores.items())),
            flags=tuple(sorted(set(one.flags))),
            comment=one.comment,
        )
        for one in given.ratings
    )


def _number(value: float | str) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is no number")
    return number


def _truth(cell: str) -> bool:
    word = cell.strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(f"cannot_rank is {cell[:40]!r}; write yes or leave it empty")
