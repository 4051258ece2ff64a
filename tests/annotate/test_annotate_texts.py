"""Texts that come back with ranks are those that went out; what programs do to white space is no change."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotate_cases import FORMULA, made_job

from corpusforge.annotate.jobs import Job, task_id, write_job
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Refused, Task
from corpusforge.annotate.targets import find_target
from corpusforge.annotate.targets.texts import same
from corpusforge.models.records import Message

TEXTS = (
    "First  answer.\r\nIt has two lines.",
    FORMULA,
    "长文本：第三个回答。😀",
    "naïve café, 4 €",
)
ASKED = (Message("system", "Be brief."), Message("user", "哪一个？\n\n\tWhich one?"))


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Task]:
    name = "j_0a1b2c3d4e5f"
    answers = tuple(Candidate(id=f"c_{n}", text=text, model="m") for n, text in enumerate(TEXTS))
    ids = [answer.id for answer in answers]
    task = Task(
        id=task_id(name, "p_1", ids, "r_01"), job=name, kind="ranking",
        prompt=Prompt(id="p_1", messages=ASKED, origin="user"), candidates=answers,
        presented_order=tuple(ids), rater="r_01", batch="r_01-001",
    )  # fmt: skip
    made = Job(id=name, kind="ranking", k=4)
    return write_job(str(tmp_path_factory.mktemp("job")), made, [task]), task


Change = Callable[[dict[str, Any]], None]


class Table:
    """The CSV that went out, with ranks, a change and an encoding."""

    ending = ".csv"
    target = "csv"

    def back(self, path: str, change: Change, encoding: str, errors: str) -> Path:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            (row,) = csv.DictReader(stream)
        row |= {f"rank_{place}": str(place) for place in range(1, 5)}
        seen = {"prompt": row["prompt"], "answers": [row[f"answer_{n}"] for n in range(1, 5)]}
        change(seen)
        row["prompt"] = seen.pop("prompt")
        answers = seen.pop("answers")
        row |= {f"answer_{n}": text for n, text in enumerate(answers, 1)} | seen
        back = Path(path).with_suffix(".back.csv")
        with back.open("w", encoding=encoding, errors=errors, newline="") as stream:
            rows = csv.DictWriter(stream, list(row))
            rows.writeheader()
            rows.writerow(row)
        return back


class Lines:
    """The JSON lines that went out."""

    ending = ".jsonl"
    target = "csv"

    def back(self, path: str, change: Change, encoding: str, errors: str) -> Path:
        row = json.loads(Path(path).read_text(encoding="utf-8"))
        row["ranks"] = {one["id"]: n for n, one in enumerate(row["answers"], 1)}
        seen = {
            "prompt": row["messages"][1]["content"],
            "answers": [a["text"] for a in row["answers"]],
        }
        change(seen)
        row["messages"][1]["content"] = seen.pop("prompt")
        texts = seen.pop("answers")
        ids = [one["id"] for one in row["answers"]] + ["c_9"]
        row["answers"] = [
            {"id": name, "text": text} for name, text in zip(ids, texts, strict=False)
        ]
        back = Path(path).with_suffix(".back.jsonl")
        back.write_text(json.dumps(row | seen))
        return back


class LabelStudio:
    """A JSON export: the task's data, and an annotation."""

    ending = ".json"
    target = "label-studio"

    def back(self, path: str, change: Change, encoding: str, errors: str) -> Path:
        (row,) = json.loads(Path(path).read_text(encoding="utf-8"))
        seen = {"prompt": "", "answers": [one["body"] for one in row["data"]["items"]]}
        change(seen)
        texts = seen.pop("answers")
        del seen["prompt"]
        ids = [one["id"] for one in row["data"]["items"]]
        row["data"] |= seen
        row["data"]["items"] = [
            {"id": name, "body": text} for name, text in zip([*ids, "c_9"], texts, strict=False)
        ]
        held = {"ranker": {f"t{n}": [name] for n, name in enumerate(ids, 1)}}
        results = [{"from_name": "rank", "value": held},
                   {"from_name": "confirm", "value": {"choices": ["ranked"]}}]  # fmt: skip
        row["annotations"] = [{"id": 1, "result": results}]
        back = Path(path).with_suffix(".back.json")
        back.write_text(json.dumps([row]))
        return back


class Argilla:
    """Records of the REST interface, with fields."""

    ending = ".records.json"
    target = "argilla"

    def back(self, path: str, change: Change, encoding: str, errors: str) -> Path:
        (row,) = json.loads(Path(path).read_text(encoding="utf-8"))
        seen = {"prompt": "", "answers": [row["fields"].pop(f"response_{n}") for n in range(4)]}
        change(seen)
        del seen["prompt"]
        row["fields"] |= {f"response_{n}": text for n, text in enumerate(seen.pop("answers"))}
        row["metadata"] |= seen
        ranks = [{"value": f"response_{n}", "rank": n + 1} for n in range(4)]
        values = {"ranking": {"value": ranks}, "confirm": {"value": "ranked"}}
        row["responses"] = [{"status": "submitted", "values": values}]
        back = Path(path).with_suffix(".back.json")
        back.write_text(json.dumps([row]))
        return back


FORMS = {form.__name__: form() for form in (Table, Lines, LabelStudio, Argilla)}
SPOKEN = ("Table", "Lines")
"""Forms that people edit by hand: the prompt is compared in them too."""


def read(
    job: tuple[Job, Task],
    folder: Path,
    form: str,
    change: Change = lambda seen: None,
    encoding: str = "utf-8",
    errors: str = "strict",
) -> Ranking | Refused:
    given, task = job
    how = FORMS[form]
    paths = find_target(how.target).write([task], given, str(folder))
    path = next(path for path in paths if path.endswith(f"001{how.ending}"))
    back = how.back(path, change, encoding, errors)
    (row,) = find_target(how.target).read([str(back)], {task.id: task}, given)
    return row


def on_answers(change: Callable[[list[str]], list[str]]) -> Change:
    def apply(seen: dict[str, Any]) -> None:
        seen["answers"] = change(seen["answers"])

    return apply


def on_each(change: Callable[[str], str]) -> Change:
    def apply(seen: dict[str, Any]) -> None:
        seen["answers"] = [change(text) for text in seen["answers"]]
        seen["prompt"] = change(seen["prompt"])

    return apply


TOLERATED: dict[str, Callable[[str], str]] = {
    "line ends of another system": lambda text: text.replace("\r\n", "\n"),
    "carriage returns": lambda text: text.replace("\r\n", "\n").replace("\n", "\r"),
    "one line": lambda text: " ".join(text.split()),
    "blanks at the ends": lambda text: f"  {text} \n",
    "tabs for blanks": lambda text: text.replace(" ", "\t"),
    "hard blanks": lambda text: text.replace(" ", "\u00a0"),
    "blank lines dropped": lambda text: text.replace("\n\n", "\n"),
    "control characters": lambda text: text.replace("\n", "\x0b"),
    "the mark of an inert cell gone": lambda text: text.removeprefix("'"),
}
EDITED: dict[str, Callable[[list[str]], list[str]]] = {
    "the first two changed places": lambda a: [a[1], a[0], *a[2:]],
    "the last two changed places": lambda a: [*a[:2], a[3], a[2]],
    "all turned round": lambda a: a[::-1],
    "one for all": lambda a: [a[0]] * 4,
    "a letter": lambda a: [a[0].replace("answer", "Answer"), *a[1:]],
    "a sign": lambda a: [*a[:2], a[2].replace("。", "."), a[3]],
    "cut": lambda a: [a[0][:-1], *a[1:]],
    "longer": lambda a: [*a[:3], a[3] + "!"],
    "words joined": lambda a: [a[0].replace(" ", ""), *a[1:]],
    "emptied": lambda a: ["", *a[1:]],
    "one more": lambda a: [*a, "fifth"],
    "an accent lost": lambda a: [*a[:3], a[3].replace("é", "e")],
    "a formula's sign lost": lambda a: [a[0], a[1].replace("=", ""), *a[2:]],
}


@pytest.mark.parametrize("form", FORMS)
def test_what_went_out_comes_back(job, tmp_path: Path, form: str) -> None:
    row = read(job, tmp_path, form)
    assert isinstance(row, Ranking), row
    assert row.flags == ()


@pytest.mark.parametrize("change", TOLERATED)
@pytest.mark.parametrize("form", FORMS)
def test_what_programs_do_to_white_space_is_no_change(
    job, tmp_path: Path, form: str, change: str
) -> None:
    row = read(job, tmp_path, form, on_each(TOLERATED[change]))
    assert isinstance(row, Ranking), row


@pytest.mark.parametrize("change", EDITED)
@pytest.mark.parametrize("form", FORMS)
def test_other_answers_are_refused(job, tmp_path: Path, form: str, change: str) -> None:
    row = read(job, tmp_path, form, on_answers(EDITED[change]))
    assert isinstance(row, Refused), row
    assert row.rule == "text_changed"
    assert row.value.startswith("answer ")
    assert row.task == job[1].id
    assert row.rater == "r_01"


@pytest.mark.parametrize(
    "prompt", ["Which one?", "", "User: 哪一个？ Which one", "哪一个？\nWhich two?"]
)
@pytest.mark.parametrize("form", SPOKEN)
def test_another_prompt_is_refused(job, tmp_path: Path, form: str, prompt: str) -> None:
    row = read(job, tmp_path, form, lambda seen: seen.update(prompt=prompt))
    assert isinstance(row, Refused), row
    assert row.rule == "text_changed"
    assert row.value.startswith("prompt")


@pytest.mark.parametrize("mark", ["batch", "job", "checksum"])
@pytest.mark.parametrize("form", FORMS)
def test_a_row_of_another_batch_or_job_is_refused(
    job, tmp_path: Path, form: str, mark: str
) -> None:
    row = read(job, tmp_path, form, lambda seen: seen.update({mark: "other"}))
    assert isinstance(row, Refused), row
    assert row.rule == "wrong_job"
    assert "other" in row.value


def test_roles_of_either_language_are_the_same_prompt(job, tmp_path: Path) -> None:
    row = read(job, tmp_path, "Table", lambda seen: seen.update(
        prompt="说明: Be brief.\n\n用户: 哪一个？\n\n\tWhich one?"))  # fmt: skip
    assert isinstance(row, Ranking), row


SAVED = [("gb18030", "strict"), ("gbk", "replace"), ("big5", "replace"), ("cp1252", "replace"),
         ("cp1251", "replace"), ("mac_roman", "replace"), ("ascii", "replace"),
         ("utf-8-sig", "strict")]  # fmt: skip


@pytest.mark.parametrize(("encoding", "errors"), SAVED)
def test_a_spreadsheets_own_encoding_changes_no_text(
    job, tmp_path: Path, encoding: str, errors: str
) -> None:
    row = read(job, tmp_path, "Table", encoding=encoding, errors=errors)
    assert isinstance(row, Ranking), row
    assert row.flags == ()


@pytest.mark.parametrize(("encoding", "errors"), SAVED[:4])
def test_answers_that_changed_places_are_seen_in_other_encodings_too(
    job, tmp_path: Path, encoding: str, errors: str
) -> None:
    swapped = on_answers(EDITED["the last two changed places"])
    row = read(job, tmp_path, "Table", swapped, encoding, errors)
    assert isinstance(row, Refused), row
    assert row.rule == "text_changed"


def test_a_text_that_cannot_be_read_is_flagged(job, tmp_path: Path) -> None:
    """Its ranks are kept: they are ASCII; and nobody can say that it is another text."""
    row = read(job, tmp_path, "Table", encoding="koi8-r", errors="replace")
    assert isinstance(row, Ranking), row
    row = read(
        job, tmp_path, "Table", on_answers(lambda a: ["приве\u0442", *a[1:]]), "koi8-r", "replace"
    )
    assert isinstance(row, Ranking), row
    assert row.flags == ("text_unread",)


def test_ranks_count_in_a_table_without_texts(job, tmp_path: Path) -> None:
    given, task = job
    row = {"task_id": task.id, "job": given.id, "checksum": given.checksum,
           **{f"rank_{place}": str(place) for place in range(1, 5)}}  # fmt: skip
    path = tmp_path / "few.csv"
    with path.open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(row))
        table.writeheader()
        table.writerow(row)
    (found,) = find_target("csv").read([str(path)], {task.id: task}, given)
    assert isinstance(found, Ranking), found


def header_of(path: Path, names: list[str], cells: list[str]) -> str:
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([names, cells])
    return str(path)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    """The last one would win, unseen."""
    given, tasks = made_job(tmp_path / "job", count=1, k=2)
    task = tasks[0]
    marks = {"task_id": task.id, "job": given.id, "checksum": given.checksum}
    for twice in ("rank_1", "rank_2", "task_id", "checksum"):
        path = header_of(tmp_path / "t.csv", [*marks, "rank_1", "rank_2", twice],
                         [*marks.values(), "1", "2", "2"])  # fmt: skip
        (row,) = find_target("csv").read([path], {task.id: task}, given)
        assert isinstance(row, Refused), row
        assert (row.rule, row.value) == ("malformed", f"two columns '{twice}'")


@pytest.mark.parametrize("swapped", [False, True])
def test_what_was_answered_counts_before_what_was_given(tmp_path: Path, swapped: bool) -> None:
    """A platform hands the table's own empty columns back beside those that the worker filled."""
    given, tasks = made_job(tmp_path / "job", count=1, k=2)
    task = tasks[0]
    columns = {
        "Input.task_id": task.id, "Input.job": given.id, "Input.checksum": given.checksum,
        "Input.rank_1": "", "Input.rank_2": "", "Answer.rank_1": "2", "Answer.rank_2": "1",
    }  # fmt: skip
    names = list(columns)[::-1] if swapped else list(columns)
    path = header_of(tmp_path / "t.csv", names, [columns[name] for name in names])
    (row,) = find_target("csv").read([path], {task.id: task}, given)
    assert isinstance(row, Ranking), row
    assert row.tiers == tuple((name,) for name in task.presented_order[::-1])


def test_label_studios_own_table_is_told(tmp_path: Path) -> None:
    given, tasks = made_job(tmp_path / "job", count=1, k=2)
    names = ["task_id", "job", "checksum", "annotation_id", "lead_time", "rank"]
    cells = [tasks[0].id, given.id, given.checksum, "1", "2.5", '{"t1": ["c_0000"]}']
    path = header_of(tmp_path / "ls.csv", names, cells)
    (row,) = find_target("csv").read([path], {tasks[0].id: tasks[0]}, given)
    assert isinstance(row, Refused)
    assert (row.rule, "--target label-studio" in row.value) == ("malformed", True)


@pytest.mark.parametrize(
    ("sent", "back", "expected"),
    [
        ("a b", "a  b", True), ("a b", "ab", False), ("=1", "'=1", True), ("=1", "''=1", False),
        ("'=1", "=1", False), ("'=1", "''=1", True), ("a", "A", False), ("é", "?", True), ("éa", "?b", False),
        ("ab", "??", False), ("", "", True), ("", " ", True), (" ", "", True), ("\ud800x", "?x", True),
        ("😀!", "??!", True), ("长文", "\ufffd\ufffd\ufffd", True), ("x", "x\x00", True),
        ("1-2", "'1-2", False), ("=1", " '=1 ", True), ("\tx", "'\tx", True),
        ("\u4e2d", "\udcd6\udcd0", True), ("\u6587", "\udcd6\udcd0", False),
    ],
)  # fmt: skip
def test_the_rule_by_hand(sent: str, back: str, expected: bool) -> None:
    assert same(sent, back) is expected
