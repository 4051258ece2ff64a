"""Runs that make rows from rows, killed at any point: the same bytes, and nothing paid twice."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from corpusforge.hashing import word64

PROGRAM = Path(__file__).with_name("kinds_runs.py")
JOBS = ("kinds", "critique", "modes")
REQUESTS = {"kinds": 150, "critique": 60, "modes": 60}
"""Each job makes more requests than this, so that every point is reached."""


def points(job: str) -> list[str]:
    """10 random points: 7 while a request is under way, 3 while outputs are written."""
    asked = [f"ask:{1 + word64(job, 'ask', n) % REQUESTS[job]}" for n in range(7)]
    return asked + [f"write:{place}" for place in (1, *(2 + word64(job, n) % 20 for n in range(2)))]


def contents(directory: Path) -> dict[str, bytes]:
    """Every file of a run; the journal's lines without their order, which is that of arrival."""
    found = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.name != "run.lock":
            data = path.read_bytes()
            if path.name == "journal.jsonl":
                data = b"\n".join(sorted(data.splitlines()))
            found[path.relative_to(directory).as_posix()] = data
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    cases = [f"{n}-{job},{point}" for job in JOBS for n, point in enumerate(points(job))]
    often = [
        f"often-{job}," + ",".join(f"ask:{1 + word64('often', n) % 12}" for n in range(5))
        for job in JOBS
    ]
    alone = [f"alone-{job}" for job in JOBS]
    command = [sys.executable, str(PROGRAM), str(root), *alone, *cases, *often]
    subprocess.run(command, check=True, timeout=300)
    return root


def asked(root: Path, name: str) -> Counter[str]:
    return Counter((root / name).with_suffix(".asked").read_text().split())


@pytest.mark.parametrize("job", JOBS)
def test_the_run_left_alone_made_every_sort_of_row(runs: Path, job: str) -> None:
    names = set(contents(runs / f"alone-{job}"))
    assert {"rows.jsonl", "rejects.jsonl", "report.json", "report.html", "manifest.json"} <= names
    own = {"kinds": {"cuts.jsonl", "grounds.jsonl"},
           "critique": {"steps.jsonl", "judgements.jsonl", "preferences/rankings.jsonl"},
           "modes": {"export/shots/train.3.jsonl"}}  # fmt: skip
    assert own[job] <= names
    assert set(asked(runs, f"alone-{job}").values()) == {1}
    assert sum(asked(runs, f"alone-{job}").values()) > REQUESTS[job]


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("number", [*range(10), "often"])
def test_killed_and_resumed_the_bytes_are_the_same(runs: Path, job: str, number: object) -> None:
    assert contents(runs / f"{number}-{job}") == contents(runs / f"alone-{job}")


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("number", range(10))
def test_no_reply_is_paid_twice(runs: Path, job: str, number: int) -> None:
    again = asked(runs, f"{number}-{job}") - asked(runs, f"alone-{job}")
    # the one request that was under way at the kill never got its reply
    assert sum(again.values()) == (1 if points(job)[number].startswith("ask") else 0)
