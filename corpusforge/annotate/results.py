"""From job and import directories to report and training files; several of them are rounds.

    report.html, figures.json    every figure of what has been answered so far
    training/                    a `datasets` directory, one folder per format (see `export.write`)

A round is one job with the directory its answers were imported into. Called after each import, and
by `pipelines.export_rankings` for several rounds at once. Limit: rounds are told apart by the job's
own number, or by their order where jobs carry none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from corpusforge.annotate.export import DEFAULT, write
from corpusforge.annotate.figures import Figures, figures
from corpusforge.annotate.imports.state import read_rankings
from corpusforge.annotate.jobs import TASKS_FILE, Job, open_tasks, read_job
from corpusforge.annotate.records import Refused, Task
from corpusforge.annotate.reliability import reliability
from corpusforge.annotate.report import write_report
from corpusforge.annotate.rounds import Round, merge
from corpusforge.annotate.votes import votes_of
from corpusforge.decontaminate import EvalIndex
from corpusforge.errors import InputError
from corpusforge.io import files
from corpusforge.io.decoding import decode_json
from corpusforge.io.jsonl import read_jsonl, read_lines

__all__ = ["write_results"]


def _numbers(jobs: Sequence[Job]) -> list[int]:
    """The jobs' own rounds where they are given and differ, else 1, 2, … as listed."""
    own = [job.round for job in jobs]
    return own if all(own) and len(set(own)) == len(own) else list(range(1, len(jobs) + 1))


def _refused(directory: str) -> Iterator[Refused]:
    path = files.join(directory, "refused.jsonl")
    if files.exists(path):
        for row in read_jsonl(path):
            yield Refused(locator=str(row.get("locator", "")), rule=str(row["rule"]))


def _checked(jobs: Sequence[str], imports: Sequence[str]) -> list[Job]:
    if not jobs or len(jobs) != len(imports):
        raise InputError(
            f"{len(jobs)} jobs and {len(imports)} directories of rankings: expected as many. Give "
            "one --rankings for each --job, in the same order."
        )
    return [read_job(name) for name in jobs]


@contextmanager
def _opened(jobs: Sequence[str], imports: Sequence[str], read: list[Job]) -> Iterator[list[Round]]:
    with ExitStack() as stack:
        rounds = []
        numbers = _numbers(read)
        for number, job, name, directory in zip(numbers, read, jobs, imports, strict=True):
            tasks = open_tasks(name)
            stack.callback(tasks.close)
            rankings = tuple(read_rankings(directory))
            rounds.append(
                Round(
                    number=number, job=job.id, checksum=job.checksum, tasks=tasks, rankings=rankings
                )
            )
        yield rounds


def _known(jobs: Sequence[str]) -> set[str]:
    """Ids of tasks that test the rater, not the answers: gold items and qualification."""
    found = set()
    for name in jobs:
        for _, line in read_lines(files.join(name, TASKS_FILE)):
            # Quotes inside a text are escaped, so these bytes are the record's own.
            if b'"gold":[[' in line or b'"qualification":true' in line:
                found.add(str(decode_json(line)["id"]))
    return found


def write_results(
    jobs: Sequence[str],
    imports: Sequence[str],
    output: str,
    *,
    formats: Sequence[str] = DEFAULT,
    method: str = "bradley_terry",
    weighted: bool = False,
    validation: float = 0.0,
    test: float = 0.0,
    seed: int = 0,
    index: str = "",
    unconfirmed: bool = False,
) -> tuple[Figures, dict[str, Any]]:
    """Write report, figures and training files into `output`; return figures and summary.

    `index` is a file of `pipelines.build_eval_index`. `weighted` counts raters by their reliability.
    Gold and qualification items count in the report and stay out of the training files.
    Without a usable answer no training file is written and the summary is empty. Its `notices`, which are in
    no file, are lines about prompts that formats left out, and formats without a row.
    """
    read = _checked(jobs, imports)
    with _opened(jobs, imports, read) as rounds:
        merged = merge(rounds)
        votes = votes_of(
            merged.tasks, merged.rankings, unconfirmed=unconfirmed, rounds=merged.rounds
        )
        found = figures(
            merged.tasks,
            merged.rankings,
            name=" + ".join(job.id for job in read),
            flags=sorted({flag.name for job in read for flag in job.flags}),
            refused=(row for name in imports for row in _refused(name)),
            rounds=rounds,
            seed=seed,
            votes=votes,
        )
        write_report(found, output)
        known = _known(jobs)
        rankings = [row for row in merged.rankings if row.task not in known]
        if len(rankings) < len(merged.rankings):
            votes = votes_of(merged.tasks, rankings, unconfirmed=unconfirmed, rounds=merged.rounds)
        if not len(votes) and not any(row.text.strip() for row in rankings):
            return found, {}
        summary = write(
            merged.tasks,
            rankings,
            files.join(output, "training"),
            formats=formats,
            method=method,
            weights=reliability(votes) if weighted else None,
            validation=validation,
            test=test,
            seed=seed,
            index=EvalIndex.load(index) if index else None,
            unconfirmed=unconfirmed,
            votes=votes,
        )
        return found, summary | {"notices": _notices(summary, merged.tasks)}


_LEFT = {
    "unclear_prompts": "in no format of strings: a text of theirs holds the opening of a turn",
    "dialogue_prompts": "not in webgpt: it has no room for turns or a system text before the question",
}
"""What the summary counts of prompts that some formats leave out, in words."""


def _notices(summary: Mapping[str, Any], tasks: Mapping[str, Task]) -> list[str]:
    """Return a line for each kind of prompts left out, and for each format without a row, with the reason."""
    lines = [f"{summary[name]} prompts are {told}" for name, told in _LEFT.items() if summary[name]]
    reason = "every prompt with pairs was left out" if summary["pairs"] else (
        "no ranking sets two answers of a prompt apart"
    )  # fmt: skip
    return lines + [
        f"no row of format {name}: {_why(tasks) if name == 'sft' else reason}"
        for name, sides in summary["rows"].items()
        if not sum(sides.values())
    ]


def _why(tasks: Mapping[str, Task]) -> str:
    """Return the likely reason why there are no demonstrations; reads every task."""
    ends = {
        answer.id: answer.finish_reason for _, task in tasks.items() for answer in task.candidates
    }
    cut = sum(end == "length" for end in ends.values())
    told = "its rows need a prompt with one best answer that is finished"
    if not cut:
        return told
    return (
        f"{told}, and {cut} of {len(ends)} answers end at their token limit: raise --max-tokens of "
        "export_labelling"
    )
