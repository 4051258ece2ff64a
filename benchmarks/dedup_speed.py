"""Speed of each step of dedup, in CPU seconds of one process, with peers on the same documents.

    python -m benchmarks.dedup_speed --input CORPUS.jsonl.zst [--megabytes 10] [--datatrove PYTHON]

Rows: (1) strings to signatures, in memory; (2) signatures to clusters, files read and written, on
100,000 synthetic signatures; (3) whole deduplication, file in, survivors out. Kernels are compiled
and word splitters loaded before a clock starts. datatrove runs in its own interpreter (it needs
another xxhash); rensa and datasketch are given `re` words joined to 5-grams. Rows 1 take turns, three
rounds; of ours the best of five is shown otherwise. Numbers are ratios between rows of one run, not
machine constants.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from benchmarks import harness
from benchmarks.dedup_scale import write_part
from corpusforge.dedup.select import find_duplicates
from corpusforge.dedup.settings import Settings
from corpusforge.dedup.sign import sign
from corpusforge.dedup.tables import Columns
from corpusforge.io.files import list_files
from corpusforge.io.jsonl import read_jsonl, write_jsonl
from corpusforge.io.parquet import write_table
from corpusforge.run.dedup_files import deduplicate

WORD = re.compile(r"\w+")
SYNTHETIC = 100_000


def grams(text: str) -> list[str]:
    """Return the word 5-grams of a text as strings, as the peers want them."""
    found = WORD.findall(text.lower())
    return [" ".join(found[i : i + 5]) for i in range(max(1, len(found) - 4))]


def sign_ours(texts: list[str], settings: Settings) -> None:
    """Strings to signatures, packing included."""
    for first in range(0, len(texts), 256):
        sign(texts[first : first + 256], settings)


def sign_rensa(texts: list[str]) -> None:
    """Strings to digests."""
    from rensa import RMinHash

    for text in texts:
        sketch = RMinHash(128, 1)
        sketch.update(grams(text))
        sketch.digest()


def sign_datasketch(texts: list[str]) -> None:
    """Strings to MinHash objects by its batch update."""
    from datasketch import MinHash

    MinHash.bulk([[gram.encode() for gram in grams(text)] for text in texts], num_perm=128)


def clusters_ours(prefixes: list[str], target: str, settings: Settings) -> None:
    """Key files to a duplicates table on disk."""
    write_table(target, find_duplicates(prefixes, settings).table(0))


def clusters_datasketch(documents: int) -> float:
    """Return CPU seconds to insert and query synthetic sketches in MinHashLSH, objects not counted."""
    import numpy as np
    from datasketch import MinHashLSH

    from benchmarks.dedup_scale import signatures
    from corpusforge.dedup.sign import to_datasketch

    sketches = to_datasketch(signatures(np.arange(documents)), 1)
    clock = harness.Clock()
    lsh = MinHashLSH(threshold=0.7, num_perm=128)
    with lsh.insertion_session() as session:
        for number, sketch in enumerate(sketches):
            session.insert(number, sketch)
    for sketch in sketches:
        lsh.query(sketch)
    return clock.cpu()


def row(step: str, name: str, seconds: float, ours: float, size: str) -> None:
    """Print one table row."""
    harness.row(step, name, size, f"{seconds:.3f}", f"{seconds / ours:.1f}")


def measure(documents: list[dict[str, str]], peer: str, work: Path) -> None:
    """Print the table."""
    settings = Settings()
    texts = [document["text"] for document in documents]
    size = f"{sum(len(text.encode()) for text in texts) / 1e6:.1f} MB"
    source = work / "docs.jsonl"
    write_jsonl(str(source), documents)
    sign_ours(texts, settings)
    signers = {"ours": lambda: sign_ours(texts, settings)}
    for name, job in (("rensa RMinHash", sign_rensa), ("datasketch bulk", sign_datasketch)):
        try:
            job(texts[:1])
        except ImportError as error:
            print(f"{name} skipped: {error}", file=sys.stderr)
        else:
            signers[name] = lambda job=job: job(texts)
    spent = {name: min(found) for name, found in harness.by_turns(signers, 3).items()}
    trove = harness.peer(peer, "dedup_datatrove", "whole", source, work / "trove")
    harness.heads("step", "method", "input", "CPU s", "times ours")
    ours = spent["ours"]
    for name, seconds in spent.items():
        row("1 sign", name, seconds, ours, size)
    if trove:
        row("1 sign", "datatrove", trove["sign_memory"], ours, size)
    _clusters(peer, work, settings)
    _whole(source, work, settings, trove, size)


def _clusters(peer: str, work: Path, settings: Settings) -> None:
    prefix = str(work / "synthetic")
    write_part(prefix, 0, SYNTHETIC, settings)
    target = str(work / "duplicates.parquet")
    clusters_ours([prefix], target, settings)
    ours = harness.least(lambda: clusters_ours([prefix], target, settings), 5)
    size = f"{SYNTHETIC} documents"
    row("2 clusters", "ours (verified by estimate)", ours, ours, size)
    found = harness.peer(peer, "dedup_datatrove", "buckets", SYNTHETIC, work / "synthetic-trove")
    if found:
        row("2 clusters", "datatrove stages 2+3", found["buckets"], ours, size)
    row("2 clusters", "datasketch LSH, in memory", clusters_datasketch(SYNTHETIC), ours, size)


def _whole(
    source: Path, work: Path, settings: Settings, trove: dict[str, float] | None, size: str
) -> None:
    runs = iter(range(100))

    def job() -> None:
        deduplicate([str(source)], str(work / f"out{next(runs)}"), settings, Columns())

    job()
    ours = harness.least(job, 5)
    row("3 whole", "ours (verified, exact where unsure)", ours, ours, size)
    if trove:
        spent = trove["sign"] + trove["buckets"] + trove["filter"]
        row("3 whole", "datatrove, four stages", spent, ours, size)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--input", required=True)
    parser.add_argument("--megabytes", type=float, default=10.0)
    parser.add_argument("--datatrove", default=sys.executable, metavar="PYTHON")
    args = parser.parse_args(arguments)
    pa.set_cpu_count(1)
    documents: list[dict[str, str]] = []
    left = args.megabytes * 1e6
    for info in list_files(args.input):
        for item in read_jsonl(info.path):
            if left > 0:
                documents.append({"id": str(item["id"]), "text": item["text"]})
                left -= len(item["text"].encode())
    print(f"{len(documents)} documents")
    with tempfile.TemporaryDirectory() as directory:
        measure(documents, args.datatrove, Path(directory))


if __name__ == "__main__":
    main()
