"""Stages made in this process: which parts, what an error ends, progress, and no Beam."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from corpusforge.errors import EngineError, InputError
from corpusforge.executor import LocalExecutor, open_executor
from corpusforge.run.local import make_here
from corpusforge.run.stage import Part, PartResult, Stage, run_stage

WITHOUT = """
import sys
from pipelines.pretrain_mix import run
run(["--output", sys.argv[1], "--workers", "2", "--quiet"])
print([name for name in sys.modules if name.partition(".")[0] in ("apache_beam", "grpc")])
"""


def write(part: Part) -> PartResult:
    path = Path(part.run, part.stage, f"{part.name}.txt")
    path.write_text(threading.current_thread().name)
    return PartResult(outputs={f"{part.stage}/{path.name}": 1})


def refuse_second(part: Part) -> PartResult:
    if part.index == 1:
        raise InputError("the second is wrong.")
    return write(part)


def break_second(part: Part) -> PartResult:
    if part.index == 1:
        raise ZeroDivisionError("a defect")
    return write(part)


def stage(run: Path, work: object) -> Stage:
    parts = tuple(Part("s", n, str(run), None, (n,), 10) for n in range(3))
    return Stage("s", str(run), work, parts, {}, {})  # type: ignore[arg-type]


def made(run: Path) -> list[str]:
    return sorted(path.name for path in run.glob("s/*.txt"))


def test_the_main_thread_makes_every_part_and_another_tells_of_it(tmp_path: Path) -> None:
    told: list[str] = []
    heard = threading.Event()

    def watch(_: Stage) -> None:
        told.append(threading.current_thread().name)
        heard.set()

    def write_when_told(part: Part) -> PartResult:
        assert heard.wait(60)
        return write(part)

    with LocalExecutor(1, watch) as execute:
        _, worked = run_stage(stage(tmp_path, write_when_told), execute)
    assert worked and len(made(tmp_path)) == 3
    assert {path.read_text() for path in tmp_path.glob("s/*.txt")} == {"MainThread"}
    assert set(told) == {"watch-s"}
    assert not [thread for thread in threading.enumerate() if thread.name == "watch-s"]


@pytest.mark.parametrize(
    ("work", "kind", "message"),
    [(refuse_second, InputError, "the second is wrong"), (break_second, EngineError, "a defect")],
)
def test_the_first_part_that_fails_ends_the_stage_and_the_others_are_kept(
    work: object, kind: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(kind, match=message):
        run_stage(stage(tmp_path, work), make_here)
    assert made(tmp_path) == ["part-00000.txt"]
    run_stage(stage(tmp_path, write), make_here)
    assert len(made(tmp_path)) == 3


def test_no_worker_is_refused() -> None:
    with pytest.raises(InputError, match="--workers is 0"):
        open_executor("DirectRunner", 0)


def test_a_small_run_loads_no_beam(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, str(tmp_path / "run")],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
