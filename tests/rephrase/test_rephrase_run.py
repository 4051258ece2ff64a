"""The example: each hand-written reply meets the fate written beside it, and kills change no byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusforge.hashing import make_id
from corpusforge.io.jsonl import read_jsonl
from examples.rephrase.make_journal import HERE, OPTIONS, make, replies
from pipelines.rephrase import main

ROOT = HERE.parent.parent
REPLAY = ["--engine", "replay", "--journal", str(HERE / "journal")]


@pytest.fixture(autouse=True)
def in_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # journal.args names the documents from there


def contents(directory: Path, *folders: str) -> dict[str, bytes]:
    """The outputs: rewrites, candidates and the report; receipts hold times."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.relative_to(directory).parts[0] in folders
    }


MADE = ("documents", "candidates", "report.json")


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("replay") / "out"
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        assert main([*REPLAY, "--output", str(output)]) == 0
    finally:
        os.chdir(before)
    return output


def titles() -> dict[str, str]:
    """The title of each document by its id."""
    return {
        make_id("documents", f"{name}.jsonl:{number}"): row["title"]
        for name in ("en", "zh")
        for number, row in enumerate(read_jsonl(str(HERE / "documents" / f"{name}.jsonl")), 1)
    }


def rows(output: Path, folder: str) -> list[dict]:
    parts = sorted((output / folder).glob("part-*.parquet"))
    return [row for part in parts for row in pq.read_table(part).to_pylist()]


def test_every_reply_has_the_fate_that_a_reader_gave_it(replayed: Path) -> None:
    names = titles()
    found = {
        (names[r["parent"]], r["style"]): r["rule"] or "sound" for r in rows(replayed, "candidates")
    }
    assert found == {key: said for key, (_, said) in replies().items()}


def test_a_rewrite_says_who_wrote_it_from_what(replayed: Path) -> None:
    names = titles()
    made = rows(replayed, "documents")
    assert len(made) == sum(said == "sound" for _, said in replies().values()) == 14
    for row in made:
        assert (row["origin"], row["model"], row["licence"]) == (
            "model",
            "hand-written",
            "Apache-2.0",
        )
        assert row["prompt_version"].startswith(f"rephrase_{row['style']}.v1@")
        assert row["locator"] == f"{row['parent']}/{row['style']}/{row['start']}"
        assert row["text"] in replies()[names[row["parent"]], row["style"]][0]
        assert "<think>" not in row["text"]
        assert "hope this helps" not in row["text"]


def test_the_committed_journal_is_what_the_replies_give(tmp_path: Path) -> None:
    make(tmp_path / "journal")
    for path in sorted((HERE / "journal").iterdir()):
        again = (tmp_path / "journal" / path.name).read_bytes()
        assert again == path.read_bytes(), "python -m examples.rephrase.make_journal"


def play(output: Path, workers: int, kind: str = "none", number: int = 0) -> int:
    program = Path(__file__).with_name("rephrase_runs.py")
    command = [sys.executable, str(program), str(output), str(workers), kind, str(number)]
    return subprocess.run(command, cwd=ROOT, check=False, timeout=300).returncode


@pytest.mark.parametrize(
    "kills",
    [
        [("ask", 3), ("ask", 5), ("ask", 9)],  # the third is in the second part
        [("ask", 16), ("write", 3), ("write", 8)],
        [("ask", 1), ("ask", 1), ("ask", 1), ("ask", 1), ("ask", 1)],
    ],
)
def test_killed_again_and_again_the_bytes_are_the_same(
    tmp_path: Path, kills: list[tuple[str, int]]
) -> None:
    assert play(tmp_path / "alone", 1) == 0
    for kind, number in kills:
        assert play(tmp_path / "killed", 1, kind, number) == -signal.SIGKILL
    assert play(tmp_path / "killed", 1) == 0
    assert contents(tmp_path / "killed", *MADE) == contents(tmp_path / "alone", *MADE)
    asked = Counter((tmp_path / "killed.asked").read_text().split())
    under_way = sum(kind == "ask" for kind, _ in kills)
    assert sum(asked.values()) == len(replies()) + under_way  # no reply is paid twice


def test_two_workers_write_the_bytes_of_one(tmp_path: Path, replayed: Path) -> None:
    assert main([*REPLAY, "--workers", "2", "--output", str(tmp_path / "two")]) == 0
    assert contents(tmp_path / "two", *MADE) == contents(replayed, *MADE)


def test_live_and_replayed_are_the_same_rewrites(tmp_path: Path, replayed: Path) -> None:
    assert play(tmp_path / "live", 2) == 0
    assert contents(tmp_path / "live", *MADE[:2]) == contents(replayed, *MADE[:2])


def test_other_bounds_decide_again_and_ask_nothing(tmp_path: Path) -> None:
    output, bounds = tmp_path / "out", tmp_path / "bounds.toml"
    assert play(output, 1) == 0
    asked = (tmp_path / "out.asked").read_text()
    bounds.write_text("[qa]\nforeign_numbers = 1\n\n[dialogue]\nforeign_names = 9\nkept_low = 0\n")
    assert main([*REPLAY, "--bounds", str(bounds), "--output", str(output)]) == 0
    rules = Counter(row["rule"] for row in rows(output, "candidates"))
    assert rules["foreign_numbers"] == rules["foreign_names"] == 0
    assert (tmp_path / "out.asked").read_text() == asked


def test_a_style_of_ones_own_is_a_prompt_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt = tmp_path / "haiku.en.v1.txt"
    prompt.write_text("[user]\nWrite a short poem about this:\n\n{{passage}}\n")
    options = ["--language", "en", "--prompts", str(prompt), "--output", str(tmp_path / "out")]
    # the journal has no such request: it is asked for by its own prompt, and found missing
    args = ["--input", str(HERE / "documents"), "--style", "haiku", "--each", "1", *options]
    assert main([*REPLAY, *args]) == 4
    assert "rephrase.haiku" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--style", "tutorail", "--each", "1"], "Did you mean 'tutorial'"),
        (["--style", "faq=0"], "with a weight above 0"),
        (["--style", "faq", "--each", "2"], "expected at most 1"),
        (["--share", "0"], "share"),
        (["--prompts", "poem.txt"], "NAME.LANGUAGE.vN.txt"),
        (["--bounds", "none.toml"], "does not exist"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    assert main([*REPLAY, *options, "--output", str(output)]) == 2
    assert told in capsys.readouterr().err
    assert not (output / "documents").exists()


def test_a_directory_of_something_else_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "part-00000.parquet").write_bytes(b"mine")
    assert main([*REPLAY, "--output", str(tmp_path)]) == 2
    assert "holds files of something else" in capsys.readouterr().err
    assert (tmp_path / "documents" / "part-00000.parquet").read_bytes() == b"mine"


def test_a_spent_budget_ends_the_run_and_a_larger_one_goes_on(tmp_path: Path) -> None:
    from corpusforge.errors import EngineError
    from corpusforge.models.options import settings_from
    from corpusforge.rephrase.run import rephrase
    from corpusforge.rephrase.sources import find_sources
    from examples.rephrase.make_journal import Written
    from pipelines.rephrase import parser, plan_of

    def run(most: int) -> None:
        options = parser().parse_args([*OPTIONS, "--max-requests", str(most), "--output", "unused"])
        models = settings_from(options)
        rephrase(
            plan_of(options, models), find_sources(options.input), models, str(tmp_path / "out"),
            engine=Written(),
        )  # fmt: skip

    with pytest.raises(EngineError, match="budget of"):
        run(10)
    journals = (tmp_path / "out" / "journal").glob("part-*.jsonl")
    assert 0 < sum(len(path.read_text().splitlines()) for path in journals) <= 10
    run(1000)
    assert len(rows(tmp_path / "out", "candidates")) == len(replies())
