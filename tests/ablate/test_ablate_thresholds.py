"""A bound moved over the embedded sample: what is kept by hand, models by hand, thresholds without text."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.ablate import ngram
from corpusforge.ablate.corpus import open_corpus
from corpusforge.ablate.measure import bits_per_byte
from corpusforge.ablate.settings import Settings
from corpusforge.ablate.tuning import given_weights, mixed, supplies
from pipelines import tune_rule

RULE = "gopher_quality.v1:words"


def tables(run, folder):
    found = [pq.read_table(path) for path in sorted(Path(run, folder).glob("*.parquet"))]
    return pa.concat_tables(found).to_pylist()


@pytest.fixture
def held(tmp_path, unseen):
    path = tmp_path / "held.jsonl"
    path.write_text("".join(json.dumps({"text": t}) + "\n" for t in unseen), encoding="utf-8")
    return path


def test_kept_and_measured_by_hand(runs, held, unseen, tmp_path, capsys):
    run = runs["fuzzy"]
    line = [f"--run={run}", f"--rule={RULE}", f"--held-out=prose={held}", "--tokens=20000"]
    line += ["--order=3", "--seeds=2", "--at=300,150"]
    assert tune_rule.main([*line, f"--output={tmp_path / 'out'}"]) == 0
    found = json.loads((tmp_path / "out" / "thresholds.json").read_text("utf-8"))
    words = {row["id"]: row["words"] for row in tables(run, "stats")}
    # words by language: of unspaced scripts the bound's statistic is another one, so only those in Latin
    # script are counted here, by difference, and of the sample's sources the rule judges web pages alone
    stream = {row["id"]: row for row in tables(run, "shards/train") if row["copy"] == 0}
    base, *points = found["points"]
    assert (base["threshold"], [p["threshold"] for p in points]) == (None, [150.0, 300.0])
    assert base["documents"] == len(stream)
    assert base["tokens"] == sum(row["tokens"] for row in stream.values())
    judged = [row for row in tables(run, "stats") if row["source"] == "web"]
    latin = {row["id"] for row in judged if row["lang"] == "en"}
    for point in points:
        dropped = [n for n in stream if n in latin and words[n] < point["threshold"]]
        assert 0 < len(dropped) <= base["documents"] - point["documents"]
        assert point["tokens"] <= base["tokens"] - sum(stream[n]["tokens"] for n in dropped)
    assert points[0]["documents"] > points[1]["documents"]

    corpus = open_corpus("a", run, Settings(batch=1))
    supply = supplies(corpus)
    ids = mixed(given_weights(corpus, list(supply)), list(supply.values()), 20000)
    grams = ngram.train(ids, 3, corpus.tokenizer.vocab_size)
    other = bits_per_byte(
        grams.bits_of, corpus, unseen
    ).value  # of another beginning: near, not equal
    assert base["bits_per_byte"]["bits_per_byte/all"] == pytest.approx(other, rel=0.1)
    row = next(r for r in points[1]["differences"] if r["measure"] == "bits_per_byte/prose")
    means = [p["bits_per_byte"]["bits_per_byte/prose"] for p in (points[1], base)]
    assert row["mean"] == pytest.approx(means[0] - means[1])
    assert row["seeds"] == 2
    assert row["low"] < row["mean"] < row["high"]
    assert (tmp_path / "out" / "thresholds.md").read_text("utf-8") in capsys.readouterr().out

    first = (tmp_path / "out" / "thresholds.json").read_bytes()
    assert tune_rule.main([*line, f"--output={tmp_path / 'again'}"]) == 0
    assert (tmp_path / "again" / "thresholds.json").read_bytes() == first


def test_what_the_run_dropped_cannot_be_measured(runs, held, tmp_path, capsys):
    """The rule's own bound is 50 words; the sample has shorter documents, and their text is gone."""
    run = runs["fuzzy"]
    short = [row["words"] for row in tables(run, "stats") if row["rule"] == RULE]
    assert short
    assert max(short) < 50
    line = [f"--run={run}", f"--rule={RULE}", f"--held-out=prose={held}", "--tokens=5000"]
    line += ["--seeds=1", "--order=2"]
    assert tune_rule.main([*line, "--at=10,200", f"--output={tmp_path / 'out'}"]) == 2
    assert "--at 10 keeps documents that gopher_quality.v1:words dropped" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    assert (
        tune_rule.main([*line, f"--output={tmp_path / 'out'}"]) == 0
    )  # quantiles: those that can be
    found = json.loads((tmp_path / "out" / "thresholds.json").read_text("utf-8"))
    assert 50.0 in [point["threshold"] for point in found["points"]]
    assert all(p["threshold"] is None or p["threshold"] > max(short) for p in found["points"])


def test_a_mixture_has_the_weights(runs):
    supply = [[np.full(30, 1), np.full(5, 2)], [], [np.full(7, 3)]]
    ids = mixed(np.array([0.75, 0.0, 0.25]), supply, 80)
    assert len(ids) == 80
    assert (ids == 3).sum() == 20
    assert (ids == 1).sum() == 55  # 30 and 5, then 25 of the 30 again
    assert (ids == 2).sum() == 5


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--rule=gopher_quality.v1:word"], "is no rule with a stored statistic"),
        ([f"--rule={RULE}", "--at=x"], "expected numbers with commas between"),
        ([f"--rule={RULE}", "--seeds=0"], "expected 1 or more"),
    ],
)
def test_a_wrong_option_is_told(line, message, runs, held, tmp_path, capsys):
    line = [f"--run={runs['fuzzy']}", f"--held-out=a={held}", *line, f"--output={tmp_path / 'out'}"]
    assert tune_rule.main(line) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
