"""Peak memory of the largest process of a run, for corpora of different sizes.

    python -m benchmarks.make_corpus --megabytes 200 --duplicates 0.02 --output CORPUS_200
    python -m benchmarks.make_corpus --megabytes 400 --duplicates 0.02 --output CORPUS_400
    python -m benchmarks.memory CORPUS_200 CORPUS_400 [--workers 2] [--tokenizer RANKS]

Each corpus goes through every stage of `benchmarks/plain.toml` in a process of its own; every 50 ms
the resident peak of that process and of all its descendants is read. Linux only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks import harness

RECIPE = Path(__file__).with_name("plain.toml")


def descendants(root: int) -> set[int]:
    """Process ids of `root` and everything below it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
            except OSError:
                continue
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def measure(corpus: str, workers: int, tokenizer: str) -> dict[str, float]:
    """Run the pipeline on a corpus; return its peaks and totals."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pipelines.pretrain_mix", "--recipe", str(RECIPE), "--quiet",
            "--source", f"text={corpus}/part-*.jsonl.zst", "--output", f"{folder}/run",
            "--workers", str(workers), "--set", f'tokenize.tokenizer="{tokenizer}"',
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peaks: dict[int, float] = {}
        wait = threading.Event()
        while process.poll() is None:
            for pid in descendants(process.pid):
                peaks[pid] = max(peaks.get(pid, 0.0), harness.peak_mb(pid))
            wait.wait(0.05)
        if process.returncode:
            raise SystemExit(f"the run on {corpus} failed with exit code {process.returncode}")
        report = json.loads(Path(f"{folder}/run/report.json").read_text())
    first = next(row for row in report["ledger"] if row["stage"] == "ingest")
    dedup = next(row for row in report["ledger"] if row["stage"] == "dedup")
    return {
        "driver": peaks[process.pid],
        "largest": max(peaks.values()),
        "documents": first["seen"],
        "text_mb": report["text_bytes"] / 1e6,
        "survive_dedup": dedup["kept"] / dedup["seen"],
        "seconds": sum(stage["seconds"] for stage in report["timing"]),
    }


def main() -> None:
    """Print a row a corpus."""
    options = harness.arguments(__doc__)
    options.add_argument("corpora", nargs="+", metavar="CORPUS")
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--tokenizer", default="train", help="a name or path, as in a recipe")
    given = options.parse_args()
    harness.heads(
        "documents", "text kept, MB", "survive dedup", "largest process, MB", "driver, MB", "s"
    )
    for corpus in given.corpora:
        row = measure(corpus, given.workers, given.tokenizer)
        sizes = (f"{row[name]:.0f}" for name in ("largest", "driver", "seconds"))
        share = f"{row['survive_dedup']:.1%}"
        harness.row(f"{row['documents']:,.0f}", f"{row['text_mb']:.0f}", share, *sizes)


if __name__ == "__main__":
    main()
