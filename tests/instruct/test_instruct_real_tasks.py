"""Tasks that people wrote pass the filters; what is refused is known by number."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.instruct_filters import passed
from corpusforge.instruct import export, seeds


@pytest.mark.parametrize(
    ("name", "tasks", "least"),
    [("seed_tasks.jsonl", 175, 165), ("user_oriented_instructions.jsonl", 252, 236)],
)
def test_published_tasks_pass_and_are_exported(
    data: Path, tmp_path: Path, name: str, tasks: int, least: int
) -> None:
    path = data / "selfinstruct" / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not among the real data")
    loaded = seeds.load(str(path))
    assert len(loaded) == tasks
    rows, refused = passed(loaded)
    assert len(rows) >= least
    assert len(rows) + refused.total() == sum(len(task.instances) for task in loaded)
    written = export.write(rows, str(tmp_path))
    assert {Path(item.path).relative_to(tmp_path).parts[0] for item in written} == set(
        export.FORMATS
    )


@pytest.mark.parametrize("language", seeds.BUILTIN)
def test_the_built_in_seeds_pass_whole(language: str) -> None:
    tasks = seeds.load(language)
    rows, refused = passed(tasks)
    assert (len(rows), refused.total()) == (len(tasks), 0)
