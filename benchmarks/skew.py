"""Skewed inputs: CPU seconds and peak memory of each shape at two sizes, and the growth between them.

    python -m benchmarks.skew --directory DIR [--scale 1.0] [--only NAME ...]

Each case runs in a process of its own, with one worker. The second size is twice the first, so a growth
of 2.0 is linear; less is start-up. `--scale` multiplies the sizes. Cases:
one archive beside many small ones, the same bytes evenly spread, one document of many megabytes, very
many tiny documents, one domain of 90 %, a bucket of equal signatures.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

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


def sentence(number: int, words: int) -> str:
    """A text of its own for a number."""
    picks = np.frombuffer(hashlib.shake_128(str(number).encode()).digest(words), np.uint8) % len(
        WORDS
    )
    return f"{number} " + " ".join(WORDS[pick] for pick in picks) + "."


def record(number: int) -> bytes:
    """A WARC response of about 4 kB of text, compressed as one member."""
    paragraphs = "".join(f"<p>{sentence(number * 8 + i, 80)}</p>" for i in range(8))
    page = f"<html><body>{paragraphs}</body></html>"
    http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n{page}".encode()
    head = (f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://h{number % 97}.example/{number}\r\n"
            f"WARC-Record-ID: <urn:uuid:{number:032x}>\r\nContent-Type: application/http;msgtype=response\r\n"
            f"Content-Length: {len(http)}\r\n\r\n")  # fmt: skip
    return gzip.compress(head.encode() + http + b"\r\n\r\n", 1, mtime=0)


def lines(path: Path, rows: Iterator[dict[str, str]]) -> None:
    with path.open("w") as stream:
        for row in rows:
            stream.write(json.dumps(row) + "\n")


def one_archive(folder: Path, count: int) -> list[str]:
    """Nine tenths of the records in one file, the others in a hundred."""
    big = count * 9 // 10
    (folder / "a.warc.gz").write_bytes(b"".join(record(n) for n in range(big)))
    for name, some in enumerate(np.array_split(np.arange(big, count), 100)):
        (folder / f"b{name:03}.warc.gz").write_bytes(b"".join(record(int(n)) for n in some))
    return [f"--source=web={folder}/*.warc.gz", "--until=documents"]


def even_archives(folder: Path, count: int) -> list[str]:
    """The same records in a hundred files."""
    for name, some in enumerate(np.array_split(np.arange(count), 100)):
        (folder / f"b{name:03}.warc.gz").write_bytes(b"".join(record(int(n)) for n in some))
    return [f"--source=web={folder}/*.warc.gz", "--until=documents"]


def one_document(folder: Path, megabytes: int) -> list[str]:
    """One document of many megabytes (the bound on a record is raised for it)."""
    text = "\n".join(sentence(n, 90) for n in range(megabytes * 1900))
    lines(folder / "a.jsonl", iter([{"text": text}, {"text": sentence(1, 90)}]))
    bound = "sources.docs.max_record_bytes=1000000000"
    return [f"--source=docs={folder}/*.jsonl", "--set", bound]


def tiny_documents(folder: Path, count: int) -> list[str]:
    lines(folder / "a.jsonl", ({"text": sentence(n, 6)} for n in range(count)))
    return [f"--source=docs={folder}/*.jsonl"]


def one_domain(folder: Path, count: int) -> list[str]:
    lines(
        folder / "a.jsonl",
        ({"text": sentence(n, 90), "url": f"http://{'one' if n % 10 else f'h{n}'}.example/{n}"}
         for n in range(count)),
    )  # fmt: skip
    return [f"--source=docs={folder}/*.jsonl"]


CASES: dict[str, tuple[Callable[[Path, int], list[str]], int]] = {
    "one archive of 90 %": (one_archive, 6_000),
    "the same, evenly": (even_archives, 6_000),
    "one document, MB": (one_document, 20),
    "tiny documents": (tiny_documents, 100_000),
    "one domain of 90 %": (one_domain, 10_000),
}


def pipeline(folder: Path, name: str, size: int) -> None:
    """Make one case's run in this process; print CPU seconds and the peak of memory."""
    from pipelines import pretrain_mix

    (folder / "in").mkdir()
    (folder / "skew.toml").write_text(RECIPE)
    own = CASES[name][0](folder / "in", size)
    report(lambda: pretrain_mix.run(
        ["--recipe", str(folder / "skew.toml"), "--output", str(folder / "run"), "--workers", "1",
         "--quiet", *own]
    ))  # fmt: skip


def equal_signatures(folder: Path, count: int) -> None:
    """All signatures equal, contents not: every document is a candidate of every other."""
    from benchmarks import dedup_scale
    from corpusforge.dedup import select
    from corpusforge.dedup.settings import Settings

    dedup_scale.signatures = lambda numbers: dedup_scale.random_rows(numbers * 0, 0)
    settings = Settings(slots=dedup_scale.SLOTS)
    dedup_scale.write_part(str(folder / "part-0"), 0, count, settings)
    report(lambda: select.find_duplicates([str(folder / "part-0")], settings))


def report(work: Callable[[], object]) -> None:
    start = time.process_time()
    work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print("FIGURES", json.dumps([time.process_time() - start, peak]))


def measure(directory: Path, name: str, size: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        command = [
            sys.executable,
            "-m",
            "benchmarks.skew",
            "--directory",
            folder,
            "--child",
            name,
            str(size),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found = [line for line in done.stdout.splitlines() if line.startswith("FIGURES")]
        if not found:
            raise SystemExit(done.stderr[-2000:])
        seconds, peak = json.loads(found[0].removeprefix("FIGURES"))
        return seconds, peak


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--directory", type=Path, required=True)
    options.add_argument("--scale", type=float, default=1.0)
    options.add_argument("--only", nargs="*", default=None)
    options.add_argument("--child", nargs=2, default=None, help=argparse.SUPPRESS)
    told = options.parse_args()
    if told.child:
        name, size = told.child
        if name == "equal signatures":
            equal_signatures(told.directory, int(size))
        else:
            pipeline(told.directory, name, int(size))
        return
    told.directory.mkdir(parents=True, exist_ok=True)
    sizes = {name: size for name, (_, size) in CASES.items()} | {"equal signatures": 500_000}
    print(f"{'case':<22}{'size':>10}{'CPU s':>8}{'peak GB':>9}{'growth of CPU':>15}")
    for name, size in sizes.items():
        if told.only and name not in told.only:
            continue
        before = 0.0
        for own in (int(size * told.scale), int(2 * size * told.scale)):
            seconds, peak = measure(told.directory, name, own)
            growth = f"{seconds / before:.2f}" if before else ""
            print(f"{name:<22}{own:>10,}{seconds:>8.1f}{peak:>9.2f}{growth:>15}", flush=True)
            before = seconds


if __name__ == "__main__":
    main()
