"""The whole annotation chain at size: export, import and aggregation of synthetic tasks.

    python -m benchmarks.annotate_scale [--tasks 100000] [--raters 3] [--overlap 1] [-k 9]

`--tasks` counts tasks of raters (prompts x overlap). Prompts and answers are strings of words drawn
by hash; answers come back as the offline page saves them, a noisy order each. One process a step,
so each step's peak memory is its own. Nothing here says anything about people.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import harness
from corpusforge import hashing

STEPS = ("export", "import", "results")
FORMS = ("kway", "pairs")


def synthetic(folder: Path, prompts: int, k: int, words: int) -> None:
    """Write prompts.jsonl and answers.jsonl: every answer of `words` words out of 50,000."""
    step = 1000
    with (
        (folder / "prompts.jsonl").open("w") as asked,
        (folder / "answers.jsonl").open("w") as said,
    ):
        for first in range(0, prompts, step):
            count = min(step, prompts - first)
            keys = hashing.id_keys(str(n) for n in range(first, first + count))
            many = (k + 1) * words
            values = [hashing.uniform(keys, n, "scale") for n in range(many)]
            table = (np.stack(values, axis=1) * 50_000).astype(int)
            for number, row in enumerate(table.tolist(), first):
                texts = [
                    " ".join(f"w{word}" for word in row[n * words : (n + 1) * words])
                    for n in range(k + 1)
                ]
                asked.write(json.dumps({"prompt": texts[0], "user": f"u{number // 100}"}) + "\n")
                answers = [{"text": t, "model": f"m{n}"} for n, t in enumerate(texts[1:])]
                said.write(json.dumps({"prompt": texts[0], "answers": answers}) + "\n")


def answered(job: Path, folder: Path) -> None:
    """Write the answers as the offline page saves them: model order plus noise, a tie in ten."""
    from corpusforge.annotate.jobs import read_job, read_tasks

    head = read_job(str(job), verify=False)
    folder.mkdir(exist_ok=True)
    opening = json.dumps(
        {"schema": "corpusforge.page/1", "job": head.id, "checksum": head.checksum}
    )
    for number, tasks in enumerate(iter_chunks(read_tasks(str(job)), 5000)):
        rows = []
        for task in tasks:
            keys = hashing.id_keys(c.id for c in task.candidates)
            noise = hashing.uniform(keys, 0, task.id).tolist()
            scored = sorted(
                (int(c.model[1:]) + 4 * n, c.id)
                for c, n in zip(task.candidates, noise, strict=True)
            )
            tiers = [[name] for _, name in scored]
            if noise[0] < 0.1:
                tiers[0] += tiers.pop(1)
            rows.append({"task": task.id, "tiers": tiers, "confirmed": True, "lead_time": 60.0})
        text = json.dumps(rows)
        (folder / f"{number:04}.json").write_text(f'{opening[:-1]}, "answers": {text}}}')


def iter_chunks(rows, size):
    """Yield lists of `size` rows."""
    stream = iter(rows)
    while some := list(itertools.islice(stream, size)):
        yield some


def step(name: str, folder: Path, options: argparse.Namespace) -> None:
    """Run one step in this process."""
    job, rankings = folder / "job", folder / "rankings"
    if name == "export":
        from pipelines.export_labelling import main

        main([
            "--prompts", str(folder / "prompts.jsonl"), "--answers", str(folder / "answers.jsonl"),
            "--pool", "all", "-k", str(options.k), "--raters", str(options.raters), "--overlap",
            str(options.overlap), "--user-cap", "0", "--batch-size", "2000", "--target", "html",
            "--output", str(job),
        ])  # fmt: skip
    elif name == "import":
        from corpusforge.annotate.imports.run import import_answers, summary

        print(
            summary(import_answers(str(job), [str(folder / "returned" / "*.json")], str(rankings)))
        )
    elif name == "results":
        from corpusforge.annotate.results import write_results

        found, made = write_results([str(job)], [str(rankings)], str(folder / "out"), formats=FORMS)
        print(f"{found.rankings} rankings, {made['pairs']} pairs, {made['rows']}")


def main(argv: Sequence[str] | None = None) -> int:
    """Print a table of steps: wall and CPU seconds, peak memory."""
    options = harness.arguments(__doc__)
    options.add_argument("--tasks", type=int, default=100_000)
    options.add_argument("--raters", type=int, default=3)
    options.add_argument("--overlap", type=int, default=1)
    options.add_argument("-k", type=int, default=9)
    options.add_argument("--words", type=int, default=40, help="of a prompt or an answer")
    options.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options.add_argument("--folder", default="", help=argparse.SUPPRESS)
    asked = options.parse_args(argv)
    if asked.step:
        clock = harness.Clock()
        step(asked.step, Path(asked.folder), asked)
        harness.figures([clock.wall(), clock.cpu(), harness.peak_mb() / 1000])
        return 0
    with tempfile.TemporaryDirectory(prefix="annotate-scale-") as name:
        folder = Path(name)
        synthetic(folder, asked.tasks // asked.overlap, asked.k, asked.words)
        table = [_child(step_name, folder, asked) for step_name in STEPS]
    print(
        f"\n{asked.tasks} tasks, K = {asked.k}, {asked.raters} raters, {asked.overlap} a prompt, "
        f"{asked.words} words an answer\n"
    )
    walls, cpus, peaks = (list(column) for column in zip(*table, strict=True))
    harness.heads("step", "wall s", "CPU s", "peak GB")
    whole = [sum(walls), sum(cpus), max(peaks)]
    for name, (wall, cpu, peak) in zip([*STEPS, "all"], [*table, whole], strict=True):
        harness.row(name, f"{wall:.1f}", f"{cpu:.1f}", f"{peak:.2f}")
    return 0


def _child(name: str, folder: Path, asked: argparse.Namespace) -> list[float]:
    if name == "import":
        answered(folder / "job", folder / "returned")
    given = ["--step", name, "--folder", folder, "-k", asked.k]
    for option in ("tasks", "raters", "overlap", "words"):
        given += [f"--{option}", getattr(asked, option)]
    return harness.ask("annotate_scale", *given)


if __name__ == "__main__":
    sys.exit(main())
