"""Runners: what is refused and why, forked workers, a killed worker, no network."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from corpusforge.beam.parts import balanced
from corpusforge.beam.runner import BeamExecutor
from corpusforge.errors import InputError
from corpusforge.run import local
from corpusforge.run.local import WorkerDied
from corpusforge.run.stage import Part, Stage, run_stage
from corpusforge.testing.parts import write_process


def make(run: Path, work: object, parts: int = 4) -> Stage:
    size = local.IN_MEMORY_BYTES
    own = tuple(Part("sizes", i, str(run), None, (i,), size) for i in range(parts))
    return Stage("sizes", str(run), work, own, {}, {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("DaskRunner", [], "drops all but the last branch"),
        ("DirectRunner", ["--direct_running_mode=multi_threading"], "corrupts data"),
    ],
)
def test_runners_that_lose_data_are_refused(name: str, options: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        BeamExecutor(name, 1, options)


def test_workers_below_one_are_refused() -> None:
    with pytest.raises(InputError, match="--workers is 0"):
        BeamExecutor("", 0)


@pytest.mark.parametrize(
    ("runner", "parts", "size", "more", "here"),
    [
        ("FlinkRunner", 3, 1_000_000, {}, False),
        ("FlinkRunner", 1, 1_000_000, {}, False),
        ("DataflowRunner", 1, 10**12, {}, True),
        ("DataflowRunner", 2, 1_000_000, {}, False),
        ("FlinkRunner", 3, 21_000_000, {"pace": 10.0}, True),
        ("FlinkRunner", 3, 22_000_000, {"pace": 10.0}, False),
        ("DataflowRunner", 3, 21_000_000, {"sequel": True}, True),
        ("FlinkRunner", 3, 22_000_000, {"sequel": True}, False),
    ],
)
def test_what_gets_a_job_of_an_engine(
    monkeypatch: pytest.MonkeyPatch, runner: str, parts: int, size: int, more: Any, here: bool
) -> None:
    """Light stages and later waves below 64 MB do not, nor a single part on Dataflow."""
    own = tuple(Part("sizes", i, "run", None, (i,), size) for i in range(parts))
    stage = replace(make(Path("run"), None), parts=own, **more)
    told: list[str] = []
    monkeypatch.setattr(BeamExecutor, "_remote", lambda *_: told.append("job"))
    monkeypatch.setattr(local, "make_here", lambda *_: told.append("here"))
    BeamExecutor(runner, 2)(stage, own)
    assert told == ["here" if here else "job"]


def test_parts_are_dealt_by_size() -> None:
    parts = [Part("s", i, "r", None, size=size) for i, size in enumerate((9, 1, 5, 4, 1))]
    groups = balanced(parts, 2)
    assert [[part.size for part in group] for group in groups] == [[9, 1], [5, 4, 1]]


def test_forked_workers_share_the_work(tmp_path: Path) -> None:
    with BeamExecutor("DirectRunner", 2) as execute:
        manifest, worked = run_stage(make(tmp_path, write_process), execute)
    assert worked is True
    assert [output.path for output in manifest.outputs] == [
        f"sizes/part-0000{i}.txt" for i in range(4)
    ]
    pids = {path.read_text().split()[1] for path in (tmp_path / "sizes").glob("part-*.txt")}
    assert len(pids) == 2, "two workers, neither of them this process"
    assert str(os.getpid()) not in pids


def test_a_killed_worker_ends_the_stage_and_its_finished_parts_stay(tmp_path: Path) -> None:
    code = f"""
import os, sys
from corpusforge.beam.runner import BeamExecutor
from corpusforge.run.local import IN_MEMORY_BYTES, WorkerDied
from corpusforge.run.stage import Part, Stage, run_stage
from corpusforge.testing.parts import kill_second
parts = tuple(
    Part("sizes", i, {str(tmp_path)!r}, None, (i,), IN_MEMORY_BYTES) for i in range(4)
)
try:
    with BeamExecutor("DirectRunner", 2) as execute:
        run_stage(Stage("sizes", {str(tmp_path)!r}, kill_second, parts, {{}}, {{}}), execute)
except WorkerDied as error:
    print(error, flush=True)
    os._exit(error.exit_code)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == WorkerDied.exit_code, result.stderr
    assert "a worker process of stage 'sizes' was killed" in result.stdout
    assert not (tmp_path / "sizes" / "manifest.json").exists()


def test_a_local_run_connects_to_loopback_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are not resolved and no address outside the machine is connected to."""
    asked: list[object] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            asked.append(address)
        connect(self, address)  # type: ignore[arg-type]

    def resolve(host: object, *rest: object, **more: object) -> list[object]:
        asked.append(host)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    from pipelines.pretrain_mix import run

    run(["--output", str(tmp_path / "run"), "--workers", "1", "--quiet"])
    assert asked == []


@pytest.mark.parametrize(
    ("sizes", "pace", "workers", "forked"),
    [
        ((20_000_000, 20_000_000), 1.0, 2, True),
        ((20_000_000, 20_000_000), 1.0, 1, False),
        ((40_000_000,), 1.0, 2, False),  # one part is made by one process
        ((1_000_000,) * 5, 1.0, 2, False),  # half a second of work; two workers cost as much
        ((1_000_000,) * 10, 0.4, 2, True),  # tokens: 2 s of it
        ((20_000_000, 20_000_000), 10.0, 2, False),  # scores without a model: 0.3 s of it
    ],
)
def test_workers_are_forked_where_they_bring_more_than_they_cost(
    sizes: tuple[int, ...], pace: float, workers: int, forked: bool
) -> None:
    """Seconds in the remarks are hand counts: bytes over 12 MB/s, times the pace."""
    parts = tuple(Part("s", i, "r", None, size=size) for i, size in enumerate(sizes))
    stage = Stage("s", "r", write_process, parts, {}, {}, pace=pace)
    assert local.worth_forking(stage, parts, workers) is forked
