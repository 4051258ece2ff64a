"""Kernels whose files in numba's cache are damaged are compiled again, once, with one line said."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding
import pytest

KERNELS = """
import numpy as np

from corpusforge.text.jit import jit

@jit
def one(n):
    return n * 2.5

@jit
def more(n):
    return one(n) + one(float(n))

@jit
def factorial(n):
    return 1 if n < 2 else n * factorial(n - 1)

@jit
def choose(values, place, most):
    if place >= len(values):
        raise ValueError("beyond")
    values[place] = most
    return values[place] + factorial(most)

@jit
def chosen(n, most):
    values = np.zeros(3, np.int64)
    return choose(values, n, 4) + choose(values, n, most)
"""
WORK = "from kernels import more; print(more(3), more(3.5))"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with two kernels that were compiled."""
    (tmp_path / "kernels.py").write_text(KERNELS)
    assert work(tmp_path) == ("15.0 17.5\n", "")
    return tmp_path


def work(folder: Path, code: str = WORK, **environment: str) -> tuple[str, str]:
    path = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def cut(data: bytes) -> bytes:
    return data[:10]


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    place = len(data) // 2
    return data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :]


def zeros(data: bytes) -> bytes:
    return bytes(len(data))


@pytest.mark.parametrize("ending", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", [cut, half, flipped, zeros, lambda data: b""])
def test_a_damaged_cache_is_made_again(
    package: Path, ending: str, damage: Callable[[bytes], bytes]
) -> None:
    """Every file of every kernel at once; a flipped bit of machine code too, which would end the process."""
    paths = sorted(package.rglob(f"*.{ending}"))
    assert len(paths) == (1 if ending == "nbi" else 2)  # `more` of two types; `one` is in both
    for path in paths:
        path.write_bytes(damage(path.read_bytes()))
    out, said = work(package)
    assert out == "15.0 17.5\n"
    assert len(said.splitlines()) == 1
    assert "numba's cache in" in said and "is damaged" in said and "compiled again" in said
    assert work(package) == (out, "")


def test_a_cache_that_cannot_be_written_costs_its_kernels_time_and_nothing_else(
    package: Path,
) -> None:
    """A folder stands where each index would: it can be neither read, nor deleted as a file, nor replaced."""
    for path in package.rglob("*.nbi"):
        path.unlink()
        path.mkdir()
    out, said = work(package)
    assert out == "15.0 17.5\n"
    assert len(said.splitlines()) == 1
    assert work(package) == (out, said)


def test_a_cache_of_an_earlier_version_without_digests_is_read(package: Path) -> None:
    for path in [*package.rglob("*.nbi"), *package.rglob("*.nbc")]:
        data, mark, _ = path.read_bytes().rpartition(b"\x00blake2b:")
        assert mark
        path.write_bytes(data)
    assert work(package)[1] == ""


CALLS = """
import kernels
print(kernels.chosen(1, 5), kernels.choose([7, 8], 0, 3), kernels.one(2), kernels.factorial(5))
try:
    kernels.chosen(3, 5)
except ValueError as error:
    print(error)
"""


def test_a_kernel_is_the_same_called_by_python_and_by_kernels(tmp_path: Path) -> None:
    """Cold and from the cache; constants, recursion and errors of what is linked; hand counts."""
    (tmp_path / "kernels.py").write_text(KERNELS)
    for _ in range(2):
        out, said = work(tmp_path, CALLS)
        assert out == "153 9 5.0 120\nbeyond\n"  # (4 + 24) + (5 + 120); 3 + 6; 2 * 2.5; 5!
        assert said == ""


def test_what_is_linked_has_no_code_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(KERNELS)
    work(tmp_path, "import kernels; kernels.chosen(1, 5)")
    names = {path.name.split("-")[0] for path in tmp_path.rglob("*.nbi")}
    assert names == {"kernels.chosen"}


COUNT = """
import sys

from numba.core import event

class Count(event.Listener):
    compiled = 0

    def on_start(self, event):
        Count.compiled += event.data["dispatcher"].py_func.__name__ == "chosen"

    def on_end(self, event):
        pass

event.register("numba:compile", Count())
import kernels
print("ready", flush=True)
sys.stdin.readline()
kernels.chosen(1, 5)
print(Count.compiled)
"""


def test_of_two_processes_one_compiles(tmp_path: Path) -> None:
    """Both are let go at the same moment; the other waits, and takes what is in the cache then."""
    (tmp_path / "kernels.py").write_text(KERNELS)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    running = [
        subprocess.Popen([sys.executable, "-c", COUNT], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True, env=environment)
        for _ in range(2)
    ]  # fmt: skip
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert sorted(process.communicate()[0] for process in running) == ["0\n", "1\n"]


@pytest.mark.parametrize("package", ["", "made"])
def test_a_kernel_is_compiled_again_where_what_it_calls_was_changed(
    package: str, tmp_path: Path
) -> None:
    """A called kernel of another module, and a constant of a third, which the second imports."""
    folder = tmp_path / package
    folder.mkdir(exist_ok=True)
    prefix = f"{package}." if package else ""
    if package:
        (folder / "__init__.py").write_text("")
    (folder / "tables.py").write_text("SCALE = 2\n")
    head = "from corpusforge.text.jit import jit\n"
    called = (
        f"{head}from {prefix}tables import SCALE\n\n@jit\ndef called(n):\n    return n * SCALE\n"
    )
    (folder / "called.py").write_text(called)
    calls = "\n@jit\ndef calls(n):\n    return called(n) + 1\n"
    (folder / "calls.py").write_text(f"{head}from {prefix}called import (\n    called,\n)\n{calls}")
    code = f"from {prefix}calls import calls; print(calls(10))"
    assert work(tmp_path, code) == work(tmp_path, code) == ("21\n", "")
    (folder / "tables.py").write_text("SCALE = 30\n")
    assert work(tmp_path, code)[0] == "301\n"
    (folder / "called.py").write_text(called.replace("n * SCALE", "n + 2 - SCALE"))
    assert work(tmp_path, code)[0] == "-17\n"


SHIPPED = f"""
from pathlib import Path

from corpusforge.text import jit

jit.SHIPPED = Path("shipped")
{WORK}
"""
CPU = {"NUMBA_CPU_NAME": "x86-64-v3", "NUMBA_CPU_FEATURES": ""}


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A folder with two kernels, and what is to come with them for all processors of level 3."""
    features = llvmlite.binding.get_host_cpu_features()
    if platform.machine() != "x86_64" or not features.get("avx2"):
        pytest.skip("kernels are shipped for x86-64-v3")
    (tmp_path / "kernels.py").write_text(KERNELS)
    work(tmp_path, NUMBA_CACHE_DIR=str(tmp_path / "built"), **CPU)
    (tmp_path / "shipped").mkdir()
    for path in (tmp_path / "built").glob("*/*"):
        path.rename(tmp_path / "shipped" / path.name)
    return tmp_path


def compiled(folder: Path) -> bool:
    return any((folder / "own").rglob("*.nbc"))


def test_shipped_kernels_are_not_compiled(shipped: Path) -> None:
    assert work(shipped, SHIPPED, NUMBA_CACHE_DIR=str(shipped / "own")) == ("15.0 17.5\n", "")
    assert not compiled(shipped)


@pytest.mark.parametrize(
    "setting", [{**CPU, "NUMBA_CPU_NAME": "x86-64"}, {"NUMBA_BOUNDSCHECK": "1"}]
)
def test_a_processor_or_a_check_that_shipped_kernels_lack(
    shipped: Path, setting: dict[str, str]
) -> None:
    out = work(shipped, SHIPPED, NUMBA_CACHE_DIR=str(shipped / "own"), **setting)
    assert out == ("15.0 17.5\n", "")
    assert compiled(shipped)


def test_shipped_kernels_of_other_sources(shipped: Path) -> None:
    (shipped / "kernels.py").write_text(KERNELS.replace("2.5", "4.5"))
    assert work(shipped, SHIPPED, NUMBA_CACHE_DIR=str(shipped / "own")) == ("27.0 31.5\n", "")
    assert compiled(shipped)


def test_damaged_shipped_kernels(shipped: Path) -> None:
    for path in (shipped / "shipped").iterdir():
        path.write_bytes(flipped(path.read_bytes()))
    out, said = work(shipped, SHIPPED, NUMBA_CACHE_DIR=str(shipped / "own"))
    assert out == "15.0 17.5\n"
    assert len(said.splitlines()) == 1 and "is damaged" in said
    assert compiled(shipped)
