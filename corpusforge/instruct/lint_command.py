"""`corpusforge lint-seeds FILE…`: what is wrong with seed tasks, and how they are made up."""

from __future__ import annotations

import argparse
from typing import Any

from corpusforge.printing import say

__all__ = ["add_parser"]


def add_parser(commands: Any) -> None:
    """Mount the subcommand `lint-seeds`."""
    options = commands.add_parser(
        "lint-seeds", help="check seed tasks: schema, filters, near-duplicates, balance"
    )
    options.add_argument(
        "files", nargs="+", metavar="FILE", help="JSON lines, or en or zh for the built-in seeds"
    )
    options.add_argument("--language", default="", help="language of rows that do not name one")
    options.add_argument("--strict", action="store_true", help="warnings fail as errors do")
    options.set_defaults(run_command=_lint)


def _lint(options: argparse.Namespace) -> int:
    """Print figures and findings of each file; 1 where there are errors, else 0."""
    from corpusforge.instruct import lint, seeds

    failed = False
    for name in options.files:
        language = name if name in seeds.BUILTIN else options.language
        findings, tasks = lint.lint_rows(seeds.read_rows(name), language)
        errors = sum(found.level == "error" for found in findings)
        say(f"{name}: {len(tasks)} tasks, {errors} errors, {len(findings) - errors} warnings")
        for balance in lint.balances(tasks):
            _print_balance(balance)
        texts = {task.id: task.instruction for task in tasks}
        for found in findings:
            _print_finding(found, texts)
        failed |= bool(findings if options.strict else errors)
    return int(failed)


def _print_balance(balance: Any) -> None:
    low, middle, high = balance.lengths
    share = f"{balance.classification:.1%}" if balance.labelled else "unknown share of"
    say(
        f"  {balance.language}: {balance.tasks} tasks, {balance.instances} instances, "
        f"{share} classification, {balance.empty_input:.1%} without input; "
        f"{low} to {high} {balance.unit}s, median {middle}"
    )
    for title, counts in (("openings", balance.openings), ("forms", balance.forms)):
        shown = ", ".join(f"{name} {count}" for name, count in counts[:8])
        say(f"    {title} ({len(counts)}): {shown}")


def _print_finding(found: Any, texts: dict[str, str]) -> None:
    bound = f" (expected {found.bound})" if found.bound else ""
    near = f", near {found.nearest}" if found.nearest else ""
    value = " ".join(found.value.split())
    say(f"  {found.level}: {found.task}: {found.rule}: {value}{bound}{near}")
    if found.task in texts:
        say(f"    {' '.join(texts[found.task].split())[:100]}")
