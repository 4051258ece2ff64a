"""A model's first ordering of a labelling job's answers, for people to confirm or change.

    python -m pipelines.prerank_labelling --job JOB --engine openai --model NAME

Writes JOB/suggestions.jsonl (marked as a model's, unconfirmed) and JOB/suggestions.refused.jsonl, and
puts the suggestions as predictions into the job's Label Studio files. Run it before raters begin.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from corpusforge.models.options import add_model_options, settings_from
from corpusforge.options import Parser
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["main"]


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("prerank_labelling", __doc__)
    add = options.add_argument
    add("--job", required=True, metavar="DIR", help="what export_labelling wrote")
    add("--constitution", default="plain.v1", metavar="NAME|FILE", help="TOML, [[principles]]")
    add("--share", type=float, default=0.8, metavar="X", help="prompts that get a suggestion")
    add("--seed", type=int, default=0,
        help="of the order in which answers are shown to the judge (default: 0)")  # fmt: skip
    add("--form", choices=("chat", "json"), default="chat",
        help="chat, or json (the server is given a JSON Schema)")  # fmt: skip
    add_model_options(options)
    return options


def run(options: argparse.Namespace) -> int:
    """Ask for the suggestions; return the exit code."""
    from corpusforge.annotate.jobs import read_job, read_tasks
    from corpusforge.annotate.prerank import FLIPPED, add_predictions, constitution, suggest
    from corpusforge.annotate.records import Ranking
    from corpusforge.io.jsonl import write_jsonl
    from corpusforge.models.engines import open_client

    rules, job = constitution(options.constitution), read_job(options.job)
    with open_client(settings_from(options), options.job) as client:
        tasks = read_tasks(options.job)
        found = list(
            suggest(client, tasks, rules, share=options.share, seed=options.seed, form=options.form)
        )
    made = {row.task: row for row in found if isinstance(row, Ranking)}
    refused = [row for row in found if not isinstance(row, Ranking)]
    folder = Path(options.job)
    write_jsonl(str(folder / "suggestions.jsonl"), map(asdict, made.values()))
    write_jsonl(str(folder / "suggestions.refused.jsonl"), map(asdict, refused))
    shown = add_predictions(options.job, made)
    flipped = sum(FLIPPED in row.flags for row in made.values())
    say(
        f"job {job.id}: {len(made)} of {job.tasks} tasks have a suggestion, {flipped} of them decided "
        f"by place; refused {dict(Counter(row.rule for row in refused)) or 0}; {shown} predictions in "
        "label-studio/"
    )
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; exit code 2 for a wrong input or option."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
