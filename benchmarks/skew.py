"""Skewed inputs at full size and a quarter: CPU seconds a unit of input and peak memory of every stage.

    python -m benchmarks.skew --directory DIR [--sizes 0.25 1] [--only NAME ...] [--tokenizer RANKS]

Each case and size runs in a process of its own, with one worker, behind a small run that compiles and
imports everything. A stage is linear where its seconds a unit stay equal from the small size to the large
one; stages under half a second at the large size are added up. A stage's peak is the process's resident
memory (the kernel's high-water mark, set back where the stage begins). `--sizes` are shares of the full
sizes: an archive of 2 GB beside a thousand of 100 kB, as many bytes evenly in archives of 2 MB, one document
of 200 MB of text (bounds on sizes are raised for it), ten million documents of about 50 bytes, a million
documents of which nine tenths are of one domain, a bucket of a million equal signatures. `--save FILE` adds a
JSON line a run. Linux only.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import harness
from corpusforge.manifest import Manifest
from corpusforge.run.progress import Reporter
from corpusforge.run.stage import Stage

WORDS = [
    f"{first}{last}"
    for first in ("harb", "tid", "stor", "ank", "lett")
    for last in ("our", "en", "ing")
]
RECIPE = """
name = "skew"
[sources.docs]
kind = "documents"
optional = true
[sources.web]
kind = "web"
optional = true
[identify]
languages = []
[filter]
lines = []
[filter.rules]
docs = []
web = []
[score.keep]
rule = "none"
[tokenize]
vocab_size = 1000
train_megabytes = 1
[mix]
budget = "all"
epoch_cap = 1.0
"""
FILE_ROWS = 100_000
SMALL = 0.5  # seconds


def sentence(number: int, words: int) -> str:
    """A text of its own for a number."""
    picks = np.frombuffer(hashlib.shake_128(str(number).encode()).digest(words), np.uint8) % len(
        WORDS
    )
    return f"{number} " + " ".join(WORDS[pick] for pick in picks) + "."


def record(number: int) -> bytes:
    """A WARC response of about 10 kB stored: 2 kB of text, 18 kB of script; one gzip member."""
    paragraphs = "".join(f"<p>{sentence(number * 4 + i, 80)}</p>" for i in range(4))
    script = hashlib.shake_128(b"%d" % number).digest(9_000).hex()
    page = f"<html><body>{paragraphs}<script>s='{script}'</script></body></html>"
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{page}".encode()
    head = (f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://h{number % 97}.example/{number}\r\n"
            f"WARC-Record-ID: <urn:uuid:{number:032x}>\r\nContent-Type: application/http;msgtype=response\r\n"
            f"Content-Length: {len(http)}\r\n\r\n")  # fmt: skip
    return gzip.compress(head.encode() + http + b"\r\n\r\n", 1, mtime=0)


def archive(path: Path, first: int, size: int) -> int:
    """Write records from `first` on until the file has `size` bytes; return the next number."""
    with path.open("wb") as stream:
        while stream.tell() < size:
            stream.write(record(first))
            first += 1
    return first


def lines(folder: Path, rows: Iterator[dict[str, str]]) -> None:
    """Write JSON lines, `FILE_ROWS` a file."""
    for number, row in enumerate(rows):
        if number % FILE_ROWS == 0:
            stream = (folder / f"{number // FILE_ROWS:04}.jsonl").open("w")
        stream.write(json.dumps(row) + "\n")


def one_archive(folder: Path, megabytes: int) -> list[str]:
    """One large archive, and one of 100 kB for every two of its megabytes."""
    following = archive(folder / "a.warc.gz", 0, megabytes * 1_000_000)
    for name in range(max(1, megabytes // 2)):
        following = archive(folder / f"b{name:04}.warc.gz", following, 100_000)
    return [f"web={folder}/*.warc.gz"]


def even_archives(folder: Path, megabytes: int) -> list[str]:
    """As many bytes in archives of 2 MB."""
    following = 0
    for name in range(max(1, round(megabytes * 1.05 / 2))):
        following = archive(folder / f"b{name:04}.warc.gz", following, 2_000_000)
    return [f"web={folder}/*.warc.gz"]


def one_document(folder: Path, megabytes: int) -> list[str]:
    """One document of many megabytes beside a short one."""
    pieces, size, number = [], 0, 0
    while size < megabytes * 1_000_000:
        pieces.append(sentence(number, 90))
        size += len(pieces[-1]) + 1
        number += 1
    lines(folder, iter([{"text": "\n".join(pieces)}, {"text": sentence(number, 90)}]))
    return [f"docs={folder}/*.jsonl"]


def tiny_documents(folder: Path, count: int) -> list[str]:
    """Very many documents of seven words."""
    lines(folder, ({"text": sentence(n, 6)} for n in range(count)))
    return [f"docs={folder}/*.jsonl"]


def one_domain(folder: Path, count: int) -> list[str]:
    """Documents of 200 bytes, nine tenths of them of one domain."""
    lines(
        folder,
        ({"text": sentence(n, 30), "url": f"http://{'one' if n % 10 else f'h{n}'}.example/{n}"}
         for n in range(count)),
    )  # fmt: skip
    return [f"docs={folder}/*.jsonl"]


CASES: dict[str, tuple[Callable[[Path, int], list[str]], int, str]] = {
    "one archive": (one_archive, 2_000, "MB"),
    "the same, evenly": (even_archives, 2_000, "MB"),
    "one document": (one_document, 200, "MB"),
    "tiny documents": (tiny_documents, 10_000_000, "documents"),
    "one domain of 90 %": (one_domain, 1_000_000, "documents"),
}
SIGNATURES = "equal signatures"
FULL = {name: (size, unit) for name, (_, size, unit) in CASES.items()} | {
    SIGNATURES: (1_000_000, "documents")
}
RAISED = [
    "sources.docs.max_record_bytes=1000000000",
    "extract.max_bytes=1000000000",
]


class Meter(Reporter):
    """CPU seconds and peak memory of each stage, driver and worker together: here one process."""

    def __init__(self) -> None:
        super().__init__(quiet=True)
        self.rows: dict[str, tuple[float, float]] = {}
        self._clock = harness.Clock()

    def begin(self, stage: Stage) -> None:
        """Start a stage."""
        self.start()
        super().begin(stage)

    def start(self) -> None:
        """Set the clock and the mark."""
        harness.peak_mb(reset=True)
        self._clock = harness.Clock()

    def end(self, manifest: Manifest, *, worked: bool) -> None:
        """Note a stage."""
        super().end(manifest, worked=worked)
        self.note(manifest.stage)
        self.start()

    def note(self, name: str) -> None:
        """Note what was used since the start."""
        self.rows[name] = (self._clock.cpu(), harness.peak_mb() / 1e3)


def pipeline(folder: Path, name: str, size: int, tokenizer: str) -> dict[str, tuple[float, float]]:
    """Make one case's run in this process; return CPU seconds and peak of each stage."""
    from corpusforge import recipe
    from corpusforge.beam.runner import BeamExecutor
    from corpusforge.run import pretrain

    (folder / "in").mkdir(parents=True)
    (folder / "skew.toml").write_text(RECIPE)
    sources = CASES[name][0](folder / "in", size)
    chosen = [*RAISED, f'tokenize.tokenizer="{tokenizer}"']
    loaded = recipe.load(str(folder / "skew.toml"), sources, chosen)
    meter = Meter()
    with BeamExecutor("DirectRunner", 1, watch=meter.watch) as execute:
        pretrain.run(loaded, str(folder / "run"), execute, meter)
    meter.note("report")
    return meter.rows


def equal_signatures(folder: Path, count: int) -> dict[str, tuple[float, float]]:
    """All signatures equal, contents not: every document is a candidate of every other."""
    from benchmarks import dedup_scale
    from corpusforge.dedup import select
    from corpusforge.dedup.settings import Settings

    folder.mkdir(parents=True)
    dedup_scale.signatures = lambda numbers: dedup_scale.random_rows(numbers * 0, 0)
    settings = Settings(slots=dedup_scale.SLOTS)
    dedup_scale.write_part(str(folder / "part-0"), 0, count, settings)
    meter = Meter()
    meter.start()
    select.find_duplicates([str(folder / "part-0")], settings)
    meter.note("duplicates")
    return meter.rows


def child(folder: Path, name: str, size: int, tokenizer: str) -> None:
    """Warm up, then measure one case; print a JSON line."""
    if name == SIGNATURES:
        equal_signatures(folder / "warm", 1_000)
        rows = equal_signatures(folder / "case", size)
    else:
        pipeline(folder / "warm", name, 1 if CASES[name][2] == "MB" else 500, tokenizer)
        rows = pipeline(folder / "case", name, size, tokenizer)
    harness.figures({"case": name, "size": size, "stages": rows})


def measure(directory: Path, name: str, size: int, tokenizer: str) -> dict[str, Any]:
    """Run one case in a process of its own."""
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        child = ("--tokenizer", tokenizer, "--child", name, size)
        return harness.ask("skew", "--directory", folder, *child)


def table(rows: list[dict[str, Any]], unit: str) -> None:
    """Print a case: a line per stage, CPU seconds and peak at each size, growth of seconds a unit."""
    sizes = [row["size"] for row in rows]
    print(f"\n{rows[0]['case']}, {' and '.join(f'{size:,}' for size in sizes)} {unit}\n")
    times, memory = ([f"{what}, {size:,}" for size in sizes] for what in ("CPU s", "peak GB"))
    harness.heads("stage", *times, "growth a unit", *memory)
    large = rows[-1]["stages"]
    shown = [name for name in large if large[name][0] >= SMALL]
    for name in [*shown, "the others", "all"]:
        own = [
            [
                row["stages"].get(n, (0.0, 0.0))  # a stage of large runs alone
                for n in large
                if name in ("all", n) or (name == "the others" and n not in shown)
            ]
            for row in rows
        ]  # fmt: skip
        if not own[0]:
            continue
        spent = [sum(seconds for seconds, _ in found) for found in own]
        growth = spent[-1] / sizes[-1] / (spent[0] / sizes[0]) if spent[0] else 0.0
        peaks = (f"{max(peak for _, peak in found):.2f}" for found in own)
        harness.row(name, *(f"{value:.1f}" for value in spent), f"{growth:.2f}", *peaks)


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__)
    options.add_argument("--directory", type=Path, required=True)
    options.add_argument("--sizes", type=float, nargs="+", default=[0.25, 1.0])
    options.add_argument("--only", nargs="*", choices=sorted(FULL), default=None)
    options.add_argument("--tokenizer", default="train", help="a rank file saves the training")
    options.add_argument("--save", type=Path, help="a JSON line a run is added here")
    options.add_argument("--child", nargs=2, default=None, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        child(given.directory, given.child[0], int(given.child[1]), given.tokenizer)
        return
    given.directory.mkdir(parents=True, exist_ok=True)
    for name, (full, unit) in FULL.items():
        if given.only and name not in given.only:
            continue
        rows = []
        for share in given.sizes:
            rows.append(measure(given.directory, name, round(full * share), given.tokenizer))
            if given.save:
                with given.save.open("a") as stream:
                    stream.write(json.dumps(rows[-1]) + "\n")
        table(rows, unit)


if __name__ == "__main__":
    main()
