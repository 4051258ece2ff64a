"""The account of every document: seen = kept + dropped + failed, at every stage, for every source.

A ledger is a value that merges like a CombineFn's accumulator, so parts may be counted anywhere
and summed in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from corpusforge.errors import InternalError

__all__ = ["STAGES", "Account", "Ledger"]

STAGES = (
    "ingest",
    "extract",
    "identify",
    "filter",
    "score",
    "dedup",
    "decontaminate",
    "tokenize",
    "mix",
    "shard",
)
"""The verbs that see documents, in path order; `report` only reads."""


@dataclass(slots=True)
class Account:
    """What became of the documents that one stage saw of one source."""

    seen: int = 0
    kept: int = 0
    failed: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)  # redactions, cut lines: nothing removed

    def merge(self, other: Account) -> None:
        """Add another account of the same stage and source."""
        self.seen += other.seen
        self.kept += other.kept
        self.failed += other.failed
        self.dropped.update(other.dropped)
        self.notes.update(other.notes)

    @property
    def balanced(self) -> bool:
        """Whether every document seen is kept, dropped or failed."""
        return self.seen == self.kept + self.failed + self.dropped.total()


class Ledger:
    """Accounts by (stage, source)."""

    def __init__(self) -> None:
        self.accounts: dict[tuple[str, str], Account] = {}

    def of(self, stage: str, source: str) -> Account:
        """Return the account of a stage and source, opening it at zero."""
        if stage not in STAGES:
            raise InternalError(f"ledger stage {stage!r} is not one of {STAGES}")
        return self.accounts.setdefault((stage, source), Account())

    def merge(self, other: Ledger) -> None:
        """Add every account of another ledger."""
        for (stage, source), account in other.accounts.items():
            self.of(stage, source).merge(account)

    def check(self) -> None:
        """Raise InternalError naming the first stage and source that does not balance."""
        for (stage, source), account in self.accounts.items():
            if not account.balanced:
                raise InternalError(
                    f"ledger of stage {stage!r}, source {source!r} does not balance: seen "
                    f"{account.seen}, kept {account.kept}, dropped {account.dropped.total()}, "
                    f"failed {account.failed}"
                )

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of the report: path order, then source."""
        order = {stage: number for number, stage in enumerate(STAGES)}
        keys = sorted(self.accounts, key=lambda key: (order[key[0]], key[1]))
        return [
            {
                "stage": stage,
                "source": source,
                "seen": account.seen,
                "kept": account.kept,
                "dropped": dict(sorted(account.dropped.items())),
                "failed": account.failed,
                **({"notes": dict(sorted(account.notes.items()))} if account.notes else {}),
            }
            for stage, source in keys
            for account in [self.accounts[stage, source]]
        ]

    @classmethod
    def from_rows(cls, rows: Iterable[dict[str, Any]]) -> Ledger:
        """Return the ledger that `rows` came from."""
        ledger = cls()
        for row in rows:
            account = Account(
                row["seen"],
                row["kept"],
                row["failed"],
                Counter(row["dropped"]),
                Counter(row.get("notes", {})),
            )
            ledger.of(row["stage"], row["source"]).merge(account)
        return ledger
