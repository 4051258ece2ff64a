"""Bands, verification and selection of synthetic signatures: time, memory and disk against size.

    python -m benchmarks.dedup_scale --millions 1 3 10 --directory DIR [--parts 10] [--ranges 0 8]

With `--ranges 0` one process does everything, as a laptop does; with more, each key range is a
process of its own and selection another, as the stages `collisions` and `duplicates` are. A tenth
of the documents are copies of others (J from .72 to 1), one in a thousand shares a bucket with 200
others without being alike, as boilerplate does. Without texts the estimate decides alone. Prints
CPU seconds, the peak of resident anonymous memory (mapped files can be dropped at any time and are
not counted) and of all resident memory; of the widest range where they are many.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import harness
from corpusforge.dedup import select
from corpusforge.dedup.lsh_buckets import write_collisions
from corpusforge.dedup.parts import IDS
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import write_bands
from corpusforge.hashing import mix64
from corpusforge.io import files
from corpusforge.io.parquet import write_batches

SLOTS = 128
SETTINGS = Settings(slots=SLOTS)
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
    """The highest anonymous memory of this process, in GB, looked at twenty times a second."""

    def __init__(self) -> None:
        self.anonymous = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.05):
            self.anonymous = max(self.anonymous, harness.anonymous_mb() / 1e3)

    def stop(self) -> None:
        """Stop watching."""
        self._stop.set()
        self._thread.join()


def make(documents: int, directory: Path, parts: int) -> dict[str, float]:
    """Write the signed parts; return what that cost."""
    directory.mkdir(parents=True, exist_ok=True)
    clock = harness.Clock()
    edges = np.linspace(0, documents, parts + 1).astype(int)
    for number, (first, last) in enumerate(pairwise(edges)):
        write_part(str(directory / f"part-{number}"), int(first), int(last - first), SETTINGS)
    size = sum(path.stat().st_size for path in directory.iterdir())
    return {"cpu": clock.cpu(), "disk": size / 1e9}


def prefixes(directory: Path) -> list[str]:
    """Return the prefixes of the signed parts."""
    return [str(directory / f"part-{i}") for i in range(len(list(directory.glob("*.sig"))))]


def measured(work: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Return what the work returns, its CPU seconds and the peaks of memory in GB."""
    harness.peak_mb(reset=True)
    watch = Watch()
    found, spent = harness.timed(work)
    watch.stop()
    resident = harness.peak_mb() / 1e3
    return found | {"cpu": spent, "anonymous": watch.anonymous, "resident": resident}


def collide(directory: Path, number: int, ranges: int) -> dict[str, float]:
    """Look for the collisions of one range."""
    path = directory / f"{number}.groups"
    members = write_collisions(prefixes(directory), SETTINGS, number, ranges, str(path))
    return {"members": members, "disk": path.stat().st_size / 1e9}


def choose(directory: Path, ranges: int) -> dict[str, float]:
    """Select the duplicates, from the files of the ranges if there are any."""
    paths = [str(directory / f"{number}.groups") for number in range(ranges)]
    found = select.find_duplicates(prefixes(directory), SETTINGS, collisions=paths or None)
    numbers = found.corpus.numbers[found.corpus.places]
    copies = np.flatnonzero(found.method)
    copies = copies[np.argsort(numbers[copies])]
    digest = hashlib.sha256(numbers[copies].tobytes() + found.similarity[copies].tobytes())
    digest.update(numbers[found.kept[copies]].tobytes())
    return {
        "copies": found.copies,
        "in": found.corpus.size,
        "candidates": found.counts.candidates,
        "compared": found.counts.compared,
        "unseen": found.counts.unseen,
        "digest": int(digest.hexdigest()[:8], 16),
    }


def child(given: list[str]) -> dict[str, float]:
    """Run one step in this process."""
    step, directory, numbers = given[0], Path(given[1]), [int(value) for value in given[2:]]
    if step == "make":
        return make(numbers[0], directory, numbers[1])
    with tempfile.TemporaryDirectory() as folder:  # kernels are loaded before a clock starts
        make(1000, Path(folder), 1)
        choose(Path(folder), 0)
    if step == "collide":
        return measured(lambda: collide(directory, *numbers))
    return measured(lambda: choose(directory, *numbers))


def ask(*given: object) -> dict[str, float]:
    """Run one step in a process of its own; return its figures."""
    return harness.ask("dedup_scale", "--directory", ".", "--child", *given)


def rows(
    documents: int, directory: Path, parts: int, ways: list[int]
) -> Iterator[dict[str, float | str]]:
    """Yield a row of figures for each number of ranges."""
    made = ask("make", directory, documents, parts)
    for ranges in ways:
        found = [ask("collide", directory, number, ranges) for number in range(ranges)]
        chosen = ask("choose", directory, ranges)
        yield {
            "documents": documents,
            "ranges": ranges or "within",
            "in": chosen["in"],
            "copies": chosen["copies"],
            "compared": chosen["compared"],
            "unseen": chosen["unseen"],
            "digest": f"{int(chosen['digest']):08x}",
            "all ranges, CPU s": sum(item["cpu"] for item in found),
            "widest, CPU s": max((item["cpu"] for item in found), default=0.0),
            "anonymous GB": max((item["anonymous"] for item in found), default=0.0),
            "resident GB": max((item["resident"] for item in found), default=0.0),
            "selection, CPU s": chosen["cpu"],
            "its anonymous GB": chosen["anonymous"],
            "its resident GB": chosen["resident"],
            "signed GB": made["disk"],
            "groups GB": sum(item["disk"] for item in found),
        }


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1.0])
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--parts", type=int, default=10)
    parser.add_argument("--ranges", type=int, nargs="+", default=[0])
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args(arguments)
    if args.child:
        harness.figures(child(args.child))
        return
    headed = False
    for millions in args.millions:
        directory = args.directory / f"{millions:g}m"
        for row in rows(int(millions * 1e6), directory, args.parts, args.ranges):
            if not headed:
                harness.heads(*row)
                headed = True
            harness.row(*(v if isinstance(v, str) else f"{v:.6g}" for v in row.values()))
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
