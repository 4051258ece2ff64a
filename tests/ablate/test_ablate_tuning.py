"""Weights of a mixture: against scipy's own minimum, a planted optimum, and the embedded sample."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

from corpusforge import recipe as recipes
from corpusforge.ablate.corpus import open_corpus
from corpusforge.ablate.settings import Settings
from corpusforge.ablate.tuning import capped, fit, supplies
from corpusforge.errors import InputError, RecipeError
from corpusforge.io.decoding import decode_toml
from corpusforge.manifest import canonical
from corpusforge.mix.settings import check_weights
from corpusforge.run.directory import read_recipe
from pipelines import tune_mix


@pytest.mark.parametrize(
    ("shares", "caps"),
    [
        ([3, 1, 1], [1, 1, 1]),
        ([3, 1, 1], [0.4, 1, 1]),
        ([5, 4, 1], [0.3, 0.35, 1]),
        ([2, 2, 1], [0.5, 0.41, 0.3]),
    ],
)
def test_capped_weights_are_the_minimum_that_a_solver_finds(shares, caps):
    """Of -sum b log w under sum w = 1 and w <= cap."""
    b, caps = np.array(shares, float), np.array(caps, float)
    start = np.minimum(caps, 1 / len(b))
    found = minimize(
        lambda w: -(b @ np.log(w)), start, bounds=[(1e-6, cap) for cap in caps], tol=1e-12,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
    )  # fmt: skip
    assert capped(b, caps) == pytest.approx(found.x, abs=1e-4)


def test_what_no_source_asks_for_goes_where_there_is_room():
    assert capped(np.array([1.0, 0.0, 0.0]), np.array([0.4, 1.0, 0.5])) == pytest.approx(
        [0.4, 0.4, 0.2]
    )
    caps = np.array([0.7, 0.2, 0.1])
    assert caps.sum() < 1.0  # by rounding
    assert capped(np.ones(3), caps) == pytest.approx(caps)
    with pytest.raises(InputError, match=r"leave 0\.80 of the budget"):
        capped(np.array([1.0, 1.0]), np.array([0.4, 0.4]))


def test_a_small_weight_is_one_that_a_recipe_takes():
    table = decode_toml(tune_mix.section(["a", "b", "c"], [0.99998, 0.00002, 0.0]))["mix"][
        "weights"
    ]
    assert table == pytest.approx({"a": 99.998, "b": 0.002})
    check_weights(table, "mix.weights")


def test_the_regression_finds_what_was_planted():
    weights = np.random.default_rng(0).dirichlet(np.ones(4), 60)
    b = np.array([0.3, 0.0, 0.12, 0.05])
    a, found = fit(weights, 2.5 - np.log(np.maximum(weights, 1e-3)) @ b)
    assert (a, *found) == pytest.approx((2.5, *b), abs=1e-9)


def test_every_document_is_in_the_supply_once(runs):
    corpus = open_corpus("a", runs["fuzzy"], Settings(batch=1))
    report = json.loads(Path(runs["fuzzy"], "report.json").read_text("utf-8"))
    found = supplies(corpus)
    assert sorted(found) == sorted(report["mix"]["sources"])
    for source, documents in found.items():
        ids = np.concatenate(documents)
        row = report["mix"]["sources"][source]
        assert len(ids) <= row["delivered_tokens"]
        assert (ids == corpus.tokenizer.end_id).sum() <= row["documents"]


def test_every_document_of_the_stream_is_searched(runs):
    """The last ids too, which make no whole sequence."""
    corpus = open_corpus("a", runs["fuzzy"], Settings(batch=1))
    ids = corpus.stream.read(0, corpus.stream.tokens)
    assert len(ids) > len(corpus.stream) * corpus.stream.seq_len + 1
    assert len(list(corpus.texts())) == (ids == corpus.tokenizer.end_id).sum()


def test_english_prose_asks_for_prose(runs, tmp_path, capsys):
    held = tmp_path / "held.jsonl"
    text = (
        "When the rain stopped the old gardener walked down to the river, where the boats had been "
        "tied since autumn, and he looked for a long time at the brown water before he spoke to us."
    )
    held.write_text(json.dumps({"text": text}) + "\n", encoding="utf-8")
    line = [f"--run={runs['fuzzy']}", f"--held-out=prose={held}", "--draws=24", "--tokens=20000"]
    assert tune_mix.main([*line, "--budget=20000", f"--output={tmp_path / 'out'}"]) == 0
    found = json.loads((tmp_path / "out" / "tuning.json").read_text("utf-8"))
    weights = dict(zip(found["sources"], found["weights"], strict=True))
    assert sum(weights.values()) == pytest.approx(1.0)
    assert all(w <= cap + 1e-9 for w, cap in zip(found["weights"], found["caps"], strict=True))
    assert weights["code"] < weights["books"]
    assert found["proposed"] < found["given"]
    table = decode_toml((tmp_path / "out" / "mix.toml").read_text("utf-8"))["mix"]["weights"]
    assert table == pytest.approx({k: 100 * w for k, w in weights.items() if w > 0}, abs=0.01)
    assert "bits per byte" in capsys.readouterr().out
    assert tune_mix.main([*line, "--budget=9000000", f"--output={tmp_path / 'other'}"]) == 2
    assert "the caps on epochs" in capsys.readouterr().err


def test_a_runs_recipe_is_read_again(runs, tmp_path):
    path = Path(runs["exact"], "recipe.json")
    again = recipes.load(str(path), (), ["mix.budget=7000"])
    told = json.loads(path.read_text("utf-8"))
    told["mix"]["budget"] = 7000
    assert json.loads(canonical(again)) == told
    other = tmp_path / "other.json"
    other.write_text("[]", encoding="utf-8")
    with pytest.raises(RecipeError, match=r"expected a run's recipe\.json"):
        recipes.load(str(other))


@pytest.mark.torch
def test_the_proposal_is_checked_by_one_run(runs, tmp_path, capsys):
    pytest.importorskip("torch", reason="torch is not installed: extra local")
    held = tmp_path / "held.jsonl"
    text = "Seven grey herons waited along the drained canal while engineers argued about sluices."
    held.write_text(json.dumps({"text": text}) + "\n", encoding="utf-8")
    line = [f"--run={runs['fuzzy']}", f"--held-out=prose={held}", "--draws=8", "--tokens=5000"]
    line += [
        "--budget=20000",
        "--check=4096",
        "--check-seeds=1",
        "--check-size=pico",
        "--workers=1",
    ]
    assert tune_mix.main([*line, f"--output={tmp_path / 'out'}"]) == 0
    found = json.loads((tmp_path / "out" / "tuning.json").read_text("utf-8"))
    made = read_recipe(str(tmp_path / "out" / "run"))
    given = read_recipe(runs["fuzzy"])
    weights = dict(zip(found["sources"], found["weights"], strict=True))
    told = {source: weight / 100 for source, weight in made["mix"]["weights"].items()}
    assert told == pytest.approx({s: w for s, w in weights.items() if w > 0}, abs=1e-5)
    for recipe in (made, given):
        recipe["mix"].pop("weights")
    assert made == given  # everything else is the same recipe
    report = json.loads((tmp_path / "out" / "ablation" / "report.json").read_text("utf-8"))
    assert [row["run"] for row in report["trained"]] == ["given", "proposed"]
    assert "bits_per_byte/prose" in capsys.readouterr().out
