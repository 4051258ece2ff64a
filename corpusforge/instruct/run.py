"""A Self-Instruct run as a job: its seed tasks, what its rounds depend on, its outputs and figures.

Every figure follows from the rounds, none from the clock, so a run that was killed and resumed has
the report of one that was left alone. Limit: `paid` counts the journal's answers, so tokens of tries
that failed are in the journal and in the budget, but not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge import manifest as records
from corpusforge.instruct import seeds as seeding
from corpusforge.instruct.accounts import Account, Ask, Made, Origin
from corpusforge.instruct.checks import RowCheck, open_check
from corpusforge.instruct.diversity import measure, plots
from corpusforge.instruct.limits import dominant
from corpusforge.instruct.loop import State, play
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import profile
from corpusforge.instruct.records import Row, Task
from corpusforge.instruct.requests import open_pool, prompt_names
from corpusforge.instruct.session import Job, first_rejects, funnel_lines
from corpusforge.instruct.settings import Settings
from corpusforge.instruct.verb_noun import verb_object

__all__ = ["LanguageReport", "Report", "SelfInstruct", "job", "load_seeds"]


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


def load_seeds(settings: Settings) -> tuple[Task, ...]:
    """Return the seed tasks that the settings name. Raises InputError."""
    sources = settings.seeds or settings.languages
    return tuple(task for source in sources for task in seeding.load(source))


def job(settings: Settings) -> SelfInstruct:
    """Return the job of these settings; reads seeds and evaluation index. Raises InputError."""
    seeds = load_seeds(settings)
    states = []
    for language in settings.languages:
        rules = profile(language)
        gate = Gate(rules, settings.numerator, settings.denominator)
        states.append(State(open_pool(rules, gate, seeds, settings)))
    names = prompt_names(settings)
    return SelfInstruct(
        stage="self_instruct", settings=settings, seeds=seeds, states=states,
        prompts=[(name, language) for language in settings.languages for name in names],
        check=open_check(settings.evaluation, settings.allow),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SelfInstruct(Job):
    """Rounds of every language into one directory; `states` are what each has come to."""

    stage: str
    settings: Settings
    prompts: Sequence[tuple[str, str]]
    seeds: tuple[Task, ...]
    states: Sequence[State]
    check: RowCheck

    def facts(self) -> Mapping[str, Any]:
        return {
            **self.settings.fixed(),
            "evaluation": self.check.evaluation,
            "seed tasks": records.fingerprint(list(self.seeds)),
        }

    def make(self, ask: Ask, origin: Origin) -> Iterator[Made]:
        return play(self.states, self.settings, origin, ask, self.check)

    def tables(self, made: Made) -> Mapping[str, Sequence[Any]]:
        place = self.settings.languages.index
        return {
            "rows.jsonl": sorted(made.rows, key=lambda row: place(row.language)),
            "rejects.jsonl": sorted(made.rejects, key=lambda reject: place(reject.language)),
            "pool.jsonl": [task for state in self.states for task in state.pool.machine],
        }

    def report(self, made: Made, stopped: str, head: Mapping[str, Any]) -> Report:
        for state in self.states:
            state.stopped = state.stopped or stopped
        languages = {
            state.pool.language: _language(state, made, self.settings) for state in self.states
        }
        return Report(**head, languages=languages)

    def page(self, report: Report, made: Made) -> tuple[str, Mapping[str, Any]]:
        drawings, samples = {}, {}
        for state in self.states:
            language = state.pool.language
            rows = [row for row in made.rows if row.language == language]
            rejects = [reject for reject in made.rejects if reject.language == language]
            drawings[language] = plots(rows, state.pool.seeds)
            samples[language] = {"rows": rows[:5], "rejects": first_rejects(rejects)}
        values = {"drawings": drawings, "samples": samples, "units": UNITS}
        return "instruct.html.j2", values

    def lines(self, report: Report) -> list[str]:
        lines = []
        for language, part in report.languages.items():
            lines.append(
                f"{language}: {part.rows} rows of {part.tasks} tasks after {len(part.rounds)} rounds "
                f"({part.stopped})"
            )
            lines += funnel_lines(part.steps, 10, lambda step: f"{UNITS[step]:<13}")
            lines += [f"  warning: {warning}" for warning in part.warnings]
        return lines

    def progress(self, made: Made) -> str:
        parts = [
            f"{state.pool.language} {state.rows} rows, {len(state.pool.machine)} tasks"
            for state in self.states
        ]
        return f"round {max(len(state.yields) for state in self.states)}: " + "; ".join(parts)

    def warnings(self, report: Report) -> list[str]:
        return [
            f"{name} ended short of its target: {part.stopped}"
            for name, part in report.languages.items()
            if part.rows < part.target
        ]


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
