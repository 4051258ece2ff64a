"""A whole run at growing sizes: peak memory by process, disk, CPU seconds and MB/s by stage; is it linear?

    python -m benchmarks.size make --gigabytes 5 --output CORPUS [--packages DIR]
    python -m benchmarks.size run CORPUS --gigabytes 0.5 1 2 5 --work DIR --tokenizer RANKS [--save FILE]
    python -m benchmarks.size table FILE

The corpus: a machine holds no gigabytes of unique text, so documents are put together from passages of
real text (`make_corpus`'s: manual pages of all languages, package documentation, Python sources; cut at
paragraph ends to about 1,000 characters, equal ones once). A document draws its length from the real
documents' and its passages by hash from one kind and language, at least three. Two documents then share a
passage at times and are near copies almost never: dedup works on all of it and removes almost none.
Smaller sizes are the first files. Limits: paragraphs recur (by the ratio that `make` prints), so text
compresses and caches of words hit better than on a crawl; the passages of a document do not belong together.
CPU seconds of a stage are the user + system time of the process tree, read twice a second and cut at the
times of the manifests; anonymous memory is read then too, the resident peak is the kernel's. Linux only.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from benchmarks.make_corpus import base_documents, fetch, first, pieces, roots
from benchmarks.memory import descendants
from corpusforge.hashing import id_keys, uniform
from corpusforge.io.jsonl import read_jsonl, write_jsonl

RECIPE = Path(__file__).with_name("plain.toml")
PASSAGE = 1_000
PART_BYTES = 40_000_000
FEWEST = 2_000  # passages; a kind of fewer would repeat itself
TICKS = os.sysconf("SC_CLK_TCK")


class Passages:
    """Real passages in groups of one kind and language, and how many make a document."""

    def __init__(self, megabytes: float, packages: Path | None, seed: int) -> None:
        groups: dict[tuple[str, str], dict[str, None]] = {}
        counts = []
        size = 0
        for piece in base_documents(roots() + (fetch(packages) if packages else []), seed, 20_000):
            own = [text for text in pieces(piece.text, PASSAGE) if text.strip()]
            counts.append(max(3, len(own)))
            groups.setdefault((piece.source, piece.lang), {}).update(dict.fromkeys(own))
            size += len(piece.text.encode())
            if size > megabytes * 1e6:
                break
        groups = {key: found for key, found in groups.items() if len(found) >= FEWEST}
        self.texts = [text for key in sorted(groups) for text in groups[key]]
        sizes = [len(groups[key]) for key in sorted(groups)]
        self.ends = np.cumsum(sizes)
        self.starts = self.ends - sizes
        self.kinds = sorted(groups)
        self.counts = np.array(counts)
        self.bytes = sum(len(text.encode()) for text in self.texts)

    def documents(self, part: int, seed: int) -> Iterator[dict[str, Any]]:
        """Yield the documents of one part for ever."""
        number = 0
        while True:
            keys = id_keys(f"{part}/{number + i}" for i in range(1_000))
            lengths = self.counts[(uniform(keys, seed, "length") * len(self.counts)).astype(int)]
            leads = (uniform(keys, seed, "kind") * len(self.texts)).astype(int)
            for length, lead in zip(lengths, leads, strict=True):
                group = int(np.searchsorted(self.ends, lead, side="right"))
                name = f"{part}/{number}"
                draws = uniform(id_keys(f"{name}/{i}" for i in range(length)), seed, "passage")
                places = self.starts[group] + draws * (self.ends[group] - self.starts[group])
                source, lang = self.kinds[group]
                text = "\n\n".join(self.texts[place] for place in places.astype(int))
                yield {"id": name, "source": source, "lang": lang, "text": text}
                number += 1


def make(output: Path, gigabytes: float, base: float, packages: Path | None, seed: int) -> None:
    """Write part files of about 40 MB of text each until there are that many gigabytes."""
    passages = Passages(base, packages, seed)
    if not passages.texts:
        raise SystemExit(
            f"{base:g} MB of real text hold no kind and language with {FEWEST} passages: raise --base"
        )
    print(f"{len(passages.texts):,} passages, {passages.bytes / 1e6:.0f} MB; each stands about "
          f"{gigabytes * 1e9 / passages.bytes:.1f} times in the corpus", flush=True)  # fmt: skip
    parts = max(1, round(gigabytes * 1e9 / PART_BYTES))
    for part in range(parts):
        rows, size = [], 0
        for row in passages.documents(part, seed):
            rows.append(row)
            size += len(row["text"].encode())
            if size >= PART_BYTES:
                break
        write_jsonl(str(output / f"part-{part:05}.jsonl.zst"), rows)


def cpu_seconds(pid: int) -> float:
    """User + system seconds of one process; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
    except OSError:
        return 0.0


def disk(directory: Path) -> int:
    """Bytes of all files below a directory."""
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def follow(process: subprocess.Popen[bytes], run: Path) -> dict[str, Any]:
    """Sample a run's process tree until it ends: peaks, CPU by time, largest disk use."""
    peaks: dict[int, float] = {}
    anonymous: dict[int, float] = {}
    spent: dict[int, float] = {}
    samples = [(time.time(), 0.0)]
    wait, largest, round_ = threading.Event(), 0, 0
    while process.poll() is None:
        for pid in descendants(process.pid):
            peaks[pid] = max(peaks.get(pid, 0.0), harness.peak_mb(pid))
            anonymous[pid] = max(anonymous.get(pid, 0.0), harness.anonymous_mb(pid))
            spent[pid] = max(spent.get(pid, 0.0), cpu_seconds(pid))
        samples.append((time.time(), sum(spent.values())))
        if round_ % 40 == 0:
            largest = max(largest, disk(run))
        round_ += 1
        wait.wait(0.5)
    driver, driver_anonymous = peaks.pop(process.pid), anonymous.pop(process.pid)
    return {
        "driver_mb": driver,
        "driver_anonymous_mb": driver_anonymous,
        "worker_anonymous_mb": max(anonymous.values(), default=0.0),
        "worker_mb": max(peaks.values(), default=0.0),
        "disk_peak": max(largest, disk(run)),
        "samples": samples,
    }


def by_stage(run: Path, samples: list[tuple[float, float]]) -> dict[str, dict[str, float]]:
    """Wall and CPU seconds and bytes on disk of each stage, by when its manifest was written."""
    times, spent = np.array(samples).T
    found = sorted(run.glob("*/manifest.json"), key=lambda path: path.stat().st_mtime_ns)
    rows, before = {}, 0.0
    for path in found:
        manifest = json.loads(path.read_text())
        until = float(np.interp(path.stat().st_mtime, times, spent))
        size = sum(output["bytes"] for output in manifest["outputs"])
        rows[path.parent.name] = {"wall": manifest["seconds"], "cpu": until - before, "disk": size}
        before = until
    rows["report"] = {"wall": 0.0, "cpu": samples[-1][1] - before, "disk": 0}
    return rows


def measure(corpus: Path, work: Path, gigabytes: float, workers: int, tokenizer: str) -> Any:
    """Run the first gigabytes of a corpus through every stage and describe it."""
    inputs, run = work / "in", work / "run"
    shutil.rmtree(work, ignore_errors=True)
    _, size = first(corpus, inputs, gigabytes * 1e3)
    command = [
        sys.executable, "-m", "pipelines.pretrain_mix", "--recipe", str(RECIPE), "--quiet",
        "--source", f"text={inputs}/*.zst", "--output", str(run), "--workers", str(workers),
        "--set", f'tokenize.tokenizer="{tokenizer}"',
    ]  # fmt: skip
    load, clock = harness.load(), harness.Clock()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    row = follow(process, run)
    cpu, wall = clock.children(), clock.wall()
    if process.returncode:
        raise SystemExit(f"the run failed with exit code {process.returncode}")
    report = json.loads((run / "report.json").read_text())
    ledger = {entry["stage"]: entry for entry in report["ledger"]}
    row |= {
        "gigabytes": size / 1e9,
        "stored": sum(path.stat().st_size for path in inputs.iterdir()),
        "kept_bytes": report["text_bytes"],
        "documents": ledger["ingest"]["seen"],
        "survive_dedup": ledger["dedup"]["kept"] / ledger["dedup"]["seen"],
        "tokens": sum(split["tokens"] for split in report["shards"].values()),
        "stats": disk(run / "stats") / report["text_bytes"],
        "workers": workers,
        "wall": wall,
        "cpu": cpu,
        "load": [load, harness.load()],
        "stages": by_stage(run, row.pop("samples")),
    }  # fmt: skip
    shutil.rmtree(work)
    return row


def table(rows: list[dict[str, Any]]) -> None:
    """Print the totals, then CPU seconds and MB of text a CPU second by stage, a column a size."""
    harness.heads("text, GB", "documents", "survive dedup", "10^6 tokens", "CPU s", "MB/s of CPU", "wall s",
                  "load", "driver: resident (anonymous), MB", "largest worker, MB", "input, GB",
                  "disk at most, GB", "disk a byte of text")  # fmt: skip
    for row in rows:
        anonymous = [f" ({row[name]:,.0f})" if name in row else ""
               for name in ("driver_anonymous_mb", "worker_anonymous_mb")]  # fmt: skip
        harness.row(
            f"{row['gigabytes']:.2f}",
            f"{row['documents']:,}",
            f"{row['survive_dedup']:.2%}",
            f"{row['tokens'] / 1e6:,.0f}",
            f"{row['cpu']:,.0f}",
            f"{row['gigabytes'] * 1e3 / row['cpu']:.2f}",
            f"{row['wall']:,.0f}",
            f"{row['load'][0]:.1f}-{row['load'][1]:.1f}",
            f"{row['driver_mb']:,.0f}{anonymous[0]}",
            f"{row['worker_mb']:,.0f}{anonymous[1]}",
            f"{row['stored'] / 1e9:.2f}",
            f"{row['disk_peak'] / 1e9:.2f}",
            f"{row['disk_peak'] / row['gigabytes'] / 1e9:.2f}",
        )
    heads = [f"{row['gigabytes']:.1f} GB: CPU s (MB/s), wall s" for row in rows]
    print()
    harness.heads("stage", *heads, "on disk, bytes a byte of text")
    for name in rows[-1]["stages"]:
        shown = []
        for row in rows:
            stage = row["stages"][name]
            rate = f" ({row['gigabytes'] * 1e3 / stage['cpu']:,.1f})" if stage["cpu"] >= 0.5 else ""
            shown.append(f"{stage['cpu']:,.1f}{rate}, {stage['wall']:,.1f}")
        share = rows[-1]["stages"][name]["disk"] / rows[-1]["gigabytes"] / 1e9
        harness.row(name, *shown, f"{share:.3f}")


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__)
    actions = options.add_subparsers(dest="action", required=True)
    making = actions.add_parser("make")
    making.add_argument("--gigabytes", type=float, required=True)
    making.add_argument("--output", type=Path, required=True)
    making.add_argument("--base", type=float, default=400.0, help="MB of real text, at most")
    making.add_argument("--packages", type=Path, help="adds Chinese packages, downloaded there")
    making.add_argument("--seed", type=int, default=1)
    running = actions.add_parser("run")
    running.add_argument("corpus", type=Path)
    running.add_argument("--gigabytes", type=float, nargs="+", required=True)
    running.add_argument("--work", type=Path, required=True, help="a directory, emptied")
    running.add_argument("--workers", type=int, default=2)
    running.add_argument("--tokenizer", default="train")
    running.add_argument("--save", type=Path, help="a JSON line a run is added here")
    showing = actions.add_parser("table")
    showing.add_argument("file", type=Path)
    given = options.parse_args()
    if given.action == "make":
        make(given.output, given.gigabytes, given.base, given.packages, given.seed)
        return
    rows = []
    for gigabytes in given.gigabytes if given.action == "run" else ():
        rows.append(measure(given.corpus, given.work, gigabytes, given.workers, given.tokenizer))
        if given.save:
            with given.save.open("a") as stream:
                stream.write(json.dumps(rows[-1]) + "\n")
    table(rows or sorted(read_jsonl(str(given.file)), key=lambda row: row["gigabytes"]))


if __name__ == "__main__":
    main()
