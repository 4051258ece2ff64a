"""Shared fixtures: where the real data lie, and nothing that reaches a network."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# The same examples on every machine: a test that fails, fails for everyone. New ones are looked for
# with `pytest --hypothesis-profile=default`.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.load_profile("repeatable")

ROOT = Path(__file__).resolve().parent.parent


SLOW = {
    line
    for line in (ROOT / "tests/slow_modules.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}


OTHERS = {
    "slow",
    "gpu",
    "torch",
    "network",
    "browser",
    "labelstudio",
    "flink",
    "trainers",
    "stores",
    "consumers",
}


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `fast` what is in no module of slow_modules.txt and needs nothing that may not be there."""
    for item in items:
        needs = {mark.name for mark in item.iter_markers()} & OTHERS
        if not needs and item.path.relative_to(ROOT).as_posix() not in SLOW:
            item.add_marker(pytest.mark.fast)


@pytest.fixture(scope="session")
def data() -> Path:
    """The directory of real files; CORPUSFORGE_DATA names it, `../shared/data` is the default."""
    path = Path(os.environ.get("CORPUSFORGE_DATA", ROOT.parent / "shared" / "data"))
    if not path.is_dir():
        pytest.skip(f"real data not found at {path}; set CORPUSFORGE_DATA to run this test")
    return path
