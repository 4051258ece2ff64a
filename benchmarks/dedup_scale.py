"""Bands, verification and selection of synthetic signatures: time, memory and disk against size.

    python -m benchmarks.dedup_scale --millions 1 3 10 --directory DIR [--parts 10]

Each size runs in a process of its own. A tenth of the documents are copies of others (J from .72
to 1), one in a thousand shares a bucket with 200 others without being alike, as boilerplate does.
Without texts the estimate decides alone. Prints CPU seconds a step, the peak of resident anonymous
memory (mapped files can be dropped at any time and are not counted) and of all resident memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusforge.dedup import select
from corpusforge.dedup.parts import IDS
from corpusforge.dedup.plan import make_plan
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import write_bands
from corpusforge.draw import mix64
from corpusforge.io import files
from corpusforge.io.parquet import write_batches

SLOTS = 128
ROWS = 1 << 15


def random_rows(numbers: np.ndarray, salt: int) -> np.ndarray:
    """Return a signature for each number, uint32 [n, SLOTS], by hashing."""
    seeds = mix64(numbers.astype(np.uint64) * np.uint64(2) + np.uint64(salt))
    slots = np.arange(SLOTS // 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return mix64(seeds[:, None] + slots[None, :]).view(np.uint32)


def signatures(numbers: np.ndarray) -> np.ndarray:
    """Return signatures: every tenth document copies the one before it in all but some slots."""
    copies = numbers % 10 == 9
    rows = random_rows(numbers - copies, 0)
    noise = random_rows(numbers, 1)
    share = (mix64(numbers.astype(np.uint64)) >> np.uint64(40)).astype(np.float64) / (1 << 24)
    changed = noise % 1024 < (share * 0.28 * 1024)[:, None]
    rows = np.where(copies[:, None] & changed, noise, rows)
    crowd = numbers % 1000 == 5
    rows[crowd, :5] = random_rows(numbers[crowd] // 200_000, 2)[:, :5]
    return rows


def write_part(prefix: str, first: int, count: int, settings: Settings) -> None:
    """Write a signed part of synthetic documents [first, first + count)."""
    with files.atomic_write(prefix + ".sig") as stream:

        def batches() -> Iterator[pa.RecordBatch]:
            for start in range(first, first + count, ROWS):
                numbers = np.arange(start, min(start + ROWS, first + count))
                stream.write(signatures(numbers).astype("<u4").tobytes())
                hashes = mix64(numbers.astype(np.uint64))
                columns = {
                    "id": [f"{value:016x}{value:016x}" for value in hashes],
                    "source": pa.array(["web"] * len(numbers)),
                    "n_shingles": np.full(len(numbers), 400, dtype=np.uint32),
                    "text_bytes": (2000 + hashes % 997).astype(np.int64),
                    "exact_hash": hashes,
                    "url_hash": np.zeros(len(numbers), dtype=np.uint64),
                }
                arrays = [
                    pa.array(columns[f.name], type=f.type)
                    if f.name in columns
                    else pa.nulls(len(numbers), f.type)
                    for f in IDS
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=IDS)

        write_batches(prefix + ".ids.parquet", IDS, batches())
    write_bands(prefix, settings)


class Watch:
    """The highest resident memory of this process, anonymous and in all, in GB."""

    def __init__(self) -> None:
        self.anonymous = self.total = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            fields = dict(
                line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines()
            )
            self.anonymous = max(self.anonymous, int(fields["RssAnon"].split()[0]) / 1e6)
            self.total = max(self.total, int(fields["VmRSS"].split()[0]) / 1e6)

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()


def one(documents: int, directory: Path, parts: int) -> dict[str, float]:
    """Run one size; return its figures."""
    settings = Settings(slots=SLOTS)
    directory.mkdir(parents=True, exist_ok=True)
    start = time.process_time()
    edges = np.linspace(0, documents, parts + 1).astype(int)
    prefixes = [str(directory / f"part-{i}") for i in range(parts)]
    for prefix, first, last in zip(prefixes, edges[:-1], edges[1:], strict=True):
        write_part(prefix, int(first), int(last - first), settings)
    made = time.process_time() - start
    watch = Watch()
    start, wall = time.process_time(), time.perf_counter()
    found = select.find_duplicates(prefixes, settings)
    spent, wall = time.process_time() - start, time.perf_counter() - wall
    watch.stop()
    size = sum(path.stat().st_size for path in directory.iterdir())
    return {
        "documents": documents,
        "bands": make_plan(settings).bands,
        "copies": found.copies,
        "candidates": found.counts.candidates,
        "compared": found.counts.compared,
        "unseen": found.counts.unseen,
        "make_cpu": made,
        "select_cpu": spent,
        "select_wall": wall,
        "anonymous_gb": watch.anonymous,
        "resident_gb": watch.total,
        "disk_gb": size / 1e9,
    }


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--millions", type=float, nargs="+", default=[1.0])
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--parts", type=int, default=10)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.child:
        figures = one(int(args.millions[0] * 1e6), args.directory, args.parts)
        print(json.dumps(figures))
        return
    head: list[str] = []
    for millions in args.millions:
        directory = args.directory / f"{millions:g}m"
        command = [sys.executable, "-m", "benchmarks.dedup_scale", "--child"]
        command += ["--millions", str(millions), "--directory", str(directory)]
        command += ["--parts", str(args.parts)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        shutil.rmtree(directory, ignore_errors=True)
        if done.returncode:
            sys.exit(done.stderr)
        figures = json.loads(done.stdout.splitlines()[-1])
        if not head:
            head = list(figures)
            print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
        print(f"| {' | '.join(f'{figures[key]:.6g}' for key in head)} |", flush=True)


if __name__ == "__main__":
    main()
