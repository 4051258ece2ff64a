"""What a chain-of-thought run made of each set of questions: a text, a JSON file and one HTML page.

Every figure follows from the batches, none from the clock. A set is a file of questions. Limit: vote
accuracy counts questions with a gold answer alone, and those without any extracted answer as wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge.instruct.cot.play import SAMPLES, VOTES
from corpusforge.instruct.cot.records import Question, Sample, Vote
from corpusforge.instruct.making import Account, Made
from corpusforge.instruct.session import funnel_lines

__all__ = ["UNITS", "Report", "SetReport", "build_report", "funnel"]

UNITS = {"questions": "questions", "sample": "replies", "hint": "replies"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReport:
    """One file of questions. `pass_rates` is "k/n" to questions; `found_by` counts samples."""

    questions: int
    with_gold: int
    samples: int
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


def build_report(
    made: Made, questions: Sequence[Question], stopped: str, head: Mapping[str, Any]
) -> Report:
    """Return the report of whole batches; `questions` are those that were to be asked."""
    sets: dict[str, list[Vote]] = {_set(one.source): [] for one in questions}
    for one in made.tables.get(VOTES, ()):
        sets[_set(one.source)].append(one)
    return Report(
        **head, stopped=stopped or "every question was asked", steps=made.accounts(""),
        sets={name: _set_report(votes, made) for name, votes in sets.items()},
        rows=len(made.rows), questions=len(questions),
    )  # fmt: skip


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
        extracted=sum(one.extracted for one in votes), right=sum(one.right for one in votes),
        pass_rates={f"{k}/{n}": count for (k, n), count in sorted(rates.items())},
        vote_right=sum(one.status == "right" for one in gold),
        hinted=sum(one.hinted for one in votes), hinted_kept=len(hinted),
        paths=sum(one.kept for one in votes), rows=len(rows),
        found_by=dict(sorted(Counter(one.found_by or "none" for one in samples).items())),
    )  # fmt: skip


def funnel(report: Report) -> list[str]:
    """Return the figures as lines for a terminal."""
    lines = [f"{report.rows} rows from {report.questions} questions ({report.stopped})"]
    lines += funnel_lines(report.steps, 10, lambda step: f"{UNITS[step]:<10}")
    for name, part in report.sets.items():
        lines.append(
            f"  {name}: {part.samples} samples, {part.extracted} with an answer, {part.right} right; "
            f"vote right for {part.vote_right} of {part.with_gold}; hinted {part.hinted}, "
            f"kept {part.hinted_kept}; {part.paths} paths"
        )
        shares = ", ".join(f"{rate}: {count}" for rate, count in part.pass_rates.items())
        lines.append(f"    pass rates {shares or '–'}")
    return lines
