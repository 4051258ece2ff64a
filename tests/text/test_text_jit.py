"""Kernels whose files in numba's cache are damaged are compiled again, once, with one line said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

KERNELS = """
from corpusforge.text.jit import jit

@jit
def one(n):
    return n * 2.5

@jit
def more(n):
    return one(n) + one(float(n))
"""
WORK = "from kernels import more; print(more(3), more(3.5))"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with two kernels that were compiled."""
    (tmp_path / "kernels.py").write_text(KERNELS)
    assert work(tmp_path) == ("15.0 17.5\n", "")
    return tmp_path


def work(folder: Path) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", WORK], capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])},
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
    assert len(paths) == (2 if ending == "nbi" else 4)
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
