"""Every export form of rows, and each shape of `rlvr`, is read back by our own commands to the same rows.

`BACK` and `QUESTIONS` have an entry for each form; one without an entry fails. What a form cannot hold
stands there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cot_kit
import pytest

from corpusforge.hashing import make_id
from corpusforge.instruct.cot.questions import load
from corpusforge.instruct.cot.rlvr import SHAPES
from corpusforge.instruct.cot.run import ChainOfThought
from corpusforge.instruct.export import FORMATS, Settings, write
from corpusforge.instruct.inputs import load_rows
from corpusforge.instruct.records import Lineage, Row, Similar
from corpusforge.io import parquet


def rows() -> list[Row]:
    lineage = Lineage(seeds=("seed_1",), engine="local", model="m", model_licence="Apache-2.0",
                      prompt_version="generate.v1@0", sampling="T=0.7", requests=("k1", "k2"))  # fmt: skip
    named = [make_id("test", str(number)) for number in range(5)]
    return [
        Row(id=named[0], task=named[0], instruction="Name a bird.", input="", output="A robin.",
            language="en", group=named[0], lineage=lineage,
            most_similar=(Similar("seed_1", 3, 5, 6),), pass_rate=(3, 4), flags=("hinted",)),
        Row(id=named[1], task=named[1], instruction="Sum it up.", input="It opens\n\nat nine.",
            output="At nine.", language="en", group=named[1], reasoning="One time is named.",
            is_classification=True),
        Row(id=named[2], task=named[2], instruction="说出一种鸟的名字。", input="", output="知更鸟。",
            language="zh", group=named[2]),
        Row(id=named[3], task=named[3], instruction="Hi", input="", output="Half past seven.",
            language="en", kind="dialogue", system="Answer in one line.", group=named[3],
            reasoning="The baker rises early.",
            turns=(("system", "Answer in one line."), ("user", "Hi"), ("assistant", "Hello!"),
                   ("user", "When does the bakery open?"), ("assistant", "Half past seven."))),
        Row(id=named[4], task=named[4], instruction="Sort them.", input="3 1 2",
            output="1 2 3", language="en", group=named[4], lineage=lineage),
    ]  # fmt: skip


BACK: dict[str, tuple[str, tuple[str, ...]]] = {
    "alpaca": ("train.json", ()),
    "datasets": ("data/train-00000-of-00001.parquet", ()),
    "llamafactory": ("train.json", ()),
    "messages": ("train.jsonl", ()),
    "openai": ("train.jsonl", ()),
    "parquet": ("train.parquet", ()),
    "selfinstruct": ("all_generated_instances.jsonl", ()),
    "sharegpt": ("train.jsonl", ()),
    "trl": ("train.jsonl", ()),
}
"""By form: the file that comes back, and the fields of it that do not."""


def objects(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return parquet.read_table(str(path)).to_pylist()
    text = path.read_text("utf-8")
    return (
        json.loads(text) if path.suffix == ".json" else [json.loads(x) for x in text.splitlines()]
    )


def test_every_form_has_an_entry() -> None:
    assert set(BACK) == set(FORMATS)


@pytest.mark.parametrize("reasoning", ["none", "think"])
@pytest.mark.parametrize("name", BACK)
def test_a_form_comes_back_to_the_same_rows(name: str, reasoning: str, tmp_path: Path) -> None:
    file, lost = BACK[name]
    settings = Settings(validation=0, reasoning=reasoning)
    write(rows(), str(tmp_path / "out"), [name], settings)
    found = load_rows([str(tmp_path / "out" / name / file)], ["en", "zh"])
    write(found, str(tmp_path / "again"), [name], settings)
    made = [objects(tmp_path / place / name / file) for place in ("out", "again")]
    assert len(made[0]) == (4 if name in {"alpaca", "selfinstruct"} else 5)
    one, two = (
        [{k: v for k, v in line.items() if k not in lost} for line in part] for part in made
    )
    assert one == two
    if reasoning == "think":  # it is a field of its own again, not a part of the answer
        thought = {row.output: row.reasoning for row in rows()}
        assert {row.output: row.reasoning for row in found} == {
            row.output: thought[row.output] for row in found
        }


def test_parquet_loses_nothing(tmp_path: Path) -> None:
    write(rows(), str(tmp_path), ["parquet"], Settings(validation=0))
    assert load_rows([str(tmp_path / "parquet" / "train.parquet")], ["en", "zh"]) == rows()


def test_gpt3_completions_are_read_without_their_frame(tmp_path: Path) -> None:
    write(rows(), str(tmp_path), ["selfinstruct"], Settings(validation=0))
    folder = tmp_path / "selfinstruct"
    (path,) = folder.glob("gpt3_finetuning_data_*.jsonl")
    found = [
        (row.instruction, row.input, row.output) for row in load_rows([str(path)], ["en", "zh"])
    ]
    assert found == [(r.instruction, r.input, r.output) for r in rows() if not r.turns]


QUESTIONS = {"": "jsonl", "verl": "parquet", "open_instruct": "jsonl", "trl": "jsonl",
             "openrlhf": "jsonl"}  # fmt: skip
"""The shapes of `rlvr`, and the table they are made of."""

ASKED = (
    {"question": "What is 2 + 3?", "answer": "5"},
    {"question": "What is half of a half?", "answer": "\\frac{1}{4}"},
    {"question": "Which one is hot?", "choices": ["ice", "fire"], "answer": "B"},
    {"question": "冰是冷的吗？", "answer": "是"},
    {"question": "Which river runs through Paris?", "answer": "the Seine"},
    {"question": "What does a pen of five dollars cost?", "answer": "$5"},
)


def test_every_shape_has_an_entry() -> None:
    assert set(QUESTIONS) == {"", *SHAPES}
    assert set(ChainOfThought.own_forms) == {"rlvr", "stepwise"}


@pytest.mark.parametrize("shape", QUESTIONS)
def test_questions_come_back_with_their_gold_answers(shape: str, tmp_path: Path) -> None:
    settings = {"samples": 1, "temperatures": (0.5,), "hints": 0, "allow": ("language",)}
    reply = "First I look at what is asked, then at what is given.\nThe answer is 5."
    done, _ = cot_kit.play(tmp_path, lambda request: reply, *ASKED, formats=("rlvr",), **settings)
    assert done.error is None
    folder = tmp_path / "out" / "export" / "rlvr"
    found, refused = load(str(folder / shape / f"train.{QUESTIONS[shape]}"))
    table = objects(folder / "train.jsonl")
    assert refused == []
    assert len(found) == len(table) == len(ASKED)
    for one, line in zip(found, table, strict=True):
        assert (one.question, one.answer, one.kind, one.language) == (
            line["question"], line["gold"], line["kind"], line["language"],
        )  # fmt: skip
    assert [line["gold"] for line in table] == [line["answer"] for line in ASKED]
    assert [line["kind"] for line in table] == [
        "number", "number", "choice", "yesno", "text", "number",
    ]  # fmt: skip
    assert table[2]["question"] == "Which one is hot?\n(A) ice\n(B) fire"
