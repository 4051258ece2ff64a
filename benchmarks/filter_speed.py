"""Speed of all statistics and three rule sets, and agreement with datatrove's filters.

    python -m benchmarks.filter_speed [--documents 600] [--peer-python PATH] [--data DIR]

Ours measures every statistic and decides gopher_quality.v1, gopher_repetition.v1 and fineweb.v1;
datatrove runs its Gopher quality, Gopher repetition and FineWeb filters with its own spaCy words,
and again with words split at white space. All times are CPU seconds of one process, texts in
memory, best of three for ours and of one for the peer. Agreement is pass/fail of the three
together, with datatrove's own bound on duplicate-line characters (0.01) on both sides, and with
the paper's (0.1). Text: manual pages and package documentation of this machine, and, where DIR (the
real test data) is there, web pages that people labelled, crawl samples and the main text of HTML pages. The
peer may live in its own environment (`pip install 'datatrove[processing]' 'xxhash<4' spacy nltk`), named by
--peer-python.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa

from benchmarks import harness
from benchmarks.make_corpus import base_documents, roots
from corpusforge.filter import RULES, RuleSet, Settings, decide, rules_for
from corpusforge.filter.stats import measure

NAMES = ("gopher_quality.v1", "gopher_repetition.v1", "fineweb.v1")


def documentation(number: int) -> list[str]:
    """Return English manual pages and documentation files of this machine."""
    places = [place for place in roots() if place[0] in ("man", "doc")]
    found = (p.text for p in base_documents(places, 1, 20_000) if p.lang == "en")
    return list(islice(found, number))


def web(data: Path) -> list[str]:
    """Return the real web texts of the test data."""
    rows = gzip.decompress((data / "quality/human-quality-labels.jsonl.gz").read_bytes())
    rows += (data / "quality/redpajama-cc-sample.jsonl").read_bytes()
    texts = [json.loads(row)["text"] for row in rows.split(b"\n") if row]
    pages = sorted(path for path in (data / "web/html_gold").rglob("*.htm*") if path.is_file())
    return texts + [text for text in map(main_text, pages) if len(text) >= 200]


def main_text(path: Path) -> str:
    """Return the main content of an HTML file by resiliparse."""
    from resiliparse.extract.html2text import extract_plain_text

    data = path.read_bytes()
    page = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8", "replace")
    return extract_plain_text(page, main_content=True, alt_texts=False, comments=False)


def rules(duplicate_lines: float) -> list[RuleSet]:
    """Return the three sets, with a bound on duplicate-line characters."""
    bounds = {"fineweb.v1": {"duplicate_line_chars_high": duplicate_lines}}
    return [RULES[name].with_bounds(bounds.get(name, {})) for name in NAMES]


def ours(texts: Sequence[str], sets: list[RuleSet]) -> tuple[list[str], float, float]:
    """Return (failing rule a document, CPU seconds measuring, CPU seconds deciding), best of 3."""
    array = pa.array(texts, type=pa.large_string())
    meta = pa.record_batch({"lang": ["en"] * len(texts)})
    times = []
    for _ in range(3):
        stats, measuring = harness.timed(lambda: measure(array))
        decided, deciding = harness.timed(lambda stats=stats: decide(stats, meta, sets))
        verdict = decided.rule
        times.append((measuring, deciding))
    return verdict, min(a for a, _ in times), min(b for _, b in times)


def share(hits: int, n: int) -> str:
    """Return a share with its 95 % Wilson interval."""
    low, high = harness.wilson(hits, n)
    return f"{100 * hits / n:.1f} % ({100 * low:.1f}–{100 * high:.1f})"


def report(name: str, texts: list[str], python: str) -> None:
    """Print speed and agreement on one set of texts."""
    size = sum(len(text.encode()) for text in texts) / 1e6
    verdict, measuring, deciding = ours(texts, rules(0.01))
    total = measuring + deciding
    print(f"\n{name}: {len(texts)} documents, {size:.2f} MB")
    print(f"  ours        {size / total:8.2f} MB/s   ({size / measuring:.1f} measuring alone)")
    spacy = harness.peer(python, "filter_peer", "spacy", 0.01, given=texts)
    split = harness.peer(python, "filter_peer", "split", 0.01, given=texts)
    paper = harness.peer(python, "filter_peer", "split", 0.1, given=texts)
    if spacy is None or split is None or paper is None:
        return
    for label, run in (("datatrove", spacy), ("datatrove, split words", split)):
        speed = size / run["seconds"]
        print(f"  {label:<22}{speed:8.2f} MB/s   ours is {size / total / speed:.0f} times that")
    exact = ours(texts, rules(0.1))[0]
    for label, mine, theirs in (
        ("bound 0.01, split words", verdict, split["verdict"]),
        ("bound 0.1, split words", exact, paper["verdict"]),
        ("bound 0.01, spaCy words", verdict, spacy["verdict"]),
    ):
        same = sum(bool(a) == bool(b) for a, b in zip(mine, theirs, strict=True))
        kept = sum(not a for a in mine), sum(not b for b in theirs)
        print(f"  agreement, {label}: {share(same, len(texts))}; kept {kept[0]} / {kept[1]}")


def report_labels(data: Path) -> None:
    """Print how many pages that people called good or bad the default web rules drop."""
    raw = gzip.decompress((data / "quality/human-quality-labels.jsonl.gz").read_bytes())
    rows = [json.loads(row) for row in raw.split(b"\n") if row]
    meta = pa.record_batch({"lang": ["en"] * len(rows), "url": [""] * len(rows)})
    stats = measure(pa.array([row["text"] for row in rows]))
    kept = decide(stats, meta, rules_for(Settings(), "crawl", "web")).kept
    print("\ndefault web rules on pages that people labelled")
    for label, name in ((0, "bad"), (1, "good")):
        chosen = [bool(k) for k, row in zip(kept, rows, strict=True) if row["label"] == label]
        dropped = len(chosen) - sum(chosen)
        print(f"  {name}: {dropped} of {len(chosen)} dropped, {share(dropped, len(chosen))}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = harness.arguments(__doc__, data=True)
    parser.add_argument("--documents", type=int, default=600)
    parser.add_argument("--peer-python", default=sys.executable)
    options = parser.parse_args(arguments)
    measure(pa.array(["compiles"]))
    report("documentation", documentation(options.documents), options.peer_python)
    if options.data.is_dir():
        report("web", web(options.data), options.peer_python)
        report_labels(options.data)


if __name__ == "__main__":
    main()
