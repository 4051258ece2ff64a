"""The `corpusforge` command: looks at recipes and finished runs; the pipelines make them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from corpusforge import __version__
from corpusforge.options import Parser
from corpusforge.program import guard, leave, start

__all__ = ["main", "parser"]

Command = Callable[[argparse.Namespace], int]


def parser(command: str = "") -> Parser:
    """Return the parser with every subcommand mounted; where `command` is one, with its module's alone.

    Importing the modules of all takes longer than most of them need.
    """
    options = Parser(
        prog="corpusforge",
        description="Look at recipes and finished runs. `python -m pipelines.pretrain_mix` makes one.",
    )
    options.add_argument("--version", action="version", version=f"corpusforge {__version__}")
    commands = options.add_subparsers(dest="command", metavar="COMMAND", required=True)
    if command in _MODULES:
        _mount(_MODULES[command], commands)
        return options
    from corpusforge.run import commands as own

    own.add_parsers(commands)
    for module in _MODULES.values():
        _mount(module, commands)
    return options


_MODULES = {
    "sweep": "corpusforge.filter.sweep",
    "duplicates": "corpusforge.dedup.cli",
    "fetch": "corpusforge.fetch.cli",
    "models": "corpusforge.fetch.models_command",
    "push": "corpusforge.fetch.push_command",
    "lint-seeds": "corpusforge.instruct.lint_command",
    "annotate": "corpusforge.annotate.cli",
    "status": "corpusforge.run.status_command",
    "view": "corpusforge.view.command",
}
"""Modules of single verbs that bring a subcommand by `add_parser(subparsers)`, by its name."""


def _mount(module: str, commands: Any) -> None:
    import importlib

    importlib.import_module(module).add_parser(commands)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the `corpusforge` command."""
    if argv is None:
        start()

    def work() -> int:
        words = sys.argv[1:] if argv is None else argv
        options = parser(words[0] if words else "").parse_args(argv)
        command: Command = options.run_command
        return command(options)

    code = guard(work)
    if argv is None:
        leave(code)
    return code


if __name__ == "__main__":
    sys.exit(main())
