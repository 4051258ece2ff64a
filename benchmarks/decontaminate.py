"""Recall on planted and edited evaluation items, false hits, speed.

    python -m benchmarks.decontaminate [--data DIR]

Items: GSM8K test questions, HumanEval prompts, CommonsenseQA dev questions, each planted into a page
of real text (books and Wikipedia in turn). Clean text: the books and Wikipedia files, page by page,
and GSM8K's training questions. Speed in CPU seconds of this process, one core, kernels compiled.
"""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

from benchmarks import harness
from corpusforge.decontaminate import EvalIndex, EvalItem, Scanner, read_items
from corpusforge.extract import Extracted, extract
from corpusforge.extract.settings import Settings as ExtractSettings
from corpusforge.hashing import id_keys, uniform
from corpusforge.ingest import read
from corpusforge.ingest.settings import Settings as IngestSettings
from corpusforge.records import RawDocument

PAGE = 5000
RULES = (("gpt3.v1",), ("ngram13.v1",), ("ngram8.v1",), ("fuzzy.v1",), ("gpt3.v1", "fuzzy.v1"))


def plus_one(text):
    return re.sub(r"\d+", lambda m: str(int(m[0]) + 1), text)


def without(text, share, seed):
    words = re.split(r"(\s+)", text)
    keys = id_keys([f"{text}:{n}" for n in range(len(words))])
    keep = uniform(keys, seed, "benchmark") >= share
    return "".join(word for n, word in enumerate(words) if n % 2 or keep[n])


EDITS = {
    "verbatim": str,
    "upper case": str.upper,
    "each blank a line break": lambda t: re.sub(r"\s+", "\n", t),
    "ASCII quotes, no . , ; : ! ?": lambda t: re.sub(r"[.,;:!?]", "", t.replace("’", "'")),
    "lower case, each mark a blank": lambda t: re.sub(r"[^\w\s]", " ", t).lower(),
    "no mark at all, upper, breaks": lambda t: re.sub(
        r"\s+", "\n", re.sub(r"[^\w\s]", "", t)
    ).upper(),
    "numbers +1": plus_one,
    "10 % of words left out": lambda t: without(t, 0.1, 1),
    "both": lambda t: without(plus_one(t), 0.1, 2),
    "20 % of words left out": lambda t: without(t, 0.2, 3),
}


def pages(data: Path) -> dict[str, list[str]]:
    """Return {"books": pages, "wiki": pages} of about PAGE characters (Wikipedia: an article each)."""
    books, wiki = [], []
    for path in sorted((data / "books").glob("*.txt.gz")):
        raw = gzip.decompress(path.read_bytes())
        text = raw.decode("latin-1" if path.name.endswith("-8.txt.gz") else "utf-8")
        books += [text[k : k + PAGE] for k in range(0, len(text), PAGE)]
    for path in sorted([*(data / "wiki").glob("*.bz2"), *(data / "wiki/minidumps").glob("*.bz2")]):
        for raw in read("wikipedia", str(path), IngestSettings()):
            if isinstance(raw, RawDocument):
                found = extract(raw, ExtractSettings())
                if isinstance(found, Extracted):
                    wiki += [found.text[k : k + PAGE] for k in range(0, len(found.text), PAGE)]
    return {"books": books, "wiki": wiki}


def planted(item: str, number: int, hosts: list[str]) -> str:
    host = hosts[number % len(hosts)]
    cut = len(host) // 2
    return f"{host[:cut]}\n{item}\n{host[cut:]}"


def recall(index: EvalIndex, items: list[EvalItem], hosts: list[str]) -> None:
    scanners = {rules: Scanner(index, rules) for rules in RULES}
    short = set(index.unsearchable("gpt3.v1"))
    numbered = [(n, item) for n, item in enumerate(items) if n not in short]
    print()
    harness.heads("set, items of 8 words and more", "edit", *map("+".join, RULES))
    for name in index.benchmarks:
        own = [(n, item.passages[0]) for n, item in numbered if item.benchmark == name]
        for edit, change in EDITS.items():
            texts = [planted(change(text), n, hosts) for n, text in own]
            cells = []
            for rules in RULES:
                hits = scanners[rules].scan(texts)
                pairs = set(
                    zip(hits["document"].to_pylist(), hits["item"].to_pylist(), strict=True)
                )
                documents = {document for document, _ in pairs}
                cells.append(f"{len(documents)} ({100 * len(documents) / len(own):.1f} %)")
            harness.row(f"{name}, {len(own)}", edit, *cells)


def pieces(texts: list[str], size: int) -> list[str]:
    return [text[k : k + size] for text in texts for k in range(0, len(text), size)]


def false_hits(index: EvalIndex, clean: dict[str, list[str]]) -> None:
    print()
    harness.heads("clean texts", "n", *map("+".join, RULES))
    for name, texts in clean.items():
        cells = []
        for rules in RULES:
            hits = len(set(Scanner(index, rules).scan(texts)["document"].to_pylist()))
            low, high = harness.wilson(hits, len(texts))
            cells.append(f"{hits} ({100 * low:.2f}-{100 * high:.2f} %)")
        harness.row(name, len(texts), *cells)


def speed(index: EvalIndex, clean: dict[str, list[str]]) -> None:
    print()
    harness.heads("rules", *(f"{name}, MB/s" for name in clean))
    for rules in RULES:
        scanner = Scanner(index, rules)
        cells = []
        for texts in clean.values():
            size = sum(len(text.encode()) for text in texts)
            repeats = max(1, round(8e6 / size))
            batch = texts * repeats
            best = harness.least(lambda scan=scanner.scan, batch=batch: scan(batch))
            cells.append(f"{size * repeats / 1e6 / best:.0f}")
        harness.row("+".join(rules), *cells)


def main() -> None:
    data = harness.arguments(__doc__, data=True).parse_args().data
    items = [
        *read_items("gsm8k", str(data / "decontam/gsm8k_test.jsonl.gz")),
        *read_items("humaneval", str(data / "decontam/HumanEval.jsonl.gz"), ("prompt",)),
        *read_items("csqa", str(data / "decontam/commonsenseqa_dev.jsonl.gz"), ("question.stem",)),
    ]
    index = EvalIndex.build(items)
    print(
        f"index: {len(items)} items, {len(index.to_bytes()) / 1e6:.1f} MB, {index.fingerprint[:16]}"
    )
    hosts = pages(data)
    train = gzip.decompress((data / "selfinstruct/cot/gsm8k_train.jsonl.gz").read_bytes())
    questions = [json.loads(line)["question"] for line in train.splitlines()]
    short = {f"{name}, pieces of 1,000": pieces(texts, 1000) for name, texts in hosts.items()}
    both = {"both, pieces of 1,000": [piece for texts in short.values() for piece in texts]}
    false_hits(index, {**hosts, **both, "GSM8K training questions": questions})
    recall(index, items, [page for both in zip(hosts["books"], hosts["wiki"]) for page in both])  # noqa: B905
    speed(index, {**hosts, "GSM8K training questions": questions})


if __name__ == "__main__":
    main()
