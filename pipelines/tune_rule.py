"""A rule's threshold by what it does to a proxy: bits per byte of held-out texts at each.

    python -m pipelines.tune_rule --run runs/raw --rule gopher_quality.v1:words --at 20,50,100 \\
        --held-out books='held/*.epub' --output tuned

At each threshold n-gram models are trained on what it keeps of the run's stream, by the statistics that the
run stored: nothing is extracted again. Make the run without the rule, for what a run dropped has no text.
Writes OUTPUT/thresholds.json and OUTPUT/thresholds.md. Needs no torch. Exit code: 0; 2 for something given
that is wrong. docs/ablate.md has method and limits; `corpusforge sweep` counts alone, in a second.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from corpusforge.ablate.settings import Settings, Thresholds
from corpusforge.filter.sweep import numbers
from corpusforge.io import files
from corpusforge.options import Parser, add_settings, named, settings_of
from corpusforge.printing import say, say_text
from corpusforge.program import guard

__all__ = ["main", "parser"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("tune_rule", __doc__)
    add = options.add_argument
    add("--run", required=True, metavar="DIR", help="a finished run of pipelines.pretrain_mix")
    add("--rule", required=True, metavar="SET:BOUND",
        help="the bound to move, as gopher_quality.v1:words")  # fmt: skip
    add("--end", choices=("low", "high"), help="which end of a two-sided bound")
    add("--at", default="", metavar="X,Y,…", help="thresholds (default: quantiles, the rule's own)")
    add("--held-out", action="append", required=True, metavar="NAME=GLOB",
        help="texts that the model should be good at; may be repeated")  # fmt: skip
    add("--output", required=True, metavar="DIR", help="where the table is written")
    add_settings(options, Thresholds, "settings (docs/ablate.md)")
    return options


def run(argv: Sequence[str] | None = None) -> None:
    """Sweep as the command line `argv` says. Raises CorpusforgeError."""
    options = parser().parse_args(argv)
    settings = settings_of(options, Thresholds)
    sets, points = named(options.held_out, "--held-out"), numbers(options.at)
    from corpusforge import manifest as records
    from corpusforge.ablate.corpus import open_corpus
    from corpusforge.ablate.evaluation import Sets
    from corpusforge.ablate.thresholds import markdown, measure

    corpus = open_corpus("run", options.run, Settings(batch=1))
    found = measure(corpus, Sets(held_out=sets), options.rule, options.end, points, settings)
    text = markdown(found)
    records.write_json(files.join(options.output, "thresholds.json"), found)
    files.write_bytes(files.join(options.output, "thresholds.md"), text.encode())
    say_text(text)
    say(f"report: {files.join(options.output, 'thresholds.md')}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0, or 2 with a message where something given is wrong."""
    return guard(lambda: run(argv))


if __name__ == "__main__":
    sys.exit(main())
