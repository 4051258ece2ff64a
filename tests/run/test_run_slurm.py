"""The scripts of `pipelines.slurm` under a stand-in scheduler: in any order, twice, killed; the same bytes.

Its `sbatch` notes what is submitted. Most jobs are run in this process, by the command that stands in their
script; those that are killed are run by bash.
"""

from __future__ import annotations

import importlib
import itertools
import os
import shlex
import signal
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from corpusforge import hashing
from corpusforge.io.lock import lock
from corpusforge.testing.outputs import digests
from pipelines import pretrain_mix, slurm

DATA = ("documents", "stats", "dropped", "failed", "scores", "quality", "duplicates", "contamination",
        "tokens", "mix", "shards")  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]
SBATCH = """#!/bin/sh
echo "$@" >> "$SUBMITTED"
echo "$(wc -l < "$SUBMITTED");cluster"
"""


class Job(NamedTuple):
    number: int
    after: str
    script: Path

    @property
    def tasks(self) -> list[int]:
        (line,) = [x for x in self.lines if x.startswith("#SBATCH --array=")] or ["=0-0"]
        first, last = line.partition("=")[2].split("-")
        return list(range(int(first), int(last) + 1))

    @property
    def lines(self) -> list[str]:
        return self.script.read_text("utf-8").splitlines()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    output = tmp_path_factory.mktemp("plain") / "run"
    pretrain_mix.run(["--output", str(output), "--workers", "1", "--quiet"])
    return digests(output, *DATA)


def submitted(output: Path, *options: str) -> list[Job]:
    assert slurm.main(["--output", str(output), "--tasks", "2", "--workers", "1", *options]) == 0
    scripts = output / "slurm"
    (scripts / "sbatch").write_text(SBATCH)
    (scripts / "sbatch").chmod(0o755)
    notes = scripts / "submitted"
    environment = {"PATH": f"{scripts}:{os.environ['PATH']}", "SUBMITTED": str(notes)}
    subprocess.run(["sh", str(scripts / "submit.sh")], env=environment, check=True)
    found = []
    for number, line in enumerate(notes.read_text().splitlines(), 1):
        words = line.split()
        (after,) = [x for x in words if x.startswith("--dependency=")] or [""]
        found.append(Job(number, after.removeprefix("--dependency="), scripts / words[-1]))
    return found


def run(job: Job, task: int, monkeypatch: pytest.MonkeyPatch) -> int:
    words = shlex.split(job.lines[-1])
    module, argv = words[words.index("-m") + 1], words[words.index("-m") + 2 :]
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(task))
    return importlib.import_module(module).main(argv)


def killed(job: Job, output: Path) -> None:
    """Run a task by bash, and kill it once it has begun a part."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SLURM_ARRAY_TASK_ID": "0"}
    process = subprocess.Popen(
        ["bash", str(job.script)], env=environment, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not list(output.glob("*/_receipts/*.begun")):
        os.sched_yield()
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_in_their_order(
    tmp_path: Path, plain: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = submitted(tmp_path / "run", "--sbatch", "partition=cpu")
    assert len(jobs) == 2 * len(slurm.WIDE)
    assert jobs[0].after == ""
    for earlier, job in itertools.pairwise(jobs):
        kind = "afterany" if job.number % 2 == 0 else "afterok"
        assert job.after == f"{kind}:{earlier.number}"
    for job in jobs:
        assert "#SBATCH --partition=cpu" in job.lines
        for task in job.tasks:
            assert run(job, task, monkeypatch) == 0, job
    assert digests(tmp_path / "run", *DATA) == plain


def test_in_any_order_twice_and_killed(
    tmp_path: Path, plain: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose stage cannot be made yet ends with 2 and nothing written; it is given again."""
    output = tmp_path / "run"
    jobs = submitted(output, "--arrays", "documents,signatures,tokens,shards")
    for _ in range(2):
        killed(jobs[0], output)
        assert list(output.glob("documents/_receipts/*.begun"))
    waiting = [(job, task) for job in jobs for task in job.tasks] * 2
    for turn in range(20):
        names = [f"{job.number} {task} {turn}" for job, task in waiting]
        order = hashing.uniform(hashing.id_keys(names), 3, "order").argsort()
        codes = [(waiting[place], run(*waiting[place], monkeypatch)) for place in order]
        assert {code for _, code in codes} <= {0, 2}
        waiting = [given for given, code in codes if code]
        if not waiting:
            break
    assert waiting == []
    assert digests(output, *DATA) == plain


def test_tasks_share_the_parts_and_one_that_is_held_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from corpusforge.io.lock import held

    output = tmp_path / "run"
    array, *_ = submitted(output)
    (output / "documents/_receipts").mkdir(parents=True)
    with held(str(output / "documents/_receipts/part-00000.lock")) as ours:
        assert ours
        assert run(array, 0, monkeypatch) == 0
    made = {path.stem for path in (output / "documents/_receipts").glob("part-*.json")}
    assert made and "part-00000" not in made
    assert run(array, 1, monkeypatch) == 0
    assert "documents: 1 parts made" in capsys.readouterr().out
    assert run(array, 1, monkeypatch) == 0
    assert "documents: 0 parts made" in capsys.readouterr().out


def test_a_task_beside_the_run_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    array, *_ = submitted(tmp_path / "run")
    with lock(str(tmp_path / "run")):
        assert run(array, 0, monkeypatch) == 2
    assert "is being written by process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--arrays", "classifier"], "no stage of many parts"),
        (["--sbatch", "partition=a\nrm -r x"], "expected OPTION=VALUE"),
        (["--recipe", "gpt3"], "Give --source common_crawl=GLOB"),
        (["--make", "nothing"], "stage 'nothing'"),
        (["--make", "tokens"], "'documents' is not finished"),
    ],
)
def test_what_is_wrong_is_told(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert slurm.main(["--output", str(tmp_path / "run"), *options]) == 2
    assert message in capsys.readouterr().err
