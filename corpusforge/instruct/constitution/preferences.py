"""Revisions preferred to first answers, as a labelling job whose one rater is the model.

`preferences/` holds what a job and an import of the annotation journey hold (job.json, tasks.jsonl,
rankings.jsonl), every ranking marked `annotator_kind="model"`, and `training/` beside them, so the
same files, figures and exports serve people's rankings and these. Limit: no clock is read, so
rankings have no time.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence

import msgspec

from corpusforge.annotate import export
from corpusforge.annotate.candidates import candidate_id
from corpusforge.annotate.jobs import Job, task_id, write_job
from corpusforge.annotate.prompts import prompt_id
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Task
from corpusforge.hashing import word64
from corpusforge.instruct.constitution.make import Comparison
from corpusforge.io import files
from corpusforge.io.jsonl import write_jsonl

__all__ = ["TOOL", "rankings", "write_preferences"]

TOOL = "corpusforge.critique_revise"
FOLDER = "preferences"


def rankings(
    comparisons: Sequence[Comparison], law: str, judge: str, seed: int
) -> Iterator[tuple[Task, Ranking]]:
    """Yield a task and its ranking for each comparison; `law` is the constitution's version.

    `judge` is the model that decided. A tie puts both answers into one tier.
    """
    job = job_id(law, judge)
    rater = f"m_{judge}"
    for one in comparisons:
        prompt = Prompt(
            id=prompt_id(one.messages), messages=one.messages, origin="instruct",
            language=one.language, pool="rm",
        )  # fmt: skip
        first, last = (
            Candidate(
                id=candidate_id(prompt.id, model, law, text), text=text, model=model, params=law
            )
            for model, text in ((one.first_model, one.first), (one.last_model, one.last))
        )
        shown = (first.id, last.id)
        name = task_id(job, prompt.id, shown, f"{rater} {one.parent}")
        turned = word64("shown", seed, one.parent) % 2
        tiers = ((last.id,), (first.id,)) if one.preferred == "last" else (tuple(sorted(shown)),)
        task = Task(
            id=name, job=job, kind="pairwise", prompt=prompt, candidates=(first, last),
            presented_order=shown[::-1] if turned else shown, rater=rater, batch="model",
        )  # fmt: skip
        ranking = Ranking(
            task=name, prompt=prompt.id, rater=rater, tiers=tiers, annotator_kind="model",
            tool=TOOL, annotation=one.row,
        )  # fmt: skip
        yield task, ranking


def job_id(law: str, judge: str) -> str:
    """Return "j_" and 12 hex digits of the constitution and the model."""
    text = f"{TOOL}\x1f{law}\x1f{judge}".encode()
    return "j_" + hashlib.blake2b(text, digest_size=6).hexdigest()


def write_preferences(
    output: str, comparisons: Sequence[Comparison], law: str, judge: str, seed: int
) -> list[str]:
    """Write `output`/preferences and return its name; without comparisons nothing stays there."""
    folder = files.join(output, FOLDER)
    shutil.rmtree(folder, ignore_errors=True)
    found = list(rankings(comparisons, law, judge, seed))
    if not found:
        return []
    job = Job(
        id=job_id(law, judge), kind="pairwise", k=2, rubric=law, raters=(f"m_{judge}",), seed=seed
    )
    write_job(folder, job, (task for task, _ in found))
    write_jsonl(
        files.join(folder, "rankings.jsonl"), (msgspec.to_builtins(row) for _, row in found)
    )
    tasks = {task.id: task for task, _ in found}
    export.write(
        tasks, [row for _, row in found], files.join(folder, "training"),
        formats=("kway", "pairs", "trl_explicit_chat", "trl_implicit_chat"), seed=seed,
    )  # fmt: skip
    return [FOLDER]
