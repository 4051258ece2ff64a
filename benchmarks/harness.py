"""What every benchmark needs: arguments, shared data, clocks, memory, peers, intervals, tables, the machine.

Only the standard library is imported at load, so that a peer's interpreter, which has neither numpy nor this
project, can load it too. Times are CPU seconds, which other work on the machine disturbs least; contestants
take turns, so that what disturbs one disturbs all. Limit: memory is read from /proc, so on Linux only.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

__all__ = [
    "DATA", "LABELS", "ROOT", "Clock", "anonymous_mb", "arguments", "ask", "bootstrap", "by_turns", "figures",
    "heads", "lacks", "least", "load", "machine", "peak_mb", "peer", "reading", "row", "run", "scorer",
    "sound", "timed", "version_of", "wilson",
]  # fmt: skip

T = TypeVar("T")
ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("CORPUSFORGE_DATA", ROOT.parent / "shared" / "data"))
"""Real files that are no part of this project: the directory of CORPUSFORGE_DATA, else ../shared/data."""
_MARK = "FIGURES "
"""How the line begins with which a child process hands its figures to `ask` and `peer`."""


def arguments(doc: str | None, *, data: bool = False) -> argparse.ArgumentParser:
    """Return a parser for a benchmark with this docstring; `data` adds `--data`, by default `DATA`."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{Path(sys.argv[0]).stem}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if data:
        parser.add_argument("--data", type=Path, default=DATA, help="default: CORPUSFORGE_DATA")
    return parser


def scorer(name: str, data: Path = DATA) -> ModuleType:
    """Load one of the public scorers, `tools/NAME.py` beside the data."""
    path = data.parent / "tools" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise SystemExit(
            f"no scorer {path}: set CORPUSFORGE_DATA to a data directory beside tools/"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Clocks.
class Clock:
    """Seconds since it was made: of this process, this thread, ended child processes, and by the wall."""

    def __init__(self) -> None:
        self._children = _children()
        self._wall = time.perf_counter()
        self._thread = time.thread_time()
        self._cpu = time.process_time()

    def cpu(self) -> float:
        """CPU seconds of this process, all threads."""
        return time.process_time() - self._cpu

    def thread(self) -> float:
        """CPU seconds of this thread."""
        return time.thread_time() - self._thread

    def children(self) -> float:
        """CPU seconds of the child processes that ended since, and of theirs."""
        return _children() - self._children

    def wall(self) -> float:
        """Seconds by the wall; on a busy machine they say little."""
        return time.perf_counter() - self._wall


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(action: Callable[[], T]) -> tuple[T, float]:
    """Return what a call returns, and its CPU seconds."""
    clock = Clock()
    made = action()
    return made, clock.cpu()


def by_turns(calls: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, list[float]]:
    """Call each contestant once a round, one after another; return the CPU seconds of each, `rounds` of them.

    Warm them up before: the first round counts.
    """
    spent: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            spent[name].append(timed(call)[1])
    return spent


def least(call: Callable[[], object], rounds: int = 3) -> float:
    """Return the least CPU seconds of some calls; disturbances only add."""
    return min(by_turns({"": call}, rounds)[""])


# Memory.
def _status_mb(field: str, pid: int | str) -> float:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) * 1024 / 1e6
    except OSError:
        pass
    return 0.0


def peak_mb(pid: int | str = "self", *, reset: bool = False) -> float:
    """Return the most memory that a process ever had resident, in 10^6 bytes; 0 where it has ended.

    The kernel's mark (VmHWM), which begins with the program: `ru_maxrss` has the parent's in it.
    `reset` sets the mark of this process back to what it has now.
    """
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    return _status_mb("VmHWM", pid)


def anonymous_mb(pid: int | str = "self") -> float:
    """Return the memory of a process that no file backs, in 10^6 bytes; 0 where it has ended."""
    return _status_mb("RssAnon", pid)


# Other processes.
def run(command: Sequence[object], **options: Any) -> str:
    """Run a command to its end and return what it printed; end this program where it fails."""
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, **options
    )
    if done.returncode:
        raise SystemExit(
            f"{command[0]} failed with exit code {done.returncode}:\n{done.stderr[-2000:]}"
        )
    return done.stdout


def figures(value: object) -> None:
    """Print what a child process found, for `ask` or `peer` to read: JSON on a line of its own."""
    print(f"{_MARK}{json.dumps(value)}", flush=True)


def _read(printed: str) -> Any:
    line = next(line for line in reversed(printed.splitlines()) if line.startswith(_MARK))
    return json.loads(line.removeprefix(_MARK))


def ask(module: str, *values: object) -> Any:
    """Run a benchmark's module in a process of its own; return the `figures` that it prints."""
    return _read(run([sys.executable, "-m", f"benchmarks.{module}", *values], cwd=ROOT))


def peer(python: str, module: str, *values: object, given: object = None) -> Any | None:
    """Run a module here by the interpreter of another environment; return the `figures` that it prints.

    `given` goes to its standard input as JSON. It has one thread, and nothing of this environment is seen
    there but this directory. Where it cannot run, say why and return None.
    """
    command = [python, "-m", f"benchmarks.{module}", *map(str, values)]
    one_thread = {
        "OMP_NUM_THREADS": "1",
        "RAYON_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | one_thread
    try:
        done = subprocess.run(command, input=json.dumps(given), env=environment, check=False,
                              capture_output=True, text=True)  # fmt: skip
    except OSError as error:
        print(f"skipped: {module} ({error})", file=sys.stderr)
        return None
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["?"])[-1]
        print(f"skipped: {module} by {python} ({why[-300:]})", file=sys.stderr)
        return None
    return _read(done.stdout)


def lacks(python: str, *modules: str) -> bool:
    """Say whether the interpreter of another environment cannot import some modules."""
    command = [python, "-c", f"import {', '.join(modules)}"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode != 0
    except OSError:
        return True


def version_of(python: str, package: str) -> str:
    """Return the version of a package in another environment, "?" where it has none."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return "?" if done.returncode else done.stdout.strip()


# Intervals.
def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share: its low and high end, in [0, 1]; all of it for n = 0."""
    from scipy.stats import binomtest

    if not n:
        return 0.0, 1.0
    found = binomtest(int(hits), int(n)).proportion_ci(0.95, method="wilson")
    return float(found.low), float(found.high)


def bootstrap(score: Callable[[Any], float], n: int, rounds: int = 1000) -> tuple[float, float]:
    """Return the 95 % percentile interval of a score of `n` things, drawn with replacement by a fixed seed.

    `score` gets their places, an int64 array of shape [n].
    """
    import numpy as np

    picks = np.random.default_rng(0).integers(0, n, (rounds, n))
    low, high = np.quantile([score(pick) for pick in picks], (0.025, 0.975))
    return float(low), float(high)


# Labels of people.
LABELS = ("sound", "weak", "wrong")


def sound(rows: Sequence[Mapping[str, Any]], name: str) -> None:
    """Print one line of a table: n, how often each label stands, and the sound share with its interval."""
    counts = [sum(row["label"] == label for row in rows) for label in LABELS]
    low, high = wilson(counts[0], len(rows))
    share = counts[0] / len(rows) if rows else 0.0
    row(name, len(rows), *counts, f"{share:.2f} [{low:.2f}, {high:.2f}]")


def reading(
    doc: str | None,
    draw: Callable[[argparse.Namespace], Sequence[Mapping[str, Any]]],
    table: Callable[[list[dict[str, Any]]], None],
    *needed: str,
) -> None:
    """Draw rows of a run into a file for a person to label, or print the table of what was labelled.

    `needed` are options of `draw` beside the run, the number of rows and the seed; each may be repeated.
    """
    parser = arguments(doc)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("draw", help="rows of a run, to be read")
    drawing.add_argument("run", type=Path)
    for name in needed:
        drawing.add_argument(name, action="append", required=True)
    drawing.add_argument("--rows", type=int, default=100)
    drawing.add_argument("--seed", type=int, default=0)
    drawing.add_argument("--labels", type=Path, required=True)
    commands.add_parser("count", help="what was read").add_argument("labels", type=Path)
    options = parser.parse_args()
    if options.command == "draw":
        lines = [json.dumps(drawn, ensure_ascii=False) + "\n" for drawn in draw(options)]
        options.labels.write_text("".join(lines), encoding="utf-8")
        return
    rows = [json.loads(line) for line in options.labels.read_text("utf-8").splitlines()]
    unread = [row["id"] for row in rows if row["label"] not in LABELS]
    if unread:
        raise SystemExit(f"{len(unread)} rows have no label of {', '.join(LABELS)}: {unread[0]} …")
    table(rows)


# What is printed.
def row(*cells: object) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def heads(*names: object) -> None:
    """Print the first two lines of a Markdown table."""
    row(*names)
    print("|---" * len(names) + "|", flush=True)


def load() -> float:
    """Return how many programs were running or waiting, a mean of the last minute."""
    return os.getloadavg()[0]


def machine(*packages: str) -> str:
    """Return a line that says where figures come from: Python, packages' versions, processor, load."""
    versions = []
    for name in packages:
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    cpu = next(
        (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")),
        platform.machine(),
    )
    python = f"Python {platform.python_version()}"
    return ", ".join([python, *versions, f"{os.cpu_count()} cores of {cpu}", f"load {load():.1f}"])


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []
