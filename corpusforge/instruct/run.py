"""A Self-Instruct run in its directory: claimed, played, written, and going on where it stopped.

Everything but `journal.jsonl` and `failures.jsonl` is made again from these two by playing the
rounds anew, and written when a run ends, whatever ended it; so a killed run has lost nothing that
was paid for, and its directory ends byte for byte as that of a run left alone. Limit: a local
directory (the journal needs one).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpusforge import manifest as records
from corpusforge.errors import CorpusforgeError
from corpusforge.instruct import directory
from corpusforge.instruct import seeds as seeding
from corpusforge.instruct.asking import NothingAnswered, Patient
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.loop import Origin, State, play
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import profile
from corpusforge.instruct.records import Task
from corpusforge.instruct.report import Report, build_report, write_report
from corpusforge.instruct.rounds import open_pool, prompt_names
from corpusforge.instruct.settings import Settings
from corpusforge.io import files
from corpusforge.io.lock import lock
from corpusforge.models.budget import BudgetSpent
from corpusforge.models.client import Client
from corpusforge.models.prompts import prompt

__all__ = ["Finished", "load_seeds", "run"]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended: its report, and the error that ended it, if one did."""

    report: Report
    error: CorpusforgeError | KeyboardInterrupt | None = None


def load_seeds(settings: Settings) -> tuple[Task, ...]:
    """Return the seed tasks that the settings name. Raises InputError."""
    sources = settings.seeds or settings.languages
    return tuple(task for source in sources for task in seeding.load(source))


def run(
    settings: Settings,
    output: str,
    client: Client,
    *,
    formats: Sequence[str] = (),
    model_licence: str = "",
    give_up: bool = False,
    show: Callable[[int, Sequence[State]], None] = lambda number, states: None,
) -> Finished:
    """Play rounds into the directory `output` until the settings, the budget or a failure says stop.

    The outputs are those of the whole rounds. Raises RunError where the directory holds another
    run, InputError for wrong seeds or formats; BudgetSpent, NothingAnswered and an interrupt are returned.
    """
    directory.check_formats(formats)
    seeds = load_seeds(settings)
    check = open_check(settings)
    origin = Origin(
        engine=client.engine.name, model=client.engine.model, model_licence=model_licence
    )
    with lock(output):
        directory.sweep(output)
        _claim(output, settings, seeds, origin)
        states = [_open(language, seeds, settings) for language in settings.languages]
        error: CorpusforgeError | KeyboardInterrupt | None = None
        try:
            failures = files.join(output, "failures.jsonl")
            ask = Patient(client, failures, give_up=give_up)
            play(states, settings, origin, ask, check, show)
        except (BudgetSpent, NothingAnswered, KeyboardInterrupt) as stop:
            error = stop
            for state in states:
                state.stopped = state.stopped or directory.in_words(stop)
        report = build_report(states, settings, client.usage, origin)
        _write(output, states, settings, report, formats)
    return Finished(report, error)


def _open(language: str, seeds: Sequence[Task], settings: Settings) -> State:
    rules = profile(language)
    gate = Gate(rules, settings.numerator, settings.denominator)
    return State(open_pool(rules, gate, seeds, settings))


def _claim(output: str, settings: Settings, seeds: Sequence[Task], origin: Origin) -> None:
    """Write down what the rounds of this directory depend on; raises RunError where it differs."""
    directory.claim(
        output,
        {
            **settings.fixed(),
            "engine": origin.engine,
            "model": origin.model,
            "evaluation": files.sha256(settings.evaluation) if settings.evaluation else "",
            "model_licence": origin.model_licence,
            "seed tasks": records.fingerprint(list(seeds)),
            "prompts": {
                f"{name} {language}": prompt(name, language).version
                for language in settings.languages
                for name in prompt_names(settings)
            },
        },
    )


def _write(
    output: str, states: Sequence[State], settings: Settings, report: Report, formats: Sequence[str]
) -> None:
    """Write every output of the whole rounds."""

    def pages() -> list[str]:
        write_report(report, states, output)
        return ["report.json", "report.html"]

    directory.write(
        output,
        "self_instruct",
        {
            "rows.jsonl": [row for state in states for row in state.rows],
            "rejects.jsonl": [row for state in states for row in state.rejects],
            "pool.jsonl": [row for state in states for row in state.pool.machine],
        },
        report.usage,
        pages,
        settings=settings,
        formats=formats,
        extra={"stopped": {name: part.stopped for name, part in report.languages.items()}},
    )
