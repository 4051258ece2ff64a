"""The tutorial of docs/view.md on the forum that comes with it: every number that it tells."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipelines import pretrain_mix

pytest.importorskip("duckdb")

from corpusforge.view import bounds, dropped
from corpusforge.view.tables import View, open_run

ROOT = Path(__file__).resolve().parents[2]
RULE = "gopher_quality.v1:words"


def made(output: Path, *options: str) -> View:
    recipe = str(ROOT / "examples" / "forum" / "forum.toml")
    own = ["--recipe", recipe, "--until", "documents", "--workers", "1", "--quiet"]
    pretrain_mix.run([*own, "--output", str(output), *options])
    return open_run(str(output))


def test_the_steps(tmp_path: Path) -> None:
    view = made(tmp_path / "run")
    steps = {step["stage"]: step for step in dropped.funnel(view)[0]["steps"]}
    assert (steps["ingest"]["seen"], steps["filter"]["kept"]) == (19, 3)
    assert steps["filter"]["rules"] == ((RULE, 16),)
    found = dropped.documents(view, stage="filter", rule=RULE)
    assert found["languages"] == {"zh": 14, "en": 2}
    assert ("35", "80 .. 170000") in {(row["value"], row["bound"]) for row in found["rows"]}
    moved = {row["lang"]: row for row in bounds.counts(view, RULE, 20, 100_000)}
    chinese = [moved["zh"][key] for key in ("then", "documents", "now", "back", "gone")]
    assert chinese == [10, 15, 1, 9, 0]
    assert (moved["en"]["back"], moved["en"]["gone"]) == (0, 0)
    near = bounds.near(view, RULE, 20, end="low", lang="zh")
    assert near["kept"][0]["value"] == 33
    assert near["dropped"][0]["pieces"][0][0] == "好帖，收藏了。"
    again = made(tmp_path / "run", "--set", 'filter.bounds."gopher_quality.v1".words_low=20')
    kept = Counter(row["lang"] for row in again.rows("SELECT lang FROM documents"))
    assert kept == {"zh": 10, "en": 2}


def test_the_page_tells_these_numbers() -> None:
    page = (ROOT / "docs" / "view.md").read_text("utf-8")
    told = (
        "3 of 19 are kept",
        "dropped 16",
        "14 are Chinese",
        "value 35, bound 80 .. 170000",
        "10 of 15 kept (the run kept 1); 9 come back, 0 go",
        "12 posts are kept, 10 of them Chinese",
    )
    assert [text for text in told if text not in page] == []
