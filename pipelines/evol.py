"""Evol-Instruct: tasks made harder or rarer round by round, each with an answer and its parent.

    python -m pipelines.evol --rows RUN --language en,zh --engine local --model DIR --output DIR

Starts from a run's rows, or from the built-in seeds. Writes rows.jsonl (kind "evol"), rejects.jsonl,
report.json, report.html, usage.json, export/ and manifest.json beside journal.jsonl. Killed or
stopped by its budget, the same command goes on and pays for nothing twice. Exit code: 0 finished; 1
finished without a row; 2 a wrong option, the budget, or no engine; 130 interrupted. docs/cot.md has
the settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.instruct.evolve.settings import OPERATIONS, Settings
from corpusforge.models.options import add_model_options, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, names
from corpusforge.program import guard

__all__ = ["main", "parser", "settings_of"]

_DEFAULT = Settings()
_NUMBERS = {
    "rounds": "times that every task is evolved",
    "each": "tasks of each language to start from; 0: all",
    "seed": "of every draw",
}


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.evol",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("--output", required=True, metavar="DIR", help="new, empty, or a run to go on with")
    add("--rows", action="append", default=[], metavar="RUN|JSONL",
        help="rows or seed tasks to start from; the built-in seeds by default")  # fmt: skip
    add("--language", type=names, default=_DEFAULT.languages, metavar="en|zh|en,zh")
    add("--format", type=names, default=(), metavar="NAME,…", help="export forms; all by default")
    add("--model-licence", default="", metavar="TEXT", help="goes into every row's lineage")
    add("--give-up", action="store_true",
        help="go on where the engine answers none of a step's requests")  # fmt: skip
    group = options.add_argument_group("settings (docs/cot.md)")
    group.add_argument("--operations", type=names, default=_DEFAULT.operations,
                       metavar="NAME,…", help=", ".join(OPERATIONS))  # fmt: skip
    for name, said in _NUMBERS.items():
        group.add_argument(f"--{name}", type=int, default=getattr(_DEFAULT, name), metavar="N",
                           help=said)  # fmt: skip
    group.add_argument("--no-equal", action="store_true",
                       help="do not ask whether a task says more than its parent")  # fmt: skip
    group.add_argument("--allow", type=names, default=(), metavar="RULE,…", help="rules left out")
    group.add_argument("--evaluation", default="", metavar="FILE", help="index to decontaminate by")
    add_model_options(options)
    return options


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to evolving and to the answers."""
    return Settings(
        languages=options.language, rows=tuple(options.rows), operations=options.operations,
        equal=not options.no_equal, allow=options.allow, evaluation=options.evaluation,
        write=models.sampling(_DEFAULT.write), answer=models.sampling(_DEFAULT.answer),
        **{name: getattr(options, name) for name in _NUMBERS},
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.derived import command
    from corpusforge.instruct.evolve.run import job

    models = settings_from(options)
    work = job(settings_of(options, models))
    return command(options, models, lambda _model: work)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
