"""Label Studio's exports as answers: JSON (a task with its annotations), JSON-MIN, CSV, TSV (a row each).

Values were read from the server's own exports (1.23): a ranker holds buckets, a rank-only ranker
one list under its own name, exports before mid-2023 a bare list; JSON-MIN shortens a single choice to
its text and drops skipped annotations. Limit: the answering person is compared with the table of
raters where one is given, and otherwise taken to be the rater of the project.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import msgspec

from corpusforge.annotate.imports.answers import Answer, moment, seconds, whole_rank
from corpusforge.annotate.records import Refused, Task
from corpusforge.annotate.targets.common import Said, is_table, origin, presented, ratings_of
from corpusforge.annotate.targets.labelstudio_table import table_rows
from corpusforge.annotate.targets.texts import compared
from corpusforge.io import layouts
from corpusforge.io.decoding import decode_json

__all__ = ["answers"]

_TIER = re.compile(r"t([1-9][0-9]?)")
_SLOT = re.compile(r"(rate|flags|comment)_([1-9][0-9]?)(?:_(.+))?", re.DOTALL)
_SHOWN = re.compile(r"answer_([1-9][0-9]?)")
_CONTROLS = ("rank", "pair", "answer", "confirm")
_DONE = ("ranked", "chosen", "rated", "tie", "cannot_rank")
_BAD = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
"""What a value can raise that Label Studio did not write; `_Malformed` is a ValueError."""

_DATA = frozenset({
    "task_id", "job", "checksum", "batch", "prompt", "items",
    "id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement",
})  # fmt: skip


class _Export(msgspec.Struct):
    """A task of a JSON export."""

    data: dict[str, Any]
    annotations: list[msgspec.Raw] = []
    drafts: list[Any] = []


class _Result(msgspec.Struct):
    """What one control holds."""

    from_name: str
    value: dict[str, Any] | list[Any]


class _Annotation(msgspec.Struct):
    """One submitted or skipped annotation."""

    result: list[_Result]
    id: int | str | None = None
    completed_by: Any = None
    was_cancelled: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None
    lead_time: float | None = None


class _Malformed(ValueError):
    """A value that Label Studio does not write."""


def answers(path: str, tasks: Mapping[str, Task]) -> Iterator[Answer | Refused]:
    """Yield one row for each annotation and draft of an export."""
    base = PurePosixPath(path).name
    if is_table(path):
        for number, made in table_rows(path):
            where = f"{base}#{number}"
            if isinstance(made, str):
                yield _malformed(where, made)
            else:
                yield _shortened(where, made, tasks)
        return
    for number, row in layouts.rows(path):
        locator = f"{base}#{number}"
        value = layouts.decode(row)
        if isinstance(value, dict) and "annotation_id" in value:
            yield _shortened(locator, value, tasks)
        else:
            yield from _task(locator, row, tasks)


def _malformed(locator: str, error: object, task: str = "") -> Refused:
    return Refused(locator=locator, rule="malformed", value=str(error)[:200], task=task[:64])


def _task(locator: str, row: bytes, tasks: Mapping[str, Task]) -> Iterator[Answer | Refused]:
    try:
        export = decode_json(row, _Export)
    except _BAD as error:
        yield _malformed(locator, error)
        return
    known = origin(export.data)
    for place, raw in enumerate(export.annotations):
        where = f"{locator}/annotation {place + 1}"
        try:
            note = decode_json(raw, _Annotation)
            yield _annotation(where, note, export.data, tasks)
        except _BAD as error:
            yield _malformed(where, error, known["task"])
    for place, _ in enumerate(export.drafts):
        yield Answer(
            locator=f"{locator}/draft {place + 1}", tool="label-studio", state="draft", **known
        )


def _annotation(
    locator: str, note: _Annotation, data: Mapping[str, Any], tasks: Mapping[str, Task]
) -> Answer:
    values: dict[str, Any] = {}
    for result in note.result:
        if result.from_name in values:
            raise _Malformed(f"two results of {result.from_name}")
        values[result.from_name] = result.value
    said = Said() if note.was_cancelled else _said(values, presented(data, tasks))
    return Answer(
        locator=locator,
        tool="label-studio",
        state="skipped" if note.was_cancelled else "submitted",
        lead_time=seconds(note.lead_time),
        created=moment(note.updated_at) or moment(note.created_at),
        annotation="" if note.id is None else str(note.id)[:64],
        users=_users(note.completed_by),
        changed=_came_back(data, tasks)[0],
        **origin(data),
        **said,
    )


def _shortened(locator: str, row: dict[str, Any], tasks: Mapping[str, Task]) -> Answer | Refused:
    """Return the answer of a JSON-MIN row: data keys and controls side by side."""
    known = origin(row)
    if row["annotation_id"] is None:
        return Answer(locator=locator, tool="label-studio", state="unanswered", **known)
    controls = {
        name: value
        for name, value in row.items()
        if name in _CONTROLS or (_SLOT.fullmatch(name) and name not in _DATA)
    }
    try:
        said = _said(controls, presented(row, tasks))
        changed, told = _came_back(row, tasks)
        said["flags"] = (*said["flags"], *told)
    except _BAD as error:
        return _malformed(locator, error, known["task"])
    return Answer(
        locator=locator,
        tool="label-studio",
        lead_time=seconds(row.get("lead_time")),
        created=moment(row.get("updated_at")) or moment(row.get("created_at")),
        annotation=str(row["annotation_id"])[:64],
        users=_users(row.get("annotator")),
        changed=changed,
        **known,
        **said,
    )


def _came_back(data: Mapping[str, Any], tasks: Mapping[str, Task]) -> tuple[str, tuple[str, ...]]:
    """Name the answer of a task's data that is not the task's, ranks hang on them; and return flags."""
    task = tasks.get(origin(data)["task"])
    if task is None:
        return "", ()
    place = {name: n for n, name in enumerate(task.presented_order)}
    shown = data.get("items")
    answers = [
        (place.get(str(one.get("id")), len(place)), one.get("body"))
        for one in (shown if isinstance(shown, list) else ())
        if isinstance(one, dict)
    ]
    columns = ((_SHOWN.fullmatch(name), value) for name, value in data.items())
    answers += [(int(match[1]) - 1, value) for match, value in columns if match]
    return compared(task, None, answers)


def _users(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(str(value[key]) for key in ("id", "email") if value.get(key))
    return () if value is None else (str(value),)


def _said(values: Mapping[str, Any], order: Sequence[str]) -> Said:
    """Return what the controls say about a task presented in `order`."""
    said = Said(flags=())
    scores: dict[tuple[int, str], float] = {}
    flags: dict[int, list[str]] = {}
    comments: dict[int, str] = {}
    for name, value in values.items():
        slot = _SLOT.fullmatch(name)
        if name == "rank":
            said.update(_ranker(value, len(order)))
        elif name == "answer":
            said["text"] = _text(value)
        elif slot and slot[1] == "rate" and slot[3]:
            scores[int(slot[2]) - 1, slot[3]] = _number(value)
        elif slot and slot[1] == "flags":
            flags[int(slot[2]) - 1] = _choices(value)
        elif slot and slot[1] == "comment":
            comments[int(slot[2]) - 1] = _text(value)
        elif name not in _CONTROLS:
            said["flags"] = (*said["flags"], f"ignored:{name[:40]}")
    said["ratings"] = ratings_of(order, scores, flags, comments)
    done = _choices(values["confirm"]) if "confirm" in values else []
    if len(done) > 1 or any(name not in _DONE for name in done):
        raise _Malformed(f"confirm is {done}")
    said["confirmed"] = bool(done) or "pair" in values or "text" in said
    said["cannot_rank"] = done == ["cannot_rank"]
    if "pair" in values or done == ["tie"]:
        said["tiers"] = _pair(values.get("pair"), done == ["tie"], order)
    return said


def _single(value: Any) -> Any:
    """Return the only element of a list of one; JSON-MIN wraps values so."""
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise _Malformed(f"not a list of ids: {str(value)[:80]}")


def _ranker(value: Any, k: int) -> Said:
    value = _single(value) if not _is_order(value) else value
    if isinstance(value, dict) and "ranker" in value:
        value = value["ranker"]
    if isinstance(value, list):  # exports before mid-2023
        return Said(tiers=tuple((name,) for name in _names(value)))
    if not isinstance(value, dict):
        raise _Malformed(f"ranker is {type(value).__name__}")
    tiers: dict[int, tuple[str, ...]] = {}
    said = Said()
    for name, held in value.items():
        if (tier := _TIER.fullmatch(name)) and (names := _names(held)):
            tiers[whole_rank(tier[1], k)] = names
        elif tier:
            continue  # a place that nobody took
        elif name == "unrankable":
            said["unrankable"] = _names(held)
        elif name in ("unranked", "_"):
            said["unplaced"] = (*said.get("unplaced", ()), *_names(held))
        elif name == "rank" and len(value) == 1:  # a ranker without buckets
            return Said(tiers=tuple((one,) for one in _names(held)))
        else:
            raise _Malformed(f"unknown bucket {name[:40]!r}")
    said["tiers"] = tuple(tiers[tier] for tier in sorted(tiers))
    return said


def _is_order(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


def _pair(value: Any, tie: bool, order: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    value = _single(value)
    if tie:
        if value is not None:
            raise _Malformed("both a better answer and a tie")
        return (tuple(order),)
    chosen = value.get("selected") if isinstance(value, dict) else value
    if chosen not in ("left", "right"):
        raise _Malformed(f"selected is {str(chosen)[:40]!r}")
    if len(order) != 2:
        return ()
    better, worse = order if chosen == "left" else order[::-1]
    return (better,), (worse,)


def _choices(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return _choices(value.get("choices"))
    if isinstance(value, list):
        return [name for one in value for name in _choices(one)]
    raise _Malformed(f"not a choice: {str(value)[:80]}")


def _number(value: Any) -> float:
    value = _single(value)
    if isinstance(value, dict):
        value = next((value[key] for key in ("rating", "number", "choices") if key in value), None)
        value = _single(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _Malformed(f"not a rating: {str(value)[:80]}")
    return float(value)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("text")
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(_text(one) for one in value)
    raise _Malformed(f"not text: {str(value)[:80]}")
