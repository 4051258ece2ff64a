"""What a run made and what it refused: a funnel that balances, as text, JSON and one HTML page.

Every figure follows from the rounds, none from the clock, so a run that was killed and resumed has
the report of one that was left alone. Limit: `paid` counts the journal's answers, so tokens of tries
that failed are in the journal and in the budget, but not here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge import __version__
from corpusforge import manifest as records
from corpusforge.instruct.caps import dominant
from corpusforge.instruct.diversity import measure, plots
from corpusforge.instruct.loop import Account, Origin, State
from corpusforge.instruct.records import Row
from corpusforge.instruct.settings import Settings
from corpusforge.instruct.verbs import verb_object
from corpusforge.io import files
from corpusforge.models.budget import Usages
from corpusforge.report import numbers
from corpusforge.report.pages import template

__all__ = ["LanguageReport", "Report", "build_report", "funnel_text", "write_report"]

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


def build_report(
    states: Sequence[State], settings: Settings, usage: Usages, origin: Origin
) -> Report:
    """Return the report of the whole rounds that the states hold."""
    return Report(
        version=__version__,
        engine=origin.engine,
        model=origin.model,
        model_licence=origin.model_licence,
        settings=records.plain(settings),
        languages={state.pool.language: _language(state, settings) for state in states},
        usage=usage.table(),
    )


def _language(state: State, settings: Settings) -> LanguageReport:
    machine = state.pool.machine
    asked = settings.kind != "classification" and settings.method == "self_instruct"
    return LanguageReport(
        stopped=state.stopped,
        target=settings.target,
        rows=len(state.rows),
        tasks=len({row.task for row in state.rows}),
        classification=sum(task.is_classification is True for task in machine),
        unclear=sum(task.is_classification is None for task in machine) if asked else 0,
        steps=state.steps,
        rounds=tuple(state.yields),
        diversity=measure(state.rows, state.pool.seeds),
        warnings=dominant(state.rows, _family),
    )


def _family(row: Row) -> str:
    """The verb of a row's instruction; a row without one is a family of its own task."""
    verb, _ = verb_object(row.instruction, row.language)
    return f"the verb {verb!r}" if verb else row.task


def funnel_text(report: Report) -> str:
    """Return the funnel as lines for a terminal."""
    lines = []
    for language, part in report.languages.items():
        lines.append(
            f"{language}: {part.rows} rows of {part.tasks} tasks after {len(part.rounds)} rounds "
            f"({part.stopped})"
        )
        for step, account in part.steps.items():
            lines.append(
                f"  {step:<10}{account.seen:>8} {UNITS[step]:<13}{account.accepted:>8} accepted  "
                f"{numbers.percent(account.accepted, account.seen)}"
            )
            lines += [f"{count:>18} {rule}" for rule, count in account.ranked()]
        lines += [f"  warning: {warning}" for warning in part.warnings]
    return "\n".join(lines)


def write_report(report: Report, states: Sequence[State], output: str) -> None:
    """Write report.json and report.html into the directory."""
    records.write_json(files.join(output, "report.json"), report)
    drawings = {state.pool.language: plots(state.rows, state.pool.seeds) for state in states}
    samples = {
        state.pool.language: {"rows": state.rows[:5], "rejects": _examples(state)}
        for state in states
    }
    page = template("instruct.html.j2", (("ranked", Account.ranked),)).render(
        report=report, drawings=drawings, samples=samples, units=UNITS
    )
    files.write_bytes(files.join(output, "report.html"), page.encode("utf-8"))


def _examples(state: State) -> list[Any]:
    """The first reject of each (step, rule)."""
    first: dict[tuple[str, str], Any] = {}
    for reject in state.rejects:
        first.setdefault((reject.step, reject.rule), reject)
    return list(first.values())
