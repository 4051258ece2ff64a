"""The command lines on real files: train, evaluate, score; kinds guessed from names."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from classifiers.command import evaluate_main, recipe, train_main
from corpusforge import score
from corpusforge.ingest.names import kind_of
from corpusforge.io.jsonl import read_jsonl, write_jsonl
from pipelines.score import main as score_main


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("crawl/whirlwind.warc.gz", "web"),
        ("whirlwind.warc.wet.gz", "web"),
        ("example.arc", "web"),
        ("zhwiki.xml.bz2", "wikipedia"),
        ("enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2", "wikipedia"),
        ("alice.txt.gz", "books"),
        ("epictetus.epub", "books"),
        ("rows.jsonl.zst", "documents"),
        ("rows.parquet", "documents"),
        ("page.html.gz", "html"),
        ("six-1.16.0.tar.gz", "code"),
        ("six.tgz", "code"),
    ],
)
def test_kind_from_the_name(name, kind):
    assert kind_of(name, "books") == kind


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    positive = [str(data / "wiki/minidumps/simplewiki.xml.bz2"), str(data / "books/en-alice-11-0*")]
    negative = [str(data / "web/warc/pywb/iana.warc.gz"), str(data / "web/commoncrawl/*.wet.gz")]
    globs = ["--positive", *positive, "--negative", *negative]
    for name in ("one.bin", "two.bin"):
        assert train_main("hashed_logreg", [*globs, "--output", str(folder / name)]) == 0
    return folder, globs


def test_trained_twice_is_one_file(trained):
    folder, _ = trained
    assert (folder / "one.bin").read_bytes() == (folder / "two.bin").read_bytes()
    figures = json.loads((folder / "one.bin.json").read_text())
    assert set(figures["windows"]["positive"]) == {"books", "wikipedia"}
    assert figures["windows"]["negative"]["web"] > 10
    assert "| positive | books |" in (folder / "one.bin.CARD.md").read_text()


def test_evaluate_prints_figures_and_checks_floors(trained, capsys):
    folder, globs = trained
    capsys.readouterr()
    code = evaluate_main("hashed_logreg", [*globs, "--model", str(folder / "one.bin")])
    text = capsys.readouterr().out
    figures = json.loads(text[: text.rindex("}") + 1])
    assert code == (0 if figures["roc_auc"] >= 0.5 and figures["average_precision"] >= 0.5 else 1)
    assert figures["by_source"]["web"]["items"] > 10


def test_scores_are_added_to_rows(trained, tmp_path, capsys):
    folder, _ = trained
    rows = [{"id": i, "text": f"Row {i} says a few words of prose. " * (i % 7)} for i in range(600)]
    write_jsonl(str(tmp_path / "in.jsonl"), rows)
    paths = ["--input", str(tmp_path / "in.jsonl"), "--output", str(tmp_path / "out.jsonl.zst")]
    assert score_main(["--model", str(folder / "one.bin"), *paths]) == 0
    out = list(read_jsonl(str(tmp_path / "out.jsonl.zst")))
    assert [{k: row[k] for k in ("id", "text")} for row in out] == rows
    model = score.load(str(folder / "one.bin"))
    wanted = model.score(pa.array([row["text"] for row in rows], pa.large_string()))
    assert np.array_equal(np.array([row["score"] for row in out], np.float32), wanted)
    assert "600 rows" in capsys.readouterr().out


def test_mistakes_are_named(trained, tmp_path, capsys):
    folder, _ = trained
    write_jsonl(str(tmp_path / "bad.jsonl"), [{"body": "no text here"}])
    base = ["--model", str(folder / "one.bin"), "--output", str(tmp_path / "out.jsonl")]
    assert score_main([*base, "--input", str(tmp_path / "bad.jsonl")]) == 2
    assert "--text-column" in capsys.readouterr().err
    assert not (tmp_path / "out.jsonl").exists()
    assert score_main([*base, "--input", str(tmp_path / "none*.jsonl")]) == 2
    missing = ["--positive", "none*.txt", "--negative", "none*.warc", "--output", "m"]
    assert train_main("hashed_logreg", missing) == 2
    assert "matches no file" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["hashed_logreg", "fasttext_quality"])
def test_recipes_load(folder):
    settings = recipe(folder, {"seed": 3})
    assert settings.train.seed == 3
    assert settings.engine == {"hashed_logreg": "hashed_logreg"}.get(folder, "fasttext")
    defaults = score.TrainSettings(seed=3)
    if folder == "hashed_logreg":
        assert settings.train == defaults  # the recipe says what the library does by default
