"""How far a run is, told by what lies in its directory: in progress, killed or finished, local or remote.

Read are plans, receipts, error files and manifests (docs/storage.md), and the lock; nothing runs beside
the run. Limits: the time left is of the stage at work only, since what a later stage must read is not
known before; object stores have no lock, so an unfinished run there may or may not be alive.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from corpusforge import manifest as records
from corpusforge.io import files
from corpusforge.io.lock import holder, shared
from corpusforge.ledger import Ledger
from corpusforge.manifest import Manifest, Receipt, part_name
from corpusforge.run import directory
from corpusforge.run.stage import Plan, plan_path

__all__ = [
    "EXIT_CODES",
    "IN_PROGRESS",
    "Left",
    "RunStatus",
    "StageStatus",
    "as_json",
    "read_status",
    "time_left",
]

EXIT_CODES = {
    "complete": 0,
    "running": 10,
    "working": 10,
    "stopped": 11,
    "failed": 12,
    "unknown": 13,
}
"""Exit code of `corpusforge status` by state; 2 where there is no run."""
IN_PROGRESS = ("running", "working", "unknown")
"""States that may go on: a process holds the run, tasks of an array do, or nobody can tell."""

_FRESH = 600.0  # seconds; a remote run without a receipt for so long gets no estimate
_FEWEST = 3  # parts; fewer say nothing about the spread


@dataclass(frozen=True, slots=True)
class Left:
    """Seconds until the stage ends: an estimate, and an interval of two standard errors around it."""

    seconds: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStatus:
    """One stage.

    `state`: done; running; stopped or failed (begun, not ended, nobody at it); earlier (done by a run before
    this one, kept if what it reads has not changed); todo; none (this recipe does not ask for it).
    A `todo` may turn out `none`. Bytes and documents are those of the parts made.
    """

    name: str
    state: str
    parts: int = 0
    """All parts; 0 where not known."""
    made: int = 0
    begun: tuple[str, ...] = ()
    """Parts in the making; where nobody is at it, those whose process died."""
    documents: int = 0
    input_bytes: int = 0
    output_bytes: int = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0
    """Wall seconds of a stage that is done; else task seconds of its parts so far."""
    rate: float = 0.0
    """Input bytes a second since the run was last started; 0 where not running."""
    left: Left | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStatus:
    """A run: `state` is complete, running, working (only tasks of a job array are at it), stopped, failed, or
    unknown (unfinished, and no lock to ask)."""

    run: str
    recipe: str
    state: str
    holder: str
    """Who holds the lock."""
    updated: float
    """Unix time of the newest receipt or manifest; 0 where there is none."""
    error: str
    """The last error, a line; "" where there is none."""
    documents: int
    """Documents read so far."""
    input_bytes: int
    stages: tuple[StageStatus, ...]
    ledger: list[dict[str, Any]]


@dataclass(slots=True)
class _Found:
    """What lies in one stage's directory."""

    name: str
    manifest: Manifest | None
    plan: Plan | None = None
    receipts: dict[int, Receipt] = field(default_factory=dict)
    begun: tuple[str, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)


def read_status(run: str, stages: Sequence[str], now: float | None = None) -> RunStatus:
    """Return the status of the run at `run`; `stages` are all stages in path order.

    Raises RunError where the directory holds no run.
    """
    now = time.time() if now is None else now
    recipe = directory.read_recipe(run)
    held = "" if files.is_remote(run) else holder(run)
    found = [_look(run, name) for name in stages]
    top: Manifest | None = records.read_json(files.join(run, "manifest.json"), Manifest)
    error = directory.read_error(run) or next((e for f in found for e in f.errors.values()), "")
    state = "complete" if top is not None else _state(run, held, error)
    times = [f.manifest.ended for f in found if f.manifest]
    times += [receipt.ended for f in found for receipt in f.receipts.values()]
    updated = max([*times, top.ended if top else 0.0])
    alive = state in ("running", "working") or (state == "unknown" and now - updated < _FRESH)
    first = found[0].manifest or top
    return RunStatus(
        run=run,
        recipe=str(recipe.get("name", "")),
        state=state,
        holder=held,
        updated=updated,
        error=error if state in ("failed", "working", "unknown") else "",
        documents=first.documents if first else _sum(found[0], "documents"),
        input_bytes=first.input_bytes if first else _sum(found[0], "input_bytes"),
        stages=_stages(found, top, state, now if alive else 0.0),
        ledger=top.ledger if top else _ledger(found),
    )


def as_json(status: RunStatus) -> bytes:
    """Return the status as one JSON object with sorted keys."""
    return msgspec.json.format(records.canonical(status), indent=1)


def time_left(
    sizes: Sequence[int], receipts: Mapping[int, Receipt], started: float, now: float
) -> Left | None:
    """Estimate the seconds until all parts are made; None where fewer than three were made since `started`.

    The work left goes on at the rate so far, weighed by the parts' input bytes (by their number, where
    those are 0). The interval is two standard errors of the ratio of seconds to bytes between parts: it
    covers uneven parts, not a change of load. A part in the making counts as not begun.
    """
    weights = sizes if any(sizes) else [1] * len(sizes)
    new = {n: r.seconds for n, r in receipts.items() if r.ended >= started}
    made = sum(weights[n] for n in new)
    if len(new) < _FEWEST or not made or now <= started:
        return None
    todo = sum(weight for n, weight in enumerate(weights) if n not in receipts)
    seconds = todo * (now - started) / made
    total = math.fsum(new.values())
    spread = math.fsum((s - total / made * weights[n]) ** 2 for n, s in new.items())
    error = math.sqrt(spread * len(new) / (len(new) - 1)) / total if total else 0.0
    share = min(1.0, 2 * error)
    return Left(seconds, seconds * (1 - share), seconds * (1 + share))


def _state(run: str, held: str, error: str) -> str:
    """Return the state of a run that is not complete."""
    if held:
        return "running"
    remote = files.is_remote(run)
    if not remote and shared(run):
        return "working"  # an error of one part ends one task, not the others
    if error:
        return "failed"
    return "unknown" if remote else "stopped"


def _look(run: str, name: str) -> _Found:
    path = files.join(run, name)
    found = _Found(name, records.read_json(files.join(path, "manifest.json"), Manifest))
    if found.manifest is not None:
        return found
    infos = files.list_files(files.join(path, "_receipts", "*"))
    there = {info.path.rsplit("/", 1)[-1]: info.path for info in infos}
    found.plan = records.read_json(plan_path(run, name), Plan) if infos else None
    for number in range(len(found.plan.sizes)) if found.plan else ():
        part = part_name(number)
        if f"{part}.json" in there:
            receipt = records.read_json(there[f"{part}.json"], Receipt)
            if receipt is not None:
                found.receipts[number] = receipt
        if f"{part}.begun" in there:
            found.begun = (*found.begun, part)
        if f"{part}.error" in there:
            found.errors[part] = _error_line(there[f"{part}.error"], name, part)
    return found


def _error_line(path: str, stage: str, part: str) -> str:
    try:
        lines = files.read_bytes(path).decode("utf-8", "replace").split("\n")
    except OSError:  # taken away between listing and reading
        return f"{stage} {part}: an error that was removed just now"
    return f"{stage} {part}: {lines[1] if len(lines) > 1 else lines[0]}"  # after its kind


def _sum(found: _Found, name: str) -> int:
    return sum(getattr(receipt, name) for receipt in found.receipts.values())


def _ledger(found: Sequence[_Found]) -> list[dict[str, Any]]:
    rows = [item.manifest.ledger for item in found if item.manifest]
    rows += [receipt.ledger for item in found for receipt in item.receipts.values()]
    total: Ledger = records.merge_ledgers(rows)
    return total.rows()


def _stages(
    found: Sequence[_Found], top: Manifest | None, state: str, now: float
) -> tuple[StageStatus, ...]:
    """`now` is 0 where nobody is known to work."""
    done = {*top.extra, "report"} if top else set()
    plans = {n: item.plan.started for n, item in enumerate(found) if item.plan}
    place = max(plans, key=lambda n: plans[n], default=len(found))
    last = max((n for n, item in enumerate(found) if item.manifest or item.plan), default=-1)
    rows = []
    for number, item in enumerate(found):
        if item.manifest:
            row = _done(item.name, item.manifest)
            rows.append(replace(row, state="earlier") if number > place else row)
        elif item.plan and not top:
            alive = number == place and state in IN_PROGRESS
            how = "running" if alive else "failed" if item.errors else "stopped"
            rows.append(_unfinished(item, item.plan, how, now if number == place else 0.0))
        else:
            ahead = "none" if top or number < last else "todo"
            rows.append(StageStatus(name=item.name, state="done" if item.name in done else ahead))
    return tuple(rows)


def _done(name: str, manifest: Manifest) -> StageStatus:
    return StageStatus(
        name=name,
        state="done",
        parts=manifest.parts,
        made=manifest.parts,
        documents=manifest.documents,
        input_bytes=manifest.input_bytes,
        output_bytes=sum(output.bytes for output in manifest.outputs),
        cpu_seconds=manifest.cpu_seconds,
        seconds=manifest.seconds,
    )


def _unfinished(item: _Found, plan: Plan, state: str, now: float) -> StageStatus:
    new = [r.input_bytes for r in item.receipts.values() if r.ended >= plan.started]
    elapsed = now - plan.started
    return StageStatus(
        name=item.name,
        state=state,
        parts=len(plan.sizes),
        made=len(item.receipts),
        begun=item.begun,
        documents=_sum(item, "documents"),
        input_bytes=_sum(item, "input_bytes"),
        output_bytes=sum(o.bytes for r in item.receipts.values() for o in r.outputs),
        cpu_seconds=math.fsum(r.cpu_seconds for r in item.receipts.values()),
        seconds=math.fsum(r.seconds for r in item.receipts.values()),
        rate=sum(new) / elapsed if now and elapsed > 0 else 0.0,
        left=time_left(plan.sizes, item.receipts, plan.started, now) if now else None,
        error=next(iter(item.errors.values()), ""),
    )
