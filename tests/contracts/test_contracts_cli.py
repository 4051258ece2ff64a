"""Every subcommand answers: a parser without its function would only fail in a user's hands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from corpusforge.cli import _MODULES, main, parser

Leaf = tuple[argparse.ArgumentParser, object]


def leaves(options: argparse.ArgumentParser, above: object = None) -> Iterator[Leaf]:
    """The parsers without further subcommands, each with the function it or one above it names."""
    function = options.get_default("run_command") or above
    below = [a for a in options._actions if isinstance(a, argparse._SubParsersAction)]
    if not below:
        yield options, function
    for action in below:
        for child in action.choices.values():
            yield from leaves(child, function)


COMMANDS = {leaf.prog: (leaf, function) for leaf, function in leaves(parser())}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_subcommand_has_its_function_and_help(name: str) -> None:
    leaf, function = COMMANDS[name]
    assert callable(function)
    assert leaf.format_help()


def test_a_command_s_own_parser_is_that_of_all() -> None:
    """`main` mounts the command's module alone; without a known command, every one."""
    own = {leaf.prog: leaf for name in _MODULES for leaf, _ in leaves(parser(name))}
    assert {name.split()[1] for name in own} == set(_MODULES)
    for name, leaf in own.items():
        assert leaf.format_help() == COMMANDS[name][0].format_help()
    assert {leaf.prog for leaf, _ in leaves(parser("why"))} == set(COMMANDS)


def test_a_wrong_crawl_is_told_not_raised(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["fetch", "commoncrawl", "--crawl"])
    assert stop.value.code == 2
    assert "expected one argument" in capsys.readouterr().err
