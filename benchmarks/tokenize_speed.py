"""Text to token files, per core: ours, with the accelerator, tiktoken alone, datatrove.

    python -m benchmarks.make_corpus --megabytes 60 --output DIR
    python -m benchmarks.tokenize_speed --corpus DIR --ranks r50k_base.tiktoken [--datatrove PYTHON]

CPU seconds of one process (all its threads), best of `--repeat`; documents are in memory before the
clock starts, files go to a temporary directory. `--datatrove` names a Python that has datatrove; it
gets the same vocabulary as a tokenizer.json written from the same ranks. `--memory MB` streams that
much text (the corpus again and again) through `write_part` in a fresh process and gives its peak.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import harness
from corpusforge.errors import InputError
from corpusforge.io.jsonl import read_jsonl
from corpusforge.tokenize import Settings, Tokenizer, load, write_part
from corpusforge.tokenize.patterns import PATTERNS
from corpusforge.tokenize.ranks import parse_ranks, tokenizer_json
from corpusforge.tokenize.step import delimited


def corpus(directory: Path, longest: int) -> list[str]:
    """Return the documents of a corpus, at most `longest` bytes in all."""
    texts, size = [], 0
    for path in sorted(directory.glob("part-*.jsonl*")):
        for row in read_jsonl(str(path)):
            texts.append(row["text"])
            size += len(row["text"].encode())
            if size >= longest:
                return texts
    return texts


def batches(texts: list[str], rows: int = 1000) -> list[pa.RecordBatch]:
    """Return documents as the record batches that a run hands over."""
    made = []
    for start in range(0, len(texts), rows):
        part = texts[start : start + rows]
        ids = [f"{n:032x}" for n in range(start, start + len(part))]
        columns = [pa.array(ids), pa.array(["web"] * len(part)), pa.array(part, pa.large_string())]
        made.append(pa.RecordBatch.from_arrays(columns, names=["id", "source", "text"]))
    return made


def own_rows(texts: list[str], settings: dict, folder: str, repeat: int) -> dict[str, float]:
    """Return CPU seconds of tiktoken's own batch call and of our part writer by engine."""
    plain = load(Settings(**settings, accelerator="off"))
    whole = batches(texts)
    encoding = plain.engine.encoding
    rows = {
        "tiktoken encode_ordinary_batch(num_threads=1), no file": harness.least(
            lambda: encoding.encode_ordinary_batch(texts, num_threads=1), repeat
        ),
        "corpusforge write_part, tiktoken alone": harness.least(
            lambda: write_part(whole, plain, f"{folder}/p"), repeat
        ),
    }
    for name in ("auto", "gigatoken"):
        try:
            warm = load(Settings(**settings, accelerator=name))
        except InputError as error:
            print(f"{name}: skipped ({error})")
            continue
        write_part(batches(["compile the kernels"]), warm, f"{folder}/f")

        def cold(chosen: str = name) -> float:  # a new engine: its caches are empty, as in a run
            engine = load(Settings(**settings, accelerator=chosen))
            _, seconds = harness.timed(lambda: write_part(whole, engine, f"{folder}/f"))
            assert engine.refused == 0
            return seconds

        rows[f"corpusforge write_part, {name}, checked"] = min(cold() for _ in range(repeat))
        for ending in ("bin", "parquet"):
            ours, other = (Path(f"{folder}/{part}.{ending}").read_bytes() for part in "pf")
            assert ours == other
    return rows


class Encoded:
    """A tokenizer that has its texts' ids already: all that is left is to put end ids in."""

    def __init__(self, tokenizer: Tokenizer, texts: list[str]) -> None:
        self.start_id, self.end_id, self.dtype = None, tokenizer.end_id, tokenizer.dtype
        self._counted = tokenizer.counted(pa.array(texts, pa.large_string()))

    def counted(self, texts: object) -> tuple:
        """Return the ids, as `Tokenizer.counted` does."""
        return self._counted


def writer_row(texts: list[str], settings: dict, folder: str, repeat: int) -> tuple[float, int]:
    """Return CPU seconds and bytes of writing ids that are there: end ids put in, file written."""
    tokenizer = load(Settings(**settings))
    encoded = [Encoded(tokenizer, texts[n : n + 256]) for n in range(0, min(2000, len(texts)), 256)]
    out = Path(folder) / "w.bin"

    def write() -> None:
        with out.open("wb") as stream:
            for piece in encoded:
                stream.write(delimited(None, piece)[0].data)

    return harness.least(write, repeat), out.stat().st_size


def vocabulary_of(ranks: str, folder: Path) -> Path:
    """Write GPT-2's ranks as a tokenizer.json, which datatrove reads; return its path."""
    path = folder / "tokenizer.json"
    table = parse_ranks(Path(ranks).read_bytes(), ranks)
    path.write_bytes(tokenizer_json(table, PATTERNS["gpt2"], {"<|endoftext|>": 50256}))
    return path


def datatrove_rows(python: str, texts: list[str], ranks: str, folder: str, repeat: int) -> dict:
    """Return datatrove's CPU seconds from its own process, or nothing where it is not installed."""
    if harness.lacks(python, "datatrove", "tokenizers"):
        print(f"datatrove: skipped (not importable by {python})")
        return {}
    vocabulary = vocabulary_of(ranks, Path(folder))
    source = Path(folder) / "texts.json"
    source.write_text(json.dumps(texts))
    given = (source, vocabulary, f"{folder}/peer", repeat)
    return harness.peer(python, "tokenize_datatrove", *given) or {}


def streamed(directory: Path, longest: int) -> Iterator[pa.RecordBatch]:
    """Yield batches of 200 documents, the corpus again and again, up to `longest` bytes."""
    size = 0
    while size < longest:
        rows = (row for path in sorted(directory.glob("part-*")) for row in read_jsonl(str(path)))
        while texts := [row["text"] for row in itertools.islice(rows, 200)]:
            size += sum(len(text.encode()) for text in texts)
            yield from batches(texts)


def memory(args: argparse.Namespace) -> None:
    """Stream `--memory` MB through write_part here and print the peak resident size."""
    settings = Settings(tokenizer=str(args.ranks), accelerator=args.accelerator)
    before, clock = harness.peak_mb(), harness.Clock()
    with tempfile.TemporaryDirectory() as folder:
        stream = streamed(args.corpus, int(args.memory * 1e6))
        receipt = write_part(stream, load(settings), f"{folder}/p")
    after, seconds = harness.peak_mb(), clock.cpu()
    print(
        f"accelerator {args.accelerator}: {receipt.total.bytes / 1e6:.0f} MB of text, "
        f"{receipt.total.tokens / 1e6:.1f} M ids, {seconds:.0f} CPU s, reading included; peak "
        f"{after:.0f} MB, of which {before:.0f} MB are imports"
    )


def report(texts: list[str], rows: dict[str, float], base: str) -> None:
    """Print the table of one run."""
    size = sum(len(text.encode()) for text in texts)
    print(f"\n{len(texts)} documents, {size / 1e6:.1f} MB of text\n")
    harness.heads("what", "CPU s", "MB/s of text", "against tiktoken")
    for name, seconds in rows.items():
        speed = f"{size / seconds / 1e6:.1f}"
        harness.row(name, f"{seconds:.2f}", speed, f"{rows[base] / seconds:.2f}")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = harness.arguments(__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--ranks", type=Path, required=True, help="r50k_base.tiktoken")
    parser.add_argument("--megabytes", type=float, default=20.0)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--datatrove", default="", metavar="PYTHON")
    parser.add_argument("--memory", type=float, default=0.0, metavar="MB")
    parser.add_argument("--accelerator", default="auto")
    args = parser.parse_args(arguments)
    if args.memory:
        memory(args)
        return
    texts = corpus(args.corpus, int(args.megabytes * 1e6))
    settings = {"tokenizer": str(args.ranks)}
    with tempfile.TemporaryDirectory() as folder:
        rows = own_rows(texts, settings, folder, args.repeat)
        base = next(iter(rows))
        seconds, written = writer_row(texts, settings, folder, args.repeat)
        peer = {}
        if args.datatrove:
            peer = datatrove_rows(args.datatrove, texts, str(args.ranks), folder, args.repeat)
    if peer:
        rows["datatrove DocumentTokenizer, no shuffle"] = peer["plain"]
        rows["datatrove DocumentTokenizer, its shuffle"] = peer["shuffle"]
    report(texts, rows, base)
    print(f"\nids to file alone: ours {written / seconds / 1e6:.0f} MB/s of ids")
    if peer:
        speed = peer["ids"] * 2 / peer["writer"] / 1e6
        print(
            f"datatrove TokenizedFile.write {speed:.0f} MB/s of ids ({written / seconds / 1e6 / speed:.1f}x)"
        )
        first = load(Settings(**settings)).encode(pa.array(texts[:1]))[0][:50]
        assert np.array_equal(first[: len(peer["first"])], peer["first"])


if __name__ == "__main__":
    main()
