"""What the pages point to is there: other pages, files of the tree, commands."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "README.zh.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    named = re.findall(
        r"`((?:corpusforge|pipelines|tests|benchmarks|examples|classifiers)/[\w./-]+)`", text
    )
    missing += [
        name for name in named if not re.search("…|NAME", name) and not (ROOT / name).exists()
    ]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    modules = set(
        re.findall(
            r"python -m ((?:pipelines|classifiers|benchmarks|examples|corpusforge)[\w.]*)", text
        )
    )
    for name in sorted(name.rstrip(".") for name in modules if "NAME" not in name):
        assert importlib.util.find_spec(name), f"{page.name}: no module {name}"
