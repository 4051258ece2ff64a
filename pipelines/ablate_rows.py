"""Does one row set make a better assistant, or a better reward model? A small model tuned on each, compared.

    python -m pipelines.ablate_rows --base abl/trainings/raw-0 --rows all=a/export/messages/train.jsonl \\
        --rows few=b/export/messages/train.jsonl --judge held=held.jsonl --output tuned
    python -m pipelines.ablate_rows --base abl/trainings/raw-0 --rankings a=a/training/kway/train.jsonl \\
        --rankings b=b/training/kway/train.jsonl --judge held=test.jsonl --output rewards

The base is a training of a finished pipelines.ablate. Rows are `messages` (export/messages, training/sft),
judged by bits per byte of the answers of held-out rows, and by multiple choice; rankings are training/kway,
judged by the share of held-out pairs in their order. Every set is compared with the first. Writes rows.json
and rows.md; the same command goes on where it was stopped. Needs torch (extra local). Exit code: 0; 2 for
something given that is wrong. docs/ablate.md has method and limits.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from corpusforge.ablate.settings import RowSettings
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.files import input_files
from corpusforge.options import Parser, add_settings, named, settings_of
from corpusforge.printing import say, say_text
from corpusforge.program import guard

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("ablate_rows", __doc__)
    add = options.add_argument
    add("--base", required=True, metavar="DIR",
        help="the model to tune: ABLATION/trainings/RUN-SEED of a finished ablation")  # fmt: skip
    add("--rows", action="append", default=[], metavar="NAME=FILE",
        help="a row set of messages; repeated, the others against the first")  # fmt: skip
    add("--rankings", action="append", default=[], metavar="NAME=FILE",
        help="a set of K-way rankings, in place of --rows; repeated")  # fmt: skip
    add("--judge", action="append", required=True, metavar="NAME=FILE",
        help="held-out rows of the sets' kind; may be repeated")  # fmt: skip
    add("--choices", action="append", default=[], metavar="NAME=FILE",
        help="multiple-choice items (JSON, Parquet or a table); may be repeated")  # fmt: skip
    add("--output", required=True, metavar="DIR",
        help="a new directory, or that of the same comparison")  # fmt: skip
    add("--quiet", action="store_true", help="print no progress")
    add_settings(options, RowSettings, "settings (docs/ablate.md)")
    return options


def run(argv: Sequence[str] | None = None) -> None:
    """Compare as the command line `argv` says. Raises CorpusforgeError."""
    options = parser().parse_args(argv)
    settings = settings_of(options, RowSettings)
    if bool(options.rows) == bool(options.rankings):
        raise InputError("give --rows NAME=FILE for each set of rows, or --rankings NAME=FILE.")
    key = "rankings" if options.rankings else "rows"
    sets = named(getattr(options, key), f"--{key}")
    judge, choices = named(options.judge, "--judge"), named(options.choices, "--choices")
    if both := sorted(judge.keys() & choices.keys()):
        raise InputError(f"{both[0]!r} names two sets. Give each set another name.")
    from corpusforge.ablate.model import library
    from corpusforge.ablate.tuned import Judges, markdown, tune_rows

    library()
    for name, given in ((key, sets), ("judge", judge), ("choices", choices)):
        input_files(list(given.values()), f"--{name}")
    tell = (lambda _: None) if options.quiet else (lambda line: say(line, error=True))
    made = tune_rows(
        options.base, sets, Judges(judge=judge, choices=choices), settings, options.output, tell,
        ranked=bool(options.rankings),
    )  # fmt: skip
    say_text(markdown(made))
    say(f"report: {files.join(options.output, 'rows.md')}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return guard(lambda: run(argv))


if __name__ == "__main__":
    sys.exit(main())
