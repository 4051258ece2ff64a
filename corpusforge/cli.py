"""The `corpusforge` command: looks at recipes and finished runs; the pipelines make them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from corpusforge import __version__
from corpusforge.errors import CorpusforgeError, InputError
from corpusforge.options import Parser
from corpusforge.printing import flush, say
from corpusforge.program import ready, start, stopped

__all__ = ["fail", "guard", "main", "parser"]

Command = Callable[[argparse.Namespace], int]


def fail(error: CorpusforgeError) -> int:
    """Print an error for a person and return its exit code."""
    first, *more = f"error: {error}".split("\n")
    say(first, *more, error=True)
    return error.exit_code


def guard(work: Callable[[], int | None]) -> int:
    """Do a command's work and return its exit code: what `work` returns (None is 0), 2 to 4 with a
    message where something is wrong, 130 or 143 with one line where a signal ended it.
    """
    try:
        ready()
        code = work() or 0
    except CorpusforgeError as error:
        code = fail(error)
    except (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        if error.filename is None:
            raise
        code = fail(InputError(f"cannot open {error.filename!r}: {error.strerror}."))
    except KeyboardInterrupt as cause:
        code = stopped(cause)
    try:
        flush()
    except CorpusforgeError as error:
        code = fail(error)
    return code


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
    "corpusforge.instruct.lint_command",
    "corpusforge.annotate.cli",
    "corpusforge.run.status_command",
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
