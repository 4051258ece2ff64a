"""Scoring speed a core beside raw fastText and scikit-learn, and same bytes from two trainings.

    python -m benchmarks.score_speed [--data DIR] [--megabytes 12]

CPU time of one process, best of five turns; the same texts, models trained on the same windows: ours,
fastText's model of word pairs asked by itself (raw handle, newlines replaced) and by our kernel, and
HashingVectorizer + logistic regression where scikit-learn is installed.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import fasttext
import numpy as np
import pyarrow as pa

from benchmarks import harness
from benchmarks.quality import crawl, reference
from corpusforge import score


def corpus(data, megabytes):
    pages = [*reference(data)["wikipedia"], *crawl(data), *reference(data)["books"]]
    texts, size = [], 0
    while size < megabytes * 1e6:
        for text in pages:
            texts.append(text[:20_000])
            size += len(texts[-1].encode())
            if size >= megabytes * 1e6:
                break
    return texts, size


def main():
    options = harness.arguments(__doc__, data=True)
    options.add_argument("--megabytes", type=float, default=12.0)
    given = options.parse_args()
    good = {
        name: [pa.array(texts, pa.large_string())] for name, texts in reference(given.data).items()
    }
    bad = {"crawl": [pa.array(crawl(given.data), pa.large_string())]}
    models = {}
    for engine in ("hashed_logreg", "fasttext"):
        settings = score.Settings(engine=engine)
        pair = [score.train(good, bad, settings) for _ in range(2)]
        digests = {hashlib.sha256(model.to_bytes()).hexdigest()[:16] for model in pair}
        print(f"{engine}: two trainings, sha256 {' / '.join(sorted(digests))}")
        models[engine] = pair[0]
    texts, size = corpus(given.data, given.megabytes)
    array = pa.array(texts, type=pa.large_string())
    lines = [text.replace("\n", " ") + "\n" for text in texts]
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        Path(file.name).write_bytes(models["fasttext"].to_bytes())
        predict = fasttext.FastText._FastText(model_path=file.name).f.predict
    runs = {
        "hashed_logreg, fused": lambda: models["hashed_logreg"].score(array),
        "fastText, its own handle": lambda: [predict(line, 1, 0.0, "strict") for line in lines],
        "fastText model, our kernel (Chinese set apart)": lambda: models["fasttext"].score(array),
    }
    models["hashed_logreg"].score(array)
    spent = {name: min(found) for name, found in harness.by_turns(runs).items()}
    print(f"\n{len(texts)} texts, {size / 1e6:.1f} MB\n")
    harness.heads("scorer", "MB/s", "times fastText")
    base = spent["fastText, its own handle"]
    for name, seconds in spent.items():
        harness.row(name, f"{size / seconds / 1e6:.1f}", f"{base / seconds:.2f}")
    _sklearn(texts, size, base)


def _sklearn(texts, size, base):
    try:
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        print("scikit-learn is not installed: its row is left out")
        return
    vectors = HashingVectorizer(n_features=1 << 18, ngram_range=(1, 2), alternate_sign=False)
    rows = vectors.transform(texts[:400])
    model = LogisticRegression().fit(rows, np.arange(rows.shape[0]) % 2)
    seconds = harness.least(lambda: model.predict_proba(vectors.transform(texts)), 2)
    harness.row("scikit-learn", f"{size / seconds / 1e6:.1f}", f"{base / seconds:.2f}")


if __name__ == "__main__":
    main()
