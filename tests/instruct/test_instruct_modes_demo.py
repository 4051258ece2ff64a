"""The offline demonstration of all modes: its journal is what its texts give; replayed, it makes the rows."""

from __future__ import annotations

import contextlib
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from corpusforge.hashing import make_id
from examples.modes import make_journal
from pipelines import modes
from schemas import build

JOURNAL = make_journal.HERE / "journal.jsonl"
ROOT = make_journal.HERE.parents[1]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("demo") / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        options = ["--engine", "replay", "--journal", str(JOURNAL), "--output", str(output)]
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            assert modes.main(options) == 0
    (output / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")
    return output


def test_the_journal_is_what_the_texts_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    engine = make_journal.make(tmp_path / "journal.jsonl")
    assert not any(engine.left.values())
    assert (tmp_path / "journal.jsonl").read_bytes() == JOURNAL.read_bytes(), (
        "run python -m examples.modes.make_journal"
    )
    assert {line["completion"]["model"] for line in lines(JOURNAL)} == {"hand-written"}


def test_rows_and_rejects_as_counted_by_hand_in_the_texts(demo: Path) -> None:
    rows = lines(demo / "rows.jsonl")
    found = Counter((row["kind"], row["language"]) for row in rows)
    assert {kind: (found[kind, "en"], found[kind, "zh"]) for kind, _ in found} == {
        "natural_instructions": (2, 3), "templates": (9, 6), "xp3": (9, 18), "unnatural": (3, 4),
        "persona": (2, 2), "slots": (1, 2), "recite": (1, 3), "magpie": (2, 2),
    }  # fmt: skip
    rejects = Counter((one["step"], one["rule"]) for one in lines(demo / "rejects.jsonl"))
    assert rejects == {
        ("natural_instructions.rules", "ends_with_colon"): 1, ("xp3.translate", "lost_hole"): 1,
        ("unnatural.write", "no_fields"): 1, ("unnatural.write", "near_copy"): 1,
        ("unnatural.paraphrase", "copy_of_task"): 1, ("persona.write", "asks_the_model"): 1,
        ("persona.answer", "evasion"): 1, ("recite.write", "no_recitation"): 1,
        ("slots.table", "slot_missing"): 2, ("slots.write", "slot_missing"): 2,
        ("slots.write", "other_value"): 1, ("recite.answer", "other_result"): 1,
        ("magpie.user", "near_copy"): 1,
        ("magpie.user", "han_share"): 1,
    }  # fmt: skip
    asked = {row["kind"] for row in rows if row["lineage"]["requests"]}
    assert asked == {"xp3", "unnatural", "persona", "slots", "recite", "magpie"}
    assert [row["output"] for row in rows if row["kind"] == "recite"] == [
        "Carbon dioxide", "水星", "长江", "29",
    ]  # fmt: skip


def test_written_records_satisfy_their_schemas(demo: Path) -> None:
    documents = build.documents()
    for name, schema in (
        ("rows", "instruct_row"), ("rejects", "instruct_reject"), ("tasks", "task_note"),
        ("demonstrations", "demonstration"), ("sequences", "label_sequence"),
    ):  # fmt: skip
        validator = jsonschema.Draft202012Validator(json.loads(documents[f"{schema}.v1.json"]))
        rows = lines(demo / f"{name}.jsonl")
        assert rows, f"{name}.jsonl holds nothing to validate"
        for row in rows:
            validator.validate(row)
    report = json.loads((demo / "report.json").read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(documents["derived_report.v1.json"]))


def test_personas_of_the_rows_are_those_of_the_prompts(demo: Path) -> None:
    text = (make_journal.HERE / "journal.jsonl").read_text(encoding="utf-8")
    people = {"a sailor who has never learnt to swim", "修理手风琴的小店店主"}
    assert all(person in text for person in people)
    wanted = {f"persona_{make_id('persona', person)[:12]}" for person in people}
    rows = [row for row in lines(demo / "rows.jsonl") if row["kind"] == "persona"]
    assert wanted <= {row["lineage"]["seeds"][0] for row in rows}


def test_the_readme_shows_the_figures(demo: Path) -> None:
    readme = (make_journal.HERE / "README.md").read_text(encoding="utf-8")
    assert readme.split("```\n")[1] in (demo / "printed.txt").read_text(encoding="utf-8")
    assert "lost_hole" in (demo / "report.html").read_text(encoding="utf-8")
