"""Quality scores against people: AUC on human-labelled web documents, none of them trained on.

    python -m benchmarks.quality [--data DIR] [--sweep] [--encoder]

Positives: English Wikipedia dumps, two books, and by recipe the article texts of two extraction
benchmarks; negatives: every HTML page of the web archives as text, boilerplate included. The
labelled documents are halved by the parity of the first byte of their SHA-256: recipes were
chosen on half A, half B was read after. Intervals: bootstrap over documents, 1,000 rounds.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import math
import re

import numpy as np
import pyarrow as pa
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from benchmarks import harness
from corpusforge import extract, ingest, score
from corpusforge.records import RawDocument
from corpusforge.score.evaluation import roc_auc

GOPHER = frozenset(["the", "be", "to", "of", "and", "that", "have", "with"])


def _extracted(kind, path):
    for item in ingest.read(kind, str(path), ingest.Settings()):
        done = extract.extract(item, extract.Settings()) if isinstance(item, RawDocument) else item
        if isinstance(done, extract.Extracted):
            yield done.text


def _page(content):
    tree = HTMLTree.parse_from_bytes(content, "utf-8")
    return extract_plain_text(tree, main_content=False, alt_texts=False)


@functools.cache
def reference(data):
    """Return curated texts by source."""
    dumps = [*(data / "wiki").glob("enwiki-latest*"), *(data / "wiki").glob("wikipedia2vec*")]
    dumps.append(data / "wiki" / "minidumps" / "simplewiki.xml.bz2")
    books = [data / "books" / "en-alice-11-0.txt.gz", data / "books" / "epub" / "en-epictetus.epub"]
    return {
        "wikipedia": [text for path in dumps for text in _extracted("wikipedia", path)],
        "books": [text for path in books for text in _extracted("books", path)],
    }


@functools.cache
def articles(data):
    """Return the hand-made or checked article texts of two extraction benchmarks."""
    gold = json.loads((data / "web" / "html_gold" / "aeb60" / "ground-truth.json").read_bytes())
    texts = [row["articleBody"] for row in gold.values()]
    for path in sorted((data / "web" / "html_gold" / "readability").glob("*/expected*.html*")):
        raw = path.read_bytes()
        text = _page(gzip.decompress(raw) if path.suffix == ".gz" else raw)
        if "lorem ipsum" not in text.lower() and len(text) > 500:
            texts.append(text)
    return texts


@functools.cache
def crawl(data):
    """Return every page of the web archives as text, boilerplate and all."""
    paths = sorted((data / "web" / "warc").rglob("*.*")) + sorted(
        (data / "web" / "commoncrawl").glob("*.warc.gz")
    )
    texts = {}
    for path in paths:
        for item in ingest.read("web", str(path), ingest.Settings()):
            if isinstance(item, RawDocument) and item.media == "html":
                content = item.content if isinstance(item.content, bytes) else item.content.encode()
                text = _page(content)
                if len(text) > 100:
                    texts[hashlib.sha256(text.encode()).digest()] = text
    return list(texts.values())


def stop_words(text):
    words = re.findall(r"\w+", text.lower())
    return sum(word in GOPHER for word in words) / max(1, len(words))


def interval(values, labels):
    """Return the interval of the AUC over documents."""
    return harness.bootstrap(lambda pick: roc_auc(values[pick], labels[pick]), len(values))


def report(name, values, rows, scorer):
    labels = np.array([bool(row["label"]) for row in rows])
    lengths = [max(1, len(row["text"])) for row in rows]
    digests = (hashlib.sha256(row["text"].encode()).digest()[0] for row in rows)
    half = np.array([first % 2 == 0 for first in digests])
    cells = []
    for part in (half, ~half, np.ones(len(rows), bool)):
        pairs = [(float(v), int(y)) for v, y in zip(values[part], labels[part], strict=True)]
        same = scorer.auc_same_length(
            pairs, [n for n, inside in zip(lengths, part, strict=True) if inside]
        )
        low, high = interval(values[part], labels[part])
        cells.append(f"{scorer.auc(pairs):.3f} ({low:.3f}-{high:.3f}) / {same:.3f}")
    harness.row(name, *cells)


def recipes(data, sweep):
    plain, wide = reference(data), {**reference(data), "articles": articles(data)}
    raw = {"crawl": crawl(data)}
    yield "GPT-3's: reference, words alone", plain, raw, {"prose": 0.0, "evidence": 0.0}
    yield "reference, default settings", plain, raw, {}
    yield "reference + articles, words alone", wide, raw, {"prose": 0.0, "evidence": 0.0}
    yield "reference + articles, default settings", wide, raw, {}
    if sweep:
        for change in (
            {"evidence": 0.0}, {"evidence": 60.0}, {"prose": 0.25}, {"prose": 1.0}, {"prose": 2.0},
            {"ngrams": 1}, {"marks": True}, {"windows_per_document": 4}, {"window_bytes": 800},
            {"window_bytes": 3000}, {"regularisation": 0.1}, {"regularisation": 10.0}, {"seed": 1},
        ):  # fmt: skip
            yield f"reference + articles, {change}", wide, raw, change


def trained(good, bad, settings):
    def side(texts):
        return {name: [pa.array(rows, pa.large_string())] for name, rows in texts.items()}

    return score.train(side(good), side(bad), settings)


def main():
    options = harness.arguments(__doc__, data=True)
    options.add_argument("--sweep", action="store_true", help="also the recipes that were tried")
    options.add_argument("--encoder", action="store_true", help="only the encoder (needs torch)")
    given = options.parse_args()
    scorer = harness.scorer("score_quality", given.data)
    rows = scorer.read_jsonl(given.data / "quality" / "human-quality-labels.jsonl.gz")
    texts = pa.array([row["text"] for row in rows], type=pa.large_string())
    print(f"{len(rows)} documents, {sum(row['label'] for row in rows)} good")
    print("AUC (95 % interval) / same-length AUC")
    harness.heads("method", "half A", "half B", "all")
    report("length", np.array([math.log(1 + len(row["text"])) for row in rows]), rows, scorer)
    if given.encoder:
        _encoder(given.data, rows, texts, scorer)
        return
    report(
        "Gopher's eight stop words",
        np.array([stop_words(row["text"]) for row in rows]),
        rows,
        scorer,
    )
    for name, good, bad, change in recipes(given.data, given.sweep):
        model = trained(good, bad, score.Settings(train=score.TrainSettings(**change)))
        report(name, np.asarray(model.totals(texts)), rows, scorer)
    model = trained(
        reference(given.data), {"crawl": crawl(given.data)}, score.Settings(engine="fasttext")
    )
    report("fastText, reference", model.score(texts).astype(float), rows, scorer)
    _shape_constants(rows)
    _chinese(given.data)


def _encoder(data, rows, texts, scorer):
    """Report a small encoder from scratch, and its speed."""
    encoder = score.EncoderSettings(width=64, layers=2, heads=2, epochs=3, rate=1e-3)
    settings = score.TrainSettings(windows_per_document=4, window_bytes=800, encoder=encoder)
    good, bad = reference(data), {"crawl": crawl(data)}
    model, training = harness.timed(
        lambda: trained(good, bad, score.Settings(engine="encoder", train=settings))
    )
    totals, scoring = harness.timed(lambda: model.totals(texts))
    report("encoder, reference", totals, rows, scorer)
    size = sum(len(row["text"].encode()) for row in rows) / 1e6
    held = model.card["held_out"]["roc_auc"]
    print(f"\n{model.card['windows']}, held out {held:.3f}, trained in {training:.0f} CPU s")
    print(f"scored {size:.2f} MB at {size / scoring:.3f} MB/s of CPU time")


def _chinese(data):
    """Print mean scores of Chinese texts, with and without Chinese among the positives."""

    def classic(name):
        chapters = json.loads(gzip.decompress((data / "books" / name).read_bytes()))
        chapters = chapters if isinstance(chapters, list) else [chapters]
        return ["\n".join(row["paragraphs"]) for row in chapters]

    texts = {
        "Analects": classic("zh-lunyu.json.gz"),
        "Mengzi": classic("zh-mengzi.json.gz"),
        "Sunzi": list(_extracted("books", data / "books" / "zh-23864-0.txt.gz")),
        "Wikipedia": list(_extracted("wikipedia", data / "wiki" / "minidumps" / "zhwiki.xml.bz2")),
    }
    plain, raw = reference(data), {"crawl": crawl(data)}
    wide = {
        "wikipedia": plain["wikipedia"] + texts["Wikipedia"],
        "books": plain["books"] + texts["Mengzi"],
    }
    print()
    harness.heads("mean score", *texts)
    for name, good in (("reference", plain), ("+ Wikipedia (zh), Mengzi", wide)):
        model = trained(good, raw, score.Settings())
        harness.row(name, *(f"{model.score(rows).mean():.3f}" for rows in texts.values()))


def _shape_constants(rows):
    """Print mean and spread of the shape values, from which `features.prose` has its numbers."""
    from corpusforge.score.features import CAPITALS, CASED, LINES, MARKS, WIDTH

    model = score.HashedModel(
        weights=np.zeros(256, np.float32), bias=0.0, centre=0.0, spread=1.0, prose=1.0, prior=0.0,
        evidence=0.0, slope=1.0, shift=0.0, ngrams=1, marks=False, window_bytes=1500, card={},
    )  # fmt: skip
    counts = model.parts([row["text"] for row in rows])[1]
    width = np.maximum(1, counts[:, WIDTH])
    marks, lines = counts[:, MARKS] / (2 * width), np.log(width / np.maximum(1, counts[:, LINES]))
    print(f"\nmarks: mean {marks.mean():.4f}, deviation {marks.std():.4f}")
    capitals = counts[:, CAPITALS] / np.maximum(1, counts[:, CASED])
    print(f"capitals: mean {capitals.mean():.4f}, deviation {capitals.std():.4f}")
    print(f"log line length: mean {lines.mean():.3f}, deviation {lines.std():.3f}")


if __name__ == "__main__":
    main()
