"""From prompts to labelling jobs, stand-alone.

    python -m pipelines.export_labelling --prompts prompts.jsonl --engine openai --model NAME \\
        -k 4 --raters 3 --target html --output job

Writes OUTPUT/job.json and tasks.jsonl (with a checksum that import verifies), a folder for each
target, OUTPUT/pool (prompts kept and dropped), shortfalls.jsonl, export.json, the journal of
replies, and OUTPUT/private (salt and names: keep it apart). Answers that exist come by --answers
instead of a model, or before it. A stopped export goes on when the same command is run again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from corpusforge.annotate.create_job import Request, export, plan
from corpusforge.annotate.settings import (
    KINDS,
    QUOTA_NAMES,
    AssignSettings,
    CandidateSettings,
    CostSettings,
    PoolSettings,
    Settings,
)
from corpusforge.annotate.targets import TARGETS
from corpusforge.errors import InputError
from corpusforge.io.files import input_files
from corpusforge.models.options import add_model_options, settings_from
from corpusforge.options import Parser, add_settings, settings_of
from corpusforge.plugins import choice
from corpusforge.printing import say
from corpusforge.program import guard

__all__ = ["main"]

_GROUPS: dict[str, tuple[type[Any], dict[str, str]]] = {
    "pool": (PoolSettings, {"threshold": "prompt-threshold"}),
    "candidates": (CandidateSettings, {"retries": "answer-retries", "similar": "answer-similar"}),
    "assign": (AssignSettings, {}),
    "cost": (CostSettings, {}),
}
"""Settings by group, and the options of those whose plain name would be unclear here."""
_ELSEWHERE = ("k", "temperature", "top_p", "max_tokens", "quotas", "redact")


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser.of("export_labelling", __doc__)
    _add_inputs(options)
    add = options.add_argument
    add("--output", required=True, metavar="DIR", help="an empty or new directory")
    add("--raters", required=True, metavar="N|FILE", help="a number, or names (docs/annotate.md)")
    add("--target", nargs="+", default=[], type=choice("targets", TARGETS), metavar="NAME",
        help=f"of {', '.join(TARGETS)}, or your own as package.module:NAME; none: only the job")  # fmt: skip
    add("--kind", choices=KINDS, default="ranking", help="what raters do (default: ranking)")
    add("-k", "--candidates", dest="k", type=int, default=CandidateSettings().k, metavar="K",
        help=f"answers per prompt, 2 to 9 (default: {CandidateSettings().k})")  # fmt: skip
    add("--source", action="append", default=[], metavar="model=NAME,temperature=T",
        help="one way to get an answer; again for another, they take turns")  # fmt: skip
    add("--rubric", default=Settings().rubric, metavar="NAME",
        help=f"scales and flags that raters fill in (default: {Settings().rubric})")  # fmt: skip
    add("--language", choices=("en", "zh"), default="en", help="the raters' surface")
    add("--languages", nargs="+", default=[], metavar="LANG", help="keep prompts in these only")
    add("--quotas", choices=QUOTA_NAMES, default="none",
        help="sizes of the pools: none, or those of InstructGPT's table 6 (default: none)")  # fmt: skip
    add("--no-redact", action="store_true", help="leave personal data in (be sure you may)")
    add("--pool", choices=("sft", "rm", "ppo", "all"), default="",
        help="prompts of this pool alone, all: of every one (default: sft for demonstrations and dialogues, "
        "else rm)")  # fmt: skip
    add("--split", choices=("train", "valid", "all"), default="all",
        help="prompts of this side of the validation split (default: all)")  # fmt: skip
    add("--seed", type=int, default=0, help="of every draw: pools, turns, order shown (default: 0)")
    add("--round", type=int, default=0, metavar="N", help="of the flywheel")
    add("--previous", nargs="+", default=[], metavar="JOB", help="ids of earlier rounds' jobs")
    add("--salt-file", default="", metavar="FILE", help="same pseudonyms as another job")
    add("--plan", action="store_true", help="print pool and cost, ask and write nothing")
    for name, (kind, rename) in _GROUPS.items():
        add_settings(
            options,
            kind,
            f"{name} (docs/annotate.md)",
            skip=_ELSEWHERE,
            rename=rename,
            prefix=f"{name}_",
        )
    add_model_options(options)
    return options


def _add_inputs(options: Parser) -> None:
    for name, text in (
        ("prompts", "users' prompts, JSON (lines or array) or Parquet, packed or not, as all that follow; a "
         "row's own `origin` wins"),
        ("labeler-prompts", "prompts written by labelers"),
        ("instruct-rows", "rows.jsonl of an instruct run"),
        ("logs", "usage logs: rows without consent are dropped"),
        ("answers", "answers that exist, one or several a row"),
        ("gold", "known items, hidden among the others"),
        ("qualification", "known items that every rater does first"),
    ):  # fmt: skip
        options.add_argument(f"--{name}", nargs="+", default=[], metavar="FILE", help=text)


def _settings(options: argparse.Namespace) -> Settings:
    given: dict[str, dict[str, Any]] = {
        "pool": {"quotas": options.quotas, **({"redact": ()} if options.no_redact else {})},
        "candidates": {
            "k": options.k,
            **{
                name: getattr(options, f"model_{name}")
                for name in ("temperature", "top_p", "max_tokens")
                if getattr(options, f"model_{name}", None) is not None
            },
        },
    }
    groups: dict[str, Any] = {
        name: settings_of(options, kind, prefix=f"{name}_", **given.get(name, {}))
        for name, (kind, _) in _GROUPS.items()
    }
    return Settings(
        kind=options.kind,
        rubric=options.rubric,
        language=options.language,
        seed=options.seed,
        round=options.round,
        **groups,
    )


def _request(options: argparse.Namespace) -> Request:
    prompts = [
        (origin, path)
        for option, origin in (
            ("prompts", "user"),
            ("labeler_prompts", "labeler"),
            ("instruct_rows", "instruct"),
        )
        for path in input_files(getattr(options, option), "--" + option.replace("_", "-"))
    ]
    logs = input_files(options.logs, "--logs")
    if not prompts and not logs:
        raise InputError(
            "no prompts. Give --prompts, --labeler-prompts, --instruct-rows or --logs."
        )
    return Request(
        prompts=prompts,
        logs=logs,
        answers=input_files(options.answers, "--answers"),
        gold=input_files(options.gold, "--gold"),
        qualification=input_files(options.qualification, "--qualification"),
        output=options.output,
        raters=options.raters,
        targets=options.target,
        salt_file=options.salt_file,
        pool=options.pool,
        split=options.split,
        languages=options.languages,
        previous=options.previous,
    )


def run(options: argparse.Namespace) -> int:
    """Run the export the options describe; return the exit code."""
    from corpusforge.annotate.candidates import parse_source
    from corpusforge.io.files import make_directory
    from corpusforge.models.engines import open_client

    settings, request = _settings(options), _request(options)
    if options.plan:
        plan(request, settings)
        return 0
    model = settings_from(options)
    texts = options.source or [""]
    sources = [parse_source(text, settings.candidates) for text in texts]
    client = None
    if model.model or model.engine != "local" or options.source:
        make_directory(options.output)
        client = open_client(model, options.output)
    try:
        done = export(request, settings, client, sources)
    finally:
        if client is not None:
            client.close()
    job = done.job
    say(
        f"job {job.id}: {job.tasks} tasks on {job.prompts} prompts for {len(job.raters)} raters, "
        f"checksum {job.checksum}; {len(done.paths)} files; written to {options.output}"
    )
    for line in done.notices:
        say(f"warning: {line}", error=True)
    for what, count in sorted(done.report["shortfalls"].items()):
        say(f"warning: {count} prompts with too few answers: {what}", error=True)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; exit code 2 for a wrong input or option."""
    return guard(lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
