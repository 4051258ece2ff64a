"""A Self-Instruct run in its directory: claimed, played, written, and going on where it stopped.

Everything but `journal.jsonl` and `failures.jsonl` is made again from these two by playing the
rounds anew, and written when a run ends, whatever ended it; so a killed run has lost nothing that
was paid for, and its directory ends byte for byte as that of a run left alone. Limit: a local
directory (the journal needs one).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from corpusforge import __version__
from corpusforge import manifest as records
from corpusforge.errors import CorpusforgeError, RecipeError, RunError, nearest
from corpusforge.instruct import export
from corpusforge.instruct import seeds as seeding
from corpusforge.instruct.asking import NothingAnswered, Patient
from corpusforge.instruct.checks import open_check
from corpusforge.instruct.loop import Origin, State, play
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import profile
from corpusforge.instruct.prompting import prompt
from corpusforge.instruct.records import Task
from corpusforge.instruct.report import Report, build_report, write_report
from corpusforge.instruct.rounds import open_pool, prompt_names
from corpusforge.instruct.settings import Settings
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.lock import lock
from corpusforge.models.budget import BudgetSpent
from corpusforge.models.client import Client

__all__ = ["Finished", "load_seeds", "run"]

_OWN = ("journal.jsonl", "failures.jsonl", "run.lock")
"""Files that may lie in a directory that no run has claimed yet."""


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
    for name in formats:
        if name not in export.FORMATS:
            raise RecipeError(f"export format {name!r} is unknown.{nearest(name, export.FORMATS)}")
    seeds = load_seeds(settings)
    check = open_check(settings)
    origin = Origin(
        engine=client.engine.name, model=client.engine.model, model_licence=model_licence
    )
    with lock(output):
        _sweep(output)
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
                state.stopped = state.stopped or _in_words(stop)
        report = build_report(states, settings, client.usage, origin)
        _write(output, states, settings, report, formats)
    return Finished(report, error)


def _in_words(error: BaseException) -> str:
    if isinstance(error, BudgetSpent):
        return "budget spent"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "the engine does not answer"


def _open(language: str, seeds: Sequence[Task], settings: Settings) -> State:
    rules = profile(language)
    gate = Gate(rules, settings.numerator, settings.denominator)
    return State(open_pool(rules, gate, seeds, settings))


def _sweep(output: str) -> None:
    """Delete what a killed run was about to rename."""
    for path in Path(output).rglob("*"):
        if files.TEMPORARY.search(path.name):
            path.unlink()


def _claim(output: str, settings: Settings, seeds: Sequence[Task], origin: Origin) -> None:
    """Write down what the rounds of this directory depend on; raises RunError where it differs."""
    claim: dict[str, Any] = records.plain(
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
        }
    )
    path = files.join(output, "run.json")
    if files.exists(path):
        earlier = msgspec.json.decode(files.read_bytes(path))
        for key in sorted(claim.keys() | earlier.keys()):
            if claim.get(key) != earlier.get(key):
                raise RunError(
                    f"{output!r} holds a run with {key} = {earlier.get(key)!r}; this one has "
                    f"{claim.get(key)!r}. Give the same value, or choose another --output."
                )
        return
    foreign = sorted(item.name for item in Path(output).iterdir() if item.name not in _OWN)
    if foreign:
        raise RunError(
            f"{output!r} holds files that no run wrote ({foreign[0]!r}). Choose an empty --output."
        )
    records.write_json(path, claim)


def _write(
    output: str, states: Sequence[State], settings: Settings, report: Report, formats: Sequence[str]
) -> None:
    """Write every output of the whole rounds, the manifest last: while it is missing, so may others.

    Forms that an earlier run exported and this one does not are removed.
    """
    files.remove(files.join(output, "manifest.json"))
    shutil.rmtree(files.join(output, "export"), ignore_errors=True)
    tables: dict[str, list[Any]] = {
        "rows.jsonl": [row for state in states for row in state.rows],
        "rejects.jsonl": [row for state in states for row in state.rejects],
        "pool.jsonl": [row for state in states for row in state.pool.machine],
    }
    counts = {}
    for name, rows in tables.items():
        path = files.join(output, name)
        counts[name] = write_jsonl(path, map(msgspec.to_builtins, rows))
    records.write_json(files.join(output, "usage.json"), report.usage)
    write_report(report, states, output)
    written = [*counts, "usage.json", "report.json", "report.html"]
    if tables["rows.jsonl"]:
        export.write(tables["rows.jsonl"], files.join(output, "export"), formats)
    prefix = len(output.rstrip("/")) + 1
    written += [item.path[prefix:] for item in files.list_files(files.join(output, "export"))]
    manifest = records.Manifest(
        stage="self_instruct",
        fingerprint=files.sha256(files.join(output, "run.json")),
        version=__version__,
        settings=records.plain(settings),
        inputs=[],
        outputs=tuple(
            records.describe(output, name, counts.get(name, 0)) for name in sorted(written)
        ),
        ledger=[],
        extra={"stopped": {name: part.stopped for name, part in report.languages.items()}},
        documents=counts["rows.jsonl"],
    )
    records.write_json(files.join(output, "manifest.json"), manifest)
