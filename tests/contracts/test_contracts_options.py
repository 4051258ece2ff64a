"""Options of every command: no guess at a name, no empty value, no number without bounds, no traceback."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import classifiers
import pipelines
from corpusforge import cli
from corpusforge.options import Parser, names

Main = Callable[[list[str]], int]
ELSEWHERE = (
    "corpusforge.beam.assemble", "corpusforge.beam.flink_jar", "corpusforge.beam.pool",
    "corpusforge.testing.flink_cluster", "schemas.build", "examples.annotate.__main__",
    "examples.sample_corpus.build", "corpusforge.instruct.doctor_command",
)  # fmt: skip
NUMBERS = ("-1", "0", str(10**30), "1e400", "nan", "inf", "-inf", "1.5", "x")


class Found(Exception):
    """Carries a parser out of the command that made it."""


def modules() -> Iterator[str]:
    yield from (f"pipelines.{item.name}" for item in pkgutil.iter_modules(pipelines.__path__))
    for folder in pkgutil.iter_modules(classifiers.__path__):
        if folder.ispkg:
            yield from (f"classifiers.{folder.name}.{verb}" for verb in ("train", "evaluate"))
    yield from ELSEWHERE


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[Any]:
    """The parsers without subcommands, each with the words that lead to it."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        yield words, parser
    for action in below:
        for word, child in action.choices.items():
            yield from leaves(child, (*words, word))


def commands() -> dict[str, tuple[Main, tuple[str, ...], argparse.ArgumentParser]]:
    found: dict[str, Any] = {}

    def catch(self: Parser, *_: object) -> None:
        raise Found(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Parser, "parse_known_args", catch)
        patch.setattr(Parser, "parse_with_rest", catch)
        mains = [(name, importlib.import_module(name).main) for name in modules()]
        for name, main in [*mains, ("corpusforge", cli.main)]:
            try:
                main([])
            except Found as carried:
                for words, parser in leaves(carried.args[0]):
                    found[" ".join([name, *words])] = (main, words, parser)
    return found


COMMANDS = commands()
_TEXTS = (None, str, Path, names)
NUMERIC = [
    (name, action.option_strings[-1])
    for name, (_, _, parser) in COMMANDS.items()
    for action in parser._actions
    if action.option_strings and action.type not in _TEXTS and action.nargs != 0
]


def answer(name: str, *argv: str) -> int | str | None:
    main, words, _ = COMMANDS[name]
    try:
        return main([*words, *argv])
    except SystemExit as stop:
        return stop.code


def parsed(name: str, *argv: str) -> int | str | None:
    """As `answer`, of the parser alone, which takes milliseconds less; pretrain_mix asks Beam too."""
    if name == "pipelines.pretrain_mix":
        return answer(name, *argv)
    try:
        COMMANDS[name][2].parse_args(argv)
    except SystemExit as stop:
        return stop.code
    return None


def required(name: str) -> list[str]:
    """Values that are missing files, for every argument without which a command says only that."""
    argv: list[str] = []
    _, _, parser = COMMANDS[name]
    groups = [
        group._group_actions[0] for group in parser._mutually_exclusive_groups if group.required
    ]
    for action in [*parser._actions, *groups]:
        if action.required and not isinstance(action, argparse._HelpAction):
            value = str(next(iter(action.choices))) if action.choices else "missing"
            argv += [*action.option_strings[-1:], value]
        elif action in groups and action.nargs != 0:
            argv += [action.option_strings[-1], "1" if action.type else "missing"]
    if "--tries" in parser._option_string_actions:  # fetch: from a port that nobody listens at
        argv += ["--tries=1", "--base=http://127.0.0.1:1"]
    return argv


@pytest.fixture(autouse=True)
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No command here may leave anything behind."""
    monkeypatch.chdir(tmp_path)
    yield
    assert list(tmp_path.iterdir()) == []


def test_every_command_is_looked_at() -> None:
    assert len([name for name in COMMANDS if name.startswith("pipelines.")]) >= 19
    assert all(isinstance(parser, Parser) for _, _, parser in COMMANDS.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is(name: str) -> None:
    silent = [
        action.option_strings[-1] if action.option_strings else action.dest
        for action in COMMANDS[name][2]._actions
        if action.help is None or not action.help.strip()
    ]
    assert silent == [], f"{name}: options without a help text"


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_refused_by_name(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answer(name, *required(name), "--ouput", "X") == 2
    told = capsys.readouterr().err
    assert "unknown option --ouput" in told and told.count("\n") == 1
    if "--output" in COMMANDS[name][2]._option_string_actions:
        assert "Did you mean --output?" in told


@pytest.mark.parametrize("name", COMMANDS)
def test_a_prefix_is_no_option(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = COMMANDS[name][2]._option_string_actions
    for flag in list(known):
        short = flag[:-1]
        if flag.startswith("--") and short not in known:
            assert parsed(name, *required(name), f"{short}=1") == 2
            assert f"unknown option {short}. Did you mean --" in capsys.readouterr().err


@pytest.mark.parametrize("name", COMMANDS)
def test_a_stray_word_is_refused(name: str) -> None:
    assert answer(name, *required(name), "stray") == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_an_empty_value_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for action in COMMANDS[name][2]._actions:
        if action.nargs == 0:
            continue
        for flag in action.option_strings:
            for given in ([flag, ""], [f"{flag}="] if flag.startswith("--") else [flag, ""]):
                assert parsed(name, *given) == 2
                assert "the value is empty" in capsys.readouterr().err, given
        if not action.option_strings:
            assert parsed(name, "") == 2


@pytest.mark.parametrize(("name", "flag"), NUMERIC)
def test_a_number_out_of_bounds_ends_in_a_message(
    name: str, flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for value in NUMBERS:
        if (name, flag, value) == ("corpusforge.beam.pool", "--port", "0"):
            continue  # any free port: it would serve
        assert answer(name, *required(name), f"{flag}={value}") == 2, value
        told = capsys.readouterr().err
        assert told.startswith("error: ") and len(told) < 700, value
