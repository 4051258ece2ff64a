"""Argilla files out and in; every trap of its ranks by name.

Bodies follow the server's REST interface and the SDK's own dictionaries (argilla 2.8.0, 1.x records).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from annotate_cases import made_job

from corpusforge.annotate.jobs import Job, Scale
from corpusforge.annotate.records import Ranking, Refused
from corpusforge.annotate.targets import find_target
from corpusforge.errors import InputError

TARGET = find_target("argilla")
TIMES = {"inserted_at": "2026-01-02T03:04:05.123456", "updated_at": "2026-01-02T03:04:06"}


@pytest.fixture
def job(tmp_path: Path):
    return made_job(tmp_path / "job")


def written(job, tasks, directory: Path) -> dict:
    paths = TARGET.write(tasks, job, str(directory))
    return {Path(path).name: json.loads(Path(path).read_text(encoding="utf-8")) for path in paths}


def read(directory: Path, rows, job, tasks) -> list:
    path = directory / "records.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return list(TARGET.read([str(path)], {task.id: task for task in tasks}, job))


def record(job, task, *responses: dict) -> dict:
    marks = {"task_id": task.id, "job": job.id, "checksum": job.checksum, "batch": task.batch}
    return {"id": "x", "external_id": task.id, "metadata": marks, "responses": list(responses)}


def response(ranks, status="submitted", **values) -> dict:
    value = [{"value": f"response_{place}", "rank": rank} for place, rank in ranks]
    body = {"ranking": {"value": value}, "confirm": {"value": "ranked"}}
    body |= {name: {"value": held} for name, held in values.items()}
    return {"id": "8c-1", "user_id": "u-1", "status": status, "values": body, **TIMES}


def test_one_dataset_a_batch_in_the_servers_own_schema(job, tmp_path: Path) -> None:
    given, tasks = job
    files = written(given, tasks, tmp_path)
    assert set(files) == {
        f"{rater}-001.{part}.json" for rater in ("r_01", "r_02") for part in ("settings", "records")
    }
    settings = files["r_01-001.settings.json"]
    assert [(f["name"], f["settings"]["type"]) for f in settings["fields"]] == [
        ("prompt", "chat"), *((f"response_{place}", "text") for place in range(4)),
    ]  # fmt: skip
    ranking = next(q for q in settings["questions"] if q["name"] == "ranking")
    assert ranking["settings"]["type"] == "ranking"
    assert [option["value"] for option in ranking["settings"]["options"]] == [
        f"response_{place}" for place in range(4)
    ]
    assert [q["name"] for q in settings["questions"] if q["required"]] == ["confirm"]
    first = files["r_01-001.records.json"][0]
    assert first["fields"]["prompt"] == [{"role": "user", "content": "Question 0? 问题"}]
    texts = {answer.id: answer.text for answer in tasks[0].candidates}
    shown = [first["fields"][f"response_{place}"] for place in range(4)]
    assert shown == [texts[name] for name in tasks[0].presented_order]
    assert "suggestions" not in first, "the interface would show one as the ranking"
    for held in files.values():
        assert "secret-model" not in json.dumps(held)


def test_one_flag_gets_a_second_option_since_the_server_wants_two(tmp_path: Path) -> None:
    job, tasks = made_job(tmp_path / "job", k=2)
    one = replace(job, flags=job.flags[:1])
    settings = written(one, tasks, tmp_path / "out")["r_01-001.settings.json"]
    flags = next(q for q in settings["questions"] if q["name"] == "flags_0")
    names = [option["value"] for option in flags["settings"]["options"]]
    assert names == ["harmful", "none_of_these"]
    answer = response([(0, 1), (1, 2)], flags_0=["none_of_these"])
    (row,) = read(tmp_path, [record(job, tasks[0], answer)], job, tasks)
    assert [rating.flags for rating in row.ratings] == [()]


def test_variable_k_is_a_dataset_for_each_k(tmp_path: Path) -> None:
    _, four = made_job(tmp_path / "4", k=4)
    job, five = made_job(tmp_path / "5", k=5)
    files = written(job, [four[0], five[2]], tmp_path / "out")
    counts = {
        name: len(body["fields"]) - 1 for name, body in files.items() if name.endswith("gs.json")
    }
    assert counts == {"r_01-001-k4.settings.json": 4, "r_01-001-k5.settings.json": 5}


def test_a_scale_argilla_cannot_hold_is_an_error_before_anything_is_labelled(tmp_path) -> None:
    _, tasks = made_job(tmp_path / "job")
    job = Job(id="j", kind="ranking", k=4, scales=(Scale(name="percent", low=0, high=100),))
    with pytest.raises(InputError, match=r"percent.*0 to 10"):
        TARGET.write(tasks, job, str(tmp_path))


def test_ranks_of_the_rest_form_and_ties(job, tmp_path: Path) -> None:
    given, tasks = job
    a, b, c, d = tasks[0].presented_order
    answer = response([(2, 1), (0, 2), (3, 2), (1, 4)], rate_0_overall=7, flags_1=["harmful"])
    for rows in (
        [record(given, tasks[0], answer)],
        {"items": [record(given, tasks[0], answer)], "total": 1},
    ):
        (row,) = read(tmp_path, rows, given, tasks)
        assert row.tiers == ((c,), (a, d), (b,))
        assert row.confirmed is True
        assert {one.candidate: one.scores for one in row.ratings}[a] == (("overall", 7.0),)
        assert {one.candidate: one.flags for one in row.ratings}[b] == ("harmful",)
        assert row.created == "2026-01-02T03:04:06.000000Z"


def test_ranks_that_the_sdk_dropped_are_refused_and_never_guessed(job, tmp_path: Path) -> None:
    """[{response_0, rank 3}, {response_1, rank 1}] comes back from the SDK as the options' order."""
    given, tasks = job
    options = [f"response_{place}" for place in range(4)]
    nested = {**record(given, tasks[0])}
    nested["responses"] = {"ranking": [{"value": options, "user_id": "u-1"}]}
    flat = {k: v for k, v in record(given, tasks[0]).items() if k != "responses"}
    flat |= {"ranking.responses": [options], "ranking.responses.users": ["u-1"]}
    strings = response([])
    strings["values"]["ranking"]["value"] = options
    unranked = response([(place, None) for place in range(4)])
    rows = [nested, flat, record(given, tasks[0], strings), record(given, tasks[0], unranked)]
    assert [row.rule for row in read(tmp_path, rows, given, tasks)] == ["ranks_lost"] * 4


def test_drafts_and_discarded_responses(job, tmp_path: Path) -> None:
    given, tasks = job
    full = [(place, place + 1) for place in range(4)]
    rows = [record(given, tasks[0], response(full, "draft"), response(full, "discarded"),
                   response(full, "pending"))]  # fmt: skip
    found = [row.rule for row in read(tmp_path, rows, given, tasks)]
    assert found == ["draft", "skipped", "malformed"]


def test_missing_twice_and_unknown_options(job, tmp_path: Path) -> None:
    given, tasks = job
    for ranks, rule in (
        ([(0, 1), (1, 2), (2, 3)], "partial"),
        ([(0, 1), (1, 2), (2, 3), (2, 4), (3, 4)], "duplicate_candidate"),
        ([(0, 1), (1, 2), (2, 3), (7, 4)], "unknown_candidate"),
        ([(0, "first"), (1, 2), (2, 3), (3, 4)], "malformed"),
    ):
        (row,) = read(tmp_path, [record(given, tasks[0], response(ranks))], given, tasks)
        assert isinstance(row, Refused)
        assert row.rule == rule


def test_what_cannot_be_ranked_is_asked_beside_the_ranking(job, tmp_path: Path) -> None:
    """The server wants a rank for each option, so the ranking holds the unrankable one, too."""
    given, tasks = job
    a, b, c, d = tasks[0].presented_order
    full = [(0, 1), (1, 2), (2, 3), (3, 4)]
    rows = [record(given, tasks[0], response(full[::-1], unrankable=["response_1"]))]
    (row,) = read(tmp_path, rows, given, tasks)
    assert (row.tiers, row.unrankable) == (((a,), (c,), (d,)), (b,))
    (row,) = read(
        tmp_path, [record(given, tasks[0], response([], confirm="cannot_rank"))], given, tasks
    )
    assert (row.cannot_rank, row.tiers) == (True, ())


def test_a_record_without_responses_is_no_row(job, tmp_path: Path) -> None:
    given, tasks = job
    bare = {k: v for k, v in record(given, tasks[0]).items() if k != "responses"}
    empty = {**bare, "responses": {}}
    assert read(tmp_path, [bare, record(given, tasks[1]), empty], given, tasks) == []


def test_records_of_version_one_are_read(job, tmp_path: Path) -> None:
    given, tasks = job
    ranks = [{"value": f"response_{place}", "rank": 4 - place} for place in range(4)]
    old = {"user_id": None, "status": "submitted", "values": {"ranking": {"value": ranks}}}
    (row,) = read(tmp_path, [{**record(given, tasks[0]), "responses": [old]}], given, tasks)
    assert isinstance(row, Ranking)
    assert row.tiers == tuple((name,) for name in tasks[0].presented_order[::-1])


def test_demonstrations(tmp_path: Path) -> None:
    job, tasks = made_job(tmp_path / "job", kind="demonstration", k=0)
    settings = written(job, tasks, tmp_path / "out")["r_01-001.settings.json"]
    assert [q["settings"]["type"] for q in settings["questions"]] == ["text"]
    answer = {"status": "submitted", "values": {"text": {"value": "答案"}}}
    (row,) = read(tmp_path, [record(job, tasks[0], answer)], job, tasks)
    assert row.text == "答案"
