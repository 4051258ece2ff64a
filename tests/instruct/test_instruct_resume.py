"""Killed at any point and started again, a run ends byte for byte as one that was left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from corpusforge.hashing import word64

PROGRAM = Path(__file__).with_name("loop_runs.py")


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


def points() -> list[str]:
    """20 random points: 15 while a request is under way, 5 while outputs are written."""
    asked = [f"ask:{1 + word64('point', n) % 110}" for n in range(15)]
    return asked + [
        f"write:{place}" for place in (1, *(2 + word64("file", n) % 20 for n in range(4)))
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    each = [f"case{number},{point}" for number, point in enumerate(points())]
    often = "often," + ",".join(f"ask:{1 + word64('often', n) % 12}" for n in range(8))
    command = [sys.executable, str(PROGRAM), str(root), "alone", *each, often]
    subprocess.run(command, check=True, timeout=300)
    return root


def asked(root: Path, name: str) -> Counter[str]:
    return Counter((root / name).with_suffix(".asked").read_text().split())


def test_the_uninterrupted_run_made_something(runs: Path) -> None:
    names = set(contents(runs / "alone"))
    assert {"rows.jsonl", "rejects.jsonl", "pool.jsonl", "usage.json", "report.json", "report.html",
            "manifest.json", "journal.jsonl", "run.json"} <= names  # fmt: skip
    assert sum(1 for name in names if name.startswith("export/")) > 0
    assert len((runs / "alone" / "rows.jsonl").read_text().splitlines()) >= 60
    assert set(asked(runs, "alone").values()) == {1}
    assert sum(asked(runs, "alone").values()) > 110, "every point of the test must be reached"


@pytest.mark.parametrize("number", range(20))
def test_killed_once_and_resumed_the_bytes_are_the_same(runs: Path, number: int) -> None:
    assert contents(runs / f"case{number}") == contents(runs / "alone")


@pytest.mark.parametrize("number", range(20))
def test_no_reply_is_paid_twice(runs: Path, number: int) -> None:
    again = asked(runs, f"case{number}") - asked(runs, "alone")
    # the one request that was under way at the kill never got its reply
    assert sum(again.values()) == (1 if points()[number].startswith("ask") else 0)


def test_killed_again_and_again(runs: Path) -> None:
    assert contents(runs / "often") == contents(runs / "alone")
    assert sum((asked(runs, "often") - asked(runs, "alone")).values()) == 8


def test_the_manifest_names_every_output_by_its_digest(runs: Path) -> None:
    import hashlib

    manifest = json.loads((runs / "alone" / "manifest.json").read_text())
    named = {one["path"]: one["sha256"] for one in manifest["outputs"]}
    rest = {"journal.jsonl", "run.json", "manifest.json", "failures.jsonl"}
    found = {
        name: hashlib.sha256(data).hexdigest()
        for name, data in contents(runs / "alone").items()
        if name not in rest
    }
    assert named == found
