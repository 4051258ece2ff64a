"""What a chain-of-thought run made of each set of questions: a text, a JSON file and one HTML page.

Every figure follows from the batches, none from the clock. A set is a file of questions. Limit: vote
accuracy counts questions with a gold answer alone, and those without any extracted answer as wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge import __version__
from corpusforge import manifest as records
from corpusforge.instruct.cot.play import State
from corpusforge.instruct.cot.records import Question, Vote
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.loop import Account, Origin
from corpusforge.io import files
from corpusforge.models.budget import Usages
from corpusforge.report import numbers
from corpusforge.report.pages import template

__all__ = ["Report", "SetReport", "build_report", "funnel_text", "write_report"]

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
    state: State,
    questions: Sequence[Question],
    settings: Settings,
    usage: Usages,
    origin: Origin,
) -> Report:
    """Return the report of the whole batches in `state`; `questions` are those that were to be asked."""
    sets: dict[str, list[Vote]] = {_set(one.source): [] for one in questions}
    for one in state.votes:
        sets[_set(one.source)].append(one)
    return Report(
        version=__version__, engine=origin.engine, model=origin.model,
        model_licence=origin.model_licence, stopped=state.stopped,
        settings=records.plain(settings), steps=state.steps,
        sets={name: _set_report(votes, state) for name, votes in sets.items()},
        rows=len(state.rows), questions=len(questions), usage=usage.table(),
    )  # fmt: skip


def _set(source: str) -> str:
    return source.rsplit(":", 1)[0]


def _set_report(votes: Sequence[Vote], state: State) -> SetReport:
    ids = {one.question for one in votes}
    samples = [one for one in state.samples if one.question in ids and one.step == "sample"]
    rows = [row for row in state.rows if row.task in ids]
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


def funnel_text(report: Report) -> str:
    """Return the figures as lines for a terminal."""
    lines = [f"{report.rows} rows from {report.questions} questions ({report.stopped})"]
    for step, account in report.steps.items():
        lines.append(
            f"  {step:<10}{account.seen:>8} {UNITS[step]:<10}{account.accepted:>8} accepted  "
            f"{numbers.percent(account.accepted, account.seen)}"
        )
        lines += [f"{count:>18} {rule}" for rule, count in account.ranked()]
    for name, part in report.sets.items():
        lines.append(
            f"  {name}: {part.samples} samples, {part.extracted} with an answer, {part.right} right; "
            f"vote right for {part.vote_right} of {part.with_gold}; hinted {part.hinted}, "
            f"kept {part.hinted_kept}; {part.paths} paths"
        )
        shares = ", ".join(f"{rate}: {count}" for rate, count in part.pass_rates.items())
        lines.append(f"    pass rates {shares or '–'}")
    return "\n".join(lines)


def write_report(report: Report, state: State, output: str) -> list[str]:
    """Write report.json and report.html into the directory; return their names."""
    records.write_json(files.join(output, "report.json"), report)
    first: dict[tuple[str, str], Any] = {}
    for reject in state.rejects:
        first.setdefault((reject.step, reject.rule), reject)
    page = template("cot.html.j2", (("ranked", Account.ranked),)).render(
        report=report, units=UNITS, rows=state.rows[:5], rejects=list(first.values())
    )
    files.write_bytes(files.join(output, "report.html"), page.encode("utf-8"))
    return ["report.json", "report.html"]
