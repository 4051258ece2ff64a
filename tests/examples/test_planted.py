"""A run of the sample accounts for every planted item, as `planted.json` foretold from the texts."""

import json
import subprocess
import sys
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import pytest

from corpusforge.io.parquet import read_table
from corpusforge.ledger import Ledger
from corpusforge.run.commands import explain
from corpusforge.survivors import read_survivors
from examples.sample_corpus.build import HERE

ITEMS = json.loads((HERE / "planted.json").read_text("utf-8"))["items"]
ROOT = HERE.parent.parent


@dataclass(frozen=True)
class Run:
    path: str
    dropped: list[dict]
    failed: list[dict]
    texts: dict[str, list[str]]
    """Final texts of the survivors by place: URL, or locator where there is none."""
    edits: list[dict]
    report: dict


def rows(run: Path, pattern: str) -> list[dict]:
    return [row for path in sorted(run.glob(pattern)) for row in read_table(str(path)).to_pylist()]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Run:
    path = tmp_path_factory.mktemp("sample") / "run"
    command = [sys.executable, "-m", "pipelines.pretrain_mix", "--runner", "DirectRunner"]
    done = subprocess.run(
        [*command, "--output", str(path), "--workers", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    texts: dict[str, list[str]] = {}
    for index in range(len(list(path.glob("documents/part-*.parquet")))):
        for batch in read_survivors(str(path), index, ["url", "locator", "text"], "contamination"):
            for row in batch.to_pylist():
                texts.setdefault(row["url"] or row["locator"], []).append(row["text"])
    return Run(
        str(path),
        rows(path, "dropped/*.parquet"),
        rows(path, "failed/*.parquet"),
        texts,
        rows(path, "contamination/*.parquet"),
        json.loads((path / "report.json").read_text("utf-8")),
    )


def places(item: dict) -> list[str]:
    where = item["where"]
    return where.get("urls") or [where.get("url") or where["path"]]


def at(row: dict, place: str) -> bool:
    return row["url"] == place or (row["locator"] or "").endswith(place)


def drops(run: Run, place: str) -> list[dict]:
    return [row for row in run.dropped if at(row, place)]


def survivors(run: Run, place: str) -> list[str]:
    return [text for key, found in run.texts.items() if key.endswith(place) for text in found]


def foretold(item: dict, row: dict) -> bool:
    return row["stage"] in item["stage"].split("|") and any(
        fnmatch(row["rule"], pattern) for pattern in item["rules"]
    )


def check_dropped(run: Run, item: dict) -> None:
    (place,) = places(item)
    found = drops(run, place)
    assert len(found) == 1, found
    assert foretold(item, found[0]), found[0]
    assert survivors(run, place) == []


def check_one_kept(run: Run, item: dict) -> None:
    names = sorted(set(places(item)))
    found = [row for place in names for row in drops(run, place)]
    kept = [text for place in names for text in run.texts.get(place, [])]
    assert len(found) == len(places(item)) - 1
    assert all(foretold(item, row) for row in found), found
    assert len(kept) == 1


def check_dropped_one(run: Run, item: dict) -> None:
    (place,) = places(item)
    found = drops(run, place)
    assert len(found) == 1
    assert foretold(item, found[0]), found[0]
    assert len(survivors(run, place)) == 1


def check_failed(run: Run, item: dict) -> None:
    (place,) = places(item)
    (row,) = [row for row in run.failed if at(row, place)]
    assert row["stage"] == item["stage"]
    assert any(fnmatch(row["error"], pattern) for pattern in item["rules"])
    assert survivors(run, place) == []


def check_kept(run: Run, item: dict) -> None:
    (place,) = places(item)
    assert len(survivors(run, place)) == 1
    assert drops(run, place) == []


def check_cut_or_dropped(run: Run, item: dict) -> None:
    (place,) = places(item)
    found = drops(run, place)
    if found:
        assert len(found) == 1
        assert foretold(item, found[0]), found[0]
        assert survivors(run, place) == []
    else:
        assert len(survivors(run, place)) == 1


CHECKS = {
    "dropped": check_dropped,
    "one_kept": check_one_kept,
    "dropped_one": check_dropped_one,
    "failed": check_failed,
    "kept": check_kept,
    "redacted": check_kept,
    "cut_or_dropped": check_cut_or_dropped,
}


@pytest.mark.parametrize("item", ITEMS, ids=[item["id"] for item in ITEMS])
def test_planted_item_is_accounted_for(run, item):
    CHECKS[item["outcome"]](run, item)
    text = "\n".join(text for place in places(item) for text in survivors(run, place))
    for absent in (*item.get("absent", ()), *item.get("absent_prefix", ())):
        assert absent not in text
    for present in item.get("present", ()):
        assert present in text


@pytest.mark.parametrize("item", ITEMS, ids=[item["id"] for item in ITEMS])
def test_why_explains_the_planted_item(run, item):
    for place in places(item):
        lines = explain(run.path, place)
        assert lines
        if item["outcome"] == "dropped":
            assert any("dropped at" in line for line in lines)


def test_evaluation_question_is_cut_out_of_a_long_page(run):
    (place,) = next(places(item) for item in ITEMS if item["id"] == "eval-en")
    (text,) = survivors(run, place)
    assert "least common multiple" not in text
    assert "The raffle was won" in text
    assert any(row["item"] == "en-01" and not row["drop"] for row in run.edits)


def test_redactions_are_counted_by_kind(run):
    notes: dict[str, int] = {}
    for row in run.report["ledger"]:
        for name, count in row.get("notes", {}).items():
            notes[name] = notes.get(name, 0) + count
    counted = {name.removeprefix("redacted:"): n for name, n in notes.items() if "<" in name}
    assert counted["<EMAIL>"] == 2
    assert counted["<PHONE>"] == 3
    assert counted["<CARD>"] == 1
    assert counted["<RESIDENT_ID>"] == 1
    assert counted["<SECRET:aws_key>"] == 2
    assert counted["<SECRET:github_token>"] == 1


def test_every_stage_balances(run):
    ledger = Ledger.from_rows(run.report["ledger"])
    assert {stage for stage, _ in ledger.accounts} >= {"ingest", "filter", "dedup", "shard"}
    ledger.check()


def test_nothing_was_dropped_that_was_not_planted(run):
    planted = {place for item in ITEMS for place in places(item)}
    strangers = [
        row
        for row in (*run.dropped, *run.failed)
        if row["stage"] != "mix" and not any(at(row, place) for place in planted)
    ]
    assert strangers == []
