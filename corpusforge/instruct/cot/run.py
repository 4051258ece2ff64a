"""A chain-of-thought run in its directory: claimed, played, written, and going on where it stopped.

Everything but the journal and `failures.jsonl` is made again from these two, so a killed run ends
byte for byte as one that was left alone. Limits: a local directory; all samples are held in memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from corpusforge import manifest as records
from corpusforge.draw import make_id
from corpusforge.errors import CorpusforgeError, InputError
from corpusforge.instruct import directory
from corpusforge.instruct.asking import NothingAnswered, Patient
from corpusforge.instruct.checks import RowCheck, open_check
from corpusforge.instruct.cot.play import State, play
from corpusforge.instruct.cot.questions import load
from corpusforge.instruct.cot.records import Question
from corpusforge.instruct.cot.report import Report, build_report, write_report
from corpusforge.instruct.cot.runner import run_tests
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.cot.steps import prompt_names
from corpusforge.instruct.export.settings import Settings as ExportSettings
from corpusforge.instruct.loop import Origin
from corpusforge.instruct.records import Reject
from corpusforge.instruct.settings import Settings as InstructSettings
from corpusforge.io import files
from corpusforge.io.lock import lock
from corpusforge.models.budget import BudgetSpent
from corpusforge.models.client import Client
from corpusforge.models.prompts import prompt

__all__ = ["Finished", "gather", "run"]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended: its report, and the error that ended it, if one did."""

    report: Report
    error: CorpusforgeError | KeyboardInterrupt | None = None


def run(
    settings: Settings,
    output: str,
    client: Client,
    *,
    formats: Sequence[str] = (),
    form: ExportSettings | None = None,
    model_licence: str = "",
    give_up: bool = False,
    show: Callable[[int, State], None] = lambda number, state: None,
) -> Finished:
    """Ask every question, and write what whole batches give into the directory `output`.

    Raises RunError where the directory holds another run, InputError for wrong questions or formats;
    BudgetSpent, NothingAnswered and an interrupt are returned.
    """
    directory.check_formats(formats)
    origin = Origin(
        engine=client.engine.name, model=client.engine.model, model_licence=model_licence
    )
    check = _open_check(settings)
    with lock(output):
        directory.sweep(output)
        state = State()
        questions = gather(settings, state, check)
        _claim(output, settings, questions, origin)
        error: CorpusforgeError | KeyboardInterrupt | None = None
        try:
            failures = files.join(output, "failures.jsonl")
            ask = Patient(client, failures, give_up=give_up)
            play(questions, state, settings, origin, ask, check, _runner(settings), show)
        except (BudgetSpent, NothingAnswered, KeyboardInterrupt) as stop:
            error = stop
            state.stopped = directory.in_words(stop)
        report = build_report(state, questions, settings, client.usage, origin)
        directory.write(
            output,
            "bootstrap_cot",
            {"rows.jsonl": state.rows, "rejects.jsonl": state.rejects,
             "samples.jsonl": state.samples, "votes.jsonl": state.votes},
            report.usage,
            lambda: write_report(report, state, output),
            settings=settings, formats=formats, form=form, extra={"stopped": state.stopped},
        )  # fmt: skip
    return Finished(report, error)


def gather(settings: Settings, state: State, check: RowCheck) -> list[Question]:
    """Return the questions to be asked; rows that are none and evaluation text become rejects."""
    if not settings.questions:
        raise InputError("no questions: name at least one file with --questions.")
    known: dict[str, Question] = {}
    rejects: list[Reject] = []
    seen = 0
    for path in settings.questions:
        questions, refused = load(path)
        questions = questions[: settings.limit or None]
        seen += len(questions) + len(refused)
        rejects += refused
        for one in questions:
            if one.language not in settings.languages:
                rejects.append(_refuse(one, "language", one.language, ",".join(settings.languages)))
            elif one.id in known:
                rejects.append(_refuse(one, "duplicate_question", known[one.id].source, "once"))
            else:
                known[one.id] = one
    texts = ["\n\n".join((one.question, *one.choices)) for one in known.values()]
    findings = check.scan(texts) if texts else ()
    asked = []
    for one, finding in zip(known.values(), findings, strict=True):
        if finding is None:
            asked.append(one)
        else:
            rejects.append(_refuse(one, *finding))
    state.book("questions", seen, len(asked), rejects)
    return asked


def _refuse(question: Question, rule: str, value: str, bound: str) -> Reject:
    return Reject(
        id=make_id("cot.question", question.source), step="questions", rule=rule,
        language=question.language, text=question.question, value=value, bound=bound,
    )  # fmt: skip


def _open_check(settings: Settings) -> RowCheck:
    """The loop's check of personal data and evaluation text; language is judged by the reasoning."""
    allow = {"language", *({"personal_data"} & set(settings.allow))}
    return open_check(InstructSettings(evaluation=settings.evaluation, allow=tuple(sorted(allow))))


def _runner(settings: Settings) -> Callable[[str, str], bool | None]:
    if not settings.run_code:
        return lambda code, tests: None

    @functools.cache
    def passed(code: str, tests: str) -> bool:
        return run_tests(code, tests, settings.limits).passed

    return passed


def _claim(output: str, settings: Settings, questions: Sequence[Question], origin: Origin) -> None:
    """Write down what the rows of this directory depend on; raises RunError where it differs."""
    directory.claim(
        output,
        {
            **settings.fixed(),
            "engine": origin.engine,
            "model": origin.model,
            "model_licence": origin.model_licence,
            "evaluation": files.sha256(settings.evaluation) if settings.evaluation else "",
            "question set": records.fingerprint(list(questions)),
            "prompts": {
                f"{name} {language}": prompt(name, language).version
                for language in settings.languages
                for name in prompt_names(settings)
            },
        },
    )
