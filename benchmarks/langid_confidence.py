"""How far CLD2's label can be trusted: fits `identify/confidence.json` and measures it on held-out halves.

    python -m benchmarks.langid_confidence [--write]

Texts: UDHR declarations in 389 languages as sentences and as pieces of 300, 1,000 and 2,000 characters,
Genesis sentences of seven languages, lines of Wikipedia in seventeen. A text belongs to one half by the
hash of itself, or of its declaration where CLD2 does not know the language, so that unknown languages are
new to the half that is judged. Texts of unknown languages weigh a quarter: they are two thirds of the
declarations, and rare on the web. A label is right where it is the declaration's own.
"""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pycld2
from scipy.optimize import minimize

from benchmarks import harness
from benchmarks.langid import genesis, sentences
from corpusforge import extract, ingest
from corpusforge.identify.confidence import PATH, features
from corpusforge.identify.engines import cld2_details
from corpusforge.identify.labels import UNKNOWN, canonical

UNKNOWN_WEIGHT = 0.25


class Row(NamedTuple):
    gold: str
    label: str
    share: float
    size: int
    score: float
    second: float
    kind: str
    half: int
    known: bool


def texts(data, scorer):
    """Yield (declaration, label, kind, text)."""
    with zipfile.ZipFile(data / "langid" / "udhr2.zip") as archive:
        for name in sorted(archive.namelist()):
            stem = Path(name).stem
            label = {"als": "sq"}.get(stem.split("_")[0]) or scorer.canon(stem)
            if not name.endswith(".txt"):
                continue
            text = archive.read(name).decode("utf-8")
            for sentence in sentences(text, 40):
                yield stem, label, "sentences", sentence
            flat = " ".join(text.split())
            for length in (300, 1000, 2000):
                for start in (500, 3000, 6000):
                    if len(flat) > start + length:
                        yield stem, label, f"{length} characters", flat[start : start + length]
    for label, text in genesis(data):
        for sentence in sentences(text, 150):
            yield f"genesis-{label}", label, "Genesis", sentence
    for path in sorted((data / "wiki").rglob("*.bz2")):
        lines = []
        for raw in ingest.read("wikipedia", str(path), ingest.Settings()):
            done = (
                extract.extract(raw, extract.Settings(wiki_tables=False))
                if hasattr(raw, "content")
                else raw
            )
            if isinstance(done, extract.Extracted) and len(lines) < 400:
                lines += [
                    (raw.lang, line[:400]) for line in done.text.split("\n") if len(line) >= 40
                ]
        for label, line in lines[:400]:
            yield f"wiki-{label}", scorer.canon(label), "Wikipedia", line


def rows(data, scorer):
    known = {scorer.canon(canonical(code)) for _, code in pycld2.LANGUAGES}
    for stem, label, kind, text in texts(data, scorer):
        gold = scorer.canon(label)
        half = hashlib.md5((text if gold in known else stem).encode()).digest()[0] & 1
        found = cld2_details(text.encode())
        if found:
            first, second = found[0], found[1].share if len(found) > 1 else 0.0
            yield Row(gold, scorer.canon(first.label), first.share, len(text.encode()), first.score, second,
                      kind, half, gold in known)  # fmt: skip
        else:
            yield Row(gold, UNKNOWN, 0.0, len(text.encode()), 0.0, 0.0, kind, half, gold in known)


def fitted(train):
    """Return what confidence.json holds: typical scores by label, and the weights of the features."""
    train = [row for row in train if row.label != UNKNOWN]
    right = {}
    for row in train:
        if row.gold == row.label:
            right.setdefault(row.label, []).append(row.score)
    typical = {
        label: round(float(np.median(s))) for label, s in sorted(right.items()) if len(s) >= 8
    }
    other = round(float(np.median(list(typical.values()))))
    x = np.array([features(r.score, typical.get(r.label, other), r.size, r.second) for r in train])
    y = np.array([r.gold == r.label for r in train], float)
    w = np.array([1.0 if r.known else UNKNOWN_WEIGHT for r in train])

    def loss(b):
        z = x @ b
        p = 1 / (1 + np.exp(-z))
        penalty = np.r_[0, b[1:]]
        return (w * (np.logaddexp(0, z) - y * z)).sum() + penalty @ penalty, x.T @ (
            w * (p - y)
        ) + 2 * penalty

    weights = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B").x
    return {"typical": typical, "other": other, "weights": [round(float(b), 3) for b in weights]}


def predicted(model, row):
    if row.label == UNKNOWN:
        return 0.0
    typical = model["typical"].get(row.label, model["other"])
    z = np.dot(features(row.score, typical, row.size, row.second), model["weights"])
    return row.share / (1 + math.exp(-z))


def report(name, found, scores):
    right = np.array([row.gold == row.label for row in found])
    english = np.array([row.label == "en" for row in found]) & (scores >= 0.65)
    gold = np.array([row.gold == "en" for row in found])
    bins = np.minimum((scores * 10).astype(int), 9)
    error = sum(abs(right[bins == k].mean() - scores[bins == k].mean()) * (bins == k).mean()
                for k in range(10) if (bins == k).any())  # fmt: skip
    wrong = (~right & (scores >= 0.65)).mean()
    precision = gold[english].mean() if english.any() else float("nan")
    recall = gold[english].sum() / max(1, gold.sum())
    figures = (right.mean(), error, wrong, precision, recall)
    harness.row(name, len(found), *(f"{figure:.3f}" for figure in figures))


def main():
    options = harness.arguments(__doc__, data=True)
    options.add_argument(
        "--write", action="store_true", help="fit on both halves and write the file"
    )
    given = options.parse_args()
    scorer = harness.scorer("score_langid", given.data)
    found = list(rows(given.data, scorer))
    held = [(row, predicted(model, row))
            for half in (0, 1)
            for model in [fitted([row for row in found if row.half != half])]
            for row in found if row.half == half]  # fmt: skip
    harness.heads("texts", "n", "right", "calibration error", "wrong at .65", "English P", "R")
    for title, old in (("share of the text", True), ("confidence, held out", False)):
        for kind in (*dict.fromkeys(row.kind for row, _ in held), "known languages", "all"):
            part = [
                (row, score) for row, score in held
                if kind in (row.kind, "all") or (kind == "known languages" and row.known)
            ]  # fmt: skip
            scores = np.array([row.share if old else score for row, score in part])
            report(f"{title}: {kind}", [row for row, _ in part], scores)
    if given.write:
        PATH.write_text(json.dumps(fitted(found), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
