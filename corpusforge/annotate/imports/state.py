"""What an import directory knows: every distinct answer so far, in files that order cannot change.

The state is a set: reading a file again adds nothing, and files may come in any order, whole or grown
since the last time. Which of several answers of one rater to a task counts is decided by their own
times, never by when they were read. Limit: one encoded answer per task is held in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from corpusforge.annotate.records import Ranking, Refused, Task
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.jsonl import read_lines

__all__ = ["AGAIN", "OPEN", "RANKINGS", "REFUSED", "State", "read_rankings"]

RANKINGS = "rankings.jsonl"
REFUSED = "refused.jsonl"
AGAIN = "again"
"""Flag of each of several answers of one rater to one task, where all are kept."""
OPEN = ("unanswered", "draft")
"""Rules of rows that hold no answer yet: counted, and not kept, since missing.jsonl has their tasks."""

_ENCODER = msgspec.json.Encoder()


def read_rankings(directory: str) -> Iterator[Ranking]:
    """Yield the accepted rankings of an import directory; raises InputError where a line is damaged."""
    path = files.join(directory, RANKINGS)
    for number, line in read_lines(path):
        try:
            yield decode_json(line, Ranking)
        except DecodingError as error:
            raise _damaged(path, number, error) from error


def _read_refused(directory: str) -> Iterator[Refused]:
    path = files.join(directory, REFUSED)
    for number, line in read_lines(path):
        try:
            yield decode_json(line, Refused)
        except DecodingError as error:
            raise _damaged(path, number, error) from error


def _damaged(path: str, number: int, error: Exception) -> InputError:
    return InputError(
        f"{path}:{number}: not a row that import wrote ({error}). Import into a new --output."
    )


class State:
    """The answers known so far, and the ledger of one import.

    `rows` counts what `add` was given; when `settle` has run, rows = accepted + repeated + the sum of
    `refused`. `forgotten` counts rows of earlier imports whose task is no longer in the job.
    """

    def __init__(self, tasks: Mapping[str, Task]) -> None:
        self.rows = 0
        self.accepted = 0
        self.repeated = 0
        self.forgotten = 0
        self.refused: Counter[str] = Counter()
        self.tasks = tasks
        self._known: dict[str, list[bytes]] = {}
        self._refused: set[bytes] = set()
        self._fresh: set[bytes] = set()

    def load(self, directory: str) -> None:
        """Take up what an earlier import into this directory left."""
        if files.exists(files.join(directory, RANKINGS)):
            for ranking in read_rankings(directory):
                if ranking.task in self.tasks:
                    self._known.setdefault(ranking.task, []).append(_plain(ranking))
                else:
                    self.forgotten += 1
        if files.exists(files.join(directory, REFUSED)):
            for row in _read_refused(directory):
                # a rater's name stands only in rows whose task was the job's
                if row.rater and row.task not in self.tasks:
                    self.forgotten += 1
                else:
                    self._refused.add(_ENCODER.encode(row))

    def add(self, row: Ranking | Refused) -> None:
        """Take one judged row."""
        self.rows += 1
        if isinstance(row, Refused):
            self.refused[row.rule] += 1
            if row.rule not in OPEN:
                self._refused.add(_ENCODER.encode(row))
            return
        known, line = self._known.setdefault(row.task, []), _plain(row)
        if line in known:
            self.repeated += 1
            return
        known.append(line)
        self._fresh.add(line)
        self.accepted += 1

    def settle(self, repeats: str) -> None:
        """Decide between several answers to one task: the newest by its own time, or all."""
        for task, lines in self._known.items():
            if len(lines) == 1:
                continue
            rows = sorted((decode_json(line, Ranking) for line in lines), key=_age)
            if repeats == "all":
                flagged = [replace(row, flags=tuple(sorted({*row.flags, AGAIN}))) for row in rows]
                self._known[task] = [_ENCODER.encode(row) for row in flagged]
                continue
            kept = rows.pop()
            for row in rows:
                self._supersede(row, kept)
            self._known[task] = [_ENCODER.encode(kept)]

    def _supersede(self, row: Ranking, kept: Ranking) -> None:
        if _ENCODER.encode(row) in self._fresh:
            self.accepted -= 1
            self.refused["superseded"] += 1
        refused = Refused(
            locator=f"{row.tool}/{row.annotation or row.task}",
            rule="superseded",
            value=f"{row.created or 'no time'}: {_shown(row)}",
            task=row.task,
            rater=row.rater,
        )
        self._refused.add(_ENCODER.encode(refused))

    def write(self, directory: str) -> Counter[str]:
        """Write rankings in the order of the job and refused rows sorted; return refused by rule."""
        totals: Counter[str] = Counter()
        # refused first: a superseded answer that is in neither file would be lost by a crash
        with files.atomic_write(files.join(directory, REFUSED)) as stream:
            for line in sorted(self._refused):
                totals[decode_json(line, Refused).rule] += 1
                stream.write(line + b"\n")
        with files.atomic_write(files.join(directory, RANKINGS)) as stream:
            for task in self.tasks:
                for line in self._known.get(task, ()):
                    stream.write(line + b"\n")
        return totals

    def unanswered(self) -> Iterator[str]:
        """Yield the tasks without an accepted answer, in the order of the job."""
        return (task for task in self.tasks if task not in self._known)

    def count(self) -> int:
        """Return the number of accepted rankings."""
        return sum(map(len, self._known.values()))

    def rankings(self) -> Iterator[Ranking]:
        """Yield the accepted rankings in the order of the job."""
        for task in self.tasks:
            for line in self._known.get(task, ()):
                yield decode_json(line, Ranking)


def _plain(ranking: Ranking) -> bytes:
    """Return the answer's own bytes: without the flag that depends on other answers."""
    if AGAIN in ranking.flags:
        ranking = replace(ranking, flags=tuple(name for name in ranking.flags if name != AGAIN))
    return _ENCODER.encode(ranking)


def _age(row: Ranking) -> tuple[str, int, str, bytes]:
    """Order by time; equal times by the tool's id (numbers by size), then by content."""
    number = int(row.annotation) if row.annotation.isdecimal() else -1
    return row.created, number, row.annotation, _ENCODER.encode(row)


def _shown(row: Ranking) -> str:
    if row.text:
        return row.text[:80]
    tiers = " > ".join("=".join(tier) for tier in row.tiers)
    return tiers or ("cannot rank" if row.cannot_rank else "ratings")
