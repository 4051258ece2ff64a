"""Commands that a page shows are taken by their own parsers, and the README's two languages show the same."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from corpusforge.options import Parser

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(
    r"(?:corpusforge|python -m (?:pipelines|classifiers|examples|corpusforge)[\w.]*) "
)
ASIDE = ("…", "[", "{", "|")
"""Marks of a line that speaks of a command and is none: left-out parts, choices, pipes."""


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```\w*\n.*?^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    found = []
    for block in blocks(page):
        for line in block.replace("\\\n", " ").splitlines():
            for part in line.partition("  #")[0].split(" && "):
                if COMMAND.match(part) and not any(mark in part for mark in ASIDE):
                    found.append(part)
    return found


ELSEWHERE = {"corpusforge.models": "corpusforge.instruct.doctor_command"}
"""Where the main function of a command lies that is started by another name."""
SHOWN = [(page.name, line) for page in PAGES for line in commands(page)]


class Parsed(Exception):
    """Ends a command once its options are read."""


@pytest.mark.parametrize(("page", "line"), SHOWN)
def test_a_command_that_is_shown_parses(
    page: str, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words = shlex.split(line)
    name, argv = (words[2], words[3:]) if words[0] == "python" else ("corpusforge.cli", words[1:])
    module = importlib.import_module(ELSEWHERE.get(name, name))
    if hasattr(module, "__path__") and name not in ELSEWHERE:
        module = importlib.import_module(f"{name}.__main__")
    depth = [0]

    def ending(whole: Any) -> Any:
        def read(self: Parser, args: object = None, namespace: object = None) -> object:
            depth[0] += 1  # a subcommand's parser is called by the one above it
            found = whole(self, args, namespace)
            depth[0] -= 1
            if not depth[0]:
                raise Parsed
            return found

        return read

    monkeypatch.chdir(tmp_path)
    for parser in (argparse.ArgumentParser, Parser):
        monkeypatch.setattr(parser, "parse_known_args", ending(parser.parse_known_args))
    if name == "pipelines.pretrain_mix":  # takes Beam's options, too
        monkeypatch.setattr(f"{name}.run", lambda argv: parsed(module, argv))
    with pytest.raises(Parsed):
        module.main(argv)


def parsed(module: object, argv: list[str]) -> None:
    module._parsed(argv)  # type: ignore[attr-defined]
    raise Parsed


def test_commands_are_found() -> None:
    assert len(SHOWN) > 60
    assert len({line for page, line in SHOWN if page == "README.md"}) >= 10


def test_the_chinese_readme_shows_the_same() -> None:
    assert blocks(ROOT / "README.md") == blocks(ROOT / "README.zh.md")


def test_every_pipeline_is_on_the_page_of_commands() -> None:
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    names = [path.stem for path in (ROOT / "pipelines").glob("*.py") if path.stem != "__init__"]
    assert [name for name in names if f"`python -m pipelines.{name}`" not in text] == []
