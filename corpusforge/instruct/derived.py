"""A run that makes rows in one pass: claimed, made part by part, checked, written, resumable.

Nothing but `journal.jsonl` and `failures.jsonl` is state: a run makes all its parts anew out of the
journal, asks only what that lacks, and writes every output when it ends, whatever ended it. A run
stopped in a part writes the whole parts before it. Limit: all rows are held in memory.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge import __version__
from corpusforge import manifest as records
from corpusforge.errors import CorpusforgeError
from corpusforge.instruct import directory
from corpusforge.instruct.asking import NothingAnswered, Patient
from corpusforge.instruct.diversity import plots
from corpusforge.instruct.loop import Account, Ask, Origin
from corpusforge.instruct.making import Made
from corpusforge.io import files
from corpusforge.io.lock import lock
from corpusforge.models.budget import BudgetSpent
from corpusforge.models.client import Client
from corpusforge.models.prompts import prompt
from corpusforge.models.settings import Settings as ModelSettings
from corpusforge.printing import say, say_text
from corpusforge.program import fail, stopped
from corpusforge.report import numbers
from corpusforge.report.pages import template

__all__ = ["DerivedReport", "Finished", "Job", "command", "finish", "funnel_text", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedReport:
    """Every figure of a run (report.json). `steps` is by language and step."""

    version: str
    stage: str
    engine: str
    model: str
    model_licence: str
    settings: dict[str, Any]
    stopped: str
    rows: dict[str, dict[str, int]]
    """Rows by language and kind."""
    steps: dict[str, dict[str, Account]]
    figures: dict[str, Any]
    """What the job itself counts, such as a judge's flips."""
    usage: list[dict[str, str | int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a run makes and what that depends on.

    `make` yields the parts of a run; it must ask through the function that it is given and draw by
    hashes, so that it makes the same parts again. `inputs` is a digest of what it reads. `finish`
    writes files of the job's own and returns their names; `figures` are counted from all that was
    made.
    """

    stage: str
    settings: Mapping[str, Any]
    inputs: str
    prompts: Sequence[tuple[str, str]]
    """(name, language) of every prompt it may use."""
    make: Callable[[Ask, Origin], Iterator[Made]]
    tables: Sequence[str] = ()
    """Names of the job's own tables, which are written also where they are empty."""
    finish: Callable[[str, Made], Sequence[str]] = lambda output, made: ()
    figures: Callable[[Made], Mapping[str, Any]] = lambda made: {}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended: its report, and the error that ended it, if one did."""

    report: DerivedReport
    error: CorpusforgeError | KeyboardInterrupt | None = None


@dataclass(slots=True)
class _Stop:
    error: CorpusforgeError | KeyboardInterrupt | None = None
    words: str = "finished"


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
    directory.check_formats(formats)
    engine = client.engine
    origin = Origin(engine=engine.name, model=engine.model, model_licence=model_licence)
    with lock(output):
        directory.sweep(output)
        directory.claim(output, _facts(job, origin))
        ask = Patient(client, files.join(output, "failures.jsonl"), give_up=give_up)
        made, stop = _play(job.make(ask, origin), show)
        report = _report(job, made, origin, stop.words, client)
        _write(job, output, made, report, formats)
    return Finished(report, stop.error)


def _facts(job: Job, origin: Origin) -> dict[str, Any]:
    return {
        **job.settings,
        "stage": job.stage,
        "engine": origin.engine,
        "model": origin.model,
        "model_licence": origin.model_licence,
        "inputs": job.inputs,
        "prompts": {
            f"{name} {tongue}": prompt(name, tongue).version for name, tongue in job.prompts
        },
    }


def _play(parts: Iterable[Made], show: Callable[[Made], None]) -> tuple[Made, _Stop]:
    made, stop = Made(), _Stop()
    try:
        for part in parts:
            made.merge(part)
            show(made)
    except (BudgetSpent, NothingAnswered, KeyboardInterrupt) as error:
        stop = _Stop(error, directory.in_words(error))
    return made, stop


def _report(job: Job, made: Made, origin: Origin, stopped: str, client: Client) -> DerivedReport:
    rows: dict[str, dict[str, int]] = {}
    for row in made.rows:
        kinds = rows.setdefault(row.language, {})
        kinds[row.kind] = kinds.get(row.kind, 0) + 1
    steps: dict[str, dict[str, Account]] = {}
    for (language, step), account in made.steps.items():
        steps.setdefault(language, {})[step] = account
    return DerivedReport(
        version=__version__, stage=job.stage, engine=origin.engine, model=origin.model,
        model_licence=origin.model_licence, settings=records.plain(job.settings), stopped=stopped,
        rows=rows, steps=steps, figures=records.plain(job.figures(made)),
        usage=client.usage.table(),
    )  # fmt: skip


def _write(
    job: Job, output: str, made: Made, report: DerivedReport, formats: Sequence[str]
) -> None:
    tables: dict[str, Sequence[Any]] = {"rows.jsonl": made.rows, "rejects.jsonl": made.rejects}
    tables |= {name: made.tables.get(name, ()) for name in job.tables}

    def pages() -> list[str]:
        records.write_json(files.join(output, "report.json"), report)
        page = template("derived.html.j2", (("ranked", Account.ranked),)).render(
            report=report, drawings=_drawings(made), **_samples(made)
        )
        files.write_bytes(files.join(output, "report.html"), page.encode("utf-8"))
        return ["report.json", "report.html", *job.finish(output, made)]

    directory.write(
        output, job.stage, tables, report.usage, pages,
        settings=job.settings, formats=formats, extra={"stopped": report.stopped},
    )  # fmt: skip


def _drawings(made: Made) -> dict[str, Any]:
    languages = sorted({row.language for row in made.rows})
    return {one: plots([row for row in made.rows if row.language == one], ()) for one in languages}


def _samples(made: Made) -> dict[str, list[Any]]:
    """The first row of each (language, kind), and the first reject of each (step, rule)."""
    rows: dict[tuple[str, str], Any] = {}
    for row in made.rows:
        rows.setdefault((row.language, row.kind), row)
    rejects: dict[tuple[str, str], Any] = {}
    for reject in made.rejects:
        rejects.setdefault((reject.step, reject.rule), reject)
    return {"samples": list(rows.values()), "refused": list(rejects.values())}


def funnel_text(report: DerivedReport) -> str:
    """Return the funnel as lines for a terminal."""
    lines = []
    for language, steps in report.steps.items():
        kinds = report.rows.get(language, {})
        counted = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "no rows"
        lines.append(f"{language}: {counted} ({report.stopped})")
        for step, account in steps.items():
            share = numbers.percent(account.accepted, account.seen)
            lines.append(
                f"  {step:<18}{account.seen:>8} seen{account.accepted:>8} accepted  {share}"
            )
            lines += [f"{count:>26} {rule}" for rule, count in account.ranked()]
    lines += [f"{name}: {value}" for name, value in report.figures.items()]
    return "\n".join(lines)


def command(options: Namespace, models: ModelSettings, job: Callable[[str], Job]) -> int:
    """Play a pipeline's job in its directory, for command lines; return the exit code.

    `job` makes the job from the name of the model that answers, once its inputs are wanted.
    """
    from corpusforge.models.engines import open_client

    with open_client(models, options.output) as client:
        done = run(
            job(client.engine.model), options.output, client, formats=options.format,
            model_licence=options.model_licence, give_up=options.give_up,
            show=lambda made: say(f"{len(made.rows)} rows, {len(made.rejects)} refused",
                                  error=True),
        )  # fmt: skip
    return finish(done, options.output)


def finish(done: Finished, output: str) -> int:
    """Print what a run made and return its exit code; for command lines."""
    say_text(funnel_text(done.report))
    say(f"written to {output}")
    if isinstance(done.error, CorpusforgeError):
        return fail(done.error)
    if done.error is not None:
        return stopped(done.error)
    if not done.report.rows:
        say("warning: no row was made; rejects.jsonl says why", error=True)
        return 1
    return 0
