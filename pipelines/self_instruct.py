"""Self-Instruct: instructions, inputs and answers written by a model, from seed tasks.

    python -m pipelines.self_instruct --engine local --model DIR --language zh --target 5000 \
        --output DIR

Writes rows.jsonl, rejects.jsonl, pool.jsonl, usage.json, report.json, report.html, export/ and
manifest.json, beside journal.jsonl, which holds every reply. Killed or stopped by its budget, the
same command goes on and pays for nothing twice. Exit code: 0 target reached; 1 ended short of it
(yield, rounds); 2 a wrong option, the budget, or no engine; 130 interrupted. docs/instruct.md has
the settings.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from corpusforge.instruct import settings as choices
from corpusforge.instruct.options import common, new_parser
from corpusforge.instruct.settings import Settings
from corpusforge.models.options import parse, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    options = new_parser("self_instruct", __doc__, _DEFAULT.languages)
    add = options.add_argument
    add("--target", type=int, default=_DEFAULT.target, metavar="N", help="rows in each language")
    add(
        "--seeds", action="append", default=[], metavar="JSONL", help="the built-in ones by default"
    )
    group = options.add_argument_group("settings (docs/instruct.md)")
    group.add_argument("--method", choices=choices.METHODS, default=_DEFAULT.method,
                       help="alpaca: one request gives whole examples; sets its own defaults")  # fmt: skip
    for name, known in (("kind", choices.KINDS), ("form", choices.FORMS)):
        group.add_argument(f"--{name}", choices=known, default=getattr(_DEFAULT, name))
    for name in _NUMBERS:
        kind = type(getattr(_DEFAULT, name))
        group.add_argument("--" + name.replace("_", "-"), type=kind, default=None, metavar="N")
    group.add_argument("--instance-tokens", type=int, default=_DEFAULT.instances.max_tokens,
                       metavar="N", help="max_tokens of the instance step")  # fmt: skip
    return options


_NUMBERS = (
    "seed", "human", "machine", "asked", "prompts", "max_instances", "similar", "max_rounds",
    "yield_floor", "yield_rounds",
)  # fmt: skip


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the loop's settings; sampling options go to the generation step alone, since the
    others are greedy in the original and classify needs few tokens."""
    own = choices.defaults(options.method)
    given = {name: getattr(options, name) for name in _NUMBERS}
    numbers = {name: value for name, value in given.items() if value is not None}
    return replace(
        own,
        target=options.target,
        seeds=tuple(options.seeds),
        kind=options.kind,
        form=options.form,
        **common(options),
        generate=models.sampling(own.generate),
        instances=replace(_DEFAULT.instances, max_tokens=options.instance_tokens),
        **numbers,
    )


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.run import job
    from corpusforge.instruct.session import command

    models = settings_from(options)
    return command(options, models, job(settings_of(options, models)))


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    return guard(lambda: run(parse(parser(), argv)))


if __name__ == "__main__":
    sys.exit(main())
