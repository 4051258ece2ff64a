"""Each row of docs/reliability.md names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_promise_names_tests_that_exist() -> None:
    table = [
        row
        for row in (ROOT / "docs/reliability.md").read_text().splitlines()
        if row.startswith("| ")
    ]
    assert len(table) > 15
    for row in table[1:]:
        fault, _, told = (cell.strip() for cell in row.strip("|").split(" | "))
        named = re.findall(r"`([^`]+)`", told)
        assert named, fault
        for name in named:
            path, _, test = name.partition("::")
            assert (ROOT / path).exists(), f"{fault}: {path}"
            start = test.rstrip("…")
            whole = "(" if start == test else ""
            found = not test or f"def {start}{whole}" in (ROOT / path).read_text()
            assert found, f"{fault}: {name}"
