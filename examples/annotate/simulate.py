"""Raters who do not exist: a SIMULATION that fills in each tool's own export format.

The answers in `answers.jsonl` were written by hand at four levels of quality. A simulated rater ranks
them by level plus noise drawn by hash, ties what comes out close, and cannot rank one answer in
forty; the last one is careless and confirms what it sees within two seconds. Nothing here says
anything about people; it shows that every format comes back whole.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from corpusforge import hashing
from corpusforge.annotate.jobs import Job
from corpusforge.annotate.records import Task

__all__ = ["FORMATS", "decide"]

LEVELS = {"careful": 3.0, "brief": 2.3, "vague": 1.0, "wrong": 0.0}
WHEN = "2026-01-05T09:00:00Z"
Ranked = tuple[list[list[str]], list[str], float]


def decide(task: Task, *, careless: bool) -> Ranked:
    """Return (tiers, unrankable, seconds) of one simulated rater on one task."""
    if careless:
        return [[name] for name in task.presented_order], [], 1.8
    keys = hashing.id_keys(f"{task.id} {c.id}" for c in task.candidates)
    noise = hashing.uniform(keys, 0, "noise").tolist()
    lost = hashing.uniform(keys, 0, "lost").tolist()
    known = {name: -float(n) for n, tier in enumerate(task.gold) for name in tier}
    values = {
        c.id: known.get(c.id, LEVELS.get(c.model, 0.0)) + 1.4 * n
        for c, n in zip(task.candidates, noise, strict=True)
    }
    unrankable = [c.id for c, u in zip(task.candidates, lost, strict=True) if u < 1 / 40]
    tiers: list[list[str]] = []
    last = 0.0
    for name in sorted(set(values) - set(unrankable), key=lambda c: (-values[c], c)):
        if tiers and last - values[name] < 0.2:
            tiers[-1].append(name)
        else:
            tiers.append([name])
        last = values[name]
    words = sum(len(c.text) for c in task.candidates)
    return tiers, unrankable, round(8 + words / 20 + 10 * noise[0], 1)


def label_studio(folder: Path, rater: str, job: Job, tasks: Mapping[str, Task], done: Done) -> str:
    """Fill a JSON export: the imported tasks with one annotation each."""
    rows = []
    for path in _mine(folder, rater, ".json"):
        if path.name.endswith(".project.json"):
            continue
        for number, row in enumerate(json.loads(path.read_text(encoding="utf-8")), 1):
            tiers, lost, seconds = done(tasks[row["data"]["task_id"]])
            buckets = {f"t{n}": tier for n, tier in enumerate(tiers, 1)}
            if lost:
                buckets["unrankable"] = lost
            ranked = {"from_name": "rank", "to_name": "answers", "type": "ranker",
                      "value": {"ranker": buckets}}  # fmt: skip
            confirm = {"from_name": "confirm", "to_name": "prompt", "type": "choices",
                       "value": {"choices": ["ranked"]}}  # fmt: skip
            annotation = {
                "id": number, "completed_by": 1, "result": [ranked, confirm],
                "was_cancelled": False, "lead_time": seconds, "created_at": WHEN, "updated_at": WHEN,
            }  # fmt: skip
            rows.append({"id": number, **row, "annotations": [annotation]})
    return json.dumps(rows, ensure_ascii=False)


def argilla(folder: Path, rater: str, job: Job, tasks: Mapping[str, Task], done: Done) -> str:
    """Fill a page of records as the REST interface gives them."""
    items = []
    for path in _mine(folder, rater, ".records.json"):
        for record in json.loads(path.read_text(encoding="utf-8")):
            task = tasks[record["external_id"]]
            tiers, lost, _ = done(task)
            slots = {name: f"response_{n}" for n, name in enumerate(task.presented_order)}
            ranks = [
                {"value": slots[c], "rank": n} for n, tier in enumerate(tiers, 1) for c in tier
            ]
            ranks += [{"value": slots[name], "rank": len(slots)} for name in lost]
            values = {
                "ranking": {"value": ranks}, "confirm": {"value": "ranked"},
                "unrankable": {"value": [slots[name] for name in lost]},
            }  # fmt: skip
            response = {"id": f"a-{task.id}", "user_id": "u-1", "status": "submitted",
                        "values": values, "updated_at": WHEN}  # fmt: skip
            items.append({"id": f"i-{task.id}", **record, "responses": [response]})
    return json.dumps({"items": items}, ensure_ascii=False)


def crowd(folder: Path, rater: str, job: Job, tasks: Mapping[str, Task], done: Done) -> str:
    """Fill the rank columns of a table."""
    rows: list[dict[str, str]] = []
    for path in _mine(folder, rater, ".csv"):
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                task = tasks[row["task_id"]]
                tiers, lost, seconds = done(task)
                rank = {c: str(n) for n, tier in enumerate(tiers, 1) for c in tier}
                for place, name in enumerate(task.presented_order, 1):
                    row[f"rank_{place}"] = "x" if name in lost else rank[name]
                rows.append({**row, "seconds": str(seconds)})
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, list(dict.fromkeys(key for row in rows for key in row)))
    table.writeheader()
    table.writerows(rows)
    return out.getvalue()


def page(folder: Path, rater: str, job: Job, tasks: Mapping[str, Task], done: Done) -> str:
    """Write what the offline page saves."""
    answers = []
    for task in tasks.values():
        if task.rater == rater:
            tiers, lost, seconds = done(task)
            answers.append(
                {"task": task.id, "tiers": tiers, "unrankable": lost, "confirmed": True,
                 "lead_time": seconds, "created": WHEN}
            )  # fmt: skip
    return json.dumps(
        {"schema": "corpusforge.page/1", "job": job.id, "checksum": job.checksum,
         "answers": answers, "drafts": []}, ensure_ascii=False,
    )  # fmt: skip


def _mine(folder: Path, rater: str, ending: str) -> Sequence[Path]:
    return sorted(folder.glob(f"{rater}-*{ending}"))


Done = Callable[[Task], Ranked]
FORMATS: dict[str, tuple[str, Callable[..., str]]] = {
    "label-studio": ("json", label_studio),
    "argilla": ("json", argilla),
    "csv": ("csv", crowd),
    "html": ("json", page),
}
