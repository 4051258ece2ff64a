"""A mixture with a fifth of rewritten text: let in by its recipe alone, told by receipt and card."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.recipe import load
from corpusforge.run.commands import explain
from examples.rephrase.make_journal import HERE
from pipelines import pretrain_mix, rephrase

ROOT = HERE.parent.parent
RECIPE = """
name = "fifth"

[sources.people]
kind = "documents"
path = ["{people}"]

[sources.rephrased]
kind = "documents"
path = ["{rewrites}"]
{origins}

[filter.rules]
people = []
rephrased = []

[identify]
min_score = 0.0

[score]
keep = {{ rule = "none" }}

[tokenize]
vocab_size = 512

[mix]
weights = {{ people = 80, rephrased = 20 }}
budget = 2000
validation = 0.0
"""


@pytest.fixture(scope="module")
def rewrites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("rewrites") / "out"
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        replay = ["--engine", "replay", "--journal", str(HERE / "journal")]
        assert rephrase.main([*replay, "--output", str(output)]) == 0
    finally:
        os.chdir(before)
    return output


def run_of(folder: Path, rewrites: Path, origins: str) -> int:
    recipe = folder / "fifth.toml"
    recipe.write_text(
        RECIPE.format(
            people=HERE / "documents", rewrites=rewrites / "documents" / "part-*.parquet", origins=origins
        )
    )  # fmt: skip
    options = ["--recipe", str(recipe), "--output", str(folder / "run"), "--workers", "1"]
    return pretrain_mix.main(options)


@pytest.fixture(scope="module")
def mixed(rewrites: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    assert run_of(folder, rewrites, 'origins = ["model"]') == 0
    return folder / "run"


def test_receipt_report_and_card_say_a_fifth(mixed: Path) -> None:
    report = json.loads((mixed / "report.json").read_text())
    rows = report["mix"]["sources"]
    assert {name: row["delivered_tokens"] for name, row in rows.items()} == {
        "people": 1600,
        "rephrased": 400,
    }
    tokens = {"human": 0, "model": 0}
    for row in report["writings"]:
        tokens[row["origin"]] += row["tokens"]
    assert tokens == {"human": 1600, "model": 400}
    assert report["origins"]["model"] == sum(
        row["documents"] for row in report["writings"] if row["origin"] == "model"
    )
    assert {row["model"] for row in report["writings"]} == {"", "hand-written"}
    card = (mixed / "CARD.md").read_text()
    assert "| human |  |  | 12 | 1,600 | 80.0 % |" in card
    assert "| model | hand-written | rephrase_faq.v1@" in card
    assert "Who wrote it" in (mixed / "report.html").read_text()


def test_a_rewrite_keeps_its_writer_and_its_parent(mixed: Path, rewrites: Path) -> None:
    made = {row["locator"]: row for p in sorted((rewrites / "documents").glob("part-*.parquet"))
            for row in pq.read_table(p).to_pylist()}  # fmt: skip
    found = [row for p in sorted((mixed / "documents").glob("part-*.parquet"))
             for row in pq.read_table(p).to_pylist() if row["origin"] == "model"]  # fmt: skip
    assert len(found) == len(made) == 14
    for row in found:
        own = made[row["locator"].partition(":")[2]]
        assert row["prompt_version"] == own["prompt_version"]
        assert row["text"] == own["text"]


def test_why_of_a_parent_tells_its_rewrites(mixed: Path, rewrites: Path) -> None:
    parent = pq.read_table(rewrites / "documents" / "part-00000.parquet").to_pylist()[0]["parent"]
    lines = explain(str(mixed), parent)
    assert any("written by hand-written" in line for line in lines)
    assert any("/distill/0" in line for line in lines)


def test_without_its_line_in_the_recipe_nothing_of_a_model_enters(
    rewrites: Path, tmp_path: Path
) -> None:
    run_of(tmp_path, rewrites, "")
    dropped = [row for p in sorted((tmp_path / "run" / "dropped").glob("*.parquet"))
               for row in pq.read_table(p).to_pylist()]  # fmt: skip
    kept = pq.read_table(sorted((tmp_path / "run" / "documents").glob("part-*.parquet"))[0])
    assert set(kept.column("origin").to_pylist()) == {"human"}
    own = [row for row in dropped if row["rule"] == "origin"]
    assert len(own) == 14
    assert {(row["source"], row["value"], row["bound"]) for row in own} == {
        ("rephrased", "model", "human")
    }


def test_the_recipe_lets_rewrites_in_by_name() -> None:
    recipe = load("finephrase_like")
    assert recipe.sources["rephrased"].ingest.origins == ("model",)
    assert recipe.sources["crawl"].ingest.origins == ("human",)
