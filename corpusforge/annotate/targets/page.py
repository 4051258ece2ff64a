"""A page that needs no server: one self-contained HTML file a batch, and the answers it saves.

The page ranks by drag, button or key, keeps progress in the browser and saves a JSON file. Texts go
in as escaped JSON and only ever become text nodes; a content security policy allows the one script
by its hash and nothing from outside, so markup in an answer is text twice over. Limit: a browser
holds a batch in memory; some hundred tasks a file are comfortable.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import msgspec

from corpusforge.annotate.imports.answers import Answer, judge_all, moment, seconds
from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.jobs import Job
from corpusforge.annotate.records import Ranking, Rating, Refused, Task
from corpusforge.annotate.targets.common import WRITTEN, Sheet, answers_of, sheets
from corpusforge.io import files, layouts
from corpusforge.io.decoding import decode_json

__all__ = ["SCHEMA", "Page"]

SCHEMA = "corpusforge.page/1"

_BAD = (msgspec.MsgspecError, ValueError, RecursionError, OverflowError)
_ESCAPES = (
    (b"&", b"\\u0026"), (b"<", b"\\u003c"), (b">", b"\\u003e"),
    (b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"),
)  # fmt: skip


class _Rated(msgspec.Struct):
    """Ratings of one answer."""

    candidate: str
    scores: dict[str, float] = {}
    flags: list[str] = []
    comment: str = ""


class _Row(msgspec.Struct):
    """One task's answer as the page saves it."""

    task: str
    tiers: tuple[tuple[str, ...], ...] = ()
    unrankable: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    cannot_rank: bool = False
    ratings: tuple[_Rated, ...] = ()
    text: str = ""
    confirmed: bool = False
    lead_time: float | None = None
    created: str = ""


class _File(msgspec.Struct):
    """A saved file."""

    schema: str
    job: str
    checksum: str
    answers: list[msgspec.Raw] = []
    drafts: list[msgspec.Raw] = []


class Page:
    """Files NAME.html a sheet; the rater's browser saves BATCH.answers.json."""

    def write(self, tasks: Sequence[Task], job: Job, directory: str) -> list[str]:
        """Write one page a sheet; return the paths."""
        paths = []
        for sheet in sheets(tasks, job, directory):
            paths.append(files.join(directory, f"{sheet.name}.html"))
            with files.atomic_write(paths[-1]) as out:
                _write(out, sheet, job)
        return paths

    def read(
        self,
        paths: Sequence[str],
        tasks: Mapping[str, Task],
        job: Job,
        settings: Settings | None = None,
    ) -> Iterator[Ranking | Refused]:
        """Yield one Ranking or Refused for each answer and draft of saved files."""
        for path in paths:
            yield from judge_all(_answers(path), tasks, job, settings or Settings())

    def owns(self, row: Any) -> bool:
        """Whether this is a saved file of the page."""
        return isinstance(row, dict) and row.get("schema") == SCHEMA


@cache
def _part(name: str) -> str:
    return (resources.files(__package__) / "page_files" / name).read_text(encoding="utf-8")


def _escaped(value: Any) -> bytes:
    """Return JSON that ends no script element: "<" and its like only occur inside strings."""
    text = msgspec.json.encode(value)
    for character, escape in _ESCAPES:
        text = text.replace(character, escape)
    return text


def _write(out: BinaryIO, sheet: Sheet, job: Job) -> None:
    script = _part("script.js")
    digest = base64.b64encode(hashlib.sha256(f"{script}".encode()).digest()).decode()
    shell = (
        _part("page.html")
        .replace("{{HASH}}", digest)
        .replace("{{TITLE}}", html.escape(f"{job.id} · {sheet.batch}"))
        .replace("{{STYLE}}", _part("style.css"))
        .replace("{{SCRIPT}}", script)
    )
    before, after = shell.split("{{DATA}}")
    head = {
        "schema": SCHEMA,
        "job": job.id,
        "checksum": job.checksum,
        "batch": sheet.batch,
        "kind": job.kind,
        "ties": job.ties,
        "language": sheet.language,
        "guidelines": job.guidelines,
        "warning": job.warning,
        "scales": job.scales,
        "flags": job.flags,
        "words": decode_json(_part("words.json")),
    }
    out.write(before.encode())
    out.write(_escaped(head)[:-1] + b',"tasks":[')
    for number, task in enumerate(sheet.tasks):
        out.write((b",\n" if number else b"\n") + _escaped(_shown(task)))
    out.write(b"]}" + after.encode())


def _shown(task: Task) -> dict[str, Any]:
    answers = [] if task.kind in WRITTEN else answers_of(task)
    return {
        "id": task.id,
        "messages": task.prompt.messages,
        "answers": [{"id": name, "text": text} for name, text in answers],
    }


def _answers(path: str) -> Iterator[Answer | Refused]:
    base = PurePosixPath(path).name
    for number, row in layouts.rows(path):
        where = base if number == 1 else f"{base}#{number}"
        try:
            saved = decode_json(row, _File)
            if saved.schema != SCHEMA:
                raise ValueError(f"schema is {saved.schema[:40]!r}, expected {SCHEMA!r}")
        except _BAD as error:
            yield Refused(locator=where, rule="malformed", value=str(error)[:200])
            continue
        for place, raw in enumerate(saved.answers, 1):
            yield _row(f"{where}/answer {place}", saved, raw)
        for place, raw in enumerate(saved.drafts, 1):
            yield _row(f"{where}/draft {place}", saved, raw, draft=True)


def _row(where: str, saved: _File, raw: msgspec.Raw, draft: bool = False) -> Answer | Refused:
    try:
        row = decode_json(raw, _Row)
    except _BAD as error:
        return Refused(locator=where, rule="malformed", value=str(error)[:200])
    return Answer(
        locator=where,
        tool="html",
        task=row.task,
        job=saved.job,
        checksum=saved.checksum,
        state="draft" if draft or not row.confirmed else "submitted",
        tiers=row.tiers,
        unrankable=row.unrankable,
        unplaced=row.unplaced,
        ratings=tuple(
            Rating(
                candidate=one.candidate,
                scores=tuple(sorted(one.scores.items())),
                flags=tuple(sorted(set(one.flags))),
                comment=one.comment,
            )
            for one in row.ratings
        ),
        text=row.text,
        cannot_rank=row.cannot_rank,
        confirmed=row.confirmed,
        lead_time=seconds(row.lead_time),
        created=moment(row.created),
    )
