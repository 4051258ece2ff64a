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

from corpusforge.errors import CorpusforgeError
from corpusforge.instruct import settings as choices
from corpusforge.instruct.loop import State
from corpusforge.instruct.settings import Settings
from corpusforge.models.options import add_model_options, parse, settings_from
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.options import Parser, names
from corpusforge.printing import say, say_text
from corpusforge.program import fail, stopped

__all__ = ["main", "parser"]

_DEFAULT = Settings()


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.self_instruct",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = options.add_argument
    add("--output", required=True, metavar="DIR", help="new, empty, or a run to go on with")
    add("--language", type=names, default=_DEFAULT.languages, metavar="en|zh|en,zh")
    add("--target", type=int, default=_DEFAULT.target, metavar="N", help="rows in each language")
    add(
        "--seeds", action="append", default=[], metavar="JSONL", help="the built-in ones by default"
    )
    add("--format", type=names, default=(), metavar="NAME,…", help="export forms; all by default")
    add("--model-licence", default="", metavar="TEXT", help="goes into every row's lineage")
    add("--give-up", action="store_true",
        help="go on where the engine answers none of a step's requests")  # fmt: skip
    group = options.add_argument_group("settings (docs/instruct.md)")
    group.add_argument("--method", choices=choices.METHODS, default=_DEFAULT.method,
                       help="alpaca: one request gives whole examples; sets its own defaults")  # fmt: skip
    for name, known in (("kind", choices.KINDS), ("form", choices.FORMS)):
        group.add_argument(f"--{name}", choices=known, default=getattr(_DEFAULT, name))
    for name in _NUMBERS:
        kind = type(getattr(_DEFAULT, name))
        group.add_argument("--" + name.replace("_", "-"), type=kind, default=None, metavar="N")
    group.add_argument("--allow", type=names, default=(), metavar="RULE,…", help="rules left out")
    group.add_argument("--evaluation", default="", metavar="FILE", help="index to decontaminate by")
    group.add_argument("--instance-tokens", type=int, default=_DEFAULT.instances.max_tokens,
                       metavar="N", help="max_tokens of the instance step")  # fmt: skip
    add_model_options(options)
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
        languages=options.language,
        target=options.target,
        seeds=tuple(options.seeds),
        kind=options.kind,
        form=options.form,
        allow=options.allow,
        evaluation=options.evaluation,
        generate=models.sampling(own.generate),
        instances=replace(_DEFAULT.instances, max_tokens=options.instance_tokens),
        **numbers,
    )


def _show(number: int, states: Sequence[State]) -> None:
    parts = [
        f"{state.pool.language} {len(state.rows)} rows, {len(state.pool.machine)} tasks"
        for state in states
    ]
    say(f"round {number + 1}: " + "; ".join(parts), error=True)


def run(options: argparse.Namespace) -> int:
    """Run the job the options describe; return the exit code."""
    from corpusforge.instruct.report import funnel_text
    from corpusforge.instruct.run import run as play
    from corpusforge.models.engines import open_client

    models = settings_from(options)
    settings = settings_of(options, models)
    with open_client(models, options.output) as client:
        done = play(
            settings, options.output, client, formats=options.format,
            model_licence=options.model_licence, give_up=options.give_up, show=_show,
        )  # fmt: skip
    say_text(funnel_text(done.report))
    say(f"written to {options.output}")
    if isinstance(done.error, CorpusforgeError):
        return fail(done.error)
    if done.error is not None:
        return stopped(done.error)
    short = [name for name, part in done.report.languages.items() if part.rows < part.target]
    for name in short:
        why = done.report.languages[name].stopped
        say(f"warning: {name} ended short of its target: {why}", error=True)
    return 1 if short else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point."""
    options = parse(parser(), argv)
    try:
        return run(options)
    except CorpusforgeError as error:
        return fail(error)


if __name__ == "__main__":
    sys.exit(main())
