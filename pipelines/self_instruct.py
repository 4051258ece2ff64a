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
from corpusforge.instruct.options import method_settings, new_parser
from corpusforge.instruct.settings import Settings
from corpusforge.models.options import parse, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser
from corpusforge.program import guard

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    options = new_parser("self_instruct", __doc__, Settings, "docs/instruct.md")
    options.add_argument("--instance-tokens", type=int, default=_DEFAULT.instances.max_tokens,
                         metavar="N", help="max_tokens of the instance step")  # fmt: skip
    return options


def settings_of(options: argparse.Namespace, models: ModelSettings) -> Settings:
    """Return the loop's settings; sampling options go to the generation step alone, since the
    others are greedy in the original and classify needs few tokens."""
    own = choices.defaults(getattr(options, "method", _DEFAULT.method))
    return method_settings(
        options,
        Settings,
        default=own,
        generate=models.sampling(own.generate),
        instances=replace(_DEFAULT.instances, max_tokens=options.instance_tokens),
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
