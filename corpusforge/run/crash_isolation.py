"""Records that crash native code: found by bisecting, failed by name, so that the part ends.

A parser or kernel written in C can end its process with a signal, which no `except` catches. A part
that was begun and never ended is therefore made in a process of its own; if that crashes, the shortest
run of records that crashes it is looked for, its last record becomes a `Failed` row, and the part is
made again without it. Limits: the documents stage only; signals of a crash only (an out-of-memory kill
says nothing about a record); at most `MOST` records a part.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from corpusforge.cputime import GRACE
from corpusforge.errors import EngineError
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.run.stage import Part, PartResult

__all__ = ["CRASHES", "MOST", "Guard", "isolated"]

CRASHES = frozenset(
    {
        signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS,
        signal.SIGVTALRM,
    }
)  # fmt: skip
"""SIGVTALRM is `cputime`'s: a call into native code that no exception ends has taken too long."""
MOST = 100
"""Records of one part that may crash; more means that the fault is not in the records."""

_PLACE = struct.Struct("<QQ")
_Row = TypeVar("_Row", bound=RawDocument | Skipped | Failed)


@dataclass(slots=True)
class Guard:
    """Which records of a part are let through, by their number in the part.

    `bad`: number → why it fails. `unreadable`: number → why its file ends there (the reader itself
    crashes on it). `start`, `stop`: only these are taken (a trial). `place`: file that always says
    (first record not yet written, record in hand).
    """

    bad: Mapping[int, str] = field(default_factory=dict)
    unreadable: Mapping[int, str] = field(default_factory=dict)
    start: int = 0
    stop: int | None = None
    place: str = ""
    _number: int = 0
    _first: int = 0

    def records(self, rows: Iterator[_Row], name: str) -> Iterator[_Row | Failed]:
        """Yield the rows of one file (`name`) that this guard lets through."""
        while self.stop is None or self._number < self.stop:
            self._tell()
            number = self._number
            if number in self.unreadable:
                self._number += 1
                yield Failed(name, self.unreadable[number], cut=True)
                return
            row = next(rows, None)
            if row is None:
                return
            self._number += 1
            if number < self.start:
                continue
            yield Failed(row.locator, self.bad[number], row.url) if number in self.bad else row

    def written(self) -> None:
        """Note that all records so far are behind us."""
        self._first = self._number

    def _tell(self) -> None:
        if self.place:
            with Path(self.place).open("r+b") as stream:
                stream.write(_PLACE.pack(self._first, self._number))


Work = Callable[[Part, Guard], PartResult]


def isolated(work: Work, part: Part) -> PartResult:
    """Make a part whose earlier try never ended, in other processes, without what crashes them.

    `work(part, guard)` is a module-level function: the other process finds it by name.

    Raises EngineError where more than `MOST` records crash or a process ends for another reason.
    """
    guard = Guard()
    with tempfile.TemporaryDirectory(prefix="corpusforge-guard-") as folder:
        while len(guard.bad) + len(guard.unreadable) <= MOST:
            made, status, first, last = _trial(work, part, guard, folder)
            if made is not None:
                return made
            guard = _without(work, part, guard, _cause(status, part), first, last, folder)
    raise EngineError(
        f"{part.name}: more than {MOST} records crash the process; the fault is not in the records."
    )


def _cause(status: int, part: Part) -> str:
    if -status == signal.SIGVTALRM:
        return (
            f"over cpu_seconds in native code that nothing interrupts: its process was ended {GRACE:g} to "
            f"{2 * GRACE:g} s of CPU time later (SIGVTALRM)"
        )
    if -status in CRASHES:
        return f"crashed native code ({signal.Signals(-status).name})"
    reason = signal.Signals(-status).name if status < 0 else f"exit status {status}"
    raise EngineError(
        f"{part.name}: its process ended by {reason}. Finished parts are kept: give the same command "
        "again, with fewer --workers if memory was short."
    )


def _without(
    work: Work, part: Part, guard: Guard, cause: str, first: int, last: int, folder: str
) -> Guard:
    """Find the record that ends the shortest crashing run from `first`; return a guard against it."""
    low, high = first, last + 1  # invariant: stopping before `low` is safe
    trial = replace(part, run=str(Path(folder) / "trial"))

    def crashes(stop: int) -> bool:
        made, _, _, _ = _trial(work, trial, replace(guard, start=first, stop=stop), folder)
        return made is None

    if not crashes(high):  # so the reader crashed before it gave the record
        text = f"the reader: {cause}; the rest of the file was not read"
        return Guard(guard.bad, {**guard.unreadable, last: text})
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if crashes(middle) else (middle, high)
    return Guard({**guard.bad, high - 1: cause}, guard.unreadable)


def _trial(
    work: Work, part: Part, guard: Guard, folder: str
) -> tuple[PartResult | None, int, int, int]:
    """Make the part in a process; return what it made or None, its status, and its last place."""
    place, result = Path(folder) / "place", Path(folder) / "made"
    place.write_bytes(_PLACE.pack(guard.start, guard.start))
    result.unlink(missing_ok=True)
    task = pickle.dumps((work, part, replace(guard, place=str(place)), str(result)))
    done = subprocess.run([sys.executable, "-m", __name__], input=task, check=False)
    first, last = _PLACE.unpack(place.read_bytes())
    if done.returncode == 0:
        answer = pickle.loads(result.read_bytes())  # noqa: S301 - written by our own child
        if isinstance(answer, Exception):
            raise answer
        return answer, 0, first, last
    return None, done.returncode, first, last


def _child() -> None:
    work, part, guard, result = pickle.load(sys.stdin.buffer)  # noqa: S301 - sent by our own parent
    try:
        answer: PartResult | Exception = work(part, guard)
    except Exception as error:
        answer = error
    Path(result).write_bytes(pickle.dumps(answer))
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    _child()
