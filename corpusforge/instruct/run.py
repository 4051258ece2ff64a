"""A Self-Instruct run as a job: its seed tasks, what its rounds depend on, and its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge import manifest as records
from corpusforge.instruct import seeds as seeding
from corpusforge.instruct.checks import RowCheck, open_check
from corpusforge.instruct.diversity import plots
from corpusforge.instruct.loop import State, play
from corpusforge.instruct.making import Ask, Made, Origin
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import profile
from corpusforge.instruct.records import Task
from corpusforge.instruct.report import UNITS, Report, build_report, funnel
from corpusforge.instruct.rounds import open_pool, prompt_names
from corpusforge.instruct.session import Job, first_rejects
from corpusforge.instruct.settings import Settings

__all__ = ["SelfInstruct", "job", "load_seeds"]


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
        return build_report(self.states, made, self.settings, head)

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
        return funnel(report)

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
