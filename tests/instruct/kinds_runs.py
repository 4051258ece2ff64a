"""Runs of the pipelines that make rows from rows, and get killed; run as a program, it forks them.

    python kinds_runs.py DIRECTORY CASE...     CASE: NAME-JOB[,KIND:NUMBER]...

JOB is kinds, critique or modes. Points as in loop_runs.py: `ask:N`, while the N-th request is under way;
`write:N`, while the N-th output file is written.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from kinds_kit import ALL_REPLIES, Script

from corpusforge.instruct.constitution import run as critique
from corpusforge.instruct.constitution.settings import Settings as CritiqueSettings
from corpusforge.instruct.kinds import run as kinds
from corpusforge.instruct.kinds.settings import MADE, Settings
from corpusforge.instruct.modes import run as modes
from corpusforge.instruct.modes.settings import ASKING
from corpusforge.instruct.modes.settings import Settings as ModeSettings
from corpusforge.instruct.session import Job, run
from corpusforge.models.client import Client
from corpusforge.models.records import Request

TABLE = str(Path(__file__).resolve().parents[2] / "examples" / "modes" / "table.jsonl")


def job_of(name: str, root: Path) -> Job:
    if name == "critique":
        settings = CritiqueSettings(languages=("en", "zh"), each=8, judge=True, fresh=True)
        return critique.job(settings)
    if name == "modes":
        return modes.job(ModeSettings(modes=ASKING, languages=("en", "zh"), each=5, table=TABLE))
    ground = root / "ground.jsonl"
    if not ground.exists():
        texts = ["The mill by the river ground oats for the village for many years. " * 6,
                 "河边的磨坊为村里磨燕麦，多年来一直立在那里，直到最后一任磨坊主离开。" * 12]  # fmt: skip
        rows = [{"id": f"{k}-{n}", "text": text} for k, text in enumerate(texts) for n in range(4)]
        ground.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = Settings(
        kinds=MADE, languages=("en", "zh"), each=6, judge=True, ground=str(ground), passage=400,
        questions=2, most=300,
    )  # fmt: skip
    return kinds.job(settings)


def play(directory: Path, before: Callable[[Request], None]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    job = job_of(directory.name.rpartition("-")[2], directory.parent)
    with Client(Script(ALL_REPLIES, before), directory / "journal.jsonl") as client:
        run(job, str(directory), client)


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
    play(directory, before)


def main(root: Path, cases: list[str]) -> None:
    for name in (
        "warm-kinds",
        "warm-critique",
        "warm-modes",
    ):  # kernels are compiled once, before forking
        play(root / name, lambda request: None)
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
