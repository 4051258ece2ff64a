"""Benchmarks measure, read arguments and print in one way: by `benchmarks/harness.py`, and each starts."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from source_names import dotted, imports

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "benchmarks"
HARNESS = FOLDER / "harness.py"
MODULES = sorted(FOLDER.glob("*.py"))

CALLS = {
    "time.process_time", "time.thread_time", "time.perf_counter", "time.process_time_ns",
    "time.thread_time_ns", "time.perf_counter_ns", "timeit.timeit", "timeit.repeat", "os.times",
    "os.getloadavg", "resource.getrusage", "argparse.ArgumentParser", "scipy.stats.bootstrap",
    "importlib.util.spec_from_file_location", "platform.python_version", "subprocess.check_output",
}  # fmt: skip
"""Clocks, memory, parsers, scorers and machine lines: what the harness has."""
WORDS = ("CORPUSFORGE_DATA", "shared/data", "VmHWM", "RssAnon", "---|", "|---", "| --- ")
"""In strings: where the shared data lie, memory in /proc, rules of tables."""
NUMBERS = {1.96, 1.959964, 0.025, 0.975}
"""The quantiles of 95 % intervals."""
RUNS = {"subprocess.run": {"make_corpus.py"}}
"""Who else runs a command to its end: `make_corpus` lets a package manager fail."""


def docstrings(tree: ast.Module) -> set[int]:
    """Which constants are docstrings or stand alone, by identity."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def again(source: str, name: str) -> Iterator[str]:
    """What a module does by itself that the harness does for all."""
    tree = ast.parse(source)
    names, told = dict(imports(ast.walk(tree))), docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            used = dotted(node, names)
            if used in CALLS or name not in RUNS.get(used, {name}):
                yield f"{name}:{node.lineno} {used}"
        elif isinstance(node, ast.Constant) and id(node) not in told:
            value = node.value
            if isinstance(value, str) and (
                value.startswith("| ") or any(w in value for w in WORDS)
            ):
                yield f"{name}:{node.lineno} {value[:40]!r}"
            elif isinstance(value, float) and value in NUMBERS:
                yield f"{name}:{node.lineno} {value}"


def test_what_the_harness_has_is_nowhere_else() -> None:
    guilty = [
        found
        for path in MODULES
        if path != HARNESS
        for found in again(path.read_text("utf-8"), path.name)
    ]
    assert guilty == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\nstart = time.process_time()",
        "from time import process_time as clock\nclock()",
        "import resource\nresource.getrusage(0)",
        "import argparse\nargparse.ArgumentParser()",
        "import subprocess\nsubprocess.run(['x'])",
        "z = 1.96",
        "print('|---|---|')",
        "x = 1\nprint(f'| {x} |')",
        "import os\nos.environ.get('CORPUSFORGE_DATA')",
    ],
)
def test_a_copy_is_seen(source: str) -> None:
    assert list(again(source, "new.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_the_harness_is_loaded_by_a_python_that_has_nothing() -> None:
    """A peer's interpreter has neither numpy nor this project."""
    code = "import benchmarks.harness as h; h.figures(h.by_turns({'x': int}, 2).keys() == {'x'})"
    command = [sys.executable, "-S", "-c", code]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "FIGURES true\n", done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [p for p in MODULES if "harness.arguments(" in p.read_text("utf-8")],
    ids=lambda path: path.stem,
)
def test_a_benchmark_starts(path: Path) -> None:
    command = [sys.executable, "-m", f"benchmarks.{path.stem}", "--help"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith(f"usage: python -m benchmarks.{path.stem} "), done.stdout[:200]
