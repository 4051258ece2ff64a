"""JSONL without evaluation items: cut or dropped, with a report.

    python -m pipelines.decontaminate --index eval.index --input documents.jsonl --output clean

writes kept.jsonl, hits.jsonl and report.json. For SFT and ranking rows name every text field:
--field prompt --field response; a row with a hit is then dropped whole. Exit code: 0; 1 where an input is
damaged or ends early (what stood before the damage is there); 2 for a wrong input or option.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from corpusforge.decontaminate import Settings
from corpusforge.decontaminate.settings import RULE_NAMES
from corpusforge.io.files import input_files
from corpusforge.options import Parser, add_settings, settings_of
from corpusforge.printing import say
from corpusforge.program import guard, tell_damage
from corpusforge.run.decontaminate_files import decontaminate_files

__all__ = ["main", "run"]

_DEFAULT = Settings()
_ELSEWHERE = ("sets", "index", "rules")


def parser() -> Parser:
    """Return the command line's parser."""
    options = Parser(
        prog="python -m pipelines.decontaminate",
        description="Remove what overlaps the evaluation sets of an index from JSONL files.",
    )
    add = options.add_argument
    add("--index", required=True, help="file made by python -m pipelines.build_eval_index")
    add("--input", action="append", required=True, metavar="JSONL",
        help="file, directory or glob; .gz, .zst, .bz2, .xz as well; may be repeated")  # fmt: skip
    add(
        "--output", required=True, metavar="DIR", help="kept.jsonl, hits.jsonl, report.json go here"
    )
    add("--field", action="append", metavar="NAME",
        help="text field, dots reach inside; with several, or one that holds a list, a row "
             "with a hit is dropped, not cut (default: text)")  # fmt: skip
    add("--rule", action="append", metavar="NAME",
        help=f"of {', '.join(RULE_NAMES)} (default: {', '.join(_DEFAULT.rules)})")  # fmt: skip
    add(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes that search files (default: 1)",
    )
    add_settings(options, Settings, "settings (docs/decontaminate.md)", skip=_ELSEWHERE)
    return options


def run(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Do what the command line says; return the report. Raises CorpusforgeError."""
    options = parser().parse_args(argv)
    rules: dict[str, Any] = {"rules": tuple(options.rule)} if options.rule else {}
    settings = settings_of(options, Settings, index="", **rules)
    paths = input_files(options.input, "--input")
    report = decontaminate_files(
        options.index, paths, options.output, settings, tuple(options.field or ("text",)),
        workers=options.workers,
    )  # fmt: skip
    _print(report)
    return report


def _print(report: dict[str, Any]) -> None:
    dropped = sum(report["dropped"].values())
    say(
        f"seen {report['seen']}  kept {report['kept']} (cut {report['cut']})  dropped {dropped}  "
        f"failed {report['failed']}"
    )
    if report["unsearched"]:
        say(f"    of the failed, {report['unsearched']} took more than --max-steps to search")
    if report["repaired"]:
        say("repaired " + ", ".join(f"{k} {n}" for k, n in report["repaired"].items()))
    for name, about in report["sets"].items():
        found, items = about["items_found"], about["items"]
        actions = ", ".join(f"{count} {what}" for what, count in about["actions"].items())
        say(f"{name:<20} {found} of {items} items in {about['documents']} rows: {actions or '-'}")
        for example in about["examples"][:2]:
            say(f"    {example['id']}  {example['rule']}  item {example['item']}: "
                  f"{example['excerpt'][:100]}")  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: 0; 1 where an input is damaged, so that rows are missing; 2 for a wrong option."""
    return guard(lambda: tell_damage(run(argv)["damaged"]))


if __name__ == "__main__":
    sys.exit(main())
