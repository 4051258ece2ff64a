"""Rows of further kinds from rows, seeds or documents: asking back, owning errors, dialogues, …

    python -m pipelines.kinds --kind clarify,admit,premise,refuse,unknown --rows RUN --language en,zh \
        --engine openai --base-url http://127.0.0.1:8000/v1 --model NAME --output DIR
    python -m pipelines.kinds --kind dialogue --rows RUN --most 4000 … --output DIR
    python -m pipelines.kinds --kind grounded --ground PRETRAIN_RUN … --output DIR

Writes rows.jsonl, rejects.jsonl, report.json, report.html, usage.json, export/ and manifest.json
beside journal.jsonl. Killed or stopped by its budget, the same command goes on and pays for nothing
twice. Exit code: 0 finished; 1 finished without a row; 2 a wrong option, the budget, or no engine;
130 interrupted. docs/instruct_kinds.md has kinds, rules and settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from corpusforge.instruct.kinds.settings import MADE, Settings
from corpusforge.models.options import add_model_options, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, names
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()
_PLAIN = {
    "each": "rows or passages drawn for each kind and language",
    "seed": "of every draw",
    "follow_ups": "dialogue: user turns added, 1 to N; 0: none",
    "distractors": "dialogue: share of exchanges off the subject",
    "most": "dialogue: cut into pieces of at most N; 0: never",
    "passage": "grounded: most characters of a passage",
    "questions": "grounded: pairs asked of a passage",
}


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.kinds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("--output", required=True, metavar="DIR", help="new, empty, or a run to go on with")
    add("--kind", type=names, default=(), metavar="KIND,…",
        help=f"{', '.join(MADE)}; the first five by default, grounded with --ground")  # fmt: skip
    add("--language", type=names, default=_DEFAULT.languages, metavar="en|zh|en,zh")
    add("--rows", action="append", default=[], metavar="RUN|JSONL",
        help="rows or seed tasks to start from; the built-in seeds by default")  # fmt: skip
    add("--ground", default="", metavar="RUN|JSONL", help="documents to ask questions about")
    add("--judge", action="store_true", help="ask the model whether each answer is of its kind")
    add("--format", type=names, default=(), metavar="NAME,…", help="export forms; all by default")
    add("--model-licence", default="", metavar="TEXT", help="goes into every row's lineage")
    add("--give-up", action="store_true",
        help="go on where the engine answers none of a step's requests")  # fmt: skip
    group = options.add_argument_group("settings (docs/instruct_kinds.md)")
    for name, said in _PLAIN.items():
        default = getattr(_DEFAULT, name)
        flag = "--" + name.replace("_", "-")
        group.add_argument(flag, type=type(default), default=default, metavar="N", help=said)
    group.add_argument("--unit", default=_DEFAULT.unit, metavar="characters|TOKENIZER",
                       help="dialogue: what --most counts")  # fmt: skip
    group.add_argument("--allow", type=names, default=(), metavar="RULE,…", help="rules left out")
    group.add_argument("--evaluation", default="", metavar="FILE", help="index to decontaminate by")
    add_model_options(options)
    return options


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to the writing steps, answers are greedy."""
    kinds = options.kind or (("grounded",) if options.ground else _DEFAULT.kinds)
    return Settings(
        kinds=kinds, languages=options.language, rows=tuple(options.rows), ground=options.ground,
        judge=options.judge, unit=options.unit, allow=options.allow,
        evaluation=options.evaluation, write=models.sampling(_DEFAULT.write),
        **{name: getattr(options, name) for name in _PLAIN},
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.derived import command
    from corpusforge.instruct.kinds.run import job

    models = settings_from(options)
    work = job(settings_of(options, models))
    return command(options, models, lambda _model: work)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
