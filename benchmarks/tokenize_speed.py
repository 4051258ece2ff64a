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
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from corpusforge.errors import InputError
from corpusforge.io.jsonl import read_jsonl
from corpusforge.tokenize import Settings, load, write_part
from corpusforge.tokenize.part import _delimited
from corpusforge.tokenize.patterns import PATTERNS
from corpusforge.tokenize.ranks import dump_tokenizer_json, parse_ranks

PEER = """
import json, os, sys, time
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"
from loguru import logger
logger.remove()
from datatrove.data import Document
from datatrove.pipeline.tokens.tokenizer import DocumentTokenizer, TokenizedFile
texts, vocabulary, out, repeat = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
docs = [Document(text=text, id=str(n)) for n, text in enumerate(json.load(open(texts)))]
best = {}
def clock(name, work):
    start = time.process_time()
    result = work()
    best[name] = min(best.get(name, 1e9), time.process_time() - start)
    return result
for shuffle in (False, True):
    step = DocumentTokenizer(
        out, vocabulary, eos_token="<|endoftext|>", seed=1, shuffle_documents=shuffle
    )
    step.tokenizer.encode("warm")
    clock("shuffle" if shuffle else "plain", lambda: step.run(iter(docs)))
ids = [row.ids for row in step.tokenizer.encode_batch([doc.text for doc in docs[:2000]])]
def write():
    file = TokenizedFile(out, "w.ds")
    for row in ids:
        file.write(row, None)
    file.close()
for _ in range(repeat):
    clock("writer", write)
print(json.dumps({**best, "ids": sum(map(len, ids)), "first": ids[0][:50]}))
"""


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


def cpu(work, repeat: int) -> float:
    """Return the least CPU seconds of `repeat` calls."""
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def own_rows(texts: list[str], settings: dict, folder: str, repeat: int) -> dict[str, float]:
    """Return CPU seconds of tiktoken's own batch call and of our part writer by engine."""
    plain = load(Settings(**settings, accelerator="off"))
    whole = batches(texts)
    encoding = plain.engine.encoding
    rows = {
        "tiktoken encode_ordinary_batch(num_threads=1), no file": cpu(
            lambda: encoding.encode_ordinary_batch(texts, num_threads=1), repeat
        ),
        "corpusforge write_part, tiktoken alone": cpu(
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
            seconds = cpu(lambda: write_part(whole, engine, f"{folder}/f"), 1)
            assert engine.refused == 0
            return seconds

        rows[f"corpusforge write_part, {name}, checked"] = min(cold() for _ in range(repeat))
        for ending in ("bin", "parquet"):
            ours, other = (Path(f"{folder}/{part}.{ending}").read_bytes() for part in "pf")
            assert ours == other
    return rows


def writer_row(texts: list[str], settings: dict, folder: str, repeat: int) -> tuple[float, int]:
    """Return CPU seconds and bytes of writing ids that are there: end ids put in, file written."""
    tokenizer = load(Settings(**settings))
    ids, offsets = tokenizer.encode(pa.array(texts[:2000], pa.large_string()))
    out = Path(folder) / "w.bin"

    def write() -> None:
        with out.open("wb") as stream:
            for a, b in itertools.pairwise([*range(0, len(offsets) - 1, 256), len(offsets) - 1]):
                piece = ids[offsets[a] : offsets[b]]
                stream.write(_delimited(piece, offsets[a : b + 1] - offsets[a], tokenizer)[0].data)

    return cpu(write, repeat), out.stat().st_size


def datatrove_rows(python: str, texts: list[str], ranks: str, folder: str, repeat: int) -> dict:
    """Return datatrove's CPU seconds from its own process, or nothing where it is not installed."""
    if subprocess.run([python, "-c", "import datatrove, tokenizers"], check=False).returncode:
        print(f"datatrove: skipped (not importable by {python})")
        return {}
    vocabulary = str(Path(folder) / "tokenizer.json")
    table = parse_ranks(Path(ranks).read_bytes(), ranks)
    dump_tokenizer_json(vocabulary, table, PATTERNS["gpt2"], {"<|endoftext|>": 50256})
    source = Path(folder) / "texts.json"
    source.write_text(json.dumps(texts))
    command = [python, "-c", PEER, str(source), vocabulary, f"{folder}/peer", str(repeat)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(answer.stdout.splitlines()[-1])


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
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with tempfile.TemporaryDirectory() as folder:
        stream = streamed(args.corpus, int(args.memory * 1e6))
        receipt = write_part(stream, load(settings), f"{folder}/p")
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.process_time()
    print(
        f"accelerator {args.accelerator}: {receipt.total.bytes / 1e6:.0f} MB of text, "
        f"{receipt.total.tokens / 1e6:.1f} M ids, {seconds:.0f} CPU s, reading included; peak "
        f"{after:.0f} MB, of which {before:.0f} MB are imports"
    )


def report(texts: list[str], rows: dict[str, float], base: str) -> None:
    """Print the table of one run."""
    size = sum(len(text.encode()) for text in texts)
    print(f"\n{len(texts)} documents, {size / 1e6:.1f} MB of text\n")
    print("| what | CPU s | MB/s of text | against tiktoken |\n| --- | --- | --- | --- |")
    for name, seconds in rows.items():
        speed = size / seconds / 1e6
        print(f"| {name} | {seconds:.2f} | {speed:.1f} | {rows[base] / seconds:.2f} |")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
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
