"""Commands over files: parts made here or elsewhere, interrupts, errors, and rows that are counted."""

from __future__ import annotations

import gzip
import json

import pytest

from corpusforge.errors import InputError, RunError
from corpusforge.io.rows import Reading
from corpusforge.run.over_files import make_of_files, work_directory
from corpusforge.run.stage import PartResult
from pipelines.dedup import main as dedup


def made(part):
    path, told = part.settings
    return PartResult(extra={"told": told, "path": path.rsplit("/", 1)[-1]})


def interrupted(part):
    raise KeyboardInterrupt


def missing(part):
    open(f"{part.run}/none")  # noqa: SIM115
    raise AssertionError


def stage(tmp_path, make, count=3, workers=1):
    paths = [tmp_path / f"{number}.txt" for number in range(count)]
    for path in paths:
        path.write_text(path.name)
    with work_directory(str(tmp_path / "out")) as work:
        return make_of_files(
            "parts", work, make, [str(path) for path in paths], 7, settings={}, workers=workers
        )


@pytest.mark.parametrize("workers", [1, 2])
def test_what_parts_say_is_in_the_order_of_the_files(tmp_path, workers):
    found = stage(tmp_path, made, workers=workers)
    assert found.extra["parts"] == [{"told": 7, "path": f"{number}.txt"} for number in range(3)]
    assert not (tmp_path / "out" / ".work").exists()


def test_an_interrupt_is_no_death_however_often(tmp_path):
    for _ in range(5):
        with pytest.raises(KeyboardInterrupt):
            stage(tmp_path, interrupted)
    assert stage(tmp_path, made).parts == 3


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_cannot_be_opened_is_the_users(tmp_path, workers):
    with pytest.raises(InputError, match=r"cannot open .*none"):
        stage(tmp_path, missing, workers=workers)


def test_one_command_at_a_time(tmp_path):
    with (
        work_directory(str(tmp_path)),
        pytest.raises(RunError, match="is being written by process"),
        work_directory(str(tmp_path)),
    ):
        pass


def test_a_wrong_column_is_told_by_a_worker_as_by_the_command(tmp_path, capsys):
    for name in "ab":
        (tmp_path / f"{name}.jsonl").write_text('{"key": "1", "text": "x"}\n')
    command = ["--input", f"{tmp_path}/*.jsonl", "--output", str(tmp_path / "out")]
    told = []
    for workers in "12":
        assert dedup([*command, "--workers", workers]) == 2
        told.append(capsys.readouterr().err)
    assert "no column 'id' but ['key', 'text']" in told[0]
    assert told[0] == told[1]


def test_every_row_is_counted(tmp_path):
    whole, cut = tmp_path / "whole.jsonl", tmp_path / "cut.jsonl.gz"
    whole.write_bytes(b'{"a": 1}\n{"b": 1}\n[1]\nno\n{"a": "x\ty"}\n')
    lines = "".join(json.dumps({"a": n, "x": str(n * 7919) * 9}) + "\n" for n in range(400))
    data = gzip.compress(lines.encode())
    cut.write_bytes(data[: len(data) // 2])
    reading = Reading()
    rows = list(reading.rows([str(whole), str(cut)], lambda row: "a" in row))
    assert [row.value["a"] for path, row in rows if path == str(whole)] == [1, "x\ty"]
    assert reading.seen == len(rows) + reading.failed
    assert (reading.failed, reading.example) == (
        4,
        f"{whole}:2",
    )  # three rows, and what ends the file
    assert (reading.repairs, len(reading.damaged)) == ("control_character 1", 1)
    assert reading.damaged[0].startswith(f"{cut}: ends early")
    total = Reading()
    total.add(reading)
    total.add(Reading(seen=1, failed=1, example="z"))
    assert (total.seen, total.failed, total.example) == (reading.seen + 1, 5, f"{whole}:2")
