"""A kill -9 in every stage, one after another: what is finished stays, and the end is the same bytes.

The list of stages is the product's own, so a new stage is killed too, or the test says that its run has none.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.run.local import WorkerDied
from corpusforge.run.pretrain import STAGES
from corpusforge.testing.outputs import digests
from pipelines import pretrain_mix

OPTIONS = ("--quiet", "--set", "mix.budget=20000", "--set", "dedup.ranges=3",
           "--set", "mix.range_documents=20", "--set", "score.sample_megabytes=0.001")  # fmt: skip
"""The sample, so that every stage is there: a budget; dedup, the mixture and the windows in tasks."""
_FEW = 3
SERVER = """
import json, os, sys
from corpusforge.beam.forkserver import warm
from corpusforge.testing.deaths import arm
from pipelines.pretrain_mix import main

warm()
point, marks, *argv = sys.argv[1:]
for _ in sys.stdin:
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        os.dup2(write, 2)
        arm(point, marks)
        code = main(argv)
        sys.stdout.flush()
        os._exit(code)
    os.close(write)
    with open(read) as stream:
        said = stream.read()
    _, status = os.waitpid(pid, 0)
    print(json.dumps([os.waitstatus_to_exitcode(status), said]), flush=True)
"""
"""Each line that it reads is a start of the run, in a fork that has its imports already. It answers when the
last process that holds the start's streams has ended: when no worker is left."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody disturbs."""
    output = tmp_path_factory.mktemp("whole") / "run"
    pretrain_mix.run(["--output", str(output), "--workers", "1", *OPTIONS])
    return output


@pytest.fixture(scope="module")
def whole(undisturbed: Path) -> dict[str, str]:
    """Its files."""
    return digests(undisturbed)


def test_texts_of_dropped_documents_are_among_what_is_compared(
    undisturbed: Path, whole: dict[str, str]
) -> None:
    """With the default, of several rules and sources; killed runs end with the same bytes of them."""
    names = [name for name in whole if name.startswith("samples/")]
    rows = [row for name in names for row in pq.read_table(undisturbed / name).to_pylist()]
    assert len(names) > 1
    assert len({row["rule"] for row in rows}) > 3
    assert all(row["text"] for row in rows)


@contextmanager
def starts(tmp_path: Path, point: str, workers: int) -> Iterator[Iterator[tuple[int, str]]]:
    """Each value is a start of the same command: its exit code and what it said."""
    (tmp_path / "marks").mkdir()
    told = [
        point,
        str(tmp_path / "marks"),
        "--output",
        str(tmp_path / "run"),
        "--workers",
        str(workers),
    ]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, *told, *OPTIONS],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin and server.stdout

    def each() -> Iterator[tuple[int, str]]:
        while True:
            server.stdin.write("\n")
            server.stdin.flush()
            code, said = json.loads(server.stdout.readline())
            yield code, said

    with server:
        yield each()
        server.stdin.close()
    assert server.returncode == 0


MADE = [name for name in STAGES[:-1] if name != "writings"]
"""Every stage but the driver's report and that of documents which models wrote: the sample has none."""


def receipts(run: Path, stage: str) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in run.glob(f"{stage}/_receipts/part-*.json")}


def deaths(tmp_path: Path, point: str, workers: int, code: int) -> list[tuple[str, str]]:
    """Start until a start ends well; return the name of each death's mark and what was said."""
    found: list[tuple[str, str]] = []
    kept: dict[Path, int] = {}
    with starts(tmp_path, point, workers) as every:
        for status, said in every:
            if status == 0:
                break
            assert status == code, said
            marks = (tmp_path / "marks").iterdir()
            name = max(marks, key=lambda path: path.stat().st_mtime_ns).name
            assert name not in dict(found), f"{name}: killed once, yet the run does not go on"
            now = {path: path.stat().st_mtime_ns for path in kept if path.exists()}
            assert now == kept, f"{name}: what was finished before was made again"
            kept = receipts(tmp_path / "run", name)
            if point != "end":
                check_death(tmp_path / "run" / name)
            found.append((name, said))
    return found


def check_death(stage: Path) -> None:
    """A part was being made; others are finished, where a process had more than one to make."""
    receipts_of = stage / "_receipts"
    parts = len(json.loads((receipts_of / "plan.json").read_text())["sizes"])
    assert not (stage / "manifest.json").exists()
    assert list(receipts_of.glob("*.begun"))
    assert parts < _FEW or list(receipts_of.glob("part-*.json"))


def check_end(tmp_path: Path, whole: dict[str, str]) -> None:
    assert digests(tmp_path / "run") == whole
    assert list((tmp_path / "run").rglob("*.tmp-*")) == [], "nothing half-written stays"


def test_a_worker_killed_in_each_stage(tmp_path: Path, whole: dict[str, str]) -> None:
    """Exit code 4, the stage's name, finished parts kept, the same command goes on to the same bytes."""
    found = deaths(tmp_path, "worker", 2, WorkerDied.exit_code)
    assert [name for name, _ in found] == MADE
    for name, said in found:
        expected = (
            f"error: a worker process of stage {name!r} was killed (out of memory?): SIGKILL. Finished "
            "parts are kept: give the same command again, with fewer --workers if memory was short."
        )
        assert expected in said  # a thread of Beam's that loses its worker may still add to it
    check_end(tmp_path, whole)


@pytest.mark.parametrize(
    ("point", "workers"), [pytest.param("driver", 2, marks=pytest.mark.slow), ("alone", 1)]
)
def test_a_driver_killed_in_each_stage(
    tmp_path: Path, whole: dict[str, str], point: str, workers: int
) -> None:
    found = deaths(tmp_path, point, workers, -signal.SIGKILL)
    assert [name for name, _ in found] == MADE
    check_end(tmp_path, whole)


def test_a_driver_killed_at_the_end_of_each_stage(tmp_path: Path, whole: dict[str, str]) -> None:
    """All parts are there, the manifest is not; and between the pages of the report."""
    found = deaths(tmp_path, "end", 1, -signal.SIGKILL)
    pages = ["report.json", "report.html", "CARD.md", "run.manifest"]
    assert [name for name, _ in found] == [f"{name}.manifest" for name in MADE] + pages
    check_end(tmp_path, whole)
