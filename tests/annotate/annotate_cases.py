"""A small job with hostile texts, and its files, for the tests of targets and imports."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from corpusforge.annotate.jobs import Flag, Job, Scale, Words, read_tasks, task_id, write_job
from corpusforge.annotate.records import Candidate, JobKind, Prompt, Task
from corpusforge.models.records import Message

JOB = "j_0a1b2c3d4e5f"
RATERS = ("r_01", "r_02")
SCRIPT = "</script><script>document.title='pwned'</script><img src=x onerror=alert(1)><b>bold</b>"
RIGHT_TO_LEFT = (
    "\u202e\u0645\u0631\u062d\u0628\u0627 abc\u202d \u200f\u05e9\u05dc\u05d5\u05dd\u2029next"
)
LONG = "长文本 long " * 6000
FORMULA = '=HYPERLINK("http://x";"click")'
TEXTS = ("Plain answer.\n\nSecond paragraph.", SCRIPT, RIGHT_TO_LEFT, LONG, FORMULA)


def made_tasks(kind: JobKind = "ranking", count: int = 3, k: int = 4) -> Iterator[Task]:
    """`count` prompts for each of two raters; presented orders differ between prompts and raters."""
    for number in range(count):
        texts = [TEXTS[(number + place) % len(TEXTS)] for place in range(k)]
        answers = tuple(
            Candidate(id=f"c_{number:02x}{place:02x}", text=text, model=f"secret-model-{place}")
            for place, text in enumerate(texts)
        )
        language = "zh" if number % 2 else "en"
        prompt = Prompt(
            id=f"p_{number:02x}", messages=(Message("user", f"Question {number}? 问题"),),
            origin="user", user="u_5ecret", language=language,
        )  # fmt: skip
        for turn, rater in enumerate(RATERS):
            ids = [answer.id for answer in answers]
            shift = (number + turn + 1) % k if k else 0
            order = tuple(ids[shift:] + ids[:shift])
            yield Task(
                id=task_id(JOB, prompt.id, ids, rater), job=JOB, kind=kind, prompt=prompt,
                candidates=answers, presented_order=order, rater=rater, batch=f"{rater}-001",
                gold=((order[0],), order[1:]) if number == 0 and k > 1 else (),
                qualification=number == 0,
            )  # fmt: skip


def made_job(
    directory: Path, kind: JobKind = "ranking", count: int = 3, k: int = 4, ties: bool = True
) -> tuple[Job, list[Task]]:
    """Write a job directory; return the job and its tasks."""
    given = Job(
        id=JOB, kind=kind, k=k, raters=RATERS, overlap=2, ties=ties,
        scales=(Scale(name="overall", title=Words(en="Overall", zh="总体")),),
        flags=(Flag(name="harmful", title=Words(en="Harmful", zh="有害")), Flag(name="made_up")),
        guidelines=Words(en="# Guide\n\nRead **all**.\n\n1. One\n2. Two", zh="# 指南\n\n请**全部**阅读。"),
        warning=Words(en="Some texts are **bad**.", zh="有些文本令人不适。"),
    )  # fmt: skip
    job = write_job(str(directory), given, made_tasks(kind, count, k))
    return job, list(read_tasks(str(directory)))
