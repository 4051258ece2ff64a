"""Workers against one worker, stage by stage: seconds, speed-up, and that the bytes are equal.

    python -m benchmarks.scaling --corpus DIR [--workers 2] [--megabytes 10 20 40 0]

DIR is `benchmarks.make_corpus`'s; each number of megabytes of text (0: all) is one run with one worker and
one with N, in fresh directories; every stage of at least a CPU second with one worker is shown. Wall times
count only on a quiet machine, so its load is printed and a figure that other work does not disturb is given
beside them: CPU seconds of all parts with one worker, over those of the busiest of N (parts are dealt out
beforehand, so who makes what is known).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from corpusforge.beam.parts import balanced
from corpusforge.run.stage import Part


def chosen(corpus: Path, megabytes: int, target: Path) -> None:
    """Link files of the corpus until they hold that much stored text (0: all)."""
    size = 0
    for path in sorted(corpus.glob("part-*.jsonl.zst")):
        if megabytes and size * 3.7 > megabytes * 1e6:  # text is 3.7 times its stored size here
            break
        (target / path.name).symlink_to(path.resolve())
        size += path.stat().st_size


def run(inputs: Path, output: Path, workers: int) -> float:
    """Make a run in a process of its own; return its seconds."""
    recipe = Path(__file__).with_name("whole_chain.toml")
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "pipelines.pretrain_mix", "--quiet", "--until", "shards",
         "--recipe", str(recipe), f"--source=text={inputs}/*.zst",
         "--output", str(output), "--workers", str(workers)],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - start


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


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--corpus", type=Path, required=True)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--megabytes", type=int, nargs="+", default=[0])
    told = options.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    for megabytes in told.megabytes:
        with tempfile.TemporaryDirectory(dir=told.corpus.parent) as folder:
            inputs = Path(folder) / "in"
            inputs.mkdir()
            chosen(told.corpus, megabytes, inputs)
            outputs = {n: Path(folder) / f"run{n}" for n in (1, told.workers)}
            seconds = {n: run(inputs, output, n) for n, output in outputs.items()}
            times = {n: stages(output, n) for n, output in outputs.items()}
            equal = len({digest(output) for output in outputs.values()}) == 1
            print(f"\n{megabytes or 'all'} MB of text: 1 worker {seconds[1]:.1f} s, {told.workers} workers "
                  f"{seconds[told.workers]:.1f} s, {seconds[1] / seconds[told.workers]:.2f}x, shards "
                  f"{'equal' if equal else 'DIFFER'}")  # fmt: skip
            for name, (alone, used) in times[1].items():
                if used >= 1:
                    shared, most = times[told.workers][name]
                    print(f"  {name:<14} {alone:6.1f} s {shared:6.1f} s {alone / shared:5.2f}x   CPU "
                          f"{used:6.1f} s {most:6.1f} s {used / most:5.2f}x")  # fmt: skip
            shutil.rmtree(outputs[1])
    print(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
