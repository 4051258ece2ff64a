"""A chain-of-thought run as a job: which questions are asked, what rows depend on, outputs and figures.

Every figure follows from the batches, none from the clock. A set is a file of questions. Limit: vote
accuracy counts questions with a gold answer alone, and those without any extracted answer as wrong.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge import manifest as records
from corpusforge.errors import InputError
from corpusforge.hashing import make_id
from corpusforge.instruct.accounts import Account, Ask, Made, Origin
from corpusforge.instruct.checks import RowCheck, open_check
from corpusforge.instruct.cot.play import SAMPLES, VOTES, play
from corpusforge.instruct.cot.process import process_rows
from corpusforge.instruct.cot.questions import load
from corpusforge.instruct.cot.records import Question, Sample, Vote
from corpusforge.instruct.cot.rlvr import verifiable, write_rlvr
from corpusforge.instruct.cot.runner import run_tests
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.cot.steps import prompt_names
from corpusforge.instruct.export import Writer, Written
from corpusforge.instruct.export.settings import Settings as ExportSettings
from corpusforge.instruct.records import Reject, Row
from corpusforge.instruct.session import Job, first_rejects, funnel_lines
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl
from corpusforge.report import numbers

__all__ = ["ChainOfThought", "Report", "SetReport", "gather", "job"]


UNITS = {"questions": "questions", "sample": "replies", "hint": "replies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReport:
    """One file of questions. `pass_rates` is "k/n" to questions; `found_by` counts samples,
    `cut` those that ended at the token limit, which are in no pass rate and in no vote."""

    questions: int
    with_gold: int
    samples: int
    cut: int
    extracted: int
    right: int
    pass_rates: dict[str, int]
    vote_right: int
    hinted: int
    hinted_kept: int
    paths: int
    rows: int
    found_by: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every figure of a run (report.json)."""

    version: str
    engine: str
    model: str
    model_licence: str
    stopped: str
    settings: dict[str, Any]
    steps: dict[str, Account]
    sets: dict[str, SetReport]
    rows: int
    questions: int
    usage: list[dict[str, str | int]]


def job(settings: Settings, form: ExportSettings | None = None) -> ChainOfThought:
    """Return the job of these settings; reads questions and evaluation index. Raises InputError."""
    check = _open_check(settings)
    questions, read = gather(settings, check)
    names = prompt_names(settings)
    return ChainOfThought(
        stage="bootstrap_cot", settings=settings, form=form, check=check, questions=questions,
        read=read, prompts=[(name, one) for one in settings.languages for name in names],
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ChainOfThought(Job):
    """Every question asked, in batches; `read` is the account of those that are not asked."""

    stage: str
    settings: Settings
    prompts: Sequence[tuple[str, str]]
    form: ExportSettings | None
    check: RowCheck
    questions: Sequence[Question]
    read: Made

    def facts(self) -> Mapping[str, Any]:
        return {
            **self.settings.fixed(),
            "evaluation": self.check.evaluation,
            "question set": records.fingerprint(list(self.questions)),
        }

    def make(self, ask: Ask, origin: Origin) -> Iterator[Made]:
        yield self.read
        run_code = _runner(self.settings)
        yield from play(self.questions, self.settings, origin, ask, self.check, run_code)

    def tables(self, made: Made) -> Mapping[str, Sequence[Any]]:
        own = {name: made.tables.get(name, ()) for name in (SAMPLES, VOTES)}
        return {"rows.jsonl": made.rows, "rejects.jsonl": made.rejects, **own}

    own_forms = ("rlvr", "stepwise")

    def forms(self, made: Made) -> Mapping[str, Writer]:
        """Questions with their gold answers, and reasoning with a label for each step.

        Questions that no sample solved have a pass rate, too, so they need no row.
        """
        code = {one.id for one in self.questions if one.kind == "code"}
        table, left_out = verifiable(self.questions, made.tables.get(VOTES, ()))

        def rlvr(place: str, parts: dict[str, list[Row]], form: ExportSettings) -> list[Written]:
            return write_rlvr(place, parts, form, table, left_out)

        def prm(place: str, parts: dict[str, list[Row]], form: ExportSettings) -> list[Written]:
            written = []
            for split, rows in parts.items():
                found = process_rows([row for row in rows if row.task not in code])
                path = files.join(place, f"{split}.jsonl")
                count = write_jsonl(path, found)
                written.append(Written(path, split, count, len(rows) - count))
            return written

        if not made.rows:
            return {"rlvr": rlvr} if table else {}
        return {"rlvr": rlvr, "stepwise": prm}

    def report(self, made: Made, stopped: str, head: Mapping[str, Any]) -> Report:
        sets: dict[str, list[Vote]] = {_set(one.source): [] for one in self.questions}
        for one in made.tables.get(VOTES, ()):
            sets[_set(one.source)].append(one)
        return Report(
            **head, stopped=stopped or "every question was asked", steps=made.accounts(""),
            sets={name: _set_report(votes, made) for name, votes in sets.items()},
            rows=len(made.rows), questions=len(self.questions),
        )  # fmt: skip

    def page(self, report: Report, made: Made) -> tuple[str, Mapping[str, Any]]:
        values = {"rows": made.rows[:5], "rejects": first_rejects(made.rejects), "units": UNITS}
        return "cot.html.j2", values

    def lines(self, report: Report) -> list[str]:
        lines = [f"{report.rows} rows from {report.questions} questions ({report.stopped})"]
        lines += funnel_lines(report.steps, 10, lambda step: f"{UNITS[step]:<10}")
        for name, part in report.sets.items():
            lines.append(
                f"  {name}: {part.samples} samples, {part.cut} cut, {part.extracted} with an answer, "
                f"{part.right} right; "
                f"vote right for {part.vote_right} of {part.with_gold}; hinted {part.hinted}, "
                f"kept {part.hinted_kept}; {part.paths} paths"
            )
            shares = ", ".join(f"{rate}: {count}" for rate, count in part.pass_rates.items())
            lines.append(f"    pass rates {shares or '–'}")
        return lines

    def warnings(self, report: Report) -> list[str]:
        samples = sum(part.samples for part in report.sets.values())
        cut = sum(part.cut for part in report.sets.values())
        if 2 * cut <= samples:
            return []
        share = numbers.percent(cut, samples)
        return [
            f"{share} of the samples end at --max-tokens {self.settings.max_tokens} and do not vote; "
            "give more in another --output"
        ]

    def progress(self, made: Made) -> str:
        asked = len(made.tables.get(VOTES, ()))
        return f"{asked} questions asked: {len(made.rows)} rows" if asked else ""


def gather(settings: Settings, check: RowCheck) -> tuple[list[Question], Made]:
    """Return the questions to be asked, and the account of the others: rows that are no question, and
    evaluation text."""
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
    made = Made()
    made.see("", "questions", seen)
    made.accept("", "questions", len(asked))
    for reject in rejects:
        made.book("", reject)
    return asked, made


def _refuse(question: Question, rule: str, value: str, bound: str) -> Reject:
    return Reject(
        id=make_id("cot.question", question.source), step="questions", rule=rule,
        language=question.language, text=question.question, value=value, bound=bound,
    )  # fmt: skip


def _open_check(settings: Settings) -> RowCheck:
    """The loop's check of personal data and evaluation text; language is judged by the reasoning."""
    allow = {"language", *({"personal_data"} & set(settings.allow))}
    return open_check(settings.evaluation, tuple(sorted(allow)))


def _runner(settings: Settings) -> Callable[[str, str], bool | None]:
    if not settings.run_code:
        return lambda code, tests: None

    @functools.cache
    def passed(code: str, tests: str) -> bool:
        return run_tests(code, tests, settings.limits).passed

    return passed


def _set(source: str) -> str:
    return source.rsplit(":", 1)[0]


def _set_report(votes: Sequence[Vote], made: Made) -> SetReport:
    ids = {one.question for one in votes}
    every: Sequence[Sample] = made.tables.get(SAMPLES, ())
    samples = [one for one in every if one.question in ids and one.step == "sample"]
    rows = [row for row in made.rows if row.task in ids]
    gold = [one for one in votes if one.gold]
    rates = Counter((one.right, one.samples) for one in gold)
    hinted = {row.lineage.requests[0] for row in rows if "hinted" in row.flags}
    return SetReport(
        questions=len(votes), with_gold=len(gold), samples=len(samples),
        cut=sum(one.cut for one in votes),
        extracted=sum(one.extracted for one in votes), right=sum(one.right for one in votes),
        pass_rates={f"{k}/{n}": count for (k, n), count in sorted(rates.items())},
        vote_right=sum(one.status == "right" for one in gold),
        hinted=sum(one.hinted for one in votes), hinted_kept=len(hinted),
        paths=sum(one.kept for one in votes), rows=len(rows),
        found_by=dict(sorted(Counter(one.found_by or "none" for one in samples).items())),
    )  # fmt: skip
