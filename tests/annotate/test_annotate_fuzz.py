"""Imports of anything: no crash, and each row that went in comes out, accepted or refused by rule.

Valid exports are damaged, in their values (so that the rows can be counted by a plain JSON walk) and in
their bytes (so that nothing can be counted, but nothing may break either).
"""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from annotate_cases import made_job
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.annotate.imports.answers import RULES
from corpusforge.annotate.imports.sources import SOURCES, read_source
from corpusforge.annotate.imports.state import State
from corpusforge.annotate.records import Ranking, Refused
from corpusforge.annotate.targets import TARGETS, find_target
from corpusforge.errors import InputError

MORE = int(os.environ.get("FUZZ", "1"))
"""A factor on the number of examples: FUZZ=50 looks for a night."""

DIRECTORY = Path(tempfile.mkdtemp(prefix="annotate-fuzz-"))
JOB, TASKS = made_job(DIRECTORY / "job", count=3, k=4)
INDEX = {task.id: task for task in TASKS}
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=8),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from([*INDEX, *TASKS[0].presented_order, "t1", "ranked", "submitted", "9" * 400,
                         "response_0", "cannot_rank", 10**400, -1, "\x00", "1e999", "١", "²"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def label_studio() -> list[dict]:
    rows = []
    for number, task in enumerate(TASKS):
        a, b, c, d = task.presented_order
        results = [
            {
                "from_name": "rank",
                "value": {"ranker": {"t1": [a, b], "t2": [c], "unrankable": [d]}},
            },
            {"from_name": "confirm", "value": {"choices": ["ranked"]}},
            {"from_name": "rate_1_overall", "value": {"rating": 3}},
            {"from_name": "flags_2", "value": {"choices": ["harmful"]}},
        ]
        note = {"id": number, "result": results, "completed_by": 1, "lead_time": 9.5,
                "was_cancelled": False, "updated_at": "2026-01-01T00:00:00Z"}  # fmt: skip
        marks = {"task_id": task.id, "job": JOB.id, "checksum": JOB.checksum}
        rows.append({"id": number, "data": marks, "annotations": [note, {**note, "id": 50 + number}],
                     "drafts": [{}]})  # fmt: skip
    return rows


def short() -> list[dict]:
    rows = []
    for number, row in enumerate(label_studio()):
        results = {one["from_name"]: one["value"] for one in row["annotations"][0]["result"]}
        results |= {
            "rank": [results["rank"]],
            "confirm": "ranked",
            "rate_1_overall": [{"rating": 3}],
        }
        rows.append({**row["data"], **results, "annotation_id": number, "lead_time": 2})
    return rows


def argilla() -> list[dict]:
    ranks = [{"value": f"response_{place}", "rank": place + 1} for place in range(4)]
    values = {"ranking": {"value": ranks}, "confirm": {"value": "ranked"},
              "rate_0_overall": {"value": 4}, "flags_1": {"value": ["harmful"]}}  # fmt: skip
    answer = {"id": "a", "values": values, "status": "submitted", "user_id": "u"}
    return [
        {"metadata": {"task_id": task.id, "job": JOB.id, "checksum": JOB.checksum},
         "responses": [answer, {**answer, "status": "draft"}]}
        for task in TASKS
    ]  # fmt: skip


def page() -> list[dict]:
    rows = [
        {"task": task.id, "tiers": [[name] for name in task.presented_order], "confirmed": True,
         "ratings": [{"candidate": task.presented_order[0], "scores": {"overall": 2}, "flags": []}],
         "lead_time": 5, "created": "2026-01-01T00:00:00Z"}
        for task in TASKS
    ]  # fmt: skip
    head = {"schema": "corpusforge.page/1", "job": JOB.id, "checksum": JOB.checksum}
    return [{**head, "answers": rows, "drafts": rows[:1]}]


def crowd() -> list[dict]:
    return [
        {"task_id": task.id, "job": JOB.id, "checksum": JOB.checksum, "seconds": 4,
         "ranks": {name: n for n, name in enumerate(task.presented_order, 1)}, "unrankable": [],
         "ratings": [{"candidate": task.presented_order[0], "scores": {"overall": 1}}]}
        for task in TASKS
    ]  # fmt: skip


EXPORTS = {
    "label-studio": (label_studio, ("annotations", "drafts")),
    "label-studio min": (short, ()),
    "argilla": (argilla, ("responses",)),
    "html": (page, ("answers", "drafts")),
    "csv": (crowd, ()),
}


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """Every place in a JSON value, as a path of keys."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, inner in value.items():
            found += places(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            found += places(inner, (*path, number))
    return found


def damage(value: Any, path: tuple, how: str, new: Any) -> None:
    """Replace, remove or double what stands at a path, in place."""
    for key in path[:-1]:
        value = value[key]
    last = path[-1]
    if how == "replace":
        value[last] = new
    elif how == "remove":
        del value[last]
    elif isinstance(value, list):
        value.insert(last, value[last])
    else:
        value[str(new)[:9]] = value[last]


def expected(rows: list, lists: tuple[str, ...], name: str) -> int | None:
    """How many rows of answers a damaged export holds, counted without our code; None: not plain."""
    count = 0
    for row in rows:
        if not lists or not isinstance(row, dict):
            count += 1
            continue
        inner = [row.get(key, []) for key in lists]
        if name == "html" and row.get("schema") != "corpusforge.page/1":
            count += 1
        elif all(isinstance(one, list) for one in inner) and "annotation_id" not in row:
            fine = name != "label-studio" or isinstance(row.get("data"), dict)
            fine = fine and (name != "html" or all(isinstance(row.get(k), str)
                                                   for k in ("job", "checksum")))  # fmt: skip
            count += sum(map(len, inner)) if fine else 1
        else:
            return None
    return count


def read(name: str, path: Path) -> list[Ranking | Refused]:
    return list(find_target(name.split(maxsplit=1)[0]).read([str(path)], INDEX, JOB))


def balanced(rows: list[Ranking | Refused]) -> None:
    """Every row is one of the two, refused by a known rule, and the ledger of a state adds up."""
    state = State(INDEX)
    for row in rows:
        assert isinstance(row, Ranking | Refused)
        if isinstance(row, Refused):
            assert row.rule in RULES
            assert len(row.value) <= 200
        else:
            placed = [name for tier in row.tiers for name in tier] + list(row.unrankable)
            assert sorted(placed) == sorted(INDEX[row.task].presented_order)
        state.add(row)
    state.settle("latest")
    assert state.rows == len(rows) == state.accepted + state.repeated + state.refused.total()
    assert state.count() == state.accepted


@pytest.mark.parametrize("name", EXPORTS)
def test_the_undamaged_exports_are_counted_right(name: str, tmp_path: Path) -> None:
    make, lists = EXPORTS[name]
    rows = make()
    (tmp_path / "x.json").write_text(json.dumps(rows))
    found = read(name, tmp_path / "x.json")
    assert len(found) == expected(rows, lists, name)
    assert sum(isinstance(row, Ranking) for row in found) >= len(TASKS)
    balanced(found)


@pytest.mark.parametrize("name", EXPORTS)
@settings(max_examples=80 * MORE)
@given(data=st.data())
def test_damaged_values(name: str, data: st.DataObject) -> None:
    make, lists = EXPORTS[name]
    rows = make()
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(rows)))
        damage(rows, path, data.draw(st.sampled_from(["replace", "remove", "double"])),
               data.draw(VALUES))  # fmt: skip
        if not places(rows):
            return
    file = DIRECTORY / "damaged.json"
    # lines that begin with an array are taken for one array: no tool writes such lines
    as_lines = not isinstance(rows[0], list) and data.draw(st.booleans())
    text = "\n".join(map(json.dumps, rows)) if as_lines else json.dumps(rows)
    file.write_text(text, encoding="utf-8")
    found = read(name, file)
    balanced(found)
    count = expected(rows, lists, name)
    if count is not None:
        assert len(found) == count
    else:
        assert found


@pytest.mark.parametrize("name", EXPORTS)
@settings(max_examples=60 * MORE)
@given(data=st.data())
def test_damaged_bytes(name: str, data: st.DataObject) -> None:
    text = bytearray(json.dumps(EXPORTS[name][0]()).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text)))
        how = data.draw(st.sampled_from(["cut", "insert", "flip", "end"]))
        if how == "cut":
            del text[start : start + data.draw(st.integers(1, 60))]
        elif how == "insert":
            text[start:start] = data.draw(st.binary(max_size=12) | st.sampled_from(
                [b'"', b"\\", b"[", b"}", b",", b"\n", b"\\ud800", b"\xff\xfe", b"[" * 3000]))  # fmt: skip
        elif how == "flip" and start < len(text):
            text[start] ^= 1 << data.draw(st.integers(0, 7))
        elif how == "end":
            del text[start:]
    file = DIRECTORY / "bytes.json"
    file.write_bytes(text)
    found = read(name, file)
    balanced(found)
    assert (
        bool(found)
        or len(bytes(text).strip(b" \t\r\n[]\xef\xbb\xbf")) == 0
        or len(text) < 40
        or (name == "html" or b'"' in text)
    )


@settings(max_examples=80 * MORE)
@given(text=st.binary(max_size=300), name=st.sampled_from(sorted(TARGETS)))
def test_any_bytes(text: bytes, name: str) -> None:
    for ending in (".json", ".csv"):
        file = DIRECTORY / f"any{ending}"
        file.write_bytes(text)
        try:
            found = read(name, file)
        except InputError as error:  # bytes that begin as a packed file does, and end early
            assert "nothing was read in" in str(error)
        else:
            balanced(found)


@pytest.mark.parametrize(
    "pack", [lzma.compress, bz2.compress, gzip.compress], ids=["xz", "bz2", "gz"]
)
def test_packed_answers_that_end_early(pack: Callable[[bytes], bytes]) -> None:
    whole = pack(json.dumps(label_studio()).encode())
    file = DIRECTORY / "packed.json"
    file.write_bytes(whole)
    balanced(read("label-studio", file))
    for size in range(len(whole) // 2, len(whole), 37):
        file.write_bytes(whole[:size])
        with pytest.raises(InputError, match="nothing was read in"):
            read("label-studio", file)


@settings(max_examples=80 * MORE)
@given(cells=st.lists(st.lists(st.text(max_size=12), max_size=14), max_size=4), data=st.data())
def test_tables_of_anything(cells: list[list[str]], data: st.DataObject) -> None:
    header = ["task_id", "job", "checksum", *(f"rank_{n}" for n in range(1, 5)), "rate_1_overall",
              "flags_1", "cannot_rank", "seconds", "text"]  # fmt: skip
    task = data.draw(st.sampled_from(TASKS))
    filled = [task.id, JOB.id, JOB.checksum]
    rows = [filled + data.draw(st.lists(st.sampled_from(
        ["1", "2", "3", "x", "", "4", "1.0", "-1", "inf", "no", "harmful"]), min_size=9, max_size=9))
        for _ in range(2)]  # fmt: skip
    file = DIRECTORY / "table.csv"
    with file.open("w", encoding="utf-8", errors="replace", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(header)
        table.writerows(rows + cells)
    with file.open(encoding="utf-8", newline="") as stream:
        there = sum(any(cell.strip() for cell in row) for row in csv.reader(stream)) - 1
    found = read("csv", file)
    balanced(found)
    assert len(found) == there


@pytest.mark.parametrize("kind", SOURCES)
@settings(max_examples=60 * MORE)
@given(data=st.data())
def test_damaged_public_files(kind: str, data: st.DataObject) -> None:
    reply = {"text": "a", "role": "assistant", "rank": 1, "model_name": "m", "replies": []}
    rows: list = [{
        "chosen": "\n\nHuman: a\n\nAssistant: b", "rejected": "\n\nHuman: a\n\nAssistant: c",
        "prompt": {"text": "q", "role": "prompter", "replies": [reply, {**reply, "rank": 0}]},
        "responses": ["x", "y"], "rewards": [{"score": 1}, {"score": 2}], "instruction": "q",
        "output_1": "x", "output_2": "y", "label": 1,
    }]  # fmt: skip
    for _ in range(data.draw(st.integers(0, 3))):
        if found := places(rows):
            how = data.draw(st.sampled_from(["replace", "remove", "double"]))
            damage(rows, data.draw(st.sampled_from(found)), how, data.draw(VALUES))
    file = DIRECTORY / "public.json"
    file.write_text(json.dumps(rows), encoding="utf-8")
    made = list(read_source(kind, [str(file)], "j_0"))
    assert len(made) >= len(rows)
    for row in made:
        if isinstance(row, Refused):
            assert row.rule in RULES
        else:
            task, ranking = row
            placed = [name for tier in ranking.tiers for name in tier] + list(ranking.unrankable)
            assert sorted(placed) == sorted(task.presented_order)


TOO_DEEP = "nested deeper than 500 levels"


def test_deep_nesting_and_huge_numbers(tmp_path: Path) -> None:
    """What is nested too deep is refused; a number out of range costs its own annotation."""
    path = tmp_path / "x.json"

    def reads(**put: str) -> list[Ranking | Refused]:
        text = json.dumps(label_studio())
        for old, new in (('"rating": 3', put.get("rating")), ("9.5", put.get("seconds"))):
            text = text.replace(old, new) if new else text
        path.write_text(text)
        found = read("label-studio", path)
        balanced(found)
        return found

    for name in ("rate", "value", "ranker"):
        found = reads(rating=f'"{name}": {"[" * 5000}{"]" * 5000}')
        assert {row.value for row in found if isinstance(row, Refused)} == {TOO_DEEP}
        assert not [row for row in found if isinstance(row, Ranking)]
    whole = [row for row in reads() if isinstance(row, Ranking)]
    assert whole
    for number in ("1" * 5000, "-1e400"):
        found = reads(seconds=number)
        assert not [row for row in found if isinstance(row, Ranking)]
        assert sum(row.rule == "malformed" for row in found) == len(whole)
    held = [row for row in reads(seconds="1e308") if isinstance(row, Ranking)]
    assert [row.lead_time for row in held] == [1e308] * len(whole)


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.json"):
        read("html", tmp_path / "gone.json")
