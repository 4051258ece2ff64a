"""The whole chain, text in to token shards out, beside datatrove: CPU seconds and both outputs.

    python -m benchmarks.make_corpus --megabytes 110 --duplicates 0.05 --output DIR
    python -m benchmarks.whole_chain --corpus DIR --peer-python PATH --tokenizer r50k_base.tiktoken

Ours is `pipelines.pretrain_mix` with `benchmarks/whole_chain.toml` and one worker; the peer is
`whole_chain_peer.py`, the same steps of datatrove in one process, once with its own spaCy words and
once with words split at white space. Each runs as a process of its own on the same compressed
JSON-lines files (whole files of DIR up to `--megabytes` of text). What is counted is user + system
time of that process and all its children (getrusage), interpreter start and imports included; a
small run goes before each, so that compiled kernels and file caches are warm for both. Limits: one
run each; the peer has no step for language, redaction, mixing and receipts, which ours includes.
"""

from __future__ import annotations

import gzip
import itertools
import json
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import zstandard

from benchmarks import harness
from corpusforge.filter import RULES
from corpusforge.io.jsonl import read_jsonl
from corpusforge.tokenize.patterns import PATTERNS
from corpusforge.tokenize.ranks import dump_tokenizer_json, parse_ranks

RECIPE = Path(__file__).with_name("whole_chain.toml")
WARM_DOCUMENTS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One side's run: CPU seconds, its steps, the ids it kept, the tokens it wrote."""

    name: str
    seconds: float
    steps: dict[str, float]
    filtered: frozenset[str]
    kept: frozenset[str]
    tokens: int


def cut(corpus: Path, target: Path, megabytes: float) -> tuple[int, int]:
    """Copy whole files of a corpus until their text is that long; return documents and bytes."""
    target.mkdir()
    documents = size = 0
    for path in sorted(corpus.glob("part-*.jsonl.zst")):
        shutil.copy(path, target / path.name)
        for row in read_jsonl(str(path)):
            documents += 1
            size += len(row["text"].encode())
        if size >= megabytes * 1e6:
            break
    return documents, size


def head(corpus: Path, target: Path) -> None:
    """Write the first documents of a corpus as a corpus of its own, for the runs that warm up."""
    target.mkdir()
    rows = itertools.islice(read_jsonl(str(min(corpus.iterdir()))), WARM_DOCUMENTS)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (target / "part-00000.jsonl.zst").write_bytes(zstandard.compress(text.encode()))


def own(corpus: Path, run: Path, ranks: str) -> Row:
    """Run our pipeline with one worker and describe its output."""
    clock = harness.Clock()
    harness.run([
        sys.executable, "-m", "pipelines.pretrain_mix", "--recipe", RECIPE, "--quiet",
        "--source", f"text={corpus}/part-*.jsonl.zst", "--output", run, "--workers", "1",
        "--set", f'tokenize.tokenizer="{ranks}"',
    ])  # fmt: skip
    seconds = clock.children()
    report = json.loads((run / "report.json").read_text())
    ids, gone = {}, set()
    for path in (run / "documents").glob("*.parquet"):
        table = pq.read_table(path, columns=["id", "locator"])
        own_ids = (locator.rpartition(":")[2] for locator in table.column("locator").to_pylist())
        ids.update(zip(table.column("id").to_pylist(), own_ids, strict=True))
    for path in (run / "dropped").glob("duplicates-*.parquet"):
        gone.update(pq.read_table(path, columns=["id"]).column("id").to_pylist())
    steps = {stage["stage"]: stage["seconds"] for stage in report["timing"]}
    kept = frozenset(name for key, name in ids.items() if key not in gone)
    written = sum(split["tokens"] for split in report["shards"].values())
    return Row("corpusforge", seconds, steps, frozenset(ids.values()), kept, written)


def peer(python: str, corpus: Path, work: Path, vocabulary: Path, words: str) -> Row:
    """Run datatrove's chain and describe its output."""
    clock = harness.Clock()
    steps = harness.peer(python, "whole_chain_peer", corpus, work, vocabulary, bound(), words)
    seconds = clock.children()
    if steps is None:
        raise SystemExit("datatrove's chain failed")
    sets = [frozenset(ids_of((work / name).glob("*.gz"))) for name in ("filtered", "kept")]
    (metadata,) = (work / "tokens").glob("*.metadata")
    tokens = int(metadata.read_text().split("\n")[1])
    name = "datatrove" if words == "spacy" else "datatrove, words split at white space"
    return Row(name, seconds, steps, *sets, tokens)


def bound() -> float:
    """Return our recipe's bound on characters in repeated lines, which the peer gets too."""
    (found,) = (b for b in RULES["fineweb.v1"].bounds if b.name == "duplicate_line_chars")
    return found.high


def ids_of(paths: Iterable[Path]) -> Iterable[str]:
    """Yield the ids of gzipped JSON lines."""
    for path in paths:
        with gzip.open(path) as stream:
            for line in stream:
                yield json.loads(line)["id"]


def version(python: str) -> str:
    """Return the peer's versions, or nothing where it cannot be imported."""
    if harness.lacks(python, "datatrove"):
        return ""
    names = ("datatrove", "tokenizers", "spacy")
    return ", ".join(f"{name} {harness.version_of(python, name)}" for name in names)


def table(rows: list[Row], size: int) -> None:
    """Print speed, outputs, agreement and steps."""
    ours = rows[0]
    harness.heads("chain", "CPU s", "MB/s of text", "ours is faster by", "kept by the filters",
                  "kept after dedup", "tokens written")  # fmt: skip
    for row in rows:
        ratio = "" if row is ours else f"{row.seconds / ours.seconds:.1f}"
        speed = f"{size / row.seconds / 1e6:.2f}"
        counts = (f"{count:,}" for count in (len(row.filtered), len(row.kept), row.tokens))
        harness.row(row.name, f"{row.seconds:.1f}", speed, ratio, *counts)
    print()
    harness.heads("peer", "filters: both keep", "ours alone", "peer alone", "after dedup: both keep",
                  "ours alone", "peer alone")  # fmt: skip
    for row in rows[1:]:
        pairs = ((ours.filtered, row.filtered), (ours.kept, row.kept))
        sets = (cell for a, b in pairs for cell in (a & b, a - b, b - a))
        harness.row(row.name, *(f"{len(cell):,}" for cell in sets))
    for row in rows:
        steps = "; ".join(f"{name} {seconds:.1f}" for name, seconds in row.steps.items())
        clock = "wall" if row is ours else "CPU"
        print(f"\n{row.name}, {clock} seconds by step: {steps}")


def main() -> None:
    """Run the command line."""
    options = harness.arguments(__doc__)
    options.add_argument("--corpus", type=Path, required=True, help="made by make_corpus")
    options.add_argument("--peer-python", default=sys.executable, metavar="PATH")
    options.add_argument("--tokenizer", required=True, metavar="RANKS", help="r50k_base.tiktoken")
    options.add_argument("--megabytes", type=float, default=100.0, help="of text, at least")
    options.add_argument("--words", nargs="*", default=["split", "spacy"], help="peer's words")
    given = options.parse_args()
    versions = version(given.peer_python)
    if not versions:
        print(f"datatrove: skipped (not importable by {given.peer_python})")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        documents, size = cut(given.corpus, work / "corpus", given.megabytes)
        head(work / "corpus", work / "head")
        vocabulary = work / "tokenizer.json"
        ranks = parse_ranks(Path(given.tokenizer).read_bytes(), given.tokenizer)
        dump_tokenizer_json(str(vocabulary), ranks, PATTERNS["gpt2"], {"<|endoftext|>": 50256})
        own(work / "head", work / "run_head", given.tokenizer)
        rows = [own(work / "corpus", work / "run", given.tokenizer)]
        for words in given.words if versions else ():
            peer(given.peer_python, work / "head", work / f"head_{words}", vocabulary, words)
            rows.append(peer(given.peer_python, work / "corpus", work / words, vocabulary, words))
    print(
        f"{documents:,} documents, {size / 1e6:.1f} MB of text; {harness.machine()}; {versions}\n"
    )
    table(rows, size)


if __name__ == "__main__":
    main()
