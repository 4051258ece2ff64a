"""Near-duplicate removal for ready-made files, stand-alone.

    python -m pipelines.dedup --input 'corpus/*.jsonl.zst' --output deduplicated

Reads JSON lines (.gz, .zst, .bz2, .xz) and Parquet; writes OUTPUT/documents (the survivors, rows
untouched), OUTPUT/duplicates/*.parquet (removed, kept, similarity, cluster, ...), OUTPUT/index (for
--index of a later run) and OUTPUT/dedup.json. Exit code: 0; 1 where an input is damaged or ends early
(what stood before the damage is there); 2 for a wrong input or option.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.dedup.settings import Settings
from corpusforge.io.files import input_files
from corpusforge.options import Parser, add_settings, settings_of
from corpusforge.printing import say, say_text
from corpusforge.program import guard, tell_damage

__all__ = ["main"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("dedup", __doc__)
    add = options.add_argument
    add("--input", action="append", required=True, metavar="GLOB", help="may be given repeatedly")
    add("--output", required=True, metavar="DIR", help="an empty or new directory")
    add("--text-column", default="text", metavar="NAME", help="column of the texts (default: text)")
    add("--id-column", default="id", metavar="NAME", help="column of the ids (default: id)")
    add("--no-id-column", action="store_true", help="there is none: rows are named FILE:ROW")
    for name in ("source", "url", "date", "score", "snapshot"):
        add(f"--{name}-column", default="", metavar="NAME", help="none by default")
    add("--workers", type=int, default=1, metavar="N", help="processes that sign files")
    add("--index", action="append", default=[], metavar="DIR", help="index/ of an earlier output")
    add("--plan", action="store_true", help="print the bands and what they find, then stop")
    add_settings(options, Settings, "settings (docs/dedup.md)", skip=("ranges",))
    return options


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.dedup.plan import describe
    from corpusforge.dedup.tables import Columns
    from corpusforge.run.dedup_files import deduplicate

    settings = settings_of(options, Settings)
    say_text(describe(settings))
    if options.plan:
        return 0
    names = ("id", "text", "source", "url", "date", "score", "snapshot")
    given = {name: getattr(options, f"{name}_column") for name in names}
    columns = Columns(**given | ({"id": ""} if options.no_id_column else {}))
    inputs = sorted(input_files(options.input, "--input"))
    report = deduplicate(
        inputs, options.output, settings, columns, workers=options.workers, index=options.index
    )
    for alarm in report["alarms"]:
        say(f"warning: {alarm}", error=True)
    failed = sum(row["failed"] for row in report["ledger"])
    say(
        f"{report['documents']} rows read, {report['copies']} copies found, {report['kept']} kept"
        + (f", {failed} unreadable" if failed else "")
        + f"; written to {options.output}"
    )
    if report["repaired"]:
        say("repaired: " + ", ".join(f"{k} {n}" for k, n in report["repaired"].items()))
    if report["unnamed"]:
        say(
            f"{report['unnamed']} rows without an id: kept, and named FILE:ROW in duplicates/ and index/"
        )
    if report["repeated_ids"]:
        say(
            f"{report['repeated_ids']} rows repeat the id of a row before them: numbered in duplicates/ and "
            "index/ (ID~2, ID~3, …)"
        )
    if "audit" in report:
        found = report["audit"]
        say(
            f"audit: {found['with_copy']} of {found['sampled']} survivors still have a copy "
            f"({found['low']:.2%} to {found['high']:.2%})"
        )
    return tell_damage(report["damaged"])


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0; 1 where an input is damaged, so that rows are missing; 2 for a wrong option."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
