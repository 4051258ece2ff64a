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

import itertools
import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import zstandard

from benchmarks import harness
from benchmarks.make_corpus import first
from benchmarks.tokenize_speed import vocabulary_of
from corpusforge.filter import RULES
from corpusforge.io.jsonl import read_jsonl

RECIPE = Path(__file__).with_name("whole_chain.toml")
WARM_DOCUMENTS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One side's run: CPU seconds, its steps, the documents it kept by name, the tokens it wrote."""

    seconds: float
    steps: dict[str, float]
    filtered: frozenset[str]
    kept: frozenset[str]
    tokens: int


def head(corpus: Path, target: Path) -> None:
    """Write the first documents of a corpus as a corpus of its own, for the runs that warm up."""
    target.mkdir()
    rows = itertools.islice(read_jsonl(str(min(corpus.iterdir()))), WARM_DOCUMENTS)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (target / "part-00000.jsonl.zst").write_bytes(zstandard.compress(text.encode()))


def command(recipe: Path, source: str, run: Path, ranks: str) -> list[str]:
    """Return what Python is told to run our pipeline with one worker."""
    return [
        "-m", "pipelines.pretrain_mix", "--recipe", str(recipe), "--quiet", "--workers", "1",
        "--source", source, "--output", str(run), "--set", f'tokenize.tokenizer="{ranks}"',
    ]  # fmt: skip


def own(command: list[str], run: Path, column: str, name: Callable[[str], str] = str) -> Row:
    """Run our pipeline and describe its output, a document's name being made of a column."""
    clock = harness.Clock()
    harness.run([sys.executable, *command])
    seconds = clock.children()
    report = json.loads((run / "report.json").read_text())
    names, gone = {}, set()
    for path in (run / "documents").glob("*.parquet"):
        table = pq.read_table(path, columns=["id", column])
        values = map(name, table[column].to_pylist())
        names.update(zip(table["id"].to_pylist(), values, strict=True))
    for path in (run / "dropped").glob("duplicates-*.parquet"):
        gone.update(pq.read_table(path, columns=["id"])["id"].to_pylist())
    steps = {stage["stage"]: stage["seconds"] for stage in report["timing"]}
    kept = frozenset(named for key, named in names.items() if key not in gone)
    written = sum(split["tokens"] for split in report["shards"].values())
    return Row(seconds, steps, frozenset(names.values()), kept, written)


def peer(
    python: str, module: str, source: Path, work: Path, *values: object, name: Callable[[Any], str]
) -> Row:
    """Run datatrove's chain and describe its output; `name` is a document's, from its row of JSON."""
    clock = harness.Clock()
    steps = harness.peer(python, module, source, work, *values)
    seconds = clock.children()
    if steps is None:
        raise SystemExit("datatrove's chain failed")
    filtered, kept = (
        frozenset(name(row) for path in (work / step).glob("*.gz") for row in read_jsonl(str(path)))
        for step in ("filtered", "kept")
    )
    if not kept:
        raise SystemExit(f"datatrove's chain keeps no document of {source}; nothing to compare")
    (metadata,) = (work / "tokens").glob("*.metadata")
    tokens = int(metadata.read_text().split("\n")[1])
    return Row(seconds, steps, filtered, kept, tokens)


def bound() -> float:
    """Return our recipe's bound on characters in repeated lines, which the peer gets too."""
    (found,) = (b for b in RULES["fineweb.v1"].bounds if b.name == "duplicate_line_chars")
    return found.high


def version(python: str) -> str:
    """Return the peer's versions, or nothing where it cannot be imported."""
    if harness.lacks(python, "datatrove"):
        return ""
    names = ("datatrove", "tokenizers", "spacy")
    return ", ".join(f"{name} {harness.version_of(python, name)}" for name in names)


def table(rows: dict[str, Row], size: int) -> None:
    """Print speed, outputs, agreement and steps; ours is the first row."""
    ours = next(iter(rows.values()))
    harness.heads("chain", "CPU s", "MB/s of text", "ours is faster by", "kept by the filters",
                  "kept after dedup", "tokens written")  # fmt: skip
    for name, row in rows.items():
        ratio = "" if row is ours else f"{row.seconds / ours.seconds:.1f}"
        speed = f"{size / row.seconds / 1e6:.2f}"
        counts = (f"{count:,}" for count in (len(row.filtered), len(row.kept), row.tokens))
        harness.row(name, f"{row.seconds:.1f}", speed, ratio, *counts)
    print()
    harness.heads("peer", "filters: both keep", "ours alone", "peer alone", "after dedup: both keep",
                  "ours alone", "peer alone")  # fmt: skip
    for name, row in list(rows.items())[1:]:
        pairs = ((ours.filtered, row.filtered), (ours.kept, row.kept))
        sets = (cell for a, b in pairs for cell in (a & b, a - b, b - a))
        harness.row(name, *(f"{len(cell):,}" for cell in sets))
    steps_of(rows)


def steps_of(rows: Mapping[str, Row]) -> None:
    """Print the seconds of each side's steps; ours, the first row, are by the wall."""
    for name, row in rows.items():
        steps = "; ".join(f"{step} {seconds:.1f}" for step, seconds in row.steps.items())
        clock = "CPU" if name.startswith("datatrove") else "wall"
        print(f"\n{name}, {clock} seconds by step: {steps}")


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
        documents, size = first(given.corpus, work / "corpus", given.megabytes)
        head(work / "corpus", work / "head")
        vocabulary = vocabulary_of(given.tokenizer, work)

        def ours(corpus: str) -> Row:
            run = work / f"run_{corpus}"
            source = f"text={work / corpus}/part-*.jsonl.zst"
            asked = command(RECIPE, source, run, given.tokenizer)
            return own(asked, run, "locator", lambda locator: locator.rpartition(":")[2])

        def theirs(corpus: str, words: str) -> Row:
            return peer(
                given.peer_python, "whole_chain_peer", work / corpus, work / f"{words}_{corpus}",
                vocabulary, bound(), words, name=lambda row: row["id"],
            )  # fmt: skip

        ours("head")
        rows = {"corpusforge": ours("corpus")}
        for words in given.words if versions else ():
            theirs("head", words)
            rows[f"datatrove, {words}"] = theirs("corpus", words)
    print(
        f"{documents:,} documents, {size / 1e6:.1f} MB of text; {harness.machine()}; {versions}\n"
    )
    table(rows, size)


if __name__ == "__main__":
    main()
