"""Compiled kernels are kept on disk; files that are damaged there, or cannot be written, cost time alone."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CODE = (
    "from corpusforge.text.names import Names; n = Names(); print([n.distinct('a') for _ in 'xyz'])"
)
EXPECTED = "['a', 'a~2', 'a~3']\n"


def kernels(cache: Path, before: Callable[[], None] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=False, preexec_fn=before,
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    cache = tmp_path_factory.mktemp("cache")
    assert kernels(cache) == EXPECTED
    found = {str(p.relative_to(cache)): p.read_bytes() for p in cache.rglob("*") if p.is_file()}
    assert {Path(name).suffix for name in found} == {".nbi", ".nbc"}
    return found


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "10 bytes": lambda data: data[:10],
    "half": lambda data: data[: len(data) // 2],
    "one byte short": lambda data: data[:-1],
    "zeros": lambda data: bytes(len(data)),
    "another file": lambda _: b"# no pickle\n" * 9,
}


@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_files_are_made_again(
    tmp_path: Path, filled: dict[str, bytes], ending: str, damage: str
) -> None:
    """As a power cut or a full disk leaves them; afterwards the files are whole."""
    for name, data in filled.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(DAMAGE[damage](data) if name.endswith(ending) else data)
    assert kernels(tmp_path) == EXPECTED
    for name, data in filled.items():
        assert len((tmp_path / name).read_bytes()) > len(data) // 2, name
    assert kernels(tmp_path) == EXPECTED


def test_a_disk_without_room_for_them(tmp_path: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    assert kernels(tmp_path, full) == EXPECTED
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size] == []
