"""Figures, aggregation and export of many rankings: `python -m benchmarks.rankings_scale --tasks 100000`.

K = 9 answers, three raters per prompt, the first two answers of each ranking tied; CPU seconds of each
step in one process and the peak memory so far, objects of tasks and rankings included.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks import harness
from corpusforge.annotate.aggregate import METHODS, consensus
from corpusforge.annotate.compare import agreement
from corpusforge.annotate.export import write
from corpusforge.annotate.figures import figures
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Task
from corpusforge.annotate.votes import votes_of
from corpusforge.models.records import Message

__all__ = ["main"]

SIZE, RATERS = 9, 3


def job(prompts: int) -> tuple[dict[str, Task], list[Ranking]]:
    """Tasks and rankings of noisy raters, from a fixed seed."""
    chance = np.random.default_rng(1)
    tasks, rankings = {}, []
    for p in range(prompts):
        asked = (Message("user", f"question {p}"),)
        prompt = Prompt(id=f"p_{p:07x}", messages=asked, origin="user", user=f"u_{p // 5:x}")
        answers = tuple(
            Candidate(id=f"c_{p:x}_{k}", text=f"answer {p} {k} " * 4, model=f"m{k}")
            for k in range(SIZE)
        )
        worth = chance.normal(size=SIZE) + np.arange(SIZE) * 0.2
        for r in range(RATERS):
            order = [answers[k].id for k in np.argsort(-(worth + chance.normal(size=SIZE)))]
            shown = tuple(answers[k].id for k in chance.permutation(SIZE))
            name, rater = f"t_{p}_{r}", f"r_{(p + r) % 20}"
            tasks[name] = Task(
                id=name, job="j", kind="ranking", prompt=prompt, candidates=answers,
                presented_order=shown, rater=rater, batch="b",
            )  # fmt: skip
            tiers = (tuple(order[:2]), *((x,) for x in order[2:]))
            rankings.append(
                Ranking(task=name, prompt=prompt.id, rater=rater, tiers=tiers, lead_time=30.0)
            )
    return tasks, rankings


def step(name: str, function: Callable[[], object]) -> object:
    """Run a step and print its line."""
    made, seconds = harness.timed(function)
    harness.row(name, f"{seconds:.1f}", f"{harness.peak_mb():.0f}")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    options = harness.arguments(__doc__)
    options.add_argument("--tasks", type=int, default=9000)
    prompts = -(-options.parse_args(argv).tasks // RATERS)
    small = job(20)
    figures(*small)  # kernels compiled before a clock starts
    for method in METHODS:
        consensus(votes_of(*small), method)
    tasks, rankings = job(prompts)
    print(f"{len(tasks)} tasks, {prompts} prompts, K = {SIZE}")
    harness.heads("step", "CPU s", "peak MB")
    votes = step("votes", lambda: votes_of(tasks, rankings))
    step("agreement with intervals", lambda: agreement(votes))
    for method in METHODS:
        step(f"aggregate: {method}", lambda method=method: consensus(votes, method))
    with tempfile.TemporaryDirectory() as folder:
        step("aggregate and export kway, pairs, sft", lambda: write(
            tasks, rankings, folder, formats=("kway", "pairs", "sft"), votes=votes))  # fmt: skip
    step("all figures of the report", lambda: figures(tasks, rankings, votes=votes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
