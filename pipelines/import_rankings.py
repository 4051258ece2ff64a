"""Rankings from raters, read into one directory, again and again as they come.

    python -m pipelines.import_rankings --job JOB --answers 'returned/*' --output rankings

Reads exports of Label Studio (JSON, JSON-MIN), Argilla (REST), crowd tables (CSV, JSON lines) and the
offline page. OUTPUT holds rankings.jsonl, refused.jsonl (every row that was not accepted, and why),
missing.jsonl (tasks to assign again), adjudicate.jsonl (where raters disagree), import.json, and of
what has been answered so far report.html, figures.json and training/ (docs/rankings.md; formats,
splits and rounds: `python -m pipelines.export_rankings`).

    python -m pipelines.import_rankings --source hh --answers FILES --output comparisons

Reads a public preference file instead: OUTPUT/job and OUTPUT/rankings.jsonl, as if it had been ranked.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
from collections.abc import Sequence

from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.targets import TARGETS
from corpusforge.errors import InputError
from corpusforge.options import Parser, add_settings, settings_of
from corpusforge.plugins import choice
from corpusforge.printing import say, say_text
from corpusforge.program import guard

__all__ = ["main"]

_SOURCES = ("hh", "oasst", "scores", "pairs", "auto")


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("import_rankings", __doc__)
    add = options.add_argument
    made = options.add_mutually_exclusive_group(required=True)
    made.add_argument("--job", metavar="DIR", help="the directory that the labelling export made")
    made.add_argument("--source", choices=_SOURCES, help="a public preference format")
    add("--answers", nargs="+", required=True, metavar="FILE", help="files or globs, any number")
    add("--output", required=True, metavar="DIR", help="new, or of earlier imports of the job")
    add(
        "--target",
        type=choice("targets", TARGETS),
        metavar="NAME",
        help="told from each file by default",
    )
    add("--raters", metavar="CSV", default="", help="two columns: the tool's user, the pseudonym")
    add_settings(options, Settings, "settings (docs/annotate_targets.md)", skip=("raters",))
    add("--no-results", action="store_true", help="neither report.html nor training files")
    return options


def _raters(path: str) -> dict[str, str]:
    """Return the table of raters: the first two cells of each row."""
    from corpusforge.io import files

    if not path:
        return {}
    text = files.read_bytes(path).decode("utf-8-sig", errors="replace")
    table: dict[str, str] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text, newline="")), 1):
        if len(row) < 2 or not row[1].startswith("r_"):
            if number == 1:
                continue
            raise InputError(f"{path}:{number}: expected user,pseudonym ('r_' and hex), got {row}.")
        user, pseudonym = row[0].strip(), row[1].strip()
        if table.setdefault(user, pseudonym) != pseudonym:
            raise InputError(
                f"{path}:{number}: {user!r} is {table[user]} already; give one of both."
            )
    return table


def run(options: argparse.Namespace) -> int:
    """Run the import the options describe; return the exit code."""
    from corpusforge.annotate.imports.public import import_source
    from corpusforge.annotate.imports.run import import_answers, notices, summary

    settings = settings_of(options, Settings, raters=_raters(options.raters))
    if options.source:
        made = import_source(options.source, options.answers, options.output, settings)
    else:
        made = import_answers(
            options.job, options.answers, options.output, settings, target=options.target or ""
        )
    say_text(summary(made))
    for line in notices(made, options.source or ""):
        say(f"warning: {line}", error=True)
    if not options.no_results:
        from corpusforge.annotate.results import write_results

        job = options.job or f"{options.output.rstrip('/')}/job"
        _, made_files = write_results([job], [options.output], options.output)
        for line in made_files.get("notices", ()):
            say(f"warning: {line}", error=True)
        say(f"report: {options.output.rstrip('/')}/report.html")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; exit code 2 for a wrong input or option."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
