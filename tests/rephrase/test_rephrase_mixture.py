"""A mixture with a fifth of rewritten text: let in by its recipe alone, told by receipt and card."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge import ingest
from corpusforge.errors import RecipeError, RunError
from corpusforge.io.jsonl import write_jsonl
from corpusforge.models.options import settings_from
from corpusforge.recipe import load
from corpusforge.records import RawDocument, Skipped
from corpusforge.rephrase.run import rephrase as run_rephrase
from corpusforge.rephrase.sources import find_sources, read_source
from corpusforge.run.commands import explain
from examples.rephrase.make_journal import HERE, OPTIONS, Written
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


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run, its rewrites, a grounded row and a judgement of its first document."""
    folder = tmp_path_factory.mktemp("family")
    recipe = folder / "people.toml"
    text = RECIPE.replace("{{", "{").replace("}}", "}").replace(", rephrased = 20", "")
    begin, end = text.index("[sources.rephrased]"), text.index("[filter.rules]")
    text = (text[:begin] + text[end:]).replace("rephrased = []\n", "")
    recipe.write_text(text.replace("{people}", str(HERE / "documents")))
    run = folder / "run"
    assert pretrain_mix.main(["--recipe", str(recipe), "--output", str(run), "--workers", "1"]) == 0
    options = rephrase.parser().parse_args(
        ["--input", str(run), *OPTIONS[2:], "--language", "en", "--output", "unused"]
    )
    models = settings_from(options)
    plan, sources = rephrase.plan_of(options, models), find_sources(options.input)
    run_rephrase(plan, sources, models, str(folder / "rewrites"), engine=Written(anything=True))
    document = next(read_source(sources[0])).id
    (folder / "kinds").mkdir()
    ground = {"row": "r" * 32, "document": document, "quote": "q", "start": 4, "end": 9}
    row = {"id": "r" * 32, "instruction": "When was it opened?", "lineage": {"model": "m"}}
    write_jsonl(str(folder / "kinds" / "grounds.jsonl"), [ground])
    write_jsonl(str(folder / "kinds" / "rows.jsonl"), [row])
    (folder / "judged").mkdir()
    judgement = {
        "document": document,
        "scores": [4, -1],
        "model": "m",
        "prompt_version": "rubric.v1",
    }
    write_jsonl(str(folder / "judged" / "judgements.jsonl"), [judgement])
    return {"document": Path(document), **{name: folder / name for name in ("run", *MADE)}}


MADE = ("rewrites", "kinds", "judged")


def test_a_family_is_one_query_by_the_parent_or_by_any_child(family: dict[str, Path]) -> None:
    made = [str(family[name]) for name in MADE]
    document = str(family["document"])
    lines = explain(str(family["run"]), document, made)
    assert lines[0].startswith(document)
    told = "\n".join(lines)
    assert told.count("rewritten as ") == 2
    assert f"asked about by m at 4..9: {'r' * 32}, 'When was it opened?'" in told
    assert "judged by m, rubric.v1: 4, none" in told
    rows = [row for row in pq.read_table(family["rewrites"] / "candidates").to_pylist()
            if row["parent"] == document]  # fmt: skip
    assert explain(str(family["run"]), rows[0]["id"], made) == lines
    assert explain(str(family["run"]), "r" * 32, made) == lines


def test_a_directory_without_a_family_is_refused(family: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds none of"):
        explain(str(family["run"]), str(family["document"]), [str(tmp_path)])


def test_why_of_a_parent_tells_its_rewrites(mixed: Path, rewrites: Path) -> None:
    parent = pq.read_table(rewrites / "documents" / "part-00000.parquet").to_pylist()[0]["parent"]
    lines = explain(str(mixed), parent)
    assert any("written by hand-written" in line for line in lines)
    assert any("/distill/0" in line for line in lines)


def test_rows_of_instruct_are_their_model_s(tmp_path: Path) -> None:
    row = {
        "id": "i1",
        "output": "Bees dance.",
        "lineage": {"model": "m", "prompt_version": "p", "parents": ["d1"]},
    }
    write_jsonl(str(tmp_path / "rows.jsonl"), [row])
    columns = {"text": "output"}
    path = str(tmp_path / "rows.jsonl")
    (skipped,) = ingest.read("documents", path, ingest.Settings(columns=columns))
    assert isinstance(skipped, Skipped)
    assert (skipped.rule, skipped.value, skipped.bound) == ("origin", "model", "human")
    both = ingest.Settings(columns=columns, origins=("human", "model"))
    (read,) = ingest.read("documents", path, both)
    assert isinstance(read, RawDocument)
    assert (read.origin, read.model, read.prompt_version) == ("model", "m", "p")
    assert read.locator == "rows.jsonl:d1/i1"


@pytest.mark.parametrize("origin", ["human", "wikipedia", 7, None, ["model"]])
def test_any_other_origin_is_a_column_like_others(origin: object, tmp_path: Path) -> None:
    path = str(tmp_path / "rows.jsonl")
    write_jsonl(path, [{"text": "Bees dance.", "origin": origin, "model": "T", "locator": "x"}])
    (read,) = ingest.read("documents", path, ingest.Settings())
    assert isinstance(read, RawDocument)
    assert (read.origin, read.model, read.locator) == ("human", "", "rows.jsonl:1")


def test_an_unknown_origin_in_a_recipe_is_named() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'model'"):
        ingest.Settings(origins=("modle",))


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
