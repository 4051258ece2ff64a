"""What it costs to keep texts of dropped documents: the first stage with 0, 2 and 50 a rule, by turns.

    python -m benchmarks.dropped_samples [--rounds 5] [--source NAME=GLOB …]

The sample's recipe, by one process; `--source` names other files. CPU seconds, and the bytes of `samples/`.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks import harness
from pipelines import pretrain_mix

NUMBERS = (0, 2, 50)


def main() -> int:
    """Print the table."""
    options = harness.arguments(__doc__)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--source", action="append", default=[], metavar="NAME=GLOB")
    given = options.parse_args()
    own = [f"--source={one}" for one in given.source]
    own += ["--quiet", "--workers", "1", "--until", "documents"]
    with tempfile.TemporaryDirectory() as folder:
        runs = {number: [Path(folder, str(number))] for number in NUMBERS}

        def made(number: int) -> None:
            run = runs[number][0].with_name(f"{number}-{len(runs[number])}")
            runs[number].append(run)
            pretrain_mix.run(
                [*own, "--output", str(run), "--set", f"report.dropped_samples={number}"]
            )

        made(0)  # compiles what is not compiled, and reads the files once
        spent = harness.by_turns(
            {str(number): lambda number=number: made(number) for number in NUMBERS}, given.rounds
        )
        sizes = {
            n: sum(p.stat().st_size for p in runs[n][-1].glob("samples/part-*")) for n in NUMBERS
        }
    print(harness.machine("pyarrow"))
    harness.heads(
        "a rule", "CPU s, median", "least", "most", "median of ratios to 0", "bytes of samples/"
    )
    for number in NUMBERS:
        own_s, none = spent[str(number)], spent["0"]
        ratio = statistics.median(a / b for a, b in zip(own_s, none, strict=True))
        figures = (statistics.median(own_s), min(own_s), max(own_s), ratio)
        harness.row(number, *(f"{one:.3f}" for one in figures), sizes[number])
    return 0


if __name__ == "__main__":
    sys.exit(main())
