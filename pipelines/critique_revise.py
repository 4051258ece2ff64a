"""Answers criticised and revised by a written constitution; revisions preferred to first answers.

    python -m pipelines.critique_revise --rows RUN --language en,zh --judge \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --output DIR

Writes rows.jsonl (last answers) with export/, steps.jsonl (answer, principle, critique, revision of
each step), preferences/ (job, rankings and training files of the annotation journey, the rater being
a model), judgements.jsonl with --judge, rejects.jsonl, report.json, report.html, usage.json and
manifest.json, beside journal.jsonl. Killed or stopped by its budget, the same command goes on and
pays for nothing twice. Exit code: 0 finished; 1 finished without a row; 2 a wrong option, the
budget, or no engine; 130 interrupted. docs/instruct_kinds.md has the settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.instruct.constitution.settings import Settings
from corpusforge.models.options import add_model_options, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, names
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.critique_revise",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("--output", required=True, metavar="DIR", help="new, empty, or a run to go on with")
    add("--rows", action="append", default=[], metavar="RUN|JSONL",
        help="rows or seed tasks to start from; the built-in seeds by default")  # fmt: skip
    add("--language", type=names, default=_DEFAULT.languages, metavar="en|zh|en,zh")
    add("--constitution", default=_DEFAULT.constitution, metavar="NAME|TOML")
    add("--each", type=int, default=_DEFAULT.each, metavar="N", help="rows drawn in each language")
    add("--rounds", type=int, default=_DEFAULT.rounds, metavar="N", help="principles an answer")
    add("--fresh", action="store_true", help="ask the model for the first answer too")
    add("--judge", action="store_true", help="compare last and first answers in both orders")
    add("--seed", type=int, default=_DEFAULT.seed, metavar="N", help="of every draw")
    add("--format", type=names, default=(), metavar="NAME,…", help="export forms; all by default")
    add("--allow", type=names, default=(), metavar="RULE,…", help="rules left out")
    add("--evaluation", default="", metavar="FILE", help="index to decontaminate by")
    add("--model-licence", default="", metavar="TEXT", help="goes into every row's lineage")
    add("--give-up", action="store_true",
        help="go on where the engine answers none of a step's requests")  # fmt: skip
    add_model_options(options)
    return options


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to the first answers and the revisions."""
    return Settings(
        languages=options.language, each=options.each, rows=tuple(options.rows),
        constitution=options.constitution, rounds=options.rounds, fresh=options.fresh,
        judge=options.judge, seed=options.seed, evaluation=options.evaluation,
        allow=options.allow, first=models.sampling(_DEFAULT.first),
        revise=models.sampling(_DEFAULT.revise),
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.constitution.run import job
    from corpusforge.instruct.derived import command

    models = settings_from(options)
    settings = settings_of(options, models)
    return command(options, models, lambda model: job(settings, model))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
