"""A second run that replays the first one's documents: same ids, same text, one ledger over both."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.errors import InputError
from corpusforge.survivors import read_survivors
from pipelines import pretrain_mix

RECIPE = """
name = "replay"

[sources.old]
kind = "run"
path = ["{run}"]

[sources.new]
kind = "documents"
path = ["{new}"]

[filter.rules]
new = []

[identify]
min_score = 0.0

[score]
keep = {{ rule = "none" }}

[dedup]
sources = ["old", "new"]

[tokenize]
tokenizer = "{run}/tokenizer/ranks.tiktoken"
pattern = "gpt2"

[mix]
weights = {{ old = 25, new = 75 }}
budget = 4000
validation = 0.0
earlier = "{run}"

[[mix.phases]]
name = "anneal"
share = 1.0
weights = {{ old = 25, new = 75 }}
"""


def survivors(run: Path, source: str = "") -> dict[str, str]:
    found = {}
    for index in range(len(list((run / "documents").glob("part-*.parquet")))):
        columns = ["id", "source", "text"]
        for batch in read_survivors(str(run), index, columns, "contamination"):
            rows = batch.to_pylist()
            found.update({r["id"]: r["text"] for r in rows if source in ("", r["source"])})
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("replay")
    first, second = folder / "first", folder / "second"
    pretrain_mix.run(["--output", str(first), "--workers", "1", "--quiet"])
    new = folder / "new.jsonl"
    rows = [
        {
            "id": str(n),
            "text": " ".join(f"stone {n * k % 97} lies by stone {n + k}" for k in range(60)),
        }
        for n in range(12)
    ]
    new.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = folder / "replay.toml"
    recipe.write_text(RECIPE.format(run=first.as_posix(), new=new.as_posix()))
    pretrain_mix.run(
        ["--recipe", str(recipe), "--output", str(second), "--workers", "1", "--quiet"]
    )
    return first, second


def test_replayed_documents_keep_id_and_text(runs: tuple[Path, Path]) -> None:
    assert survivors(runs[1], "old") == survivors(runs[0])


def test_the_replay_share_is_exact(runs: tuple[Path, Path]) -> None:
    facts = json.loads((runs[1] / "mix/receipt.json").read_text())
    asked = {name: row["delivered_tokens"] for name, row in facts["train"]["sources"].items()}
    assert asked == {"old": 1000, "new": 3000}


def test_the_repetition_ledger_spans_both_runs(runs: tuple[Path, Path]) -> None:
    drawn = [
        Counter(pq.read_table(run / "mix/train.parquet", columns=["id"]).column("id").to_pylist())
        for run in runs
    ]
    ledger = pq.read_table(runs[1] / "mix/repetitions.parquet").to_pylist()
    assert {r["id"]: r["before"] for r in ledger if r["before"]} == dict(drawn[0])
    assert {r["id"]: r["times"] for r in ledger if r["times"]} == dict(drawn[1])
    assert any(r["before"] and r["times"] for r in ledger), "some document stands in both streams"


def test_a_directory_that_is_no_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(InputError, match="no finished run"):
        pretrain_mix.run(
            ["--output", str(tmp_path / "o"), "--quiet", "--source", f"old:run={tmp_path}/x"]
        )
