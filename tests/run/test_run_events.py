"""`--log`: every event a line that a program can read; expected: what receipts and manifests say."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from corpusforge.errors import InputError, RunError
from corpusforge.run.events import EVENTS, EventLog
from pipelines import pretrain_mix
from schemas.build import documents

SCHEMA = json.loads(documents()["run_event.v1.json"])


def events(text: str) -> list[dict[str, object]]:
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        jsonschema.validate(row, SCHEMA)
        assert row["event"] in EVENTS
        assert datetime.fromisoformat(row["time"]).utcoffset() == timedelta(0)
    return rows


def test_a_run_and_its_resume_in_one_file(tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "logs" / "run.jsonl"
    options = ["--output", str(run), "--workers", "1", "--quiet", "--log", str(log)]
    pretrain_mix.run([*options, "--until", "scores"])
    first = events(log.read_text())
    assert [first[0]["event"], first[-1]["event"]] == ["run_begin", "run_end"]
    assert {row["run"] for row in first} == {str(run)}
    for name in ("documents", "scores"):
        told = json.loads((run / name / "manifest.json").read_text())
        parts = [r for r in first if r["event"] == "part_end" and r["stage"] == name]
        assert len({r["part"] for r in parts}) == len(parts) == told["parts"]
        assert sum(r["documents"] for r in parts) == told["documents"]
        (end,) = [r for r in first if r["event"] == "stage_end" and r["stage"] == name]
        assert (end["documents"], end["bytes"]) == (told["documents"], told["input_bytes"])
    (run / "scores" / "manifest.json").unlink()
    (run / "scores" / "_receipts" / "part-00000.json").unlink()
    pretrain_mix.run([*options, "--until", "scores"])
    again = events(log.read_text())[len(first) :]
    assert next(r["stage"] for r in again if r["event"] == "stage_skip") == "documents"
    made = {r["part"]: r["event"] for r in again if r["stage"] == "scores" and r["part"]}
    assert made.pop("part-00000") == "part_end"
    assert set(made.values()) == {"part_kept"}


def test_standard_output_holds_events_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pretrain_mix.run(["--output", str(tmp_path / "run"), "--workers", "1", "--quiet", "--log", "-"])
    told = capsys.readouterr()
    assert events(told.out)[-1]["event"] == "run_end"
    assert "report: " in told.err, "the summary"


def test_an_error_is_told_with_its_part(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("no json\n" * 3)
    log = tmp_path / "log.jsonl"
    options = ["--quiet", "--workers", "1", "--until", "documents", "--log", str(log)]
    bad = f"--source=docs:documents={tmp_path}/bad.jsonl"
    with pytest.raises(RunError):
        pretrain_mix.run([*options, bad, "--output", str(tmp_path / "a")])
    last = events(log.read_text())[-1]
    assert last["event"] == "run_error"
    assert "max_failed_ratio" in str(last["error"])
    model = "--set=score.model=" + json.dumps(str(tmp_path / "none.bin"))
    with pytest.raises(InputError):
        pretrain_mix.run(["--quiet", "--workers", "1", "--log", str(log), model,
                          "--output", str(tmp_path / "b")])  # fmt: skip
    assert events(log.read_text())[-1]["event"] == "run_error"


def test_a_log_that_cannot_be_written_stops_the_run_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in ("s3://bucket/log", f"{tmp_path}/file/log", str(tmp_path)):
        with pytest.raises(InputError, match="--log"):
            pretrain_mix.run(["--log", path, "--quiet", "--output", str(tmp_path / "run")])
    assert not (tmp_path / "run").exists()


def test_a_line_is_there_before_the_next_event(tmp_path: Path) -> None:
    log = EventLog(str(tmp_path / "log"), "run")
    log.write("message", message="a \u2028 line\nof two")
    assert len((tmp_path / "log").read_bytes().split(b"\n")) == 2
    log.close()
