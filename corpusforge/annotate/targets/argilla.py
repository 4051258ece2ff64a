"""Argilla 2: settings and records of one dataset a batch and K, answers from its REST interface.

The Python SDK drops the ranks of a ranking answer (only the order of the options is left), so
answers are read from the JSON of `GET /api/v1/datasets/{id}/records?include=responses` (pages,
lists or lines), or of 1.x records; what lost its ranks is refused. Formats: argilla and argilla-server
2.8. No ranking suggestion is written: the interface would show it as given. Limits: scales between 0
and 10 only; "cannot be ranked" is a question beside the ranking, since the server ranks all options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import msgspec

from corpusforge.annotate.imports.answers import Answer, by_rank, judge_all, moment, whole_rank
from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.jobs import Job
from corpusforge.annotate.records import Ranking, Refused, Task
from corpusforge.annotate.targets.common import (
    RANKED,
    WRITTEN,
    Said,
    Sheet,
    answers_of,
    letter,
    marks,
    origin,
    presented,
    ratings_of,
    sheets,
)
from corpusforge.annotate.targets.texts import compared
from corpusforge.errors import InputError
from corpusforge.io import files, layouts

__all__ = ["Argilla", "record", "settings_of"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_SLOT = re.compile(r"(rate|flags|comment)_([0-9]{1,2})(?:_(.+))?", re.DOTALL)
_OPTION = re.compile(r"response_([0-9]{1,2})")
_BAD = (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError, OverflowError)

_NONE = "none_of_these"
"""An option beside the flags: the server refuses a choice among fewer than two."""

_WORDS = {
    "en": {
        "prompt": "Prompt",
        "answer": "Answer",
        "ranking": "Rank the answers; equal places are ties",
        "unrankable": "Answers that cannot be ranked",
        "confirm": "When you are done",
        "ranked": "I have ranked every answer",
        "rated": "I have rated every answer",
        "cannot_rank": "I cannot judge these answers",
        "flags": "What is true of",
        "none": "None of these",
        "write": "Your answer",
        "comment": "Comment on",
    },
    "zh": {
        "prompt": "提示",
        "answer": "回答",
        "ranking": "给回答排序；名次相同即为并列",
        "unrankable": "无法排序的回答",
        "confirm": "完成之后",
        "ranked": "我已给每个回答排序",
        "rated": "我已为每个回答评分",
        "cannot_rank": "我无法评判这些回答",
        "flags": "符合下列情况：",
        "none": "以上都不符合",
        "write": "你的回答",
        "comment": "评语：",
    },
}


class Argilla:
    """Files NAME.settings.json and NAME.records.json a sheet."""

    def write(self, tasks: Sequence[Task], job: Job, directory: str) -> list[str]:
        """Write settings and records of each sheet; return the paths."""
        paths = []
        for sheet in sheets(tasks, job, directory):
            base = files.join(directory, sheet.name)
            paths += [f"{base}.settings.json", f"{base}.records.json"]
            files.write_bytes(paths[-2], msgspec.json.encode(settings_of(sheet, job)) + b"\n")
            with files.atomic_write(paths[-1]) as out:
                for number, task in enumerate(sheet.tasks):
                    row = msgspec.json.encode(record(task, job))
                    out.write((b",\n" if number else b"[") + row)
                out.write(b"]\n")
        return paths

    def read(
        self,
        paths: Sequence[str],
        tasks: Mapping[str, Task],
        job: Job,
        settings: Settings | None = None,
    ) -> Iterator[Ranking | Refused]:
        """Yield one Ranking or Refused for each response of the records in the files."""
        for path in paths:
            yield from judge_all(_answers(path, tasks), tasks, job, settings or Settings())

    def owns(self, row: Any) -> bool:
        """Whether this is a page of records, or a record."""
        if isinstance(row, dict) and isinstance(row.get("items"), list):
            return True
        return isinstance(row, dict) and ("responses" in row or "ranking.responses" in row)


def _question(name: str, title: str, kind: str, required: bool, **settings: Any) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "description": None,
        "required": required,
        "settings": {"type": kind, **settings},
    }


def _field(name: str, title: str, kind: str) -> dict[str, Any]:
    settings = {"type": kind, "use_markdown": False}
    return {"name": name, "title": title, "required": True, "settings": settings}


def settings_of(sheet: Sheet, job: Job) -> dict[str, Any]:
    """Return the dataset's settings in the server's own (REST) schema.

    Raises InputError where a scale does not fit into 0 to 10 or a name is none Argilla takes.
    """
    words = _WORDS[sheet.language]
    said = [text.say(sheet.language) for text in (job.warning, job.guidelines)]
    written = job.kind in WRITTEN
    fields = [_field("prompt", words["prompt"], "chat")]
    if not written:
        fields += [
            _field(f"response_{place}", f"{words['answer']} {letter(place)}", "text")
            for place in range(sheet.k)
        ]
    return {
        "name": f"{job.id}-{sheet.name}".lower(),
        "guidelines": "\n\n".join(text for text in said if text) or None,
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "fields": fields,
        "questions": [_question("text", words["write"], "text", True, use_markdown=False)]
        if written
        else [*_ranking_questions(sheet, job, words), *_rating_questions(sheet, job, words)],
        "metadata_properties": [
            {"name": name, "title": name, "settings": {"type": "terms", "values": None},
             "visible_for_annotators": False}
            for name in ("task_id", "job", "checksum", "batch")
        ],
    }  # fmt: skip


def _ranking_questions(sheet: Sheet, job: Job, words: Mapping[str, str]) -> list[dict[str, Any]]:
    options = [
        {"value": f"response_{place}", "text": f"{words['answer']} {letter(place)}"}
        for place in range(sheet.k)
    ]
    done = "ranked" if job.kind in RANKED else "rated"
    confirm = [{"value": name, "text": words[name]} for name in (done, "cannot_rank")]
    made = [_question("confirm", words["confirm"], "label_selection", True, options=confirm)]
    if job.kind not in RANKED:
        return made
    return [
        _question("ranking", words["ranking"], "ranking", False, options=options),
        _question("unrankable", words["unrankable"], "multi_label_selection", False,
                  options=options, options_order="natural"),
        *made,
    ]  # fmt: skip


def _rating_questions(sheet: Sheet, job: Job, words: Mapping[str, str]) -> list[dict[str, Any]]:
    questions = []
    for place in range(sheet.k):
        answer = f"{words['answer']} {letter(place)}"
        for scale in job.scales:
            if not 0 <= scale.low <= scale.high <= 10 or not _NAME.fullmatch(scale.name):
                raise InputError(
                    f"scale {scale.name!r} from {scale.low} to {scale.high}: Argilla takes names of "
                    "a-z, 0-9, '_' and '-' and numbers from 0 to 10. Use another target."
                )
            title = f"{answer}: {scale.title.say(sheet.language) or scale.name}"
            numbers = [{"value": number} for number in range(scale.low, scale.high + 1)]
            name = f"rate_{place}_{scale.name}"
            questions.append(_question(name, title, "rating", False, options=numbers))
        if job.flags:
            options = [
                {"value": flag.name, "text": flag.title.say(sheet.language) or flag.name}
                for flag in job.flags
            ]
            options += [{"value": _NONE, "text": words["none"]}]
            title = f"{words['flags']} {answer}"
            questions.append(
                _question(f"flags_{place}", title, "multi_label_selection", False,
                          options=options, options_order="natural")
            )  # fmt: skip
    return questions


def record(task: Task, job: Job) -> dict[str, Any]:
    """Return a record for `POST /api/v1/datasets/{id}/records/bulk`."""
    fields: dict[str, Any] = {
        "prompt": [{"role": m.role, "content": m.content} for m in task.prompt.messages]
    }
    if task.kind not in WRITTEN:
        for place, (_, text) in enumerate(answers_of(task)):
            fields[f"response_{place}"] = text
    return {"external_id": task.id, "fields": fields, "metadata": marks(task, job)}


def _answers(path: str, tasks: Mapping[str, Task]) -> Iterator[Answer | Refused]:
    base = PurePosixPath(path).name
    for number, row in layouts.rows(path):
        value = layouts.decode(row)
        items = value.get("items") if isinstance(value, dict) else None
        for place, item in enumerate(items if isinstance(items, list) else [value], 1):
            where = f"{base}#{number}" + (f"/{place}" if isinstance(items, list) else "")
            yield from _record(where, item, tasks)


def _record(where: str, item: Any, tasks: Mapping[str, Task]) -> Iterator[Answer | Refused]:
    """Yield one row for each response of a record."""
    if not isinstance(item, dict):
        yield Refused(locator=where, rule="malformed", value="not a record")
        return
    metadata = item.get("metadata")
    data = metadata if isinstance(metadata, dict) else {}
    task = origin(data)["task"][:64]
    other = _came_back(item.get("fields"), tasks.get(task))
    responses = item.get("responses", [] if "ranking.responses" not in item else None)
    if responses == {}:
        return
    if isinstance(responses, dict) or responses is None:
        # the SDK's own form: questions first, their answers without ranks
        yield Refused(
            locator=where, rule="ranks_lost", value="read from the REST interface", task=task
        )
        return
    if not isinstance(responses, list):
        yield Refused(locator=where, rule="malformed", value="responses are no list", task=task)
        return
    for place, response in enumerate(responses, 1):
        spot = f"{where}/response {place}"
        try:
            yield replace(_response(spot, response, data, tasks), changed=other)
        except _RanksLost as error:
            yield Refused(locator=spot, rule="ranks_lost", value=str(error)[:200], task=task)
        except _BAD as error:
            yield Refused(locator=spot, rule="malformed", value=str(error)[:200], task=task)


def _came_back(fields: Any, task: Task | None) -> str:
    """Name the answer of a record's fields that is not the task's; replies may leave fields out."""
    if task is None or not isinstance(fields, dict):
        return ""
    shown = ((_OPTION.fullmatch(str(name)), value) for name, value in fields.items())
    return compared(task, None, [(int(m[1]), value) for m, value in shown if m])[0]


class _RanksLost(Exception):
    """A ranking answer of options without ranks."""


def _response(
    spot: str, response: Any, data: Mapping[str, Any], tasks: Mapping[str, Task]
) -> Answer:
    if not isinstance(response, dict):
        raise TypeError("not a response")
    status = response.get("status", "submitted")
    state = {"submitted": "submitted", "draft": "draft", "discarded": "skipped"}.get(str(status))
    if state is None:
        raise ValueError(f"status is {str(status)[:40]!r}")
    user = response.get("user_id")
    values = response.get("values") or {}
    if not isinstance(values, dict):
        raise TypeError("values are no object")
    return Answer(
        locator=spot,
        tool="argilla",
        state=state,  # type: ignore[arg-type]  # one of three words by the table above
        created=moment(response.get("updated_at")) or moment(response.get("inserted_at")),
        annotation=str(response.get("id") or "")[:64],
        users=() if user is None else (str(user),),
        **origin(data),
        **(_said(values, presented(data, tasks)) if state == "submitted" else Said()),
    )


def _said(values: Mapping[str, Any], order: Sequence[str]) -> Said:
    """Return the `Answer` fields that the questions' values fill."""
    said = Said(confirmed=True)
    flags: dict[int, list[str]] = {}
    scores: dict[tuple[int, str], float] = {}
    comments: dict[int, str] = {}
    ranks: list[tuple[str, int]] = []
    for name, held in values.items():
        value = held["value"] if isinstance(held, dict) else held
        slot = _SLOT.fullmatch(name)
        if name == "ranking":
            ranks = _ranks(value, order)
        elif name == "unrankable":
            said["unrankable"] = tuple(_candidate(one, order) for one in _labels(value))
        elif name == "confirm":
            if value not in ("ranked", "rated", "cannot_rank"):
                raise ValueError(f"confirm is {str(value)[:40]!r}")
            said["cannot_rank"] = value == "cannot_rank"
        elif name == "text":
            said["text"] = _string(value)
        elif slot and slot[1] == "rate" and slot[3]:
            scores[int(slot[2]), slot[3]] = _whole(value)
        elif slot and slot[1] == "flags":
            flags[int(slot[2])] = [label for label in _labels(value) if label != _NONE]
        elif slot and slot[1] == "comment":
            comments[int(slot[2])] = _string(value)
        else:
            said["flags"] = (*said.get("flags", ()), f"ignored:{name[:40]}")
    left = set(said.get("unrankable", ()))
    said["tiers"] = by_rank(pair for pair in ranks if pair[0] not in left)
    said["ratings"] = ratings_of(order, scores, flags, comments)
    return said


def _ranks(value: Any, order: Sequence[str]) -> list[tuple[str, int]]:
    ranks = []
    if not isinstance(value, list):
        raise TypeError("ranking is no list")
    for one in value:
        if not isinstance(one, dict) or one.get("rank") is None:
            raise _RanksLost("options without ranks; read from the REST interface")
        ranks.append((_candidate(one["value"], order), whole_rank(one["rank"], len(order))))
    return ranks


def _candidate(option: Any, order: Sequence[str]) -> str:
    """Return the candidate of "response_<place>", or the option itself, which is then refused."""
    match = _OPTION.fullmatch(_string(option))
    place = int(match[1]) if match else -1
    return order[place] if 0 <= place < len(order) else f"#{option}"[:64]


def _labels(value: Any) -> list[str]:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value
    raise TypeError("not a list of labels")


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise TypeError(f"expected text, got {type(value).__name__}")


def _whole(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    return float(value)
