"""One session for every method that makes rows: claim a directory, ask, account, resume, report, write.

Nothing but `journal.jsonl` and `failures.jsonl` is state: a session makes all its parts anew out of the
journal, asks only what that lacks, and writes every output when it ends, whatever ended it. So a killed
session has lost nothing that was paid for, and its directory ends byte for byte as that of one left
alone; one that stops in a part writes the whole parts before it. A directory belongs to the session that
wrote `run.json`, which says what its rows depend on; another is refused there. Limits: a local directory,
which the journal needs; all rows are held in memory.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import msgspec

from corpusforge import __version__
from corpusforge import manifest as records
from corpusforge.errors import CorpusforgeError, RunError
from corpusforge.instruct import export
from corpusforge.instruct.accounts import Account, Ask, Made, Origin
from corpusforge.instruct.export.settings import Settings as ExportSettings
from corpusforge.instruct.notices import notices
from corpusforge.instruct.records import Reject
from corpusforge.instruct.retrying import NothingAnswered, Patient
from corpusforge.io import files
from corpusforge.io.decoding import read_json
from corpusforge.io.jsonl import write_jsonl
from corpusforge.io.lock import lock
from corpusforge.models.budget import BudgetSpent
from corpusforge.models.client import Client
from corpusforge.models.prompts import prompt
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.printing import say, say_text
from corpusforge.program import fail, stopped
from corpusforge.report import numbers
from corpusforge.report.pages import template

__all__ = ["Finished", "Job", "command", "first_rejects", "funnel_lines", "run"]


_OWN = ("journal.jsonl", "failures.jsonl", "run.lock")
"""Files that may lie in a directory that no run has claimed yet."""
_LEFT_OUT = "left_out"
"""The entry of run.json with the parameters that the server refused, by purpose."""


class Job(Protocol):
    """One method with its settings: what it makes, what that depends on, and how it is told.

    A job is for one session. `make` must ask through the function that it is given and draw by hashes,
    so that it makes the same parts again.
    """

    stage: str
    """The manifest's name of the method."""
    settings: Any
    """What the report and the manifest say the rows were made with."""
    prompts: Sequence[tuple[str, str]]
    """(name, language) of every prompt it may use."""
    form: ExportSettings | None = None
    """How rows are exported; None: the export's defaults."""
    asks: bool = True
    """Whether a model is asked anything; where none is, no engine is opened."""

    def facts(self) -> Mapping[str, Any]:
        """Return what the rows depend on beside engine, model and prompts."""

    def make(self, ask: Ask, origin: Origin) -> Iterator[Made]:
        """Yield the parts of all that is made."""

    def tables(self, made: Made) -> Mapping[str, Sequence[Any]]:
        """Return the rows of each output file, `rows.jsonl` among them."""

    def report(self, made: Made, stopped: str, head: Mapping[str, Any]) -> Any:
        """Return every figure and why it `stopped`, "" where nothing stopped it; `head`: what all reports
        hold."""

    def page(self, report: Any, made: Made) -> tuple[str, Mapping[str, Any]]:
        """Return the report's template and what goes into it."""

    def finish(self, output: str, made: Made, origin: Origin) -> Sequence[str]:
        """Write files of the job's own; return their names."""
        return ()

    own_forms: Sequence[str] = ()
    """Names of export forms that this method has beside `export.FORMATS`."""

    def forms(self, made: Made) -> Mapping[str, export.Writer]:
        """Return the writer of each of `own_forms`; without rows, of those that need none."""
        return {}

    def lines(self, report: Any) -> list[str]:
        """Return the figures for a terminal."""

    def progress(self, made: Made) -> str:
        """Return a line about the parts so far; "" prints none."""

    def warnings(self, report: Any) -> list[str]:
        """Return what falls short of what was asked for: exit code 1 where anything does."""
        return []


@dataclass(frozen=True, slots=True)
class Finished:
    """How a session ended: its report, and the error that ended it, if one did.

    `notices` are lines about steps that failed for the most part.
    """

    report: Any
    error: CorpusforgeError | KeyboardInterrupt | None = None
    notices: tuple[str, ...] = ()


def run(
    job: Job,
    output: str,
    client: Client,
    *,
    formats: Sequence[str] = (),
    model_licence: str = "",
    give_up: bool = False,
    show: Callable[[Made], None] = lambda made: None,
) -> Finished:
    """Make the job's rows in the directory `output`; `show` is called after each part.

    Raises RunError where the directory holds another run, RecipeError for an unknown form;
    BudgetSpent, NothingAnswered and an interrupt are returned.
    """
    _check_formats(formats, job.own_forms)
    engine = client.engine
    origin = Origin(engine=engine.name, model=engine.model, model_licence=model_licence)
    made = Made()
    error: CorpusforgeError | KeyboardInterrupt | None = None
    with lock(output):
        files.sweep(output)
        _claim(output, _facts(job, origin))
        ask = Patient(client, files.join(output, "failures.jsonl"), give_up=give_up)
        try:
            for part in job.make(ask, origin):
                made.merge(part)
                show(made)
        except (BudgetSpent, NothingAnswered, KeyboardInterrupt) as stop:
            error = stop
        head = {
            "version": __version__, "engine": origin.engine, "model": origin.model,
            "model_licence": origin.model_licence, "settings": records.plain(job.settings),
            "usage": client.usage.table(),
        }  # fmt: skip
        report = job.report(made, _in_words(error) if error else "", head)
        _tell_left_out(output, ask.left_out())
        _write(job, output, made, report, origin, formats)
    return Finished(report, error, tuple(notices(made, client.usage)))


def _check_formats(formats: Sequence[str], own: Sequence[str]) -> None:
    """Raise RecipeError for an export form that is not known: before the run, not at its end."""
    for name in formats:
        if name not in own:
            export.find_format(name)


def _in_words(error: BaseException) -> str:
    """Return why a run stopped, for its report."""
    if isinstance(error, BudgetSpent):
        return "budget spent"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "the engine does not answer"


def _claim(output: str, facts: Mapping[str, Any]) -> None:
    """Write down what this directory's rows depend on; raises RunError where it says otherwise."""
    mine: dict[str, Any] = records.plain(facts)
    path = files.join(output, "run.json")
    if files.exists(path):
        earlier = {name: value for name, value in read_json(path).items() if name != _LEFT_OUT}
        for key in sorted(mine.keys() | earlier.keys()):
            if mine.get(key) != earlier.get(key):
                raise RunError(
                    f"{output!r} holds a run with {key} = {earlier.get(key)!r}; this one has "
                    f"{mine.get(key)!r}. Give the same value, or choose another --output."
                )
        return
    foreign = sorted(item.name for item in Path(output).iterdir() if item.name not in _OWN)
    if foreign:
        raise RunError(
            f"{output!r} holds files that no run wrote ({foreign[0]!r}). Choose an empty --output."
        )
    records.write_json(path, mine)


def _tell_left_out(output: str, found: Mapping[str, Sequence[str]]) -> None:
    """Write into run.json what the server refused of each step's requests; nothing where it refused
    none. It follows from the replies, so it is no reason to refuse the directory."""
    path = files.join(output, "run.json")
    facts = {name: value for name, value in read_json(path).items() if name != _LEFT_OUT}
    if found:
        records.write_json(path, {**facts, _LEFT_OUT: found})


def _facts(job: Job, origin: Origin) -> dict[str, Any]:
    """What the rows of the directory depend on."""
    return {
        **job.facts(),
        "engine": origin.engine,
        "model": origin.model,
        "model_licence": origin.model_licence,
        "prompts": {
            f"{name} {tongue}": prompt(name, tongue).version for name, tongue in job.prompts
        },
    }


def _write(
    job: Job, output: str, made: Made, report: Any, origin: Origin, formats: Sequence[str]
) -> None:
    """Write the report, the tables, the export, and the manifest last: while it is missing, so may others.

    Forms that an earlier session exported and this one does not are removed.
    """
    files.remove(files.join(output, "manifest.json"))
    records.write_json(files.join(output, "usage.json"), report.usage)
    records.write_json(files.join(output, "report.json"), report)
    name, values = job.page(report, made)
    page = template(name, (("ranked", Account.ranked),)).render(report=report, **values)
    files.write_bytes(files.join(output, "report.html"), page.encode("utf-8"))
    others = [
        "usage.json",
        "report.json",
        "report.html",
        *job.finish(output, made, origin),
        "export",
    ]
    shutil.rmtree(files.join(output, "export"), ignore_errors=True)
    tables = job.tables(made)
    counts = {
        table: write_jsonl(files.join(output, table), map(msgspec.to_builtins, rows))
        for table, rows in tables.items()
    }
    own = job.forms(made)
    names = formats if made.rows else [name for name in own if name in (formats or own)]
    if made.rows or names:
        place = files.join(output, "export")
        export.write(tables["rows.jsonl"], place, names, job.form, own)
    written = set(counts)
    prefix = len(output.rstrip("/")) + 1
    for other in others:
        written |= {item.path[prefix:] for item in files.list_files(files.join(output, other))}
    manifest = records.Manifest(
        stage=job.stage,
        fingerprint=files.sha256(files.join(output, "run.json")),
        version=__version__,
        settings=records.plain(job.settings),
        inputs=[],
        outputs=tuple(
            records.describe(output, name, counts.get(name, 0)) for name in sorted(written)
        ),
        ledger=[],
        extra={"stopped": report.stopped},
        documents=counts["rows.jsonl"],
    )
    records.write_json(files.join(output, "manifest.json"), manifest)


def first_rejects(rejects: Sequence[Reject]) -> list[Reject]:
    """Return the first reject of each (step, rule), for a report's page."""
    first: dict[tuple[str, str], Reject] = {}
    for reject in rejects:
        first.setdefault((reject.step, reject.rule), reject)
    return list(first.values())


def funnel_lines(steps: Mapping[str, Account], width: int, unit: Callable[[str], str]) -> list[str]:
    """Return the accounts for a terminal; names take `width` characters, `unit` says what is counted."""
    lines = []
    for step, account in steps.items():
        share = numbers.percent(account.accepted, account.seen)
        lines.append(
            f"  {step:<{width}}{account.seen:>8} {unit(step)}{account.accepted:>8} accepted  {share}"
        )
        lines += [f"{count:>{width + 8}} {rule}" for rule, count in account.ranked()]
    return lines


def command(options: argparse.Namespace, models: ModelSettings, job: Job) -> int:
    """Do a pipeline's job in its directory and print what it made; return the exit code."""
    from corpusforge.models.engines import no_client, open_client

    def show(made: Made) -> None:
        if line := job.progress(made):
            say(line, error=True)

    opened = open_client(models, options.output) if job.asks else no_client()
    with opened as client:
        done = run(
            job, options.output, client, formats=options.format,
            model_licence=options.model_licence, give_up=options.give_up, show=show,
        )  # fmt: skip
    say_text("\n".join(job.lines(done.report)))
    say(f"written to {options.output}")
    for line in done.notices:
        say(f"warning: {line}", error=True)
    if isinstance(done.error, CorpusforgeError):
        return fail(done.error)
    if done.error is not None:
        return stopped(done.error)
    warnings = job.warnings(done.report)
    for line in warnings:
        say(f"warning: {line}", error=True)
    return 1 if warnings else 0
