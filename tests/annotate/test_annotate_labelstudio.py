"""Label Studio files out and in; every trap of its exports by name.

Shapes of exports were read from a server's own (1.23.2) and, for the older ones, from its changelog.
"""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from annotate_cases import JOB, made_job

from corpusforge.annotate.imports.run import target_of
from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.records import Ranking, Refused
from corpusforge.annotate.targets import find_target

TARGET = find_target("label-studio")
TIMES = {"created_at": "2026-01-02T03:04:05.000000Z", "updated_at": "2026-01-02T03:04:06.000000Z"}


@pytest.fixture
def job(tmp_path: Path):
    return made_job(tmp_path / "job")


def written(job, tasks, directory: Path) -> dict[str, str]:
    paths = TARGET.write(tasks, job, str(directory))
    return {Path(path).name: Path(path).read_text(encoding="utf-8") for path in paths}


def item(name: str, **value) -> dict:
    kind = next(iter(value))
    return {"id": "r", "from_name": name, "to_name": "x", "type": kind, "value": value}


def annotation(*results: dict, **more) -> dict:
    base = {"id": 7, "completed_by": 1, "was_cancelled": False, "lead_time": 30.5, **TIMES}
    return {**base, "result": list(results), **more}


def read(directory: Path, rows, job, tasks, settings: Settings | None = None):
    path = directory / "export.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    index = {task.id: task for task in tasks}
    return list(TARGET.read([str(path)], index, job, settings or Settings()))


def data(job, task) -> dict:
    return {"task_id": task.id, "job": job.id, "checksum": job.checksum, "batch": task.batch}


def export(job, task, *annotations: dict, **more) -> dict:
    return {"id": 1, "data": data(job, task), "annotations": list(annotations), **more}


CONFIRM = item("confirm", choices=["ranked"])


def buckets(**held: list[str]) -> dict:
    return item("rank", ranker=held)


def test_one_project_a_batch_and_nothing_that_unblinds(job, tmp_path: Path) -> None:
    files = written(*job, tmp_path)
    assert sorted(files) == sorted(
        f"{rater}-001{end}"
        for rater in ("r_01", "r_02")
        for end in (".xml", ".json", ".project.json")
    )
    for text in files.values():
        assert "secret-model" not in text
        assert "u_5ecret" not in text
        assert "gold" not in text
        assert "qualification" not in text


def test_the_interface_has_a_bucket_a_place_and_a_required_confirmation(
    job, tmp_path: Path
) -> None:
    root = Xml.fromstring(written(*job, tmp_path)["r_01-001.xml"])
    ranker = root.find("Ranker")
    assert [bucket.get("name") for bucket in ranker] == [
        "t1", "t2", "t3", "t4", "unrankable", "unranked",
    ]  # fmt: skip
    assert [bucket.get("default") for bucket in ranker][-1] == "true"
    confirm = root.find("Choices[@name='confirm']")
    assert confirm.get("required") == "true"
    assert [choice.get("alias") for choice in confirm] == ["ranked", "cannot_rank"]
    ratings = [node.get("name") for node in root.findall("Rating")]
    assert ratings == [f"rate_{place}_overall" for place in range(1, 5)]


def test_a_chinese_batch_has_a_chinese_interface(job, tmp_path: Path) -> None:
    given, tasks = job
    chinese = [task for task in tasks if task.prompt.language == "zh"]
    text = written(given, chinese, tmp_path)["r_01-001.xml"]
    assert "我已放置每个回答" in text
    assert 'alias="ranked"' in text


def test_variable_k_is_a_project_for_each_k(tmp_path: Path) -> None:
    _, four = made_job(tmp_path / "4", k=4)
    job, five = made_job(tmp_path / "5", k=5)
    files = written(job, [*four[:2], *five[2:]], tmp_path / "out")
    assert {name for name in files if name.endswith(".xml")} == {
        "r_01-001-k4.xml", "r_02-001-k4.xml", "r_01-001-k5.xml", "r_02-001-k5.xml",
    }  # fmt: skip
    assert files["r_01-001-k5.xml"].count("<Bucket") == 7


@pytest.mark.parametrize("kind", ["ranking", "pairwise", "rating", "demonstration"])
def test_no_control_overwrites_a_data_key(tmp_path: Path, kind: str) -> None:
    job, tasks = made_job(tmp_path / "job", kind=kind, k=2)
    files = written(job, tasks, tmp_path / "out")
    names = {node.get("name") for node in Xml.fromstring(files["r_01-001.xml"]).iter()} - {None}
    shown = {node.get("value") for node in Xml.fromstring(files["r_01-001.xml"]).iter()}
    for row in json.loads(files["r_01-001.json"]):
        # a Text that shows a key has its name and no result of its own
        controls = names - {key for key in row["data"] if f"${key}" in shown}
        assert controls.isdisjoint(row["data"])
        assert controls.isdisjoint({"id", "annotator", "annotation_id", "lead_time", "created_at"})


def test_item_ids_are_no_integers_and_keep_the_presented_order(job, tmp_path: Path) -> None:
    """Integer-like ids become ascending object keys: a shuffle of them would be undone."""
    given, tasks = job
    rows = json.loads(written(given, tasks, tmp_path)["r_01-001.json"])
    for row, task in zip(rows, [t for t in tasks if t.batch == "r_01-001"], strict=True):
        ids = [entry["id"] for entry in row["data"]["items"]]
        assert tuple(ids) == task.presented_order
        assert not any(name.isdigit() for name in ids)
        assert len(set(ids)) == len(ids)
        texts = {answer.id: answer.text for answer in task.candidates}
        assert [entry["body"] for entry in row["data"]["items"]] == [texts[name] for name in ids]


def test_buckets_are_tiers_and_unrankable(job, tmp_path: Path) -> None:
    given, tasks = job
    a, b, c, d = tasks[0].presented_order
    note = annotation(
        buckets(t1=[c, a], t2=[], t4=[b], unrankable=[d], unranked=[]), CONFIRM,
        item("rate_1_overall", rating=5), item("flags_2", choices=["harmful", "made_up"]),
    )  # fmt: skip
    (row,) = read(tmp_path, [export(given, tasks[0], note)], given, tasks)
    assert isinstance(row, Ranking)
    assert row.tiers == ((a, c), (b,)), "inside a tier the presented order, which says nothing"
    assert row.unrankable == (d,)
    assert row.confirmed is True
    assert (row.lead_time, row.annotation, row.tool) == (30.5, "7", "label-studio")
    assert row.created == "2026-01-02T03:04:06.000000Z"
    assert row.rater == tasks[0].rater
    scored = {one.candidate: (one.scores, one.flags) for one in row.ratings}
    assert scored == {a: ((("overall", 5.0),), ()), b: ((), ("harmful", "made_up"))}


@pytest.mark.parametrize(
    "shape",
    ["named", "list", "min", "min-list"],
    ids=["rank-only", "before 2023", "MIN", "MIN old"],
)
def test_a_plain_ranker_in_every_shape_it_had(job, tmp_path: Path, shape: str) -> None:
    given, tasks = job
    order = tasks[0].presented_order[::-1]
    value = {"rank": list(order)} if shape in ("named", "min") else list(order)
    if shape.startswith("min"):
        rank = [{"ranker": value}] if shape == "min" else value
        rows = [{**data(given, tasks[0]), "id": 3, "annotation_id": 9, "rank": rank, **TIMES}]
    else:
        rows = [export(given, tasks[0], annotation(item("rank", ranker=value)))]
    (row,) = read(tmp_path, rows, given, tasks)
    assert row.tiers == tuple((name,) for name in order)
    assert row.confirmed is False, "nobody confirmed it"


def test_an_untouched_order_is_flagged_or_refused(job, tmp_path: Path) -> None:
    given, tasks = job
    shown = list(tasks[0].presented_order)
    rows = [export(given, tasks[0], annotation(item("rank", ranker={"rank": shown})))]
    (row,) = read(tmp_path, rows, given, tasks)
    assert (row.flags, row.confirmed) == (("untouched",), False)
    (row,) = read(tmp_path, rows, given, tasks, Settings(untouched="refuse"))
    assert (row.rule, row.rater) == ("untouched", tasks[0].rater)


def test_a_confirmed_order_as_shown_counts_unless_it_was_too_fast(job, tmp_path: Path) -> None:
    given, tasks = job
    places = {f"t{n}": [name] for n, name in enumerate(tasks[0].presented_order, 1)}
    for lead_time, flags in ((30.0, ()), (1.5, ("untouched",)), (None, ())):
        note = annotation(buckets(**places), CONFIRM, lead_time=lead_time)
        (row,) = read(tmp_path, [export(given, tasks[0], note)], given, tasks)
        assert row.flags == flags
        assert row.confirmed is (flags == ())


def refusal(rows) -> tuple[str, str]:
    (row,) = rows
    assert isinstance(row, Refused)
    return row.rule, row.value


@pytest.mark.parametrize("leftovers", ["unranked", "_"])
def test_an_answer_left_in_the_default_bucket_is_partial(job, tmp_path, leftovers: str) -> None:
    given, tasks = job
    a, b, c, d = tasks[0].presented_order
    note = annotation(buckets(t1=[a], t2=[b, c], **{leftovers: [d]}), CONFIRM)
    rule, value = refusal(read(tmp_path, [export(given, tasks[0], note)], given, tasks))
    assert rule == "partial"
    assert d in value


def test_an_answer_that_is_nowhere_unknown_or_twice(job, tmp_path: Path) -> None:
    given, tasks = job
    a, b, c, d = tasks[0].presented_order
    for held, rule in (
        ({"t1": [a, b, c]}, "partial"),
        ({"t1": [a, b, c, d, "c_beef"]}, "unknown_candidate"),
        ({"t1": [a, b], "t2": [c, d, a]}, "duplicate_candidate"),
        ({"t1": [a, b, c], "unrankable": [d, d]}, "duplicate_candidate"),
        ({"t1": [a, b, c], "first": [d]}, "malformed"),
        ({"t1": "abc"}, "malformed"),
    ):
        rows = [export(given, tasks[0], annotation(buckets(**held), CONFIRM))]
        assert refusal(read(tmp_path, rows, given, tasks))[0] == rule


def test_cannot_rank_needs_no_places(job, tmp_path: Path) -> None:
    given, tasks = job
    note = annotation(
        buckets(unranked=list(tasks[0].presented_order)), item("confirm", choices=["cannot_rank"])
    )
    (row,) = read(tmp_path, [export(given, tasks[0], note)], given, tasks)
    assert (row.cannot_rank, row.tiers) == (True, ())
    assert row.unrankable == tasks[0].presented_order


def test_skipped_drafts_and_predictions(job, tmp_path: Path) -> None:
    given, tasks = job
    good = annotation(buckets(t1=list(tasks[0].presented_order)), CONFIRM)
    guess = {"model_version": "judge", "result": [buckets(t1=list(tasks[0].presented_order))]}
    rows = [
        export(given, tasks[0], good, annotation(was_cancelled=True), drafts=[{"id": 1}],
               predictions=[guess]),
        export(given, tasks[1]),
    ]  # fmt: skip
    found = read(tmp_path, rows, given, tasks)
    assert [getattr(row, "rule", "accepted") for row in found] == ["accepted", "skipped", "draft"]


def test_rows_of_another_job_are_refused(job, tmp_path: Path) -> None:
    given, tasks = job
    note = annotation(buckets(t1=list(tasks[0].presented_order)), CONFIRM)
    for key, value, rule in (
        ("checksum", "0" * 32, "wrong_job"),
        ("job", "j_other", "wrong_job"),
        ("job", None, "wrong_job"),
        ("task_id", "t_unknown", "unknown_task"),
        ("task_id", 7, "unknown_task"),
    ):
        row = export(given, tasks[0], note)
        row["data"][key] = value
        assert refusal(read(tmp_path, [row], given, tasks))[0] == rule


def test_an_export_of_an_earlier_checksum_is_still_the_jobs(job, tmp_path: Path) -> None:
    from dataclasses import replace

    given, tasks = job
    note = annotation(buckets(t1=list(tasks[0].presented_order)), CONFIRM)
    rows = [export(given, tasks[0], note)]
    later = replace(given, checksum="f" * 32, earlier=(given.checksum,))
    (row,) = read(tmp_path, rows, later, tasks)
    assert isinstance(row, Ranking)


def test_the_answering_user_is_compared_and_never_stored(job, tmp_path: Path) -> None:
    given, tasks = job
    who = {"id": 4, "email": "ann@example.org", "first_name": "Ann"}
    note = annotation(buckets(t1=list(tasks[0].presented_order)), CONFIRM, completed_by=who)
    rows = [export(given, tasks[0], note)]
    for table, rule in (
        ({}, ""),
        ({"4": "r_01"}, ""),
        ({"ann@example.org": "r_01"}, ""),
        ({"4": "r_02"}, "other_rater"),
        ({"5": "r_01"}, "unknown_rater"),
    ):
        (row,) = read(tmp_path, rows, given, tasks, Settings(raters=table))
        assert getattr(row, "rule", "") == rule
        assert "example.org" not in repr(row)


def test_a_rating_outside_its_scale_or_an_unknown_flag(job, tmp_path: Path) -> None:
    given, tasks = job
    placed = buckets(t1=list(tasks[0].presented_order))
    for extra, rule in (
        (item("rate_1_overall", rating=8), "bad_rating"),
        (item("rate_1_overall", rating=2.5), "bad_rating"),
        (item("rate_1_other", rating=2), "bad_rating"),
        (item("rate_5_overall", rating=2), "unknown_candidate"),
        (item("flags_1", choices=["nice"]), "bad_rating"),
        (item("rate_1_overall", rating="many"), "malformed"),
        (item("confirm", choices=["maybe"]), "malformed"),
    ):
        notes = annotation(placed, *([] if extra["from_name"] == "confirm" else [CONFIRM]), extra)
        assert refusal(read(tmp_path, [export(given, tasks[0], notes)], given, tasks))[0] == rule


def test_a_control_that_is_not_ours_is_named(job, tmp_path: Path) -> None:
    given, tasks = job
    note = annotation(buckets(t1=list(tasks[0].presented_order)), CONFIRM, item("mood", rating=3))
    (row,) = read(tmp_path, [export(given, tasks[0], note)], given, tasks)
    assert row.flags == ("ignored:mood",)


def test_pairwise_choices_and_the_tie_they_lack(tmp_path: Path) -> None:
    given, tasks = made_job(tmp_path / "job", kind="pairwise", k=2)
    a, b = tasks[0].presented_order
    chosen, tie = item("confirm", choices=["chosen"]), item("confirm", choices=["tie"])
    for results, tiers in (
        ([item("pair", selected="left"), chosen], ((a,), (b,))),
        ([item("pair", selected="right"), chosen], ((b,), (a,))),
        ([item("pair", selected="right")], ((b,), (a,))),
        ([tie], ((a, b),)),
    ):
        # the interface writes to_name == from_name, which the SDK's own validation refuses
        rows = [export(given, tasks[0], annotation(*({**r, "to_name": "pair"} for r in results)))]
        (row,) = read(tmp_path, rows, given, tasks)
        assert row.tiers == tiers
        assert row.confirmed is True
    for results, rule in (
        ([item("pair", selected="middle"), chosen], "malformed"),
        ([item("pair", selected="left"), tie], "malformed"),
        ([chosen], "partial"),  # clicking again un-selects
    ):
        rows = [export(given, tasks[0], annotation(*results))]
        assert refusal(read(tmp_path, rows, given, tasks))[0] == rule
    short = {**data(given, tasks[0]), "id": 1, "annotation_id": 2, "pair": [{"selected": "left"}]}
    (row,) = read(tmp_path, [short], given, tasks)
    assert row.tiers == ((a,), (b,))


def test_ties_where_the_job_wants_none(tmp_path: Path) -> None:
    given, tasks = made_job(tmp_path / "job", ties=False)
    note = annotation(buckets(t1=list(tasks[0].presented_order)), CONFIRM)
    rows = [export(given, tasks[0], note)]
    assert refusal(read(tmp_path, rows, given, tasks))[0] == "tie_not_allowed"


def test_demonstrations_and_ratings(tmp_path: Path) -> None:
    given, tasks = made_job(tmp_path / "d", kind="demonstration", k=0)
    rows = [export(given, tasks[0], annotation(item("answer", text=["第一行", "second"])))]
    (row,) = read(tmp_path, rows, given, tasks)
    assert row.text == "第一行\nsecond"
    rows = [{**data(given, tasks[0]), "annotation_id": 5, "answer": "bare text"}]
    assert read(tmp_path, rows, given, tasks)[0].text == "bare text"
    rows = [export(given, tasks[0], annotation(item("answer", text=["  "])))]
    assert refusal(read(tmp_path, rows, given, tasks))[0] == "empty_answer"
    given, tasks = made_job(tmp_path / "r", kind="rating", k=2)
    one, two = item("rate_1_overall", rating=5), item("rate_2_overall", choices=["7"])
    (row,) = read(tmp_path, [export(given, tasks[0], annotation(one, two))], given, tasks)
    assert [dict(rating.scores) for rating in row.ratings] == [{"overall": 5.0}, {"overall": 7.0}]
    rows = [export(given, tasks[0], annotation(one))]
    assert refusal(read(tmp_path, rows, given, tasks))[0] == "partial"


def test_json_min_rows_without_an_annotation_hold_no_answer(job, tmp_path: Path) -> None:
    """With all tasks downloaded, JSON-MIN has a row of nulls for each unanswered one."""
    given, tasks = job
    row = {**data(given, tasks[0]), "id": 3, "annotation_id": None, "annotator": None}
    assert refusal(read(tmp_path, [row], given, tasks))[0] == "unanswered"


def test_json_min_of_the_server(job, tmp_path: Path) -> None:
    given, tasks = job
    a, b, c, d = tasks[0].presented_order
    held = {"t1": [a], "t2": [d, b], "t3": [], "t4": [], "unrankable": [], "unranked": []}
    row = {
        **data(given, tasks[0]), "prompt": "?", "items": [], "id": 3, "annotator": 1,
        "annotation_id": 9, "rank": [{"ranker": {**held, "unrankable": [c]}}],
        "rate_1_overall": [{"rating": 2}], "flags_1": "harmful",
        "flags_2": {"choices": ["harmful", "made_up"]}, "confirm": "ranked", "lead_time": 14.9,
        **TIMES,
    }  # fmt: skip
    (found,) = read(tmp_path, [row], given, tasks)
    assert found.tiers == ((a,), (b, d))
    assert found.unrankable == (c,)
    assert [one.flags for one in found.ratings] == [("harmful",), ("harmful", "made_up")]
    assert found.confirmed is True


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_csv_and_tsv_of_the_server_are_json_min(job, tmp_path: Path, ending: str) -> None:
    """As its converter writes them: controls as text or JSON, data that are lists as Python says them,
    and all of it by `pandas.DataFrame.to_csv`."""
    given, tasks = job
    rows = []
    for number, task in enumerate(tasks[:3]):
        a, b, c, d = task.presented_order
        texts = {one.id: one.text for one in task.candidates}
        items = [{"id": name, "body": texts[name]} for name in task.presented_order]
        held = {"t1": [a], "t2": [d, b], "t3": [], "t4": [], "unrankable": [c], "unranked": []}
        rows.append({
            **data(given, task), "items": items, "id": number, "annotator": 1, "annotation_id": 9 + number,
            "rank": [{"ranker": held}], "rate_1_overall": [{"rating": 2}], "flags_1": "harmful",
            "flags_2": {"choices": ["harmful", "made_up"]}, "confirm": "ranked", "lead_time": 14.9, **TIMES,
        })  # fmt: skip
    rows[1]["annotation_id"] = rows[1]["rank"] = None
    rows[2]["items"][0]["body"] = "another text"
    (tmp_path / "min").mkdir()
    wanted = read(tmp_path / "min", rows, given, tasks)
    assert [getattr(one, "rule", "") for one in wanted] == ["", "unanswered", "text_changed"]
    pandas = pytest.importorskip("pandas")
    table = [
        {
            name: value if isinstance(value, str | int | float | None) or name == "items"
            else json.dumps(value, ensure_ascii=False)
            for name, value in row.items()
        }
        for row in rows
    ]  # fmt: skip
    path = tmp_path / f"project-1.{ending}"
    separator = "\t" if ending == "tsv" else ","
    pandas.DataFrame.from_records(table).to_csv(path, index=False, sep=separator)
    assert target_of(str(path)) == "label-studio"
    found = list(TARGET.read([str(path)], {task.id: task for task in tasks}, given))
    shorten = [dataclasses.replace(one, annotation="") if isinstance(one, Ranking) else
               dataclasses.replace(one, locator="") for one in wanted]  # fmt: skip
    assert [dataclasses.replace(one, annotation="") if isinstance(one, Ranking) else
            dataclasses.replace(one, locator="") for one in found] == shorten  # fmt: skip
    path.write_text(path.read_text("utf-8").replace('""ranker""', "ranker"), "utf-8")
    broken = list(TARGET.read([str(path)], {task.id: task for task in tasks}, given))
    assert [one.rule for one in broken] == ["malformed", "unanswered", "malformed"]
    assert "JSON-MIN" in broken[0].value


def test_a_table_of_another_tool_is_no_export_without_answers(job, tmp_path: Path) -> None:
    """Rows without an annotation are counted and not kept: none of another table may be taken for them."""
    given, tasks = job
    path = tmp_path / "crowd.csv"
    path.write_text("task_id,rank_1,rank_2\n" + f"{tasks[0].id},1,2\n", "utf-8")
    (found,) = TARGET.read([str(path)], {task.id: task for task in tasks}, given)
    assert (found.rule, "annotation_id, lead_time" in found.value) == ("malformed", True)


@pytest.mark.parametrize("changed", [False, True])
def test_a_table_saved_in_another_encoding_is_compared_in_it(
    job, tmp_path: Path, changed: bool
) -> None:
    given, tasks = job
    task = next(
        task
        for task in tasks
        if any("\u4e00" < c < "\u9fff" for one in task.candidates for c in one.text)
    )
    texts = {one.id: one.text for one in task.candidates}
    shown = [texts[name] for name in task.presented_order]
    answers = {f"answer_{n}": text for n, text in enumerate(shown[::-1] if changed else shown, 1)}
    held = {f"t{n}": [name] for n, name in enumerate(task.presented_order, 1)} | {
        "unrankable": [],
        "unranked": [],
    }
    row = {**data(given, task), **answers, "annotation_id": 9, "lead_time": 14.9, "confirm": "ranked",
           "rank": json.dumps([{"ranker": held}])}  # fmt: skip
    row.pop("items", None)
    with (tmp_path / "p.csv").open("w", encoding="gb18030", newline="") as stream:
        table = csv.DictWriter(stream, list(row))
        table.writeheader()
        table.writerow(row)
    (found,) = TARGET.read([str(tmp_path / "p.csv")], {task.id: task}, given)
    if changed:
        assert found.rule == "text_changed"
    else:
        assert found.tiers == tuple((name,) for name in task.presented_order)


def test_a_strangers_export_is_refused_row_by_row(job, data: Path, tmp_path: Path) -> None:
    """A real export of another project: read, and no row of it taken for ours."""
    given, tasks = job
    path = str(data / "preference" / "label-studio-json-min-repeater.json")
    rows = list(TARGET.read([path], {task.id: task for task in tasks}, given))
    notes = sum(len(task["annotations"]) for task in json.loads(Path(path).read_text()))
    assert len(rows) == notes == 1
    assert rows[0].rule == "wrong_job"
    assert JOB not in rows[0].value
