"""Stages, bytes, workers, hours, disk and cost of a crawl of any size: measured rates, stated assumptions.

    python -m benchmarks.plan_size --terabytes 1 100 [--size FILE.jsonl] [--set text=0.05 …]

Measured: CPU seconds and disk a stage (the largest row of `benchmarks.size`, saved beside its table),
reading of WARC, extraction, the score model, evaluation scans, dedup of 10 million documents (the other
tables of benchmarks/results.d). Assumed: everything in `Assumed`; `--set` replaces any of it. Limits: every
rate is taken as constant, which was measured up to gigabytes only; rates were taken beside other work, so
hours lean to the high side; prices are from memory, not looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from benchmarks import harness
from corpusforge.io.jsonl import read_jsonl

RESULTS = Path(__file__).with_name("results.d")


@dataclass(frozen=True, slots=True)
class Assumed:
    """What was not measured. Prices: US dollars, list prices as remembered in January 2025, unverified."""

    unpacked: float = 4.5
    """Bytes of unpacked WARC a stored byte."""
    html: float = 0.85
    """Share of the unpacked bytes that is HTML."""
    text: float = 0.0575
    """Bytes of extracted text a byte of HTML."""
    kept: float = 0.23
    """Share of the extracted bytes that the rules and the score keep."""
    unique: float = 0.70
    """Share of those that dedup keeps."""
    neighbours: float = 0.5
    """Share of the kept documents that share a key with another: copies, their originals, chance."""
    document: float = 4_000.0
    """Bytes of text a document."""
    busy: float = 0.85
    """Share of the time that cores work while parts are there."""
    machine_cores: float = 64.0
    """Cores (hardware threads) of the one machine."""
    fleet_cores: float = 64.0
    """Cores of Dataflow or Flink for each terabyte …"""
    fleet_most: float = 2_000.0
    """… and no more than these."""
    start_hours: float = 0.1
    """Until the workers of a Dataflow job are up and after they are done, each job."""
    core_price: float = 0.045
    """A core-hour of a general virtual machine with 4 GB, on demand."""
    dataflow_price: float = 0.056 + 4 * 0.003557
    """A core-hour of Dataflow batch with 4 GB."""
    storage_price: float = 0.020
    """A GB-month in an object store."""
    storage_days: float = 30.0
    """How long input and results lie there; the intermediates a tenth of it."""


WARC = 530e6  # unpacked bytes a CPU second: ingest.md, large pages
HTML = 99.6e6  # bytes of HTML: extract.md
SCORE = 69.2e6  # bytes of text, hashed_logreg: score.md
TOKENS = 8.6e6  # bytes of text: docs/scale.md; passages recur in the size run, which favours caches of words
SCAN = 104e6  # bytes of text, gpt3.v1: decontaminate.md
IDS = 1.9e-6, 16.0  # CPU seconds and bytes of disk a document: a million ids, sorted and compared
COLLISIONS = 20.5 / 10e6  # CPU seconds a document: dedup.md, as are the next four
ROUNDS = 1.57 / 2.01e6  # … a document with a neighbour, all rounds
GATHER = 21.2 / 2.01e6
SELECT = 2 * 35.6 / 2.01e6  # once to ask for texts, once with them
HELD = (
    1.43e9 / 0.67e6
)  # bytes of memory a document of a task with a neighbour, of the hungriest wave
PAIRS = (0.0229e9 + 0.0162e9) / 2.01e6  # bytes that collisions write of one
ROWS = 1.21e9 / 2.01e6  # bytes that duplicates writes of one
RANGE, RANGES = 4.2e6, 256  # documents a range, and the most ranges
REPORT = 5.0  # seconds: it reads manifests, and of at most 256 tasks what they counted
SIGNED = {"signature": 512 / 848, "keys": 300 / 848, "ids": 36 / 848}  # of the bytes of signatures
MIX = (
    37.8 / 4e6,
    169.0,
)  # CPU seconds and bytes of disk a document, supply, draws and mix in ranges: mix.md
JOBS = {
    "documents": 3,
    "scores": 1,
    "quality": 1,
    "signatures": 1,
    "collisions": 5,
    "duplicates": 5,
    "hits": 1,
    "contamination": 2,
    "facts": 1,
    "tokens": 1,
    "mix": 3,
    "shards": 1,
}
"""Stages of many tasks, and how many waves of them (jobs of an engine) each takes: of `collisions` the key
ranges and about four rounds."""


@dataclass(frozen=True, slots=True)
class Step:
    """One stage: CPU hours of all its tasks, whether they can be divided, bytes read and written."""

    name: str
    hours: float
    divided: bool
    reads: float
    writes: float


def steps(crawl: float, given: Assumed, row: Mapping[str, Any]) -> list[Step]:
    """Return the stages of a crawl of that many stored bytes; `row` is a row of `benchmarks.size`."""
    html = crawl * given.unpacked * given.html
    text = html * given.text
    kept, unique = text * given.kept, text * given.kept * given.unique
    documents = kept / given.document
    size = row["gigabytes"] * 1e9
    second = {name: stage["cpu"] / size for name, stage in row["stages"].items()}  # a byte of text
    disk = {name: stage["disk"] / size for name, stage in row["stages"].items()}
    report = row["stages"]["report"]["cpu"] / row["documents"]
    stored = (disk["documents"] - row["stats"]) * kept
    cost = {
        "documents": crawl * given.unpacked / WARC
        + html / HTML
        + second["documents"] * text
        + IDS[0] * text / given.document,
        "scores": (second["scores"] + 1 / SCORE) * kept,
        "quality": second["quality"] * kept,
        "signatures": second["signatures"] * kept,
        "collisions": COLLISIONS * documents + ROUNDS * documents * given.neighbours,
        "duplicates": (GATHER + SELECT) * documents * given.neighbours,
        "hits": (second["scores"] + 1 / SCAN) * unique,
        "contamination": second["contamination"] * unique,
        "tokens": unique / TOKENS,
        "mix": MIX[0] * unique / given.document,
        "shards": second["shards"] * unique,
        "facts": report * text / given.document,
        "report": REPORT,
    }
    ids = disk["tokens"] * unique
    keys = disk["signatures"] * kept
    pairs = PAIRS * documents * given.neighbours
    rows = ROWS * documents * given.neighbours
    chosen = keys * (SIGNED["ids"] + SIGNED["signature"] * given.neighbours)
    reads = {"documents": crawl, "scores": stored, "signatures": stored,
             "collisions": keys * SIGNED["keys"] + 2 * pairs, "duplicates": chosen + 2 * rows + stored,
             "hits": stored,
             "tokens": stored, "shards": ids, "facts": row["stats"] * text}  # fmt: skip
    writes = {
        "documents": stored + row["stats"] * text + IDS[1] * text / given.document,
        "signatures": keys,
        "collisions": pairs,
        "duplicates": rows,
        "tokens": ids,
        "shards": ids,
    }
    for name in ("scores", "quality", "mix"):
        writes[name] = disk[name] * (unique if name == "mix" else kept)
    writes["mix"] += MIX[1] * unique / given.document
    return [
        Step(name, seconds / 3600, name in JOBS, reads.get(name, 0.0), writes.get(name, 0.0))
        for name, seconds in cost.items()
    ]


def held(documents: float, given: Assumed) -> float:
    """Return the memory of the hungriest task of `duplicates`, if no component is larger than its share."""
    return documents * given.neighbours / min(RANGES, max(1.0, documents / RANGE)) * HELD


@dataclass(frozen=True, slots=True)
class Bill:
    """One way to run it: cores, hours from start to end, dollars of compute and of storage."""

    name: str
    cores: float
    hours: float
    compute: float
    storage: float


def bills(crawl: float, given: Assumed, made: list[Step]) -> Iterator[Bill]:
    """Yield one machine, Dataflow and Flink."""
    divided = sum(step.hours for step in made if step.divided) / given.busy
    alone = sum(step.hours for step in made if not step.divided)
    hours = divided / given.machine_cores + alone
    yield Bill(
        "one machine",
        given.machine_cores,
        hours,
        hours * given.machine_cores * given.core_price,
        0.0,
    )
    fleet = min(given.fleet_most, max(given.machine_cores, given.fleet_cores * crawl / 1e12))
    shards = next(step.writes for step in made if step.name == "shards")
    between = sum(step.writes for step in made) - shards
    month = (crawl + shards + between / 10) / 1e9 * given.storage_price * given.storage_days / 30
    starts = sum(JOBS.values()) * given.start_hours
    billed = divided + starts * fleet
    driver = (alone + divided / fleet + starts) * 16 * given.core_price
    yield Bill("Dataflow", fleet, divided / fleet + alone + starts,
               billed * given.dataflow_price + driver, month)  # fmt: skip
    hours = divided / fleet + alone
    yield Bill("Flink, kept up", fleet, hours, hours * (fleet + 4) * given.core_price, month)
    let_go = (divided / fleet * (fleet + 4) + alone * 16) * given.core_price
    yield Bill("Flink, let go for one-task stages", fleet, hours, let_go, month)


def amount(size: float) -> str:
    """Bytes with a unit."""
    for unit, name in ((1e15, "PB"), (1e12, "TB"), (1e9, "GB")):
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size / 1e6:,.0f} MB"


def span(hours: float) -> str:
    """Hours, or minutes where they are few."""
    return f"{hours:,.1f} h" if hours >= 1 else f"{hours * 60:,.1f} min"


def show(terabytes: float, given: Assumed, row: Mapping[str, Any]) -> None:
    """Print the plan of one size."""
    crawl = terabytes * 1e12
    made = steps(crawl, given, row)
    text = crawl * given.unpacked * given.html * given.text
    unique = text * given.kept * given.unique
    documents = text * given.kept / given.document
    tokens = unique * row["tokens"] / (row["gigabytes"] * 1e9)
    print(f"\n### {terabytes:g} TB of stored WARC\n")
    print(
        f"{amount(text)} of extracted text in {text / given.document:,.2g} documents, "
        f"{amount(text * given.kept)} kept by the rules, {amount(unique)} unique, "
        f"{tokens / 1e9:,.1f} billion tokens.\n"
    )
    harness.heads("stage", "tasks", "core-hours", "reads", "writes")
    for step in made:
        tasks = "parts" if step.divided else "one"
        hours = f"{step.hours:,.2f}"
        harness.row(step.name, tasks, hours, amount(step.reads), amount(step.writes))
    total = [sum(getattr(step, name) for step in made) for name in ("hours", "reads", "writes")]
    harness.row("all", "", f"{total[0]:,.1f}", *map(amount, total[1:]))
    print()
    print(f"Disk beside the input, nothing cleaned: {amount(total[2])}. Memory of `duplicates`: "
          f"{amount(held(documents, given))} in a task. One-task stages: "
          f"{span(sum(step.hours for step in made if not step.divided))}.\n")  # fmt: skip
    harness.heads("on", "cores", "hours", "compute, $", "storage, $")
    for bill in bills(crawl, given, made):
        storage = f"{bill.storage:,.0f}" if bill.storage else "its own disks"
        hours = f"{bill.hours:,.1f}"
        harness.row(bill.name, f"{bill.cores:,.0f}", hours, f"{bill.compute:,.0f}", storage)


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__)
    options.add_argument("--terabytes", type=float, nargs="+", default=[1.0, 100.0])
    options.add_argument("--size", type=Path, default=RESULTS / "size.jsonl")
    names = ", ".join(field.name for field in fields(Assumed))
    options.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help=names)
    chosen = options.parse_args()
    changes = {name: float(value) for name, value in (item.split("=", 1) for item in chosen.set)}
    given = replace(Assumed(), **changes)
    row = max(read_jsonl(str(chosen.size)), key=lambda row: row["gigabytes"])
    print(f"Rates: the {row['gigabytes']:.1f} GB run. Assumed: "
          + ", ".join(f"{name} {value:g}" for name, value in asdict(given).items()))  # fmt: skip
    for terabytes in chosen.terabytes:
        show(terabytes, given, row)


if __name__ == "__main__":
    main()
