"""Stack Exchange `Posts.xml`: each question with its answers, best voted first.

As in LLaMA's recipe: markup taken out, answers sorted by score, one document a thread; or as
message trees in Open Assistant's shape. The file holds one `<row …/>` a line, answers anywhere
after their question, so rows wait in a temporary SQLite file, not in memory. Limit: comments and
edits live in other files and are not read.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from xml.parsers import expat

from corpusforge.ingest.settings import Settings
from corpusforge.ingest.streams import (
    RefusedError,
    StreamError,
    bounded,
    name_of,
    open_capped,
    reason,
)
from corpusforge.io.decoding import decode_json
from corpusforge.records import Failed, RawDocument, Skipped

__all__ = ["Post", "Thread", "read_stackexchange", "threads", "tree"]

Item = RawDocument | Skipped | Failed
_QUESTION, _ANSWER = "1", "2"
_TABLE = """create table post (id integer, thread integer, question integer, score integer, row text);
create index by_thread on post (thread, question desc, score desc, id)"""


@dataclass(frozen=True, slots=True)
class Post:
    """One question or answer as text."""

    id: str
    text: str
    score: int
    accepted: bool
    date: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A question and its answers, best first; `answers` may be empty."""

    id: str
    title: str
    tags: tuple[str, ...]
    licence: str
    question: Post
    answers: tuple[Post, ...]


def read_stackexchange(path: str, settings: Settings, root: str = "") -> Iterator[Item]:
    """Yield each thread as a dialogue; unanswered questions and rows of other types as skipped."""
    name = name_of(path, root)
    for item in threads(path, settings, root):
        if not isinstance(item, Thread):
            yield item
        elif not item.answers:
            yield Skipped(f"{name}:{item.id}", "unanswered", "0", "1 answer")
        else:
            yield _document(f"{name}:{item.id}", item, settings)


def threads(path: str, settings: Settings, root: str = "") -> Iterator[Thread | Skipped | Failed]:
    """Yield every thread of a file, and what could not become part of one."""
    name = name_of(path, root)
    with _store() as store:
        yield from _load(path, name, store, settings)
        cursor = store.execute(
            "select thread, question, row from post order by thread, question desc, score desc, id"
        )
        question: dict[str, str] | None = None
        answers: list[dict[str, str]] = []
        for thread, is_question, text in cursor:
            row = decode_json(text)
            if is_question:
                if question:
                    yield _bounded(name, question, answers, settings)
                question, answers = row, []
            elif question and int(question["Id"]) == thread:
                answers.append(row)
            else:
                yield Skipped(f"{name}:{row['Id']}", "orphan_answer", str(thread))
        if question:
            yield _bounded(name, question, answers, settings)


def _bounded(
    name: str, question: dict[str, str], answers: list[dict[str, str]], settings: Settings
) -> Thread | Failed:
    size = sum(len(row.get("Body", "")) for row in (question, *answers))
    make = partial(_thread, question, answers, settings)
    return bounded(settings, f"{name}:{question['Id']}", size, make)


@contextmanager
def _store() -> Iterator[sqlite3.Connection]:
    with (
        tempfile.TemporaryDirectory(prefix="corpusforge-posts-") as folder,
        closing(sqlite3.connect(Path(folder) / "posts.db", isolation_level=None)) as store,
    ):
        store.execute("pragma journal_mode = off")
        store.execute("pragma synchronous = off")  # a scratch file needs to survive nothing
        store.executescript(_TABLE)
        store.execute("begin")
        yield store


def _load(
    path: str, name: str, store: sqlite3.Connection, settings: Settings
) -> Iterator[Skipped | Failed]:
    """Put questions and answers into the store; yield what is neither."""
    limit = settings.max_record_bytes
    number, closed = 0, False
    try:
        with open_capped(path, settings) as stream:
            while line := stream.readline(limit + 1):
                number += 1
                locator = f"{name}:line {number}"
                closed = closed or b"</posts" in line
                if len(line) > limit:
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(limit)
                    yield Skipped(locator, "record_size", f">{limit}", str(limit))
                elif line.lstrip().startswith(b"<row"):
                    found = _stored(store, line, name, locator)
                    if isinstance(found, Failed) and not line.endswith(b"\n"):
                        closed, found = True, replace(found, cut=True)  # inside it the file ends
                    if found:
                        yield found
    except (StreamError, RefusedError) as error:  # what came before is told all the same
        yield Failed(f"{name}:line {number + 1}+", reason(error), cut=True)
        return
    if number and not closed:
        yield Failed(f"{name}:line {number + 1}+", "ends early, without </posts>", cut=True)


def _stored(
    store: sqlite3.Connection, line: bytes, name: str, locator: str
) -> Skipped | Failed | None:
    try:
        row = _row(line.strip())
        problem = _insert(store, row)
    except (expat.ExpatError, ValueError, OverflowError) as error:
        return Failed(locator, reason(error))
    return Skipped(f"{name}:{row['Id']}", "post_type", problem) if problem else None


def _row(line: bytes) -> dict[str, str]:
    """The attributes of one row; raises ExpatError where it is no well-formed element."""
    found: list[dict[str, str]] = []
    parser = expat.ParserCreate("UTF-8")
    parser.StartElementHandler = lambda _, attributes: found.append(attributes)
    parser.Parse(line, True)
    row = found[0]
    if not row.get("Id", "").isdecimal():
        raise ValueError("a row without a numeric Id")
    return row


def _insert(store: sqlite3.Connection, row: dict[str, str]) -> str:
    """Store a question or answer; return the type of anything else."""
    kind = row.get("PostTypeId", "")
    if kind not in (_QUESTION, _ANSWER) or (kind == _ANSWER and "ParentId" not in row):
        return kind or "none"
    thread = int(row["Id"] if kind == _QUESTION else row["ParentId"])
    values = (int(row["Id"]), thread, kind == _QUESTION, int(row.get("Score", 0)), json.dumps(row))
    store.execute("insert into post values (?, ?, ?, ?, ?)", values)
    return ""


def _thread(question: dict[str, str], answers: list[dict[str, str]], settings: Settings) -> Thread:
    accepted = question.get("AcceptedAnswerId", "")
    kept = [row for row in answers if int(row.get("Score", 0)) >= settings.min_answer_votes]
    tags = question.get("Tags", "").replace("><", "|").strip("<>|").split("|")
    return Thread(
        question["Id"],
        question.get("Title", ""),
        tuple(tag for tag in tags if tag),
        _licence(question),
        _post(question, accepted),
        tuple(_post(row, accepted) for row in kept),
    )


def _licence(row: dict[str, str]) -> str:
    """The dump names it since 2020, as "CC BY-SA 4.0"."""
    name = row.get("ContentLicense", "")
    return name.replace(" ", "-") if name.startswith("CC ") else ""


def _post(row: dict[str, str], accepted: str) -> Post:
    date = row.get("CreationDate", "")[:19]
    return Post(
        row["Id"],
        _text(row.get("Body", "")),
        int(row.get("Score", 0)),
        row["Id"] == accepted,
        f"{date}Z" if len(date) == 19 else date,
    )


def _text(html: str) -> str:
    from resiliparse.extract.html2text import extract_plain_text

    return extract_plain_text(html, preserve_formatting=True, main_content=False).strip()


def _document(locator: str, thread: Thread, settings: Settings) -> RawDocument:
    parts = [f"Q: {thread.title}\n\n{thread.question.text}".strip()]
    parts += [f"A: {answer.text}" for answer in thread.answers]
    return RawDocument(
        locator,
        "\n\n".join(parts),
        "text",
        date=thread.question.date,
        title=thread.title,
        licence=thread.licence or settings.licence,
        category=settings.category,
        format="dialogue",
        meta={
            "tags": " ".join(thread.tags),
            "score": str(thread.question.score),
            "answers": str(len(thread.answers)),
        },
    )


def tree(thread: Thread) -> dict[str, Any]:
    """Return the thread as a message tree: a prompt whose replies are ranked by votes."""
    replies = [
        {
            "message_id": answer.id,
            "parent_id": thread.id,
            "text": answer.text,
            "role": "assistant",
            "rank": rank,
            "score": answer.score,
            "accepted": answer.accepted,
            "replies": [],
        }
        for rank, answer in enumerate(thread.answers)
    ]
    text = f"{thread.title}\n\n{thread.question.text}".strip()
    prompt = {"message_id": thread.id, "text": text, "role": "prompter", "replies": replies}
    return {"message_tree_id": thread.id, "prompt": prompt}
