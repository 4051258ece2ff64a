"""Rankings to training files and a report; several jobs are rounds that merge.

    python -m pipelines.export_rankings --job JOB --rankings IMPORTED --output DIR
    python -m pipelines.export_rankings --job J1 --rankings I1 --job J2 --rankings I2 --output DIR

DIR holds report.html, figures.json and training/, a directory that `datasets.load_dataset` reads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.annotate.aggregate import METHODS
from corpusforge.annotate.export import ALL, DEFAULT
from corpusforge.options import Parser
from corpusforge.plugins import choice
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["main"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("export_rankings", __doc__)
    add = options.add_argument
    add("--job", action="append", required=True, metavar="DIR", help="a job; again for a round")
    add("--rankings", action="append", required=True, metavar="DIR", help="its imported answers")
    add(
        "--output",
        required=True,
        metavar="DIR",
        help="directory of the report and the training files",
    )
    add("--format", nargs="+", type=choice("formats", (*ALL, "all")), default=list(DEFAULT),
        metavar="NAME", help=f"of {', '.join(ALL)}, all, or your own as package.module:NAME; "
        f"default {' '.join(DEFAULT)}")  # fmt: skip
    add("--method", choices=METHODS, default="bradley_terry", help="how rankings become one")
    add("--weighted", action="store_true", help="raters count by how reliable they are")
    add("--validation", type=float, default=0.0, metavar="SHARE", help="drawn by user and prompt; "
        "0: as the prompt pool says")  # fmt: skip
    add("--test", type=float, default=0.0, metavar="SHARE", help="drawn likewise; default 0: none")
    add("--seed", type=int, default=0, help="of the draw of validation and test (default: 0)")
    add("--index", default="", metavar="FILE", help="evaluation index: what overlaps is left out")
    add("--unconfirmed", action="store_true", help="use orders that nobody confirmed, too")
    return options


def _formats(given: Sequence[str]) -> list[str]:
    """Return the formats asked for, all of ours in place of "all"."""
    return [name for asked in given for name in (ALL if asked == "all" else (asked,))]


def run(options: argparse.Namespace) -> int:
    """Run the export the options describe; return the exit code."""
    from corpusforge.annotate.results import write_results

    found, summary = write_results(
        options.job,
        options.rankings,
        options.output,
        formats=_formats(options.format),
        method=options.method,
        weighted=options.weighted,
        validation=options.validation,
        test=options.test,
        seed=options.seed,
        index=options.index,
        unconfirmed=options.unconfirmed,
    )
    agreed = found.agreement.strict
    say(f"{found.rankings} rankings of {found.prompts_ranked} prompts, {len(found.raters)} raters")
    say(f"raters agree on {agreed.value:.3f} of {agreed.n} pairs ({agreed.low:.3f} to "
          f"{agreed.high:.3f})")  # fmt: skip
    for name, sides in summary.get("rows", {}).items():
        say(f"  {name:18}" + ", ".join(f"{side} {n}" for side, n in sides.items()))
    for line in summary.get("notices", ()):
        say(f"warning: {line}", error=True)
    say(f"report: {options.output}/report.html")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; exit code 2 for a wrong input or option."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
