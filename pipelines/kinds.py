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
from corpusforge.instruct.options import common, new_parser
from corpusforge.models.options import settings_from
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
    options = new_parser("kinds", __doc__, _DEFAULT.languages, rows=True)
    add = options.add_argument
    add("--kind", type=names, default=(), metavar="KIND,…",
        help=f"{', '.join(MADE)}; the first five by default, grounded with --ground")  # fmt: skip
    add("--ground", default="", metavar="RUN|JSONL", help="documents to ask questions about")
    add("--judge", action="store_true", help="ask the model whether each answer is of its kind")
    group = options.add_argument_group("settings (docs/instruct_kinds.md)")
    for name, said in _PLAIN.items():
        default = getattr(_DEFAULT, name)
        flag = "--" + name.replace("_", "-")
        group.add_argument(flag, type=type(default), default=default, metavar="N", help=said)
    group.add_argument("--unit", default=_DEFAULT.unit, metavar="characters|TOKENIZER",
                       help="dialogue: what --most counts")  # fmt: skip
    return options


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the run's settings; sampling options go to the writing steps, answers are greedy."""
    kinds = options.kind or (("grounded",) if options.ground else _DEFAULT.kinds)
    return Settings(
        kinds=kinds, ground=options.ground, judge=options.judge, unit=options.unit,
        write=models.sampling(_DEFAULT.write), **common(options),
        **{name: getattr(options, name) for name in _PLAIN},
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.kinds.run import job
    from corpusforge.instruct.session import command

    models = settings_from(options)
    return command(options, models, job(settings_of(options, models)))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
