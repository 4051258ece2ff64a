"""Texts of dropped documents: which are kept, redacted, the same bytes however the run is made."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pyarrow.dataset as ds
import pytest

from corpusforge.errors import RecipeError
from corpusforge.hashing import id_keys, uniform
from corpusforge.report.settings import Settings
from corpusforge.testing.outputs import digests
from pipelines import pretrain_mix

DATA = ("documents", "stats", "dropped", "failed")
SHORT = "Write to ada@example.org about lot number {}, thank you."
"""Eleven words (the address is three): every one is dropped by light.v1:words, which asks for twenty."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("source") / "letters.jsonl"
    rows = [{"id": f"letter {n}", "text": SHORT.format(n)} for n in range(40)]
    kept = "The lighthouse keeper rowed to the pier, and found that the boat had left with the letter. "
    rows.append({"id": "kept", "text": kept + "It was the first of May, and the sea was calm."})
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(path)


def made(output: Path, source: str, most: int, *options: str) -> Path:
    own = [
        "--source", f"letters:documents={source}", "--set", f"report.dropped_samples={most}",
        "--set", 'filter.rules={letters=["light.v1"]}', "--until", "documents", "--quiet", *options,
    ]  # fmt: skip
    pretrain_mix.run(["--output", str(output), *own])
    return output


def table(run: Path, name: str) -> list[dict]:
    return (
        ds.dataset(run / name, format="parquet", exclude_invalid_files=True).to_table().to_pylist()
    )


def test_the_lowest_draws_of_each_rule_and_source_are_kept_redacted(
    tmp_path: Path, source: str
) -> None:
    run = made(tmp_path / "run", source, 3)
    dropped = defaultdict(list)
    for row in table(run, "dropped"):
        if row["stage"] in ("identify", "filter"):
            dropped[row["source"], row["rule"]].append(row["id"])
    assert len(dropped["letters", "light.v1:words"]) == 40
    found = defaultdict(list)
    for row in table(run, "samples"):
        found[row["source"], row["rule"]].append(row["id"])
    for place, ids in dropped.items():
        draws = dict(zip(ids, uniform(id_keys(ids), 0, "dropped_samples"), strict=True))
        if place[0] in ("letters", "code"):  # sources of one part
            assert found[place] == sorted(ids, key=draws.__getitem__)[:3]
    letters = [row for row in table(run, "samples") if row["source"] == "letters"]
    for row in letters:
        assert row["text"].startswith("Write to ") and row["text"].endswith(", thank you.")
        assert "ada@" not in row["text"] and "EMAIL" in row["text"]
        assert (row["value"], row["bound"]) == ("11", ">= 20")


def test_other_files_and_workers_change_no_byte(
    tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = made(tmp_path / "none", source, 0)
    one = made(tmp_path / "one", source, 5, "--workers", "1")
    monkeypatch.setattr("corpusforge.run.local.IN_MEMORY_BYTES", 0)
    two = made(tmp_path / "two", source, 5, "--workers", "2")
    assert digests(one, *DATA) == digests(none, *DATA)
    assert digests(two, *DATA, "samples") == digests(one, *DATA, "samples")
    assert table(none, "samples") == []


def test_turned_off_later_no_text_stays(tmp_path: Path, source: str) -> None:
    run = made(tmp_path / "run", source, 5)
    assert table(run, "samples")
    made(run, source, 0)
    assert table(run, "samples") == []


def test_a_wrong_number_is_refused() -> None:
    with pytest.raises(RecipeError, match="dropped_samples is -1; expected 0 to 10,000"):
        Settings(dropped_samples=-1)
