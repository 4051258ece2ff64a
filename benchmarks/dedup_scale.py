"""Bands, verification and selection of synthetic signatures: time, memory and disk against size.

    python -m benchmarks.dedup_scale --millions 1 3 10 --directory DIR [--parts 10] [--ranges 0 8]

With `--ranges 0` one process does everything, as a laptop does; with more, each task of the stages
`collisions` and `duplicates` is a process of its own: key ranges, rounds, documents sorted by their
component's task, selection. A tenth of the documents are copies of others (J from .72 to 1), one in a
thousand shares a bucket with 200 others without being alike, as boilerplate does. Without texts the estimate
decides alone. Prints CPU seconds of all tasks of a wave and of the longest, and the peak of resident
anonymous memory (mapped files can be dropped at any time and are not counted) and of all resident memory, of
the widest task.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import harness
from corpusforge.dedup.by_component import divided, neighbours, select
from corpusforge.dedup.lsh_buckets import find_collisions
from corpusforge.dedup.parts import IDS, KeyFile
from corpusforge.dedup.rounds import PAIRS, Round, advance, joined_groups, labels, sent
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import write_bands
from corpusforge.hashing import mix64
from corpusforge.io import files
from corpusforge.io.parquet import write_batches
from corpusforge.io.slices import read_slice, write_slices
from corpusforge.run.collisions import Stretches

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


def stretches(directory: Path, ranges: int) -> Stretches:
    """Divide the signed parts."""
    documents = [KeyFile(name).documents for name in prefixes(directory)]
    return Stretches.of(np.cumsum([0, *documents]), ranges)


def collide(directory: Path, number: int, ranges: int) -> dict[str, float]:
    """Look for the collisions of one range."""
    joined = joined_groups(find_collisions(prefixes(directory), SETTINGS, number, ranges))
    none = np.empty(0, dtype=np.uint64)
    return spread(directory, ranges, f"0-{number:03d}", Round(none, joined, none, settled=False))


def spread(directory: Path, ranges: int, name: str, found: Round) -> dict[str, float]:
    """Write what a task of a round sends."""
    path = directory / f"round-{name}.arrow"
    rows = write_slices(str(path), PAIRS, sent(found, stretches(directory, ranges).numbers))
    return {"pairs": rows, "disk": path.stat().st_size / 1e9, "settled": int(found.settled)}


def received(names: list[Path], number: int) -> np.ndarray:
    """Return the pairs that some tasks sent to a stretch."""
    table = read_slice([str(name) for name in names], number)
    return np.asarray(table.column(0).combine_chunks())


def turn(directory: Path, number: int, ranges: int, before: int) -> dict[str, float]:
    """Go a round for one stretch."""
    names = sorted(directory.glob(f"round-{before}-*.arrow"))
    pairs, own = received(names, number), np.empty(0, dtype=np.uint64)
    if before:
        own = received([names[number]], number)
    found = advance(pairs, own, stretches(directory, ranges).at(number))
    return spread(directory, ranges, f"{before + 1}-{number:03d}", found)


def gather(directory: Path, number: int, ranges: int, last: int) -> dict[str, float]:
    """Sort the documents of a stretch by their component's task."""
    own = stretches(directory, ranges)
    names = sorted(directory.glob(f"round-{last}-*.arrow"))
    numbers, least = labels(received(names, number), own.at(number))
    first, stop = own.parts[number : number + 2]
    parts = prefixes(directory)[first:stop]
    bases = own.numbers[number] + np.cumsum([0, *(KeyFile(name).documents for name in parts)])
    batch = neighbours(parts, bases, numbers, SETTINGS)
    path = directory / f"gather-{number:03d}.arrow"
    write_slices(str(path), batch.schema, divided(batch, least, ranges))
    return {"in": batch.num_rows, "disk": path.stat().st_size / 1e9}


def choose(directory: Path, number: int, ranges: int) -> dict[str, float]:
    """Select the duplicates of all documents, or of one task's components."""
    if ranges:
        names = sorted(directory.glob("gather-*.arrow"))
        table = read_slice([str(name) for name in names], number)
        found = select(table, SETTINGS, None, components=False)
        numbers = table.column("number").to_numpy().astype(np.int64)
    else:
        found = find_duplicates(prefixes(directory), SETTINGS)
        numbers = np.arange(found.corpus.documents)
    of = numbers[found.corpus.numbers[found.corpus.places]].astype(np.uint64)
    copies = np.flatnonzero(found.method)
    pairs = of[copies] << np.uint64(32) | of[found.kept[copies]]
    told = mix64(pairs ^ mix64(found.similarity[copies].view(np.uint32).astype(np.uint64)))
    return {
        "copies": found.copies,
        "in": found.corpus.size,
        "compared": found.counts.compared,
        "unseen": found.counts.unseen,
        "digest": int(np.bitwise_xor.reduce(told)) & 0xFFFFFFFF,  # by whomever, in any order
    }


def child(given: list[str]) -> dict[str, float]:
    """Run one step in this process."""
    step, directory, numbers = given[0], Path(given[1]), [int(value) for value in given[2:]]
    if step == "make":
        return make(numbers[0], directory, numbers[1])
    with tempfile.TemporaryDirectory() as folder:  # kernels are loaded before a clock starts
        make(1000, Path(folder), 1)
        choose(Path(folder), 0, 0)
        collide(Path(folder), 0, 1)
    steps: dict[str, Callable[..., dict[str, float]]] = {
        "collide": collide,
        "turn": turn,
        "gather": gather,
        "choose": choose,
    }
    return measured(lambda: steps[step](directory, *numbers))


def ask(*given: object) -> dict[str, float]:
    """Run one step in a process of its own; return its figures."""
    return harness.ask("dedup_scale", "--directory", ".", "--child", *given)


def tasks(directory: Path, ranges: int) -> dict[str, list[dict[str, float]]]:
    """Run each task of the stages in a process of its own; return their figures by wave."""
    if not ranges:
        return {"select": [ask("choose", directory, 0, 0)]}
    width = len(stretches(directory, ranges))
    found = {"collide": [ask("collide", directory, number, ranges) for number in range(ranges)]}
    found["rounds"], last, settled = [], 0, False
    while not settled:
        wave = [ask("turn", directory, number, ranges, last) for number in range(width)]
        found["rounds"] += wave
        settled, last = all(item["settled"] for item in wave), last + 1
    found["gather"] = [ask("gather", directory, number, ranges, last) for number in range(width)]
    found["select"] = [ask("choose", directory, number, ranges) for number in range(ranges)]
    return found


def rows(
    documents: int, directory: Path, parts: int, ways: list[int]
) -> Iterator[dict[str, float | str]]:
    """Yield a row of figures for each wave of each number of ranges."""
    made = ask("make", directory, documents, parts)
    for ranges in ways:
        waves = tasks(directory, ranges)
        chosen = waves["select"]
        digest = int(np.bitwise_xor.reduce([int(item["digest"]) for item in chosen]))
        for wave, found in waves.items():
            yield {
                "documents": documents,
                "ranges": ranges or "within",
                "wave": wave,
                "tasks": len(found),
                "CPU s": sum(item["cpu"] for item in found),
                "longest": max(item["cpu"] for item in found),
                "anonymous GB": max(item["anonymous"] for item in found),
                "resident GB": max(item["resident"] for item in found),
                "written GB": sum(item.get("disk", 0.0) for item in found),
                "signed GB": made["disk"],
                "in": sum(item["in"] for item in chosen),
                "copies": sum(item["copies"] for item in chosen),
                "compared": sum(item["compared"] for item in chosen),
                "digest": f"{digest:08x}",
            }
        for path in directory.glob("*.arrow"):
            path.unlink()


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
