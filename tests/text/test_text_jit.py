"""Kernels whose files in numba's cache are damaged are compiled again, once, with one line said."""

from __future__ import annotations

import os
import pickle
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


def test_a_kernel_is_compiled_again_where_kernels_are_made_otherwise(package: Path) -> None:
    """A mended compiler must not leave the code of the one before at work."""
    told = "from kernels import more; print(more(3), bool(more.compiled.stats.cache_misses))"
    assert work(package, told)[0] == "15.0 False\n"
    other = (
        "from corpusforge.text import compiler\nread = compiler._read\n"
        "compiler._read = lambda path: (b'another', set()) if path == compiler._OWN else read(path)\n"
    )
    assert work(package, other + told)[0] == "15.0 True\n"


MAKERS = """
import numpy as np

from corpusforge.text.jit import jit

TABLE = np.arange(9)

@jit
def reads(a, b):
    row = a[1]
    total = 0
    for place in range(len(a)):
        one = a[place]
        part = one[1:] if one[0] > 2 else row
        total += part[0] * len(part) + TABLE[one[0] % 9] + b[:2].sum()
    a[0, :] = 1
    b.sort()
    if total < 0:
        raise ValueError("below")
    return total

@jit
def steps(a, b, place):
    row = a[place]
    return row[0] + b[place] if row[1] > 2 else TABLE[len(row[1:])]

@jit
def looks(both):
    a, b = both
    total = 0
    for place in range(len(b)):
        total += steps(a, b, place)
    return total

@jit
def same(a, b):
    return a

@jit
def rows(a, b):
    total = 0
    for one in a:
        total += one[0] + len(one[1:])
    return total

@jit
def counts(a):
    return sum(a) + len(a)

@jit
def given_list(a, b):
    return counts([int(b[0]), 2])

@jit
def part(a, b):
    return a[1, 1:]

@jit
def made(a, b):
    inside = np.zeros(len(a) + 3, np.int64)
    return inside[2:]

@jit
def moved(a, b):
    a[0] = a[1]
    a[1:, 0] = b
    b[1:] = b[:2]
    return a[0, 0]

@jit
def spread(a, b):
    a[:] = b
    a[1, :] = 7
    return a[2, 1]

@jit
def summed(a, b):
    return a[0] + b[0]

@jit
def minus(a, b):
    return (-a)[1]

@jit
def grown(a, b):
    more = a[0].astype(np.float64)
    more += b[0]
    return more

@jit
def picked(a, b):
    return b[np.array([2, 0])]

@jit
def masked(a, b):
    return int(b[b > 1][0])

@jit
def listed(a, b):
    found = [int(b[0]), 3]
    found.append(4)
    return len(found)

@jit
def named(a, b):
    return str(b[0])

@jit
def two(a, b):
    return a[0], b * 2

@jit
def by_call(a, b):
    kept = made(a, b)
    other, twice = two(a, b)
    return kept[0] + other[0] + twice[0] + picked(a, b)[1]
"""

COUNTED = """
import os
os.environ["NUMBA_NRT_STATS"] = "1"
import numpy as np, kernels
from numba.core.runtime import rtsys

inner = ("counts", "steps")
names = [name for name, kernel in vars(kernels).items() if hasattr(kernel, "py_func") and name not in inner]

def called(name, plain):
    a, b = np.arange(12).reshape(4, 3), np.array([5, 1, 4])
    kernel = getattr(kernels, name)
    kernel = kernel.py_func if plain else kernel
    given = ((a, b),) if name == "looks" else (a, b)
    found = kernel(*given)
    parts = found if isinstance(found, tuple) else (found,)
    return repr([np.asarray(part).tolist() for part in (*parts, a, b)])

for name in names:
    first = called(name, False)
    before = rtsys.get_allocation_stats()
    assert {called(name, False) for _ in range(200)} == {first}
    after = rtsys.get_allocation_stats()
    assert after.alloc - before.alloc == after.free - before.free, name
    assert after.mi_alloc - before.mi_alloc == after.mi_free - before.mi_free, name
    assert first == called(name, True), (name, first, called(name, True))
print("done")
"""


def test_what_a_kernel_makes_is_freed(tmp_path: Path) -> None:
    """Beside the same functions in Python, and by numba's own counts of what it allocates and frees."""
    (tmp_path / "kernels.py").write_text(MAKERS)
    for _ in range(2):
        out, said = work(tmp_path, COUNTED)
        assert (out, said) == ("done\n", "")


BODY = """
import kernels, numpy as np

kernels.looks((np.arange(12).reshape(4, 3), np.arange(3)))
kernels.by_call(np.arange(12).reshape(4, 3), np.arange(3))
for name in ("looks", "by_call"):
    (code,) = getattr(kernels, name).compiled.inspect_llvm().values()
    bodies = [part.split("\\n}")[0] for part in code.split("define ")[1:]]
    bodies = [part for part in bodies if "_ZN7kernels" in part.splitlines()[0]]
    print(name, any("NRT_" in part for part in bodies))
"""


def test_what_a_kernel_looks_at_is_not_counted(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text(MAKERS)
    assert work(tmp_path, BODY)[0] == "looks False\nby_call True\n"


SHIPPED = f"""
from pathlib import Path

from corpusforge.text import compiler

compiler.SHIPPED = Path("shipped")
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


IDLE = """
import sys

from corpusforge.cli import main

sys.argv = ["corpusforge"]
for words in (["--help"], ["recipe", "show", "gpt3"], ["status", "nowhere"]):
    try:
        main(words)
    except SystemExit:
        pass
print([name for name in ("numba", "llvmlite", "scipy") if name in sys.modules])
"""


def test_commands_that_compute_nothing_do_without_numba(tmp_path: Path) -> None:
    assert work(tmp_path, IDLE)[0].splitlines()[-1] == "[]"


def test_a_kernel_is_pickled_by_its_name() -> None:
    from corpusforge.text.fold import _all_kinds

    assert pickle.loads(pickle.dumps(_all_kinds)) is _all_kinds
