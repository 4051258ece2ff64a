"""The output of an instruct pipeline: rows and refused candidates, and how each came about.

A row is told by its lineage: the seeds and earlier tasks of its prompt, the requests as they were sent with
the replies as they came, the nearest tasks. Limit: rows and rejects are held in memory (3 kB each); replies
are read from the journal when somebody asks.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from corpusforge.errors import InputError, RunError
from corpusforge.instruct import seeds
from corpusforge.io.jsonl import read_jsonl
from corpusforge.models.journal import Journal
from corpusforge.view.differences import shared

__all__ = ["PAGE", "Rows", "cards", "counts", "open_rows", "trace"]

PAGE = 20
_Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """An opened output: finished rows and refused candidates, as they stand in its files."""

    directory: str
    rows: list[_Row]
    rejects: list[_Row]
    journal_path: str

    @cached_property
    def by_id(self) -> dict[str, _Row]:
        """Rows and rejects by id."""
        return {row["id"]: row for row in (*self.rejects, *self.rows)}

    @cached_property
    def tasks(self) -> dict[str, str]:
        """The instruction of every task that is known: built-in seeds, the pool, finished rows."""
        known = {task.id: task.instruction for name in seeds.BUILTIN for task in seeds.load(name)}
        known |= {row["task"]: row["instruction"] for row in self.rows}
        pool = _lines(self.directory, "pool.jsonl")
        return known | {row["id"]: row["instruction"] for row in pool}

    @cached_property
    def journal(self) -> Journal | None:
        """The replies, None where the file is not there."""
        if not Path(self.journal_path).is_file():
            return None
        journal = Journal(self.journal_path, write=False)
        weakref.finalize(self, journal.close)
        return journal


def _lines(directory: str, name: str) -> Iterator[_Row]:
    path = Path(directory, name)
    return read_jsonl(str(path)) if path.exists() else iter(())


def open_rows(directory: str, journal: str = "") -> Rows:
    """Open an output of an instruct pipeline; `journal` is the file of replies where it is not inside.

    Raises RunError where there are no rows, InputError where the journal named is none.
    """
    if not Path(directory, "rows.jsonl").exists():
        raise RunError(
            f"{directory!r} holds no rows.jsonl: it is not the output of an instruct pipeline."
        )
    if journal and not Path(journal).is_file():
        raise InputError(f"--journal {journal!r} does not exist; give the file of replies.")
    rows, rejects = (list(_lines(directory, name)) for name in ("rows.jsonl", "rejects.jsonl"))
    return Rows(directory, rows, rejects, journal or str(Path(directory, "journal.jsonl")))


def counts(own: Rows) -> dict[str, Any]:
    """Return how many candidates were kept and refused by which rule of which step, and of which kinds."""
    refused = Counter((row["step"], row["rule"]) for row in own.rejects)
    ordered = sorted(refused.items(), key=lambda item: (-item[1], item[0]))
    return {
        "kept": len(own.rows),
        "refused": [{"step": step, "rule": rule, "n": n} for (step, rule), n in ordered],
        "languages": Counter(row["language"] for row in (*own.rows, *own.rejects)),
        "kinds": Counter(row["kind"] for row in own.rows),
    }


def cards(
    own: Rows,
    *,
    step: str = "",
    rule: str = "",
    lang: str = "",
    kind: str = "",
    words: str = "",
    start: int = 0,
) -> dict[str, Any]:
    """Return a page of finished rows, or with `rule` of the candidates that it refused, in file order.

    `words` is a text that a row holds, in any case, or an id.
    """
    rows = (
        [row for row in own.rejects if (row["step"], row["rule"]) == (step, rule)]
        if rule
        else own.rows
    )
    found = [
        row
        for row in rows
        if lang in ("", row["language"]) and kind in ("", row.get("kind")) and _holds(row, words)
    ]
    return {"total": len(found), "rows": [card(row) for row in found[start : start + PAGE]]}


def _holds(row: _Row, words: str) -> bool:
    return (
        not words
        or row["id"] == words
        or any(words.lower() in text.lower() for _, text in turns(row))
    )


def turns(row: _Row) -> list[tuple[str, str]]:
    """Return a row, or a refused candidate, as what was said by whom."""
    if "text" in row:
        return [("candidate", row["text"])]
    if row["turns"]:
        said = [(role, text) for role, text in row["turns"]]
    else:
        said = [("instruction", row["instruction"]), ("input", row["input"])]
        said += [("reasoning", row["reasoning"]), ("output", row["output"])]
    return [(role, text) for role, text in (("system", row["system"]), *said) if text]


def card(row: _Row) -> dict[str, Any]:
    """Return what a page shows of a row or a refused candidate at first."""
    refused = "text" in row
    told = (
        {name: row[name] for name in ("step", "rule", "value", "bound", "round")} if refused else {}
    )
    facts = [] if refused else list(_facts(row))
    return {"id": row["id"], "lang": row["language"], "turns": turns(row), "facts": facts, **told}


def _facts(row: _Row) -> Iterator[str]:
    yield row["kind"]
    if row["is_classification"]:
        yield "classification"
    for name, words in (("agreement", "new answers agree"), ("pass_rate", "samples are right")):
        if row[name][1]:
            yield f"{row[name][0]} of {row[name][1]} {words}"
    if row["score"]:
        yield f"judged {row['score']}: {row['score_reason']}"
    yield from row["flags"]


def trace(own: Rows, name: str) -> dict[str, Any]:
    """Return how a row or refused candidate came about. Raises InputError for an id that is not there.

    `requests` hold what was sent and what came back, as far as the journal has it; `nearest` the closest
    tasks with the words that both have marked, and ROUGE-L F1 (None: not stored).
    """
    if name not in own.by_id:
        raise InputError(f"the output has no row {name!r}.")
    row = own.by_id[name]
    lineage = row.get("lineage", {})
    text = row.get("instruction") or row["text"]
    near = [
        (one["id"], 2 * one["lcs"] / (one["left"] + one["right"]))
        for one in row.get("most_similar", [])
        if one["left"] + one["right"]
    ]
    near += [(row["nearest"], None)] if row.get("nearest") else []
    keys = lineage.get("requests") or [row.get("request", "")]
    plain = ("prompt_version", "engine", "model", "model_licence", "sampling", "round")
    return card(row) | {
        "lineage": [
            (key, str(lineage[key])) for key in plain if lineage.get(key) not in (None, "")
        ],
        "seeds": _named(own, lineage.get("seeds", [])),
        "parents": _named(own, lineage.get("parents", [])),
        "nearest": [
            {
                "id": other,
                "f1": f1,
                "pieces": shared(own.tasks[other], text) if other in own.tasks else None,
            }
            for other, f1 in near
        ],
        "requests": [_request(own, key) for key in keys if key],
    }


def _named(own: Rows, names: list[str]) -> list[tuple[str, str]]:
    return [(name, own.tasks.get(name, "")) for name in names]


def _request(own: Rows, key: str) -> dict[str, Any]:
    entry = own.journal.entry(key) if own.journal else None
    if entry is None:
        return {"key": key, "sent": None}
    request, completion = entry.request, entry.completion
    sent = [(one.role, one.content) for one in request.messages]
    return {
        "key": key,
        "purpose": request.purpose,
        "sent": [*sent, ("prompt", request.prompt)] if request.prompt else sent,
        "reply": completion.text,
        "thought": completion.reasoning,
        "ended": completion.finish_reason,
    }
