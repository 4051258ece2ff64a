"""Against people: reference text against crawl must rank human-labelled documents well."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow as pa

from classifiers.sources import texts_by_kind
from corpusforge import score
from corpusforge.score.evaluation import roc_auc


def same_length_auc(scores, labels, lengths):
    """Pairs whose lengths differ by less than a quarter, counted one by one."""
    won = pairs = 0.0
    for i in np.flatnonzero(labels):
        for j in np.flatnonzero(~labels):
            if max(lengths[i], lengths[j]) <= 1.25 * min(lengths[i], lengths[j]):
                won += (scores[i] > scores[j]) + 0.5 * (scores[i] == scores[j])
                pairs += 1
    return won / pairs


def test_default_recipe_ranks_as_people_do(data):
    positive = [str(data / "wiki/enwiki-latest*.bz2"), str(data / "books/en-alice-11-0.txt.gz")]
    negative = [str(data / "web/warc/pywb/iana.warc.gz"), str(data / "web/warc/ukwa/*.warc.gz")]
    sides = texts_by_kind(positive, "--positive"), texts_by_kind(negative, "--negative")
    model = score.train(*sides, score.Settings())
    packed = (data / "quality" / "human-quality-labels.jsonl.gz").read_bytes()
    rows = [json.loads(line) for line in gzip.decompress(packed).split(b"\n") if line]
    labels = np.array([bool(row["label"]) for row in rows])
    scores = model.score(pa.array([row["text"] for row in rows], pa.large_string())).astype(float)
    # floors well below what benchmarks/quality.py measures (0.86, 0.83), above any plain statistic
    assert roc_auc(scores, labels) > 0.81
    lengths = [max(1, len(row["text"])) for row in rows]
    assert same_length_auc(scores, labels, lengths) > 0.80
