"""The ledger as a funnel: stage by stage, for each source and for all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from corpusforge.ledger import STAGES
from corpusforge.report.data import LedgerRow

__all__ = ["Funnel", "Step", "funnels", "survivors"]

_BEFORE_MIX = STAGES[: STAGES.index("tokenize") + 1]


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of a funnel; `share` is what is kept of the first step's seen, in 0..1."""

    stage: str
    seen: int
    kept: int
    dropped: int
    failed: int
    share: float
    rules: tuple[tuple[str, int], ...]
    notes: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Funnel:
    """The steps of one source; `source` is "" for all sources together."""

    source: str
    steps: tuple[Step, ...]

    @property
    def seen(self) -> int:
        """Records at the mouth."""
        return self.steps[0].seen if self.steps else 0

    @property
    def by_stage(self) -> dict[str, Step]:
        """The steps by stage."""
        return {step.stage: step for step in self.steps}

    @property
    def kept(self) -> int:
        """Documents left before the mixture draws from them."""
        steps = [step for step in self.steps if step.stage in _BEFORE_MIX]
        return steps[-1].kept if steps else 0


def _is_language(note: str) -> bool:
    return note.startswith("lang:")  # shown as shares, not as notes


def _ranked(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _funnel(source: str, rows: Iterable[LedgerRow]) -> Funnel:
    by_stage: dict[str, list[LedgerRow]] = {}
    for row in rows:
        by_stage.setdefault(row.stage, []).append(row)
    steps: list[Step] = []
    first = 0
    for stage in sorted(by_stage, key=STAGES.index):
        mine = by_stage[stage]
        rules: Counter[str] = Counter()
        notes: Counter[str] = Counter()
        for row in mine:
            rules.update(row.dropped)
            notes.update({name: n for name, n in row.notes.items() if not _is_language(name)})
        seen = sum(row.seen for row in mine)
        kept = sum(row.kept for row in mine)
        failed = sum(row.failed for row in mine)
        first = first or seen
        share = kept / first if first else 0.0
        steps.append(
            Step(stage, seen, kept, rules.total(), failed, share, _ranked(rules), _ranked(notes))
        )
    return Funnel(source, tuple(steps))


def funnels(ledger: Iterable[LedgerRow]) -> tuple[Funnel, ...]:
    """Return the funnel of all sources together, then one a source in alphabetical order."""
    rows = list(ledger)
    sources = sorted({row.source for row in rows})
    return (
        _funnel("", rows),
        *(_funnel(name, [row for row in rows if row.source == name]) for name in sources),
    )


def survivors(ledger: Iterable[LedgerRow]) -> int:
    """Return the documents left before the mixture draws from them."""
    return _funnel("", ledger).kept
