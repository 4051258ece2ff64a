"""Files of rows as commands read them: what can be used goes on, the rest is counted, damage is told.

A row is a line of JSON that holds an object. Whatever a line or a file holds, reading goes on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from corpusforge.io.jsonl import Bad, Row, read_rows

__all__ = ["Reading"]


@dataclass(slots=True)
class Reading:
    """What became of the rows of some files: `seen` were there, `failed` of them cannot be used."""

    seen: int = 0
    failed: int = 0
    example: str = ""
    """The first row that failed, as path:line."""
    unnamed: int = 0
    """Rows that are used without an id of their own."""
    repaired: Counter[str] = field(default_factory=Counter)
    damaged: list[str] = field(default_factory=list)
    """Files that end early, with what ends them."""

    def rows(
        self, paths: Iterable[str], takes: Callable[[dict[str, Any]], bool]
    ) -> Iterator[tuple[str, Row]]:
        """Yield (path, row) of the objects that `takes` says can be used; count all."""
        for path in paths:
            for row in read_rows(path):
                self.seen += 1
                if isinstance(row, Row) and isinstance(row.value, dict) and takes(row.value):
                    self.repaired.update(row.repaired)
                    yield path, row
                    continue
                self.failed += 1
                self.example = self.example or f"{path}:{row.number}"
                if isinstance(row, Bad) and row.cut:
                    self.damaged.append(f"{path}: {row.error} (line {row.number})")

    def add(self, other: Reading) -> None:
        """Add what became of the rows of further files."""
        self.seen += other.seen
        self.failed += other.failed
        self.example = self.example or other.example
        self.unnamed += other.unnamed
        self.repaired.update(other.repaired)
        self.damaged += other.damaged

    @property
    def repairs(self) -> str:
        """What was repaired in how many rows, for a terminal; "" where nothing was."""
        return ", ".join(f"{name} {count}" for name, count in sorted(self.repaired.items()))
