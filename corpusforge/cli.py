"""The `corpusforge` command: looks at recipes and finished runs; the pipelines make them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from corpusforge import __version__
from corpusforge.options import Parser
from corpusforge.program import guard, start

__all__ = ["main", "parser"]

Command = Callable[[argparse.Namespace], int]


def parser() -> Parser:
    """Return the parser with every subcommand mounted."""
    options = Parser(
        prog="corpusforge",
        description="Look at recipes and finished runs. `python -m pipelines.pretrain_mix` makes one.",
    )
    options.add_argument("--version", action="version", version=f"corpusforge {__version__}")
    commands = options.add_subparsers(dest="command", metavar="COMMAND", required=True)
    from corpusforge.run import commands as own

    own.add_parsers(commands)
    for module in _MODULES:
        _mount(module, commands)
    return options


_MODULES = (
    "corpusforge.filter.sweep",
    "corpusforge.dedup.cli",
    "corpusforge.fetch.cli",
    "corpusforge.fetch.models_command",
    "corpusforge.fetch.push_command",
    "corpusforge.instruct.lint_command",
    "corpusforge.annotate.cli",
    "corpusforge.run.status_command",
    "corpusforge.view.command",
)
"""Modules of single verbs that bring a subcommand by `add_parser(subparsers)`."""


def _mount(module: str, commands: Any) -> None:
    import importlib

    importlib.import_module(module).add_parser(commands)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `corpusforge` command."""
    if argv is None:
        start()

    def work() -> int:
        options = parser().parse_args(argv)
        command: Command = options.run_command
        return command(options)

    return guard(work)


if __name__ == "__main__":
    sys.exit(main())
