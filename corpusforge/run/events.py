"""What happens in a run as JSON lines, for programs; `progress` tells the same to people.

Each line is one object with the keys of `Event`, flushed at once and appended, so that a run that is started
again goes on in the same file. Parts are told when the driver sees their receipts, some after the fact;
limit: a killed driver tells nothing more, `corpusforge status` then does.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import msgspec

from corpusforge.errors import InputError
from corpusforge.io import files

__all__ = ["EVENTS", "Event", "EventLog"]

EVENTS = {
    "run_begin": "a start of the run",
    "stage_begin": "a stage is looked at",
    "part_end": "a part has its receipt",
    "part_kept": "a part was made by an earlier start",
    "part_error": "an error ended a part",
    "stage_skip": "nothing that the stage reads has changed",
    "stage_end": "the stage has its manifest",
    "message": "a line for people",
    "run_error": "an error ended this start",
    "run_end": "the run is complete, or stopped where --until says",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line.

    `time`: ISO 8601, UTC. `run`: the run's directory. `stage`, `part`: "" where the event is of a whole run
    or stage. `seconds`: wall seconds of what ended. `documents`, `bytes`: what it read. `error`: what
    went wrong, `message`: what a person is told, else "".
    """

    time: str
    run: str
    event: str
    stage: str = ""
    part: str = ""
    seconds: float = 0.0
    documents: int = 0
    bytes: int = 0
    error: str = ""
    message: str = ""


class EventLog:
    """Writes events; `path` is a local file, "-" for standard output, "" for nowhere."""

    def __init__(self, path: str = "", run: str = "") -> None:
        self._path = path
        self._run = run
        self._stream: TextIO | None = None

    def write(
        self,
        event: str,
        stage: str = "",
        part: str = "",
        *,
        seconds: float = 0.0,
        documents: int = 0,
        bytes_: int = 0,
        error: str = "",
        message: str = "",
    ) -> None:
        """Write one line; `event` is one of `EVENTS`. Raises InputError where the file cannot be written."""
        if not self._path:
            return
        self._stream = self._stream or _opened(self._path)
        row = Event(
            time=datetime.now(UTC).isoformat(timespec="milliseconds"),
            run=self._run,
            event=event,
            stage=stage,
            part=part,
            seconds=round(seconds, 3),
            documents=documents,
            bytes=bytes_,
            error=error,
            message=message,
        )
        self._stream.write(msgspec.json.encode(row).decode() + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Close the file; a later `write` opens it again."""
        if self._stream is not None and self._path != "-":
            self._stream.close()
        self._stream = None


def _opened(path: str) -> TextIO:
    if path == "-":
        return sys.stdout
    if files.is_remote(path):
        raise InputError(f"--log is {path!r}: an object cannot be appended to. Give a local file.")
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return Path(path).open("a", encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot write --log {path!r}: {error.strerror}.") from error
