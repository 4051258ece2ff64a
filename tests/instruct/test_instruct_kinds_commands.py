"""The two command lines, offline: a journal made by the scripted engine is replayed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kinds_kit import ALL_REPLIES, Script

from corpusforge.errors import RunError
from corpusforge.instruct.constitution import run as critique
from corpusforge.instruct.constitution.settings import Settings as CritiqueSettings
from corpusforge.instruct.kinds import run as kinds
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.session import run
from corpusforge.models.client import Client
from pipelines import critique_revise
from pipelines import kinds as command


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (path / "rows.jsonl").read_text().splitlines()]


def test_kinds_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, again = tmp_path / "made", tmp_path / "again"
    settings = Settings(kinds=("clarify", "unknown"), languages=("en", "zh"), each=5)
    with Client(Script(ALL_REPLIES), tmp_path / "journal.jsonl") as client:
        run(kinds.job(settings), str(made), client, formats=("messages",))
    replay = ["--engine", "replay", "--journal", str(tmp_path / "journal.jsonl"), "--each", "5"]
    given = ["--kind", "clarify,unknown", "--language", "en,zh", "--format", "messages", *replay]
    assert command.main(["--output", str(again), *given]) == 0
    shown = capsys.readouterr().out
    assert "clarify.answer" in shown and f"written to {again}" in shown
    first, second = rows_of(made), rows_of(again)
    for row in (*first, *second):
        row["lineage"].pop("engine")
    assert first == second != []
    # another seed draws other rows, which the journal does not know: no answer, exit code 2
    assert command.main(["--output", str(tmp_path / "x"), *given, "--seed", "1"]) == 2
    assert "none of" in capsys.readouterr().err


def test_critique_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, again = tmp_path / "made", tmp_path / "again"
    with Client(Script(ALL_REPLIES), tmp_path / "journal.jsonl") as client:
        settings = CritiqueSettings(each=6, judge=True)
        run(critique.job(settings), str(made), client, formats=("trl",))
    given = ["--engine", "replay", "--journal", str(tmp_path / "journal.jsonl"), "--each", "6",
             "--judge", "--format", "trl"]  # fmt: skip
    assert critique_revise.main(["--output", str(again), *given]) == 0
    assert "flip_rate" in capsys.readouterr().out
    assert (made / "steps.jsonl").read_bytes() == (again / "steps.jsonl").read_bytes()
    rankings = Path("preferences") / "rankings.jsonl"
    assert (made / rankings).read_bytes() == (again / rankings).read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--kind", "clarfy"], "clarify"),
        (["--kind", "grounded"], "--ground"),
        (["--ground", "none.jsonl"], "neither a run"),
        (["--rows", "none.jsonl"], "does not exist"),
        (["--output", "s3://bucket/x"], "local directory"),
    ],
)
def test_wrong_options(
    options: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text("")
    base = ["--output", str(tmp_path / "x"), "--engine", "replay", "--journal", str(journal)]
    assert command.main([*base, *options]) == 2
    assert said in capsys.readouterr().err


def test_a_budget_that_is_spent_leaves_whole_parts_and_goes_on(tmp_path: Path) -> None:
    from corpusforge.models.budget import Budget

    settings = Settings(kinds=("clarify", "unknown"), each=4)
    output = tmp_path / "out"
    job = kinds.job(settings)
    with Client(Script(ALL_REPLIES), tmp_path / "j.jsonl", Budget(max_requests=10)) as client:
        done = run(job, str(output), client, formats=("messages",))
    assert done.report.stopped == "budget spent" and done.error is not None
    assert {row["kind"] for row in rows_of(output)} == {"clarify"}
    with Client(Script(ALL_REPLIES), tmp_path / "j.jsonl") as client:
        done = run(job, str(output), client, formats=("messages",))
    assert done.error is None and done.report.stopped == "finished"
    alone = tmp_path / "alone"
    with Client(Script(ALL_REPLIES), tmp_path / "k.jsonl") as client:
        run(job, str(alone), client, formats=("messages",))
    assert (alone / "manifest.json").read_bytes() == (output / "manifest.json").read_bytes()


def test_a_row_whose_text_was_changed_is_another_input(tmp_path: Path) -> None:
    from dataclasses import replace

    import msgspec

    from corpusforge.instruct.inputs import load_rows

    rows = load_rows((), ("en",))[:5]
    path, output = tmp_path / "rows.jsonl", tmp_path / "out"
    for number, given in enumerate((rows, [replace(rows[0], output="Other."), *rows[1:]])):
        path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in given))
        job = kinds.job(Settings(kinds=("clarify",), rows=(str(path),)))
        with Client(Script(ALL_REPLIES), tmp_path / "j.jsonl") as client:
            if number:
                with pytest.raises(RunError, match="inputs"):
                    run(job, str(output), client)
            else:
                run(job, str(output), client, formats=("messages",))
