"""What a model can do, before a run is begun with it.

    python -m corpusforge.models doctor --engine openai --base-url http://127.0.0.1:8080/v1
    python -m corpusforge.models doctor --engine local --model DIR --language zh --json

Asks some fifteen short requests, writes nothing, and prints what the model and its server can do, how
fast they are, which form of self_instruct they follow, and the command to begin with. Exit code: 0
usable; 1 it answers, but in no form that self_instruct can read; 2 a wrong option, or nobody answers.
docs/models.md explains each line.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.models.options import add_model_options, settings_from
from corpusforge.options import Parser
from corpusforge.printing import say, say_json, say_text
from corpusforge.program import guard

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the command line's parser."""
    raw = argparse.RawDescriptionHelpFormatter
    options = Parser(prog="python -m corpusforge.models", description=__doc__, formatter_class=raw)
    commands = options.add_subparsers(dest="command", metavar="COMMAND", required=True)
    doctor = commands.add_parser(
        "doctor", help="ask a model one request of each form, and say what it can do",
        description=__doc__, formatter_class=raw,
    )  # fmt: skip
    doctor.add_argument(
        "--language",
        choices=("en", "zh"),
        default="en",
        help="of the tasks asked for (default: en)",
    )
    doctor.add_argument("--json", action="store_true", help="print the findings as one JSON object")
    add_model_options(doctor)
    return options


def run(options: argparse.Namespace) -> int:
    """Examine the model and print what was found; return the exit code."""
    import msgspec

    from corpusforge.instruct.doctor import diagnose, lines

    found = diagnose(
        settings_from(options), options.language, show=lambda line: say(line, error=True)
    )
    if options.json:
        record = {"schema": "corpusforge.doctor/1", **msgspec.to_builtins(found)}
        say_json(msgspec.json.format(msgspec.json.encode(record), indent=1).decode())
    else:
        say_text("\n".join(lines(found)))
    return 0 if found.command else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
