"""Kernels whose files in numba's cache are damaged are compiled again, once, with one line said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import corpusforge

WORK = """
import pyarrow as pa
from corpusforge.text.packed import packed
from corpusforge.decontaminate.words import split_words
print(split_words(pa.array(["One two three"], pa.large_string())).hashes.tolist())
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package whose kernels were compiled."""
    folder = tmp_path_factory.mktemp("jit")
    known = Path(corpusforge.__file__).parent
    shutil.copytree(known, folder / "corpusforge", ignore=shutil.ignore_patterns("__pycache__"))
    assert work(folder)[1] == ""
    return folder


def work(folder: Path, **more: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", WORK], capture_output=True, text=True, check=False, cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **more},
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
    before, _ = work(package)
    paths = sorted(package.rglob(f"*.{ending}"))
    assert len(paths) > 3
    for path in paths:
        path.write_bytes(damage(path.read_bytes()))
    out, said = work(package)
    assert out == before
    assert len(said.splitlines()) == 1
    assert "numba's cache in" in said and "is damaged" in said and "compiled again" in said
    assert work(package) == (before, "")


def test_a_cache_that_cannot_be_written_costs_its_kernels_time_and_nothing_else(
    package: Path,
) -> None:
    """A folder stands where each index would: it can be neither read, nor deleted as a file, nor replaced."""
    before, _ = work(package)
    copy = package / "other"
    shutil.copytree(package / "corpusforge", copy / "corpusforge")
    for path in sorted(copy.rglob("*.nbi")):
        path.unlink()
        path.mkdir()
    out, said = work(copy)
    assert out == before
    assert len(said.splitlines()) == 1
    assert work(copy) == (out, said)


def test_a_cache_of_an_earlier_version_without_digests_is_read(package: Path) -> None:
    for path in [*package.rglob("*.nbi"), *package.rglob("*.nbc")]:
        data, mark, _ = path.read_bytes().rpartition(b"\x00blake2b:")
        assert mark
        path.write_bytes(data)
    assert work(package)[1] == ""
