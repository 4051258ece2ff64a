"""What a run made and what it refused: a funnel that balances, as text, JSON and one HTML page.

Every figure follows from the rounds, none from the clock, so a run that was killed and resumed has
the report of one that was left alone. Limit: `paid` counts the journal's answers, so tokens of tries
that failed are in the journal and in the budget, but not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge.instruct.caps import dominant
from corpusforge.instruct.diversity import measure
from corpusforge.instruct.loop import State
from corpusforge.instruct.making import Account, Made
from corpusforge.instruct.records import Row
from corpusforge.instruct.session import funnel_lines
from corpusforge.instruct.settings import Settings
from corpusforge.instruct.verbs import verb_object

__all__ = ["UNITS", "LanguageReport", "Report", "build_report", "funnel"]

UNITS = {"generate": "instructions", "classify": "instructions", "instances": "instances"}
"""What a step counts; a reply that gives none counts as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageReport:
    """One language: why it stopped, its funnel, and what its rows are like."""

    stopped: str
    target: int
    rows: int
    tasks: int
    classification: int
    unclear: int
    """Instructions whose classification reply said neither yes nor no; they count as no."""
    steps: dict[str, Account]
    rounds: tuple[tuple[int, int], ...]
    """(rows, candidate instructions) of each round."""
    diversity: dict[str, Any]
    warnings: tuple[str, ...]
    """Families (by verb) that make up too much of the rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every figure of a run (report.json)."""

    version: str
    engine: str
    model: str
    model_licence: str
    settings: dict[str, Any]
    languages: dict[str, LanguageReport]
    usage: list[dict[str, str | int]]

    @property
    def stopped(self) -> dict[str, str]:
        """Why each language stopped."""
        return {name: part.stopped for name, part in self.languages.items()}


def build_report(
    states: Sequence[State], made: Made, settings: Settings, head: Mapping[str, Any]
) -> Report:
    """Return the report of the whole rounds: what they made, and how each language stopped."""
    languages = {state.pool.language: _language(state, made, settings) for state in states}
    return Report(**head, languages=languages)


def _language(state: State, made: Made, settings: Settings) -> LanguageReport:
    machine = state.pool.machine
    rows = [row for row in made.rows if row.language == state.pool.language]
    asked = settings.kind != "classification" and settings.method == "self_instruct"
    return LanguageReport(
        stopped=state.stopped,
        target=settings.target,
        rows=len(rows),
        tasks=len({row.task for row in rows}),
        classification=sum(task.is_classification is True for task in machine),
        unclear=sum(task.is_classification is None for task in machine) if asked else 0,
        steps=made.accounts(state.pool.language),
        rounds=tuple(state.yields),
        diversity=measure(rows, state.pool.seeds),
        warnings=dominant(rows, _family),
    )


def _family(row: Row) -> str:
    """The verb of a row's instruction; a row without one is a family of its own task."""
    verb, _ = verb_object(row.instruction, row.language)
    return f"the verb {verb!r}" if verb else row.task


def funnel(report: Report) -> list[str]:
    """Return the funnel as lines for a terminal."""
    lines = []
    for language, part in report.languages.items():
        lines.append(
            f"{language}: {part.rows} rows of {part.tasks} tasks after {len(part.rounds)} rounds "
            f"({part.stopped})"
        )
        lines += funnel_lines(part.steps, 10, lambda step: f"{UNITS[step]:<13}")
        lines += [f"  warning: {warning}" for warning in part.warnings]
    return lines
