"""The sample on a machine that has not run it yet, and again: CPU seconds and seconds by the wall.

    python -m benchmarks.first_run [--beside CLONE] [--rounds 1]

First with an empty kernel cache (numba compiles every kernel, but those that `corpusforge.kernels --ship` put
into the clone), by one process and by two; then with what that left in the cache. `--beside` runs another
clone of this project in turn, such as an earlier commit's.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks import harness


def sample(clone: Path, cache: Path, workers: int) -> tuple[float, float]:
    """Run the sample of a clone; return (CPU seconds, seconds by the wall), children included."""
    with tempfile.TemporaryDirectory() as folder:
        command = (sys.executable, "-m", "pipelines.pretrain_mix", "--quiet",
                   "--workers", workers, "--output", f"{folder}/run")  # fmt: skip
        environment = {**os.environ, "PYTHONPATH": str(clone), "NUMBA_CACHE_DIR": str(cache)}
        environment.pop(
            "PYTHONDONTWRITEBYTECODE", None
        )  # a machine in use has its modules compiled
        clock = harness.Clock()
        harness.run(command, cwd=clone, env=environment)
        return clock.children(), clock.wall()


def main() -> None:
    """Print the table."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--beside", type=Path, help="another clone, run in turn")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    clones = {"this": harness.ROOT}
    if options.beside:
        clones["beside"] = options.beside.resolve()
    harness.heads("clone", "kernels", "processes", "CPU s", "s by the wall")
    for _ in range(options.rounds):
        for workers in (1, 2):
            for name, clone in clones.items():
                with tempfile.TemporaryDirectory() as cache:
                    for kernels in ("none", "compiled"):
                        cpu, wall = sample(clone, Path(cache), workers)
                        harness.row(name, kernels, workers, f"{cpu:.1f}", f"{wall:.1f}")
    print(harness.machine("numba", "llvmlite"))


if __name__ == "__main__":
    main()
