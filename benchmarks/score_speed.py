"""Scoring speed a core beside raw fastText and scikit-learn, and same bytes from two trainings.

    python -m benchmarks.score_speed [--data DIR] [--megabytes 12]

CPU time of one process, best of five; the same texts, models trained on the same windows: ours,
fastText with word pairs (raw handle, newlines replaced), and HashingVectorizer + logistic
regression where scikit-learn is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.quality import crawl, reference
from corpusforge import score


def best(call, rounds=5):
    times = []
    for _ in range(rounds):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


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
    options = argparse.ArgumentParser(description=__doc__)
    default = Path(os.environ.get("CORPUSFORGE_DATA", "../shared/data"))
    options.add_argument("--data", type=Path, default=default)
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
    predict = models["fasttext"].handle.f.predict
    runs = {
        "hashed_logreg, fused": lambda: models["hashed_logreg"].score(array),
        "fastText raw handle": lambda: [predict(line, 1, 0.0, "strict") for line in lines],
        "fastText, ours (set apart)": lambda: models["fasttext"].score(array),
    }
    models["hashed_logreg"].score(array)
    print(
        f"\n{len(texts)} texts, {size / 1e6:.1f} MB\n| scorer | MB/s | times fastText |\n|---|---|---|"
    )
    spent = {name: best(call) for name, call in runs.items()}
    for name, seconds in spent.items():
        print(
            f"| {name} | {size / seconds / 1e6:.1f} | {spent['fastText raw handle'] / seconds:.2f} |"
        )
    _sklearn(texts, size, spent["fastText raw handle"])


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
    seconds = best(lambda: model.predict_proba(vectors.transform(texts)), 2)
    print(f"| scikit-learn | {size / seconds / 1e6:.1f} | {base / seconds:.2f} |")


if __name__ == "__main__":
    main()
