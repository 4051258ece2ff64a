"""Evaluation sets to one index file, used by every later check for contamination.

python -m pipelines.build_eval_index --set gsm8k=gsm8k_test.jsonl.gz --output eval.index
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from corpusforge.decontaminate import EvalIndex, parse_set, read_items
from corpusforge.decontaminate.report import describe_index
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.options import Parser
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["main", "run"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.build_eval_index",
        description="Build the index of evaluation sets that decontamination looks up.",
        epilog="Give every set in one call: an index is not added to. Equal sets give equal bytes.",
    )
    options.add_argument(
        "--set", action="append", required=True, dest="sets", metavar="NAME=FILE[:FIELD,FIELD]",
        help="a set's name and JSONL file (.gz, .zst, .bz2, .xz as well); each named field of an item "
        "is searched for on its own; dots reach inside (question.stem); without fields the first of "
        "question, prompt, problem, instruction, text, input; may be repeated",
    )  # fmt: skip
    options.add_argument("--output", required=True, metavar="INDEX", help="the file to write")
    return options


def run(argv: Sequence[str] | None = None) -> str:
    """Build and save the index; return its fingerprint. Raises CorpusforgeError."""
    options = parser().parse_args(argv)
    parsed = [parse_set(option) for option in options.sets]
    for name, path, _ in parsed:
        if not files.exists(path):
            raise InputError(f"--set {name}: file {path!r} does not exist.")
        if sum(name == other for other, _, _ in parsed) > 1:
            raise InputError(f"--set {name}: the name is given twice. Names must differ.")
    index = EvalIndex.merged([EvalIndex.part(read_items(*own)) for own in sorted(parsed)])
    fingerprint = index.save(options.output)
    for name, about in describe_index(index).items():
        short = ", ".join(f"{rule} {count}" for rule, count in about["too_short"].items())
        say(f"{name:<20} {about['items']:>8} items; too short for {short}")
    say(f"{options.output}  sha256 {fingerprint}")
    return fingerprint


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""

    def work() -> None:
        run(argv)

    return guard(work)


if __name__ == "__main__":
    sys.exit(main())
