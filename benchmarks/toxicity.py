"""Toxic word lists and a classifier against labelled texts, and how often they hit plain text.

    python -m benchmarks.toxicity [--data DIR]

`tests/score/toxicity.jsonl`: short texts of English and Chinese, labelled by hand before the lists
were written, by the same hand; so the rate of missed texts is a lower bound. Plain text: Wikipedia,
books and the human-labelled web documents. The classifier is trained on what people wrote to provoke
an assistant (hh-rlhf, harmless base) against sentences of Wikipedia and plain instructions, English
only; of three choices of sides this one was the best on the sample. Intervals: Wilson, 95 %.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import harness
from benchmarks.quality import interval, reference, trained
from classifiers.command import recipe
from corpusforge.filter.lists import BUILTIN, load_patterns
from corpusforge.filter.stats import measure
from corpusforge.score.evaluation import roc_auc

SAMPLE = Path(__file__).parents[1] / "tests" / "score" / "toxicity.jsonl"


def lines(path):
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def show(name, hit, rows, languages=("en", "zh")):
    for lang in languages:
        cells = []
        for toxic in (0, 1):
            chosen = [
                bool(h) != bool(toxic)
                for h, row in zip(hit, rows, strict=True)
                if row["lang"] == lang and row["toxic"] == toxic
            ]
            low, high = harness.wilson(sum(chosen), len(chosen))
            share = sum(chosen) / max(1, len(chosen))
            cells.append(f"{sum(chosen)} of {len(chosen)}: {share:.3f} ({low:.3f}-{high:.3f})")
        harness.row(name, lang, *cells)


def kinds(hit, rows):
    wrong = defaultdict(lambda: [0, 0])
    for h, row in zip(hit, rows, strict=True):
        cell = wrong[row["lang"], "toxic" if row["toxic"] else "plain", row["kind"]]
        cell[0] += bool(h) != bool(row["toxic"])
        cell[1] += 1
    print("\nwrong by kind:", ", ".join(f"{' '.join(k)} {a}/{n}" for k, (a, n) in wrong.items()))


def plain(data, tables):
    texts = dict(reference(data))
    path = data / "quality" / "human-quality-labels.jsonl.gz"
    texts["web"] = [json.loads(line)["text"] for line in lines(path)]
    print()
    harness.heads("plain text", "documents", "with a hit", "dropped by listed.v1", "hits per MB")
    for name, rows in texts.items():
        stats = measure(pa.array(rows, pa.large_string()), tables)
        hits, words = (stats.column(c).to_numpy() for c in ("phrase_listed", "words"))
        size = sum(len(text.encode()) for text in rows) / 1e6
        dropped = int((hits > 0.01 * np.maximum(1, words)).sum())
        per_mb = f"{hits.sum() / size:.2f}"
        harness.row(name, len(rows), int((hits > 0).sum()), dropped, per_mb)


def classifier(data):
    """Return a classifier of English: provocations against plain sentences and instructions."""
    path = data / "preference" / "hh-harmless-base-test-half.jsonl.gz"
    turns = [
        turn.removeprefix("Human:").strip()
        for line in lines(path)
        for turn in re.split(r"\n\n(?=Human:|Assistant:)", json.loads(line)["chosen"].strip())
        if turn.startswith("Human:")
    ]
    sentences = [
        sentence
        for text in reference(data)["wikipedia"]
        for sentence in re.split(r"(?<=[.!?])\s+", text)
        if 40 < len(sentence) < 250
    ]
    keys = [hashlib.sha256(sentence.encode()).digest() for sentence in sentences]
    drawn = [sentence for _, sentence in sorted(zip(keys, sentences, strict=True))][:3000]
    names = ("seed_tasks.jsonl", "user_oriented_instructions.jsonl")
    for name in names:
        found = (data / "selfinstruct" / name).read_text("utf-8").splitlines()
        drawn += [json.loads(line)["instruction"] for line in found]
    return trained({"provocations": turns}, {"plain": drawn}, recipe("toxicity", {}))


def main():
    given = harness.arguments(__doc__, data=True).parse_args()
    rows = [json.loads(line) for line in SAMPLE.read_text("utf-8").splitlines()]
    texts = pa.array([row["text"] for row in rows], pa.large_string())
    tables = load_patterns(BUILTIN)
    print(f"{len(rows)} texts, lists {', '.join(BUILTIN)}")
    harness.heads("method", "language", "false positives", "false negatives")
    hit = measure(texts, tables).column("phrase_listed").to_numpy() > 0
    show("lists", hit, rows)
    if given.data.exists():
        scores = classifier(given.data).score(texts)
        for bound in (0.5, 0.9):
            show(f"classifier, English, at {bound}", scores >= bound, rows, ("en",))
        show("lists, or classifier at 0.9", hit | (scores >= 0.9), rows, ("en",))
        english = np.array([row["lang"] == "en" for row in rows])
        truth = np.array([bool(row["toxic"]) for row in rows])[english]
        values = scores[english].astype(float)
        low, high = interval(values, truth)
        print(f"\nclassifier, English: AUC {roc_auc(values, truth):.3f} ({low:.3f}-{high:.3f})")
    kinds(hit, rows)
    if given.data.exists():
        plain(given.data, tables)


if __name__ == "__main__":
    main()
