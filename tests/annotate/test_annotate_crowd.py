"""Tables and JSON lines for crowd platforms, there and back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from annotate_cases import FORMULA, SCRIPT, made_job

from corpusforge.annotate.records import Ranking
from corpusforge.annotate.targets import find_target

TARGET = find_target("csv")


@pytest.fixture
def job(tmp_path: Path):
    return made_job(tmp_path / "job", k=5)


def rows_of(path: str | Path) -> list[dict[str, str]]:
    csv.field_size_limit(1 << 28)
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def save(path: Path, rows: list[dict[str, str]], **options) -> str:
    encoding = options.pop("encoding", "utf-8")
    with path.open("w", encoding=encoding, newline="") as stream:
        table = csv.DictWriter(stream, rows[0], **options)
        table.writeheader()
        table.writerows(rows)
    return str(path)


def read(path: str, job, tasks) -> list:
    return list(TARGET.read([path], {task.id: task for task in tasks}, job))


def filled(job, tasks, directory: Path, **cells: str) -> tuple[list[dict[str, str]], object]:
    """The first batch's table with one row filled in, and its task."""
    path = TARGET.write(tasks, job, str(directory))[0]
    rows = rows_of(path)
    rows[0].update(cells)
    return rows, next((task for task in tasks if task.id == rows[0]["task_id"]), None)


def test_texts_go_out_whole_and_formulas_inert(job, tmp_path: Path) -> None:
    given, tasks = job
    paths = TARGET.write(tasks, given, str(tmp_path / "out"))
    assert [Path(path).name for path in paths] == [
        "r_01-001.csv", "r_01-001.jsonl", "r_02-001.csv", "r_02-001.jsonl",
    ]  # fmt: skip
    assert Path(paths[0]).read_bytes().startswith(b"\xef\xbb\xbf"), "or spreadsheets mangle Chinese"
    row = rows_of(paths[0])[0]
    texts = {answer.id: answer.text for answer in tasks[0].candidates}
    shown = [texts[name] for name in tasks[0].presented_order]
    expected = [f"'{text}" if text == FORMULA else text for text in shown]
    assert [row[f"answer_{place}"] for place in range(1, 6)] == expected
    assert f"'{FORMULA}" in expected
    assert SCRIPT in expected
    line = json.loads(Path(paths[1]).read_text(encoding="utf-8").split("\n")[0])
    assert [answer["text"] for answer in line["answers"]] == shown, "JSON lines run no formulas"
    for path in paths:
        text = Path(path).read_text(encoding="utf-8")
        assert "secret-model" not in text
        assert "u_5ecret" not in text


def test_a_filled_table_comes_back(job, tmp_path: Path) -> None:
    given, tasks = job
    rows, task = filled(
        given, tasks, tmp_path / "out", rank_1="2", rank_2="1", rank_3="1", rank_4="x",
        rank_5="4.0", rate_1_overall="6", flags_2="harmful; made_up", seconds="41.5",
    )  # fmt: skip
    a, b, c, d, e = task.presented_order
    found = read(save(tmp_path / "back.csv", rows), given, tasks)
    assert len(found) == len(rows), "every row, answered or not"
    assert [row.rule for row in found[1:]] == ["unanswered"] * (len(rows) - 1)
    assert isinstance(found[0], Ranking)
    assert found[0].tiers == (
        tuple(sorted((b, c), key=task.presented_order.index)), (a,), (e,),
    )  # fmt: skip
    assert found[0].unrankable == (d,)
    assert found[0].lead_time == 41.5
    assert [(one.candidate, one.flags) for one in found[0].ratings if one.flags] == [
        (b, ("harmful", "made_up"))
    ]


def test_a_platforms_prefixes_and_columns_are_read(job, tmp_path: Path) -> None:
    given, tasks = job
    ranks = {f"rank_{place}": str(place) for place in range(1, 6)}
    rows, task = filled(given, tasks, tmp_path / "out", **ranks)
    shown = {
        (f"Answer.{name}" if name.startswith(("rank", "rate", "flags", "cannot")) else
         f"Input.{name}"): cell for name, cell in rows[0].items() if name != "seconds"
    }  # fmt: skip
    shown |= {
        "AssignmentId": "A1", "WorkerId": "W1", "AssignmentStatus": "Submitted",
        "SubmitTime": "2026-03-04T05:06:07+08:00", "WorkTimeInSeconds": "63",
    }  # fmt: skip
    (row,) = read(save(tmp_path / "batch.csv", [shown]), given, tasks)
    assert row.tiers == tuple((name,) for name in task.presented_order)
    assert (row.annotation, row.lead_time) == ("A1", 63.0)
    assert row.created == "2026-03-03T21:06:07.000000Z"
    assert "W1" not in repr(row)
    shown["AssignmentStatus"] = "Rejected"
    (row,) = read(save(tmp_path / "batch.csv", [shown]), given, tasks)
    assert row.rule == "skipped"


def test_cells_that_are_wrong(job, tmp_path: Path) -> None:
    given, tasks = job
    full = {f"rank_{place}": str(place) for place in range(1, 6)}
    for cells, rule in (
        ({**full, "rank_5": ""}, "partial"),
        ({**full, "rank_5": "best"}, "malformed"),
        ({**full, "rank_5": "nan"}, "malformed"),
        ({**full, "cannot_rank": "perhaps"}, "malformed"),
        ({**full, "checksum": "0"}, "wrong_job"),
        ({**full, "task_id": "t_0"}, "unknown_task"),
        ({**full, "rate_1_overall": "9"}, "bad_rating"),
    ):
        rows, _ = filled(given, tasks, tmp_path / "out", **cells)
        found = read(save(tmp_path / "back.csv", rows[:1]), given, tasks)
        assert [row.rule for row in found] == [rule]


def test_cannot_rank_in_both_languages(job, tmp_path: Path) -> None:
    given, tasks = job
    for word in ("yes", "1", "是"):
        rows, task = filled(given, tasks, tmp_path / "out", cannot_rank=word)
        (row,) = read(save(tmp_path / "back.csv", rows[:1]), given, tasks)
        assert (row.cannot_rank, row.unrankable) == (True, task.presented_order)


def test_a_spreadsheets_own_encoding_keeps_ranks_and_refuses_written_text(tmp_path: Path) -> None:
    job, tasks = made_job(tmp_path / "r", k=2)
    rows, task = filled(job, tasks, tmp_path / "r_out", rank_1="2", rank_2="1")
    rows[0] |= {"answer_1": "长文本", "answer_2": "短"}
    (row,) = read(save(tmp_path / "gbk.csv", rows[:1], encoding="gb18030"), job, tasks)
    assert row.tiers == tuple((name,) for name in task.presented_order[::-1])
    job, tasks = made_job(tmp_path / "d", kind="demonstration", k=0)
    rows, _ = filled(job, tasks, tmp_path / "d_out", text="我的回答")
    (row,) = read(save(tmp_path / "text.csv", rows[:1], encoding="gb18030"), job, tasks)
    assert row.rule == "malformed"
    (row,) = read(save(tmp_path / "text.csv", rows[:1], encoding="utf-8-sig"), job, tasks)
    assert row.text == "我的回答"


def test_tabs_and_compressed_tables(job, tmp_path: Path) -> None:
    import gzip

    given, tasks = job
    full = {f"rank_{place}": str(6 - place) for place in range(1, 6)}
    rows, task = filled(given, tasks, tmp_path / "out", **full)
    path = Path(save(tmp_path / "back.tsv", rows[:1], delimiter="\t"))
    packed = tmp_path / "back.tsv.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for name in (path, packed):
        (row,) = read(str(name), given, tasks)
        assert row.tiers == tuple((one,) for one in task.presented_order[::-1])


def test_filled_lines_come_back(job, tmp_path: Path) -> None:
    given, tasks = job
    path = Path(TARGET.write(tasks, given, str(tmp_path / "out"))[1])
    lines = [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    a, b, c, d, e = tasks[0].presented_order
    lines[0] |= {
        "ranks": {a: 3, b: 1, c: "1", e: 2}, "unrankable": [d], "seconds": 12,
        "ratings": [{"candidate": a, "scores": {"overall": 4}, "flags": ["harmful"]}],
    }  # fmt: skip
    lines[1] |= {"ranks": {"c_nobody": 1}}
    lines[2] |= {"ranks": 5}
    back = tmp_path / "back.jsonl"
    back.write_text("\n".join(map(json.dumps, lines)) + "\n[]\n", encoding="utf-8")
    found = read(str(back), given, tasks)
    assert found[0].tiers == (tuple(sorted((b, c), key=tasks[0].presented_order.index)), (e,), (a,))
    assert found[0].unrankable == (d,)
    assert [row.rule for row in found[1:]] == ["unknown_candidate", "malformed", "malformed"]
