"""The `corpusforge` command: looks at recipes and finished runs; the pipelines make them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from corpusforge import __version__
from corpusforge.errors import CorpusforgeError, InputError

__all__ = ["DAMAGED", "fail", "input_files", "main", "parser", "tell_damage"]

Command = Callable[[argparse.Namespace], int]


def fail(error: CorpusforgeError) -> int:
    """Print an error for a person and return its exit code."""
    print(f"error: {error}", file=sys.stderr)
    return error.exit_code


DAMAGED = 1
"""Exit code of a command that wrote its output, of inputs that were damaged: something is missing."""
_SHOWN = 20


def tell_damage(damaged: Sequence[str]) -> int:
    """Print one warning for each damaged input, twenty at most; return DAMAGED, 0 where there is none."""
    for line in damaged[:_SHOWN]:
        print(f"warning: {line}; what follows there is missing", file=sys.stderr)
    if len(damaged) > _SHOWN:
        print(f"warning: and {len(damaged) - _SHOWN} more damaged inputs", file=sys.stderr)
    return DAMAGED if damaged else 0


def input_files(patterns: Sequence[str], option: str) -> list[str]:
    """Return the files of paths, directories and globs, each once, in the order given.

    Raises InputError where a pattern matches nothing.
    """
    from corpusforge.io.files import list_files

    found: dict[str, None] = {}
    for pattern in patterns:
        paths = [info.path for info in list_files(pattern)]
        if not paths:
            raise InputError(
                f"{option} {pattern!r} matches no file. Quote globs, or check the path."
            )
        found.update(dict.fromkeys(paths))
    return list(found)


def parser() -> argparse.ArgumentParser:
    """Return the parser with every subcommand mounted."""
    options = argparse.ArgumentParser(
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
    options = parser().parse_args(argv)
    try:
        command: Command = options.run_command
        return command(options)
    except CorpusforgeError as error:
        return fail(error)
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
