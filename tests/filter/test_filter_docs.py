"""The documentation page says what the code does: its example runs, its tables are the rules."""

from __future__ import annotations

import re
from pathlib import Path

from corpusforge.filter import RULES
from corpusforge.filter.line_patterns import MARKS
from corpusforge.filter.rules import limits_text
from corpusforge.filter.settings import DEFAULT_RULES

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "filter.md").read_text(encoding="utf-8")


def test_filter_docs_example_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(compile(example, "docs/filter.md", "exec"), {})


def test_filter_docs_list_every_bound() -> None:
    for name, rule_set in RULES.items():
        section = PAGE.split(f"### {name}\n", 1)[1].split("\n#", 1)[0]
        rows = [row.split("|")[1:4] for row in section.splitlines() if row.startswith("| ")][1:]
        expected = [
            [b.name, f"`{b.statistic}`", limits_text(b.low, b.high)] for b in rule_set.bounds
        ]
        assert [[cell.strip() for cell in row] for row in rows] == expected, name


def test_filter_docs_name_line_rules_and_defaults() -> None:
    for mark in MARKS:
        assert mark.rule in PAGE
    for kind, names in DEFAULT_RULES.items():
        assert f"`{kind}`" in PAGE
        assert all(f"`{name}`" in PAGE for name in names)
