"""The second process of a first run: when it is there, and that it leaves nothing for the run to compile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpusforge import kernels


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started from here on."""
    started: list[subprocess.Popen[bytes]] = []
    real = subprocess.Popen

    def popen(*given: object, **named: object) -> subprocess.Popen[bytes]:
        started.append(real(*given, **named))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    return started


@pytest.mark.parametrize(("workers", "compiled"), [(1, False), (2, True), (1, True)])
def test_one_process_is_enough(
    workers: int, compiled: bool, begun: list[subprocess.Popen[bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(kernels, "_compiled", lambda: compiled)
    lines: list[str] = []
    with kernels.ahead(workers, lines.append):
        pass
    assert begun == [] and lines == []


def test_the_second_process_is_told_of_and_ends_with_the_run(
    begun: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "_compiled", lambda: False)
    lines: list[str] = []

    def run() -> None:
        with kernels.ahead(2, lines.append):
            raise ValueError("the run failed")

    with pytest.raises(ValueError, match="the run failed"):
        run()
    (process,) = begun
    assert process.poll() is not None
    assert len(lines) == 1 and "compiled for this machine" in lines[0]


REST = """
import sys
from numba.core import event

class Names(event.Listener):
    def on_start(self, event):
        names.add(event.data["dispatcher"].py_func.__qualname__)
    def on_end(self, event):
        pass

names = set()
event.register("numba:compile", Names())
from pipelines.pretrain_mix import run
run(["--output", sys.argv[1], "--workers", "1", "--quiet"])
print(*sorted(name for name in names if "<locals>" not in name))
"""


@pytest.mark.slow
def test_little_is_left_for_the_run_to_compile(tmp_path: Path) -> None:
    """A minute of compiling into an empty cache; then the sample names what it still compiles."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-m", "corpusforge.kernels"], check=True, env=environment)
    done = subprocess.run(
        [sys.executable, "-c", REST, str(tmp_path / "run")],
        check=True, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    left = done.stdout.splitlines()[-1].split()
    assert {"_measure", "_scan", "_render", "_encode", "sign_texts", "score_texts"}.isdisjoint(left)
    assert len(left) < 40
