"""Workers against one worker: seconds by stage and in all, the speed-up, and that the bytes are equal.

    python -m benchmarks.scaling --corpus DIR [--workers 2] [--megabytes 8 30 60 200] [--repeats 2]

DIR is `benchmarks.make_corpus --megabytes 200`'s; each number of megabytes of text (0: all) is run with
one worker and with N in turn, `--repeats` times each, in fresh directories; the least of each counts. Shown
are the whole command (its start included) and every stage of at least half a second with one worker. Wall
times count only on a quiet machine, so its load is printed and a figure that other work disturbs less is
given beside them: CPU seconds of all parts with one worker, over those of the busiest of N (parts are dealt
out beforehand, so who makes what is known). First it measures what forked workers cost: a stage of empty
parts, with them and in this process. Twice that (for two) is the work from which on they are worth it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import harness
from benchmarks.make_corpus import first
from corpusforge.beam import runner
from corpusforge.beam.parts import balanced
from corpusforge.run.stage import Part, Stage, run_stage
from corpusforge.testing.parts import write_process

SHOWN = 0.5  # seconds


def run(inputs: Path, output: Path, workers: int) -> float:
    """Make a run in a process of its own; return its seconds."""
    recipe = Path(__file__).with_name("whole_chain.toml")
    clock = harness.Clock()
    harness.run([
        sys.executable, "-m", "pipelines.pretrain_mix", "--quiet", "--until", "shards",
        "--recipe", recipe, f"--source=text={inputs}/*.zst", "--output", output, "--workers", workers,
    ])  # fmt: skip
    return clock.wall()


def stages(output: Path, workers: int) -> dict[str, tuple[float, float]]:
    """Wall seconds of each stage, and CPU seconds of its busiest worker, from manifest and receipts."""
    found = sorted(output.glob("*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    return {
        path.parent.name: (json.loads(path.read_text())["seconds"], busiest(path.parent, workers))
        for path in found
    }


def busiest(stage: Path, workers: int) -> float:
    """CPU seconds of the worker that had most to do."""
    receipts = [
        json.loads(path.read_text()) for path in sorted(stage.glob("_receipts/part-*.json"))
    ]
    parts = [
        Part(stage.name, number, "", receipt["cpu_seconds"], size=receipt["input_bytes"])
        for number, receipt in enumerate(receipts)
    ]
    return max((sum(p.settings for p in own) for own in balanced(parts, workers)), default=0.0)


def digest(output: Path) -> str:
    """One SHA-256 over all shards."""
    total = hashlib.sha256()
    for path in sorted((output / "shards").rglob("*.bin")):
        total.update(path.read_bytes())
    return total.hexdigest()


def empty_stages(folder: Path, workers: int, times: int) -> list[float]:
    """Make a stage of empty parts some times; return its least wall seconds and its mean CPU seconds."""
    walls = []
    clock = harness.Clock()
    with runner.BeamExecutor("DirectRunner", workers) as execute:
        for number in range(times):
            name = f"empty{number}"
            size = 10**9 if workers > 1 else 0  # large enough to be given to workers
            count = max(2, workers)
            parts = tuple(Part(name, i, str(folder), None, (i,), size) for i in range(count))
            each = harness.Clock()
            run_stage(Stage(name, str(folder), write_process, parts, {}, {}), execute)
            walls.append(each.wall())
    return [min(walls), (clock.cpu() + clock.children()) / times]


def fork_cost(folder: Path, workers: int, times: int = 7) -> None:
    """Print the least wall and CPU seconds of a stage of empty parts, made here and by forked workers."""
    (here, _), (forked, cpu) = (
        harness.ask("scaling", "--corpus", folder / f"fork{count}", "--empty", count, times)
        for count in (1, workers)
    )
    print(f"a stage of empty parts: {here:.2f} s here, {forked:.2f} s by {workers} forked workers (least of "
          f"{times}; {cpu:.2f} s of CPU a stage)")  # fmt: skip


def compare(corpus: Path, folder: Path, megabytes: int, workers: int, repeats: int) -> None:
    """Run one size with one worker and with several in turn; print the least of each."""
    inputs = folder / "in"
    _, size = first(corpus, inputs, megabytes)
    walls: dict[int, list[float]] = {1: [], workers: []}
    times: dict[int, list[dict[str, tuple[float, float]]]] = {1: [], workers: []}
    digests = set()
    for _ in range(repeats):
        for own in (1, workers):
            output = folder / "run"
            walls[own].append(run(inputs, output, own))
            times[own].append(stages(output, own))
            digests.add(digest(output))
            shutil.rmtree(output)
    least = {own: min(values) for own, values in walls.items()}
    print(f"\n{size / 1e6:.0f} MB of text: 1 worker {least[1]:.1f} s, {workers} workers "
          f"{least[workers]:.1f} s, {least[1] / least[workers]:.2f}x, shards "
          f"{'equal' if len(digests) == 1 else 'DIFFER'}, load {harness.load():.1f}")  # fmt: skip
    harness.heads(
        "stage", "wall s, 1", "wall s, N", "ratio", "CPU s, 1", "CPU s, the busiest", "ratio"
    )
    for name in times[1][0]:
        alone, used = (min(found[name][i] for found in times[1]) for i in (0, 1))
        shared, most = (min(found[name][i] for found in times[workers]) for i in (0, 1))
        if alone >= SHOWN:
            figures = (alone, shared, alone / shared, used, most, used / max(most, 1e-9))
            harness.row(name, *(f"{figure:.2f}" for figure in figures))


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__)
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--megabytes", type=int, nargs="+", default=[8, 30, 60, 200])
    options.add_argument("--repeats", type=int, default=2)
    options.add_argument("--empty", type=int, nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.empty:
        harness.figures(empty_stages(given.corpus, *given.empty))
        return
    print(harness.machine())
    with tempfile.TemporaryDirectory(dir=given.corpus.parent) as folder:
        fork_cost(Path(folder), given.workers)
        for megabytes in given.megabytes:
            target = Path(folder) / str(megabytes)
            compare(given.corpus, target, megabytes, given.workers, given.repeats)
    print(f"load after: {harness.load():.1f}")


if __name__ == "__main__":
    main()
