"""Every input of the labelling export reads every layout that rows are published in, to the same end."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from corpusforge.annotate.create_job import Request, export
from corpusforge.annotate.existing_answers import GivenAnswers
from corpusforge.annotate.gold import read_known
from corpusforge.annotate.imports.sources import read_source
from corpusforge.annotate.prompts import collect, prompt_text
from corpusforge.annotate.settings import Settings
from corpusforge.errors import InputError
from corpusforge.instruct.cot import questions
from corpusforge.instruct.inputs import load_rows

SALT = "0" * 16
ROWS: list[dict[str, Any]] = [
    {"id": str(n), "instruction": f"Name river {n}, please.", "question": "", "consent": "yes",
     "responses": [f"The Rhine {n}.", f"The Nile {n}."], "scores": [n + 1.0, n + 2.0]}
    for n in range(3)
]  # fmt: skip


def _lines(rows: list[Any]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _parquet(rows: list[Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return bytes(sink.getvalue())


LAYOUTS: dict[str, Callable[[list[Any]], bytes]] = {
    "rows.jsonl": _lines,
    "rows.json": lambda rows: json.dumps(rows).encode(),
    "wide.json": lambda rows: b"\xef\xbb\xbf" + json.dumps(rows, indent=2).encode(),
    "rows.parquet": _parquet,
    "rows.jsonl.gz": lambda rows: gzip.compress(_lines(rows)),
    "rows.json.gz": lambda rows: gzip.compress(json.dumps(rows).encode()),
    "rows.jsonl.zst": lambda rows: zstandard.compress(_lines(rows)),
    "rows.json.zst": lambda rows: zstandard.compress(json.dumps(rows).encode()),
}


@pytest.fixture(params=LAYOUTS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[list[Any]], str]:
    def write(rows: list[Any]) -> str:
        path = tmp_path / request.param
        path.write_bytes(LAYOUTS[request.param](rows))
        return str(path)

    return write


def test_prompts_logs_answers_and_known_items(made: Callable[[list[Any]], str]) -> None:
    path = made(ROWS)
    for found in (collect([("user", path)], SALT, ()), collect([], SALT, (), logs=[path])):
        assert [prompt_text(one) for one in found.prompts] == [row["instruction"] for row in ROWS]
        assert found.dropped == ()
    with GivenAnswers([path], found.aliases, ()) as given:
        assert given.counts == {"rows": 3, "answers": 6}
        for prompt, row in zip(found.prompts, ROWS, strict=True):
            assert {one.text for one in given.of(prompt.id)} == set(row["responses"])
    known = read_known([path], SALT, ())
    assert [[one.text for one in item.candidates] for item in known] == [
        row["responses"] for row in ROWS
    ]


def test_preferences_rows_and_questions(made: Callable[[list[Any]], str]) -> None:
    path = made(ROWS)
    tasks = [one[0] for one in read_source("auto", [path], "j") if isinstance(one, tuple)]
    assert [task.prompt.messages[0].content for task in tasks] == [
        row["instruction"] for row in ROWS
    ]
    path = made(
        [{"instruction": f"Name river {n}.", "input": "", "output": "Nile"} for n in (1, 2)]
    )
    assert [row.instruction for row in load_rows([path], ["en"])] == [
        "Name river 1.",
        "Name river 2.",
    ]
    path = made([{"question": f"What is {n} + 1?", "answer": f"{n + 1}"} for n in (1, 2)])
    found, rejects = questions.load(path)
    assert [one.question for one in found] == ["What is 1 + 1?", "What is 2 + 1?"]
    assert rejects == []


def test_a_bad_row_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(
        '[{"prompt": "a", "answers": ["x", "y"]}, {oops}, 7, {"prompt": "b", "n": NaN}]'
    )
    found = collect([("user", str(path))], SALT, ())
    assert [prompt_text(one) for one in found.prompts] == ["a", "b"]
    assert [(one.locator, one.rule) for one in found.dropped] == [
        ("rows.json:2", "not_json"),
        ("rows.json:3", "no_prompt"),
    ]
    with GivenAnswers([str(path)], found.aliases, ()) as given:
        assert given.counts == {"rows": 4, "no_object": 2, "answers": 2, "without_answer": 1}
    with pytest.raises(InputError, match=r"rows\.json:2: expected an object"):
        read_known([str(path)], SALT, ())


def test_answers_that_are_no_rows_are_told(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(_lines([*ROWS, "no row"]))
    request = Request(
        prompts=[("user", str(path))], answers=[str(path)], output=str(tmp_path / "job"), raters="2",
        targets=(), pool="all",
    )  # fmt: skip
    done = export(request, Settings(), say=lambda _: None)
    assert done.notices == ["1 of 4 rows of --answers are no JSON objects"]
    assert done.report["answers"] == {"rows": 4, "answers": 6, "no_object": 1}


def test_the_array_that_magpie_publishes(data: Path) -> None:
    path = str(data / "preference" / "magpie-5res-armorm.json")
    rows = json.loads(Path(path).read_text(encoding="utf-8"))
    found = collect([("user", path)], SALT, ())
    assert [prompt_text(one) for one in found.prompts] == [
        row["instruction"].strip() for row in rows
    ]
    with GivenAnswers([path], found.aliases, ()) as given:
        assert given.counts["answers"] == sum(len(row["responses"]) for row in rows)


def test_of_bare_turns_the_first_is_the_prompt(data: Path, tmp_path: Path) -> None:
    """MT-bench: a second turn asks about the answer to the first, which is not there yet."""
    path = data / "preference" / "mt-bench-question.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = collect([("user", str(path))], SALT, ())
    assert [prompt_text(one) for one in found.prompts] == [row["turns"][0].strip() for row in rows]
    assert found.later_turns == sum(len(row["turns"]) - 1 for row in rows) > 0
    assert found.dropped == ()
    # beside answers it is not known which of the turns they answer
    told = {"prompt": ["one", "two"], "chosen": "a", "rejected": "b"}
    alone = {"prompt": ["one"], "chosen": "a", "rejected": "b"}
    (tmp_path / "p.jsonl").write_bytes(_lines([told, alone]))
    first, second = read_source("auto", [str(tmp_path / "p.jsonl")], "j")
    assert not isinstance(first, tuple)
    assert isinstance(second, tuple)
    assert second[0].prompt.messages[0].content == "one"
