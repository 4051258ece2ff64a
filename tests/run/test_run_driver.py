"""What the driver itself reads of a run: as much for four times the documents."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from corpusforge.recipe import load
from corpusforge.run.pretrain import run
from corpusforge.run.progress import Reporter
from corpusforge.run.stage import Part, Stage, run_part

_OPENED: Counter[str] | None = None


def _listen(event: str, arguments: tuple[object, ...]) -> None:
    if _OPENED is None or event != "open" or not isinstance(arguments[0], (str, os.PathLike)):
        return
    path, mode = Path(arguments[0]), str(arguments[1] or "r")
    if "r" in mode and path.is_file():
        _OPENED[path.as_posix()] += path.stat().st_size


sys.addaudithook(_listen)  # of the process, for good; it does nothing outside `opened`


@contextmanager
def opened(counter: Counter[str] | None) -> Iterator[None]:
    global _OPENED  # noqa: PLW0603 - hooks cannot be taken away
    before, _OPENED = _OPENED, counter
    try:
        yield
    finally:
        _OPENED = before


def in_tasks(stage: Stage, parts: Sequence[Part]) -> None:
    """Make the parts as other processes would: what they read is not the driver's."""
    with opened(None):
        for part in parts:
            run_part(stage.work, part)


def write_documents(path: Path, first: int, count: int) -> None:
    draw = np.random.default_rng(first)
    words = np.array(["the", "of", "and", "that", *(f"word{n}" for n in range(300))])
    with path.open("w") as stream:
        for number in range(first, first + count):
            text = (
                " ".join(draw.choice(words, 150))
                if number % 10
                else "The same text as before. " * 30
            )
            row = {
                "id": f"d{number:05}",
                "text": text,
                "origin": "model" if number % 5 == 1 else "human",
            }
            stream.write(json.dumps(row | {"model": "m" if number % 5 == 1 else None}) + "\n")


RECIPE = """
name = "driver"
seed = 3
[sources.a]
kind = "documents"
path = ["{folder}/*.jsonl"]
origins = ["human", "model"]
[filter]
rules = {{ a = [] }}
[dedup]
ranges = {ranges}
[tokenize]
tokenizer = "train"
vocab_size = 300
train_megabytes = 0.02
[mix]
budget = 5000
validation = 0.05
"""


def driver_reads(
    folder: Path, documents: int, ranges: int
) -> tuple[Counter[str], dict[str, object]]:
    """Make a run of four files; return what the driver opened, and the report."""
    folder.mkdir()
    for number in range(4):
        write_documents(folder / f"{number}.jsonl", number * documents, documents // 4)
    (folder / "recipe.toml").write_text(RECIPE.format(folder=folder, ranges=ranges))
    recipe = load(str(folder / "recipe.toml"))
    found: Counter[str] = Counter()
    with opened(found):
        outcome = run(recipe, str(folder / "run"), in_tasks, Reporter(quiet=True))
    assert outcome.complete
    return found, json.loads((folder / "run/report.json").read_text())


def of_run(found: Counter[str]) -> Counter[str]:
    """The files of a run by name. Inputs are not among them: the driver looks at the first text of one."""
    own = {path.split("/run/")[-1]: size for path, size in found.items() if "/run/" in path}
    return Counter({name: size for name, size in own.items() if "__pycache__" not in name})


@pytest.mark.parametrize("ranges", [0, 3])
def test_what_the_driver_reads_does_not_grow_with_documents(tmp_path: Path, ranges: int) -> None:
    """Receipts, plans and the mixture of a fixed budget: the same files, and as large but for digits."""
    found, told = driver_reads(tmp_path / "small", 200, ranges)
    small = of_run(found)
    found, more = driver_reads(tmp_path / "large", 800, ranges)
    large = of_run(found)
    assert {"documents", "duplicates", "tokens"} <= {name.split("/")[0] for name in small}
    assert small.keys() == large.keys()
    grown = {name: (size, large[name]) for name, size in small.items() if large[name] > size + 64}
    assert not grown
    assert sum(large.values()) < 1.01 * sum(small.values())
    assert [len(report["writings"]) for report in (told, more)] == [2, 2]
    documents = [sum(own["documents"] for own in report["writings"]) for report in (told, more)]
    assert documents[1] > 3.5 * documents[0]
