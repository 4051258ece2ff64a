"""Runs of the loop that get killed, for the tests of resuming; run as a program, it forks them.

    python loop_runs.py DIRECTORY CASE...     CASE: NAME[,KIND:NUMBER]...

For each case one directory; each KIND:NUMBER is a run that a SIGKILL ends (`ask`: when the NUMBER-th
request is sent and its reply not yet there; `write`: when the NUMBER-th output file is
written and not yet renamed); a last
run goes to the end. `asked.log` beside it has one line a request sent.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from corpusforge.instruct.run import job
from corpusforge.instruct.session import run
from corpusforge.instruct.settings import Settings
from corpusforge.models.client import Client
from corpusforge.models.records import Request
from corpusforge.testing.scripted import Scripted

SETTINGS = Settings(languages=("en", "zh"), target=100, prompts=2, similar=3)


def play(directory: Path, settings: Settings, before: Callable[[Request], None]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with Client(Scripted(before), directory / "journal.jsonl") as client:
        run(job(settings), str(directory), client)


def killed(directory: Path, kind: str, number: int) -> None:
    """One run; dies by SIGKILL at the given point, if it comes there."""
    counts = {"ask": 0, "write": 0}

    def count(what: str) -> None:
        counts[what] += 1
        if (what, counts[what]) == (kind, number):
            os.kill(os.getpid(), signal.SIGKILL)

    def before(request: Request) -> None:
        with directory.with_suffix(".asked").open("a") as log:
            log.write(request.key + "\n")
        count("ask")

    flush = os.fsync

    def fsync(file: int) -> None:
        count("write")
        flush(file)

    os.fsync = fsync
    play(directory, SETTINGS, before)


def main(root: Path, cases: list[str]) -> None:
    play(root / "warm", SETTINGS, lambda request: None)  # kernels are compiled once, before forking
    for case in cases:
        name, *kills = case.split(",")
        for kill in [*kills, "none:0"]:
            kind, number = kill.split(":")
            child = os.fork()
            if not child:
                killed(root / name, kind, int(number))
                os._exit(0)
            _, status = os.waitpid(child, 0)
            died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
            assert died or not status, f"{case} {kill}: status {status}"
            assert died == (kind != "none"), f"{case} {kill}: the point was never reached"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
