"""A rank is a whole number from 1 to K, in whatever form it comes back; anything else is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotate_cases import made_job

from corpusforge.annotate.gold import read_known
from corpusforge.annotate.imports.answers import whole_rank
from corpusforge.annotate.imports.sources import read_source
from corpusforge.annotate.jobs import Job
from corpusforge.annotate.records import Ranking, Refused, Task
from corpusforge.annotate.targets import find_target
from corpusforge.errors import InputError

K = 4
Saved = Callable[[Path, Job, Task, list[Any]], Path]


def marks(job: Job, task: Task) -> dict[str, str]:
    return {"task_id": task.id, "job": job.id, "checksum": job.checksum, "batch": task.batch}


def table(path: Path, job: Job, task: Task, ranks: list[Any]) -> Path:
    cells = {f"rank_{place}": str(rank) for place, rank in enumerate(ranks, 1)}
    with path.with_suffix(".csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.DictWriter(stream, [*marks(job, task), *cells])
        rows.writeheader()
        rows.writerow(marks(job, task) | cells)
    return path.with_suffix(".csv")


def lines(path: Path, job: Job, task: Task, ranks: list[Any]) -> Path:
    row = marks(job, task) | {"ranks": dict(zip(task.presented_order, ranks, strict=True))}
    path.with_suffix(".jsonl").write_text(json.dumps(row))
    return path.with_suffix(".jsonl")


def argilla(path: Path, job: Job, task: Task, ranks: list[Any]) -> Path:
    value = [{"value": f"response_{n}", "rank": rank} for n, rank in enumerate(ranks)]
    values = {"ranking": {"value": value}, "confirm": {"value": "ranked"}}
    row = {"metadata": marks(job, task), "responses": [{"status": "submitted", "values": values}]}
    path.with_suffix(".json").write_text(json.dumps([row]))
    return path.with_suffix(".json")


def label_studio(path: Path, job: Job, task: Task, ranks: list[Any]) -> Path:
    buckets: dict[str, list[str]] = {}
    for name, rank in zip(task.presented_order, ranks, strict=True):
        buckets.setdefault(f"t{rank}", []).append(name)
    results = [
        {"from_name": "rank", "value": {"ranker": buckets}},
        {"from_name": "confirm", "value": {"choices": ["ranked"]}},
    ]
    row = {"data": marks(job, task), "annotations": [{"id": 1, "result": results}]}
    path.with_suffix(".json").write_text(json.dumps([row]))
    return path.with_suffix(".json")


def shortened(path: Path, job: Job, task: Task, ranks: list[Any]) -> Path:
    buckets: dict[str, list[str]] = {}
    for name, rank in zip(task.presented_order, ranks, strict=True):
        buckets.setdefault(f"t{rank}", []).append(name)
    row = marks(job, task) | {"rank": [{"ranker": buckets}], "confirm": "ranked"}
    path.with_suffix(".json").write_text(json.dumps([row | {"annotation_id": 1}]))
    return path.with_suffix(".json")


FORMS: dict[str, tuple[str, Saved]] = {
    "table": ("csv", table),
    "lines": ("csv", lines),
    "argilla": ("argilla", argilla),
    "label-studio": ("label-studio", label_studio),
    "label-studio min": ("label-studio", shortened),
}
NUMBERS = ["argilla", "lines"]
"""Forms that hold ranks as JSON numbers."""

BAD: list[Any] = [0, -1, 1.5, K + 1, 99, 1e308, -0.5, 10**20, 1 - 1e-9]
BAD_TEXTS = ["0", "-1", "+1", "1.5", "5", "1e0", "1e308", "99999999999999999999", "1_0", "0x1", "nan",
             "inf", "-inf", "1,5", "²", "①", "1 2", "None", "true", "1.0.0", ".5"]  # fmt: skip
GOOD_TEXTS = {"1": 1, " 2 ": 2, "3.0": 3, "4.": 4, "０４": 4, "２": 2, "01": 1, "١": 1}


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, list[Task], Path]:
    folder = tmp_path_factory.mktemp("ranks")
    return *made_job(folder / "job", count=1, k=K), folder


def read(given: tuple[Job, list[Task], Path], form: str, ranks: list[Any]) -> Ranking | Refused:
    job, tasks, folder = given
    target, save = FORMS[form]
    path = save(folder / "back", job, tasks[0], ranks)
    (row,) = find_target(target).read([str(path)], {task.id: task for task in tasks}, job)
    return row


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "order", [[1, 2, 3, 4], [4, 3, 2, 1], [2, 1, 4, 4], [1, 1, 1, 1], [4, 4, 4, 4]]
)
def test_ranks_in_bounds_are_taken(given: Any, form: str, order: list[int]) -> None:
    row = read(given, form, order)
    assert isinstance(row, Ranking), row
    names = given[1][0].presented_order
    expected = [
        {n for n, r in zip(names, order, strict=True) if r == rank} for rank in (1, 2, 3, 4)
    ]
    assert [set(tier) for tier in row.tiers] == [tier for tier in expected if tier]


@pytest.mark.parametrize("rank", BAD, ids=str)
@pytest.mark.parametrize("place", range(K))
@pytest.mark.parametrize("form", FORMS)
def test_other_numbers_are_refused(given: Any, form: str, rank: Any, place: int) -> None:
    """Zero and less would be best of all, in data that a reward model is trained on."""
    ranks: list[Any] = [1, 2, 3, 4]
    ranks[place] = rank
    row = read(given, form, ranks)
    assert isinstance(row, Refused), row
    assert row.rule == "malformed"
    if form in (*NUMBERS, "table"):
        assert "expected a whole number from 1 to 4" in row.value


@pytest.mark.parametrize("rank", [True, False, [], {}, "x"], ids=str)
@pytest.mark.parametrize("form", NUMBERS)
def test_other_values_are_refused(given: Any, form: str, rank: Any) -> None:
    row = read(given, form, [rank, 2, 3, 4])
    assert isinstance(row, Refused), row
    assert row.rule == "malformed"


@pytest.mark.parametrize("text", BAD_TEXTS)
@pytest.mark.parametrize("form", ["table", "lines"])
def test_texts_that_are_no_whole_number_are_refused(given: Any, form: str, text: str) -> None:
    row = read(given, form, [text, 2, 3, 4])
    assert isinstance(row, Refused), row
    assert row.rule == "malformed"


@pytest.mark.parametrize(("text", "rank"), GOOD_TEXTS.items())
@pytest.mark.parametrize("form", ["table", "lines"])
def test_whole_numbers_as_spreadsheets_and_people_write_them(
    given: Any, form: str, text: str, rank: int
) -> None:
    others = [other for other in (1, 2, 3, 4) if other != rank]
    row = read(given, form, [text, *others])
    assert isinstance(row, Ranking), row
    assert row.tiers[rank - 1] == (given[1][0].presented_order[0],)


def test_an_empty_bucket_beyond_the_last_is_no_rank(given: Any) -> None:
    job, tasks, folder = given
    path = label_studio(folder / "back", job, tasks[0], [1, 2, 3, 4])
    rows = json.loads(path.read_text())
    rows[0]["annotations"][0]["result"][0]["value"]["ranker"]["t5"] = []
    path.write_text(json.dumps(rows))
    (row,) = find_target("label-studio").read([str(path)], {t.id: t for t in tasks}, job)
    assert isinstance(row, Ranking)


@pytest.mark.parametrize(
    ("value", "k", "expected"),
    [(1, 1, 1), (1.0, 1, 1), (2, 1, None), (4, 4, 4), ("4.0", 4, 4), (5, 4, None), (0, 4, None), (7, 0, 7),
     (True, 4, None), (None, 4, None), (float("nan"), 4, None), (float("inf"), 4, None), ("", 4, None)],
)  # fmt: skip
def test_bounds_on_their_edges(value: Any, k: int, expected: int | None) -> None:
    """K = 0: the task is not known, and another rule says so."""
    if expected is None:
        with pytest.raises(ValueError, match="whole number"):
            whole_rank(value, k)
    else:
        assert whole_rank(value, k) == expected


def tree(*ranks: Any) -> dict[str, Any]:
    replies = [
        {"text": f"a{n}", "role": "assistant", "rank": rank, "replies": []}
        for n, rank in enumerate(ranks)
    ]
    return {"prompt": {"text": "q", "role": "prompter", "message_id": "m", "replies": replies}}


@pytest.mark.parametrize(
    ("ranks", "tiers"),
    [
        ((0, 1, 2), [["a0"], ["a1"], ["a2"]]),
        ((2.0, 0, 1), [["a1"], ["a2"], ["a0"]]),
        ((0, None, 1), [["a0"], ["a2"]]),
        ((1, 1, 0), [["a2"], ["a0", "a1"]]),
    ],
)
def test_ranks_of_open_assistant_count_from_0(tmp_path: Path, ranks: Any, tiers: Any) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps(tree(*ranks)))
    ((task, ranking),) = read_source("oasst", [str(tmp_path / "t.jsonl")], "j_0")
    texts = {answer.id: answer.text for answer in task.candidates}
    assert [sorted(texts[name] for name in tier) for tier in ranking.tiers] == tiers


@pytest.mark.parametrize("rank", [-1, 0.5, 3, 99, "1", True, "best", [1]], ids=str)
def test_other_ranks_of_open_assistant_are_refused(tmp_path: Path, rank: Any) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps(tree(0, 1, rank)))
    row, (task, ranking) = read_source("oasst", [str(tmp_path / "t.jsonl")], "j_0")
    assert isinstance(row, Refused)
    assert row.rule == "malformed"
    assert "expected a whole number from 0 to 2" in row.value
    # the other answers keep their order; the one whose rank says nothing has none
    texts = {answer.id: answer.text for answer in task.candidates}
    assert [[texts[name] for name in tier] for tier in ranking.tiers] == [["a0"], ["a1"]]


@pytest.mark.parametrize("score", ["inf", "-inf", "1e999", "", "good", True, [1]], ids=str)
def test_a_score_that_is_no_finite_number_is_refused(tmp_path: Path, score: Any) -> None:
    row = {"prompt": "p", "responses": ["a", "b", "c"], "scores": [1, 2, score]}
    (tmp_path / "s.jsonl").write_text(json.dumps(row))
    (found,) = read_source("scores", [str(tmp_path / "s.jsonl")], "j_0")
    assert isinstance(found, Refused)
    assert found.rule == "malformed"


KNOWN = {"prompt": "p", "answers": ["a", "b", "c"]}


@pytest.mark.parametrize(
    ("order", "tiers"),
    [
        ({}, "a b c"),
        ({"ranks": [3, 1, 2]}, "b c a"),
        ({"ranks": [1.0, 1, 3]}, "ab c"),
        ({"tiers": [[2], [0, 1]]}, "c ab"),
        ({"tiers": [[1], [2]]}, "b c"),
    ],
)
def test_known_items_have_ranks_from_1_or_numbers_from_0(
    tmp_path: Path, order: Any, tiers: str
) -> None:
    (tmp_path / "k.jsonl").write_text(json.dumps(KNOWN | order))
    (item,) = read_known([str(tmp_path / "k.jsonl")], "0" * 16, ())
    texts = {answer.id: answer.text for answer in item.candidates}
    assert " ".join("".join(sorted(texts[n] for n in tier)) for tier in item.tiers) == tiers


@pytest.mark.parametrize(
    "order",
    [{"ranks": [0, 1, 2]}, {"ranks": [1, 2, 4]}, {"ranks": [1, 2, -1]}, {"ranks": [1, 2, 2.5]},
     {"ranks": [1, 2, True]}, {"ranks": [1, 2]}, {"ranks": [1, 2, None]}, {"ranks": 3}, {"ranks": "123"},
     {"tiers": [[-1], [0]]}, {"tiers": [[3], [0]]}, {"tiers": [[0], [0]]}, {"tiers": [[]]}, {"tiers": []},
     {"tiers": [[True], [0]]}, {"tiers": [["0"], ["1"]]}, {"tiers": [0, 1]}],
    ids=str,
)  # fmt: skip
def test_other_orders_of_known_items_are_refused(tmp_path: Path, order: Any) -> None:
    (tmp_path / "k.jsonl").write_text(json.dumps(KNOWN | order))
    with pytest.raises(InputError, match=r"item 1"):
        read_known([str(tmp_path / "k.jsonl")], "0" * 16, ())
