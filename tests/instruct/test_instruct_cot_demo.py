"""The offline demonstration: its journal is what its texts give, and replaying it makes the rows."""

from __future__ import annotations

import collections
import contextlib
import io
import json
from pathlib import Path

import jsonschema
import pytest
from cot_kit import rows

from examples.cot import make_journal
from pipelines import bootstrap_cot
from schemas import build

JOURNAL = make_journal.HERE / "journal.jsonl"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("demo") / "out"
    options = ["--engine", "replay", "--journal", str(JOURNAL), "--output", str(output)]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert bootstrap_cot.main(options) == 0
    (output / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")
    return output


def test_the_journal_is_what_the_texts_give(tmp_path: Path) -> None:
    engine = make_journal.make(tmp_path / "journal.jsonl")
    assert engine.unused == []
    assert (tmp_path / "journal.jsonl").read_bytes() == JOURNAL.read_bytes(), (
        "run python -m examples.cot.make_journal"
    )


def test_every_line_says_that_it_is_hand_written() -> None:
    lines = rows(JOURNAL)
    assert {line["completion"]["model"] for line in lines} == {"hand-written"}
    assert {line["engine"] for line in lines} == {"hand-written"}


def test_rows_and_rejects_as_counted_by_hand_in_the_texts(demo: Path) -> None:
    kept = rows(demo / "rows.jsonl")
    by_answer = collections.Counter((row["language"], row["output"]) for row in kept)
    assert by_answer == {
        ("en", "57"): 4, ("en", "(B)"): 3, ("en", "27"): 1, ("zh", "60"): 3, ("zh", "否"): 3,
        ("zh", "140"): 3, ("en", "5"): 3, ("en", "five cents"): 1,
    }  # fmt: skip
    found = collections.Counter((row["step"], row["rule"]) for row in rows(demo / "rejects.jsonl"))
    assert found == {
        ("sample", "wrong"): 14, ("sample", "duplicate_path"): 8, ("sample", "no_answer"): 4,
        ("sample", "cut"): 2, ("sample", "minority"): 2, ("sample", "no_reasoning"): 2,
        ("sample", "evasion"): 1, ("sample", "answer_first"): 1,
        ("sample", "language"): 1, ("sample", "surplus"): 1,
    }  # fmt: skip
    assert [row["output"] for row in kept if "hinted" in row["flags"]] == ["27"]
    assert {row["pass_rate"][1] for row in kept} == {7, 8}  # two are cut


def test_votes_as_counted_by_hand(demo: Path) -> None:
    votes = {one["gold"]: (one["answer"], one["votes"], one["extracted"], one["status"])
             for one in rows(demo / "votes.jsonl")}  # fmt: skip
    assert votes == {
        "57": ("57", 5, 7, "right"), "(B)": ("B", 6, 7, "right"), "27": ("15", 4, 7, "wrong"),
        "60": ("60", 6, 7, "right"), "否": ("no", 6, 7, "right"), "140": ("140", 5, 7, "right"),
        "": ("5", 6, 8, "unknown"),
    }  # fmt: skip


def test_written_records_satisfy_their_schemas(demo: Path) -> None:
    documents = build.documents()
    for name, schema in (
        ("rows", "instruct_row"), ("rejects", "instruct_reject"), ("samples", "cot_sample"),
        ("votes", "cot_vote"),
    ):  # fmt: skip
        validator = jsonschema.Draft202012Validator(json.loads(documents[f"{schema}.v1.json"]))
        for row in rows(demo / f"{name}.jsonl"):
            validator.validate(row)
    report = json.loads((demo / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(documents["cot_report.v1.json"]))


def test_reasoning_joins_the_answer_only_at_export(demo: Path) -> None:
    (path,) = (demo / "export" / "messages").glob("*train*.jsonl")
    answer = rows(path)[0]["messages"][-1]["content"]
    assert answer.startswith("<think>\n")
    assert "</think>\n\n" in answer
    assert not any("<think>" in row["output"] for row in rows(demo / "rows.jsonl"))


def test_the_page_and_the_readme_show_the_figures(demo: Path) -> None:
    page = (demo / "report.html").read_text(encoding="utf-8")
    assert "Pass rates" in page
    assert "5/7" in page
    readme = (make_journal.HERE / "README.md").read_text(encoding="utf-8")
    shown = readme.split("```\n")[1]
    assert shown in (demo / "printed.txt").read_text(encoding="utf-8")
