"""The offline demonstration: its journal is what its texts give, and replaying it makes a data set."""

from __future__ import annotations

import collections
import contextlib
import io
import json
from pathlib import Path

import pytest

from examples.self_instruct import make_journal
from pipelines import self_instruct

JOURNAL = make_journal.HERE / "journal.jsonl"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("demo") / "out"
    options = ["--engine", "replay", "--journal", str(JOURNAL), "--output", str(output)]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert self_instruct.main(options) == 0
    (output / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")
    return output


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_journal_is_what_the_texts_give(tmp_path: Path) -> None:
    engine = make_journal.make(tmp_path / "journal.jsonl")
    assert engine.unused == set()
    assert (tmp_path / "journal.jsonl").read_bytes() == JOURNAL.read_bytes(), (
        "run python -m examples.self_instruct.make_journal"
    )


def test_every_line_says_that_it_is_hand_written() -> None:
    lines = rows(JOURNAL)
    assert {line["completion"]["model"] for line in lines} == {"hand-written"}
    assert {line["engine"] for line in lines} == {"hand-written"}


def test_the_readme_gives_the_command_that_made_the_journal() -> None:
    readme = (make_journal.HERE / "README.md").read_text(encoding="utf-8")
    assert " ".join(make_journal.COMMAND) in readme


def test_own_options_win_over_the_journals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--engine", "replay", "--journal", str(JOURNAL), "--output", str(tmp_path / "o")]
    assert self_instruct.main([*options, "--language", "en", "--target", "20"]) == 0
    said = capsys.readouterr()
    assert "made with --language en,zh" in said.err
    assert "zh:" not in said.out


def test_accepted_instructions_and_their_rows(demo: Path) -> None:
    """Counted by hand in the texts: what a reader would keep."""
    pool = collections.Counter(row["language"] for row in rows(demo / "pool.jsonl"))
    assert pool == {"en": 44, "zh": 43}
    kept = collections.Counter(row["language"] for row in rows(demo / "rows.jsonl"))
    assert kept == {"en": 71, "zh": 58}


def test_every_planted_fault_is_refused_by_its_rule(demo: Path) -> None:
    found = collections.Counter(
        (row["language"], row["step"], row["rule"]) for row in rows(demo / "rejects.jsonl")
    )
    both = {
        ("generate", "blacklist"): 2, ("generate", "near_copy"): 4, ("generate", "too_short"): 2,
        ("generate", "cut"): 1, ("generate", "prefix"): 1, ("generate", "no_list"): 1,
        ("instances", "leaked_mark"): 1, ("instances", "evasion"): 1, ("instances", "cut"): 1,
        ("instances", "copy_of_input"): 1, ("instances", "personal_data"): 1,
    }  # fmt: skip
    expected = {(lang, *key): count for key, count in both.items() for lang in ("en", "zh")}
    expected |= {
        ("en", "instances", "duplicate"): 2, ("en", "instances", "empty_output"): 1,
        ("zh", "instances", "duplicate"): 1, ("zh", "instances", "contradicting_outputs"): 3,
        ("zh", "generate", "han_share"): 1, ("zh", "generate", "script"): 1,
    }  # fmt: skip
    assert found == expected


def test_case_and_code_survive(demo: Path) -> None:
    made = rows(demo / "rows.jsonl")
    assert "Write a Python function that counts the vowels in a string." in {
        row["instruction"] for row in made
    }
    code = next(row["output"] for row in made if row["output"].startswith("def is_palindrome"))
    scope: dict = {}
    exec(code, scope)
    assert scope["is_palindrome"]("上海自来水来自海上")
    assert not scope["is_palindrome"]("ab")


def test_lineage_leads_to_seeds_and_requests(demo: Path) -> None:
    from corpusforge.instruct import seeds
    from corpusforge.instruct.intent import may_classify

    known = {task.id for language in seeds.BUILTIN for task in seeds.load(language)}
    with_parents = 0
    for row in rows(demo / "rows.jsonl"):
        lineage = row["lineage"]
        assert lineage["model"] == "hand-written"
        assert set(lineage["seeds"]) <= known
        assert len(lineage["seeds"]) + len(lineage["parents"]) == 8
        assert len(lineage["requests"]) == 2 + may_classify(row["instruction"])
        with_parents += bool(lineage["parents"])
    assert with_parents


def test_a_report_and_exports_are_there(demo: Path) -> None:
    assert (demo / "report.html").stat().st_size > 0
    assert any((demo / "export").rglob("*.json*"))


def test_the_readme_shows_what_is_printed(demo: Path) -> None:
    readme = (make_journal.HERE / "README.md").read_text(encoding="utf-8")
    shown = readme.split("```\n")[1]
    assert shown in (demo / "printed.txt").read_text(encoding="utf-8")
