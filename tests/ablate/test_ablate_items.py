"""Items of public sets in their own shapes, and what is refused by its row."""

from __future__ import annotations

import json

import pytest

from corpusforge.ablate.items import Choice, Cloze, read_choices, read_cloze
from corpusforge.errors import InputError

SHAPES = {
    "commonsenseqa": {
        "question": {
            "stem": "Where is it?",
            "choices": [{"label": "A", "text": "bank"}, {"label": "B", "text": "mall"}],
        },
        "answerKey": "B",
    },
    "arc": {
        "question": "Where is it?",
        "choices": {"text": ["bank", "mall"], "label": ["1", "2"]},
        "answerKey": "2",
    },
    "mmlu": {"question": "Where is it?", "choices": ["bank", "mall"], "answer": 1},
}


def written(tmp_path, *rows):
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_read(tmp_path, name):
    expected = Choice(
        "Where is it?", "Question: Where is it?\nAnswer:", (" bank", " mall"), 1
    )  # fmt: skip
    assert read_choices(written(tmp_path, SHAPES[name]), 9) == [expected]


def test_endings_and_letters(tmp_path):
    hellaswag = {"ctx": "He sits", "endings": ["down.", "up?"], "label": "0"}
    ceval = {"question": "哪个大？", "A": "甲", "B": "乙", "C": "丙", "D": "丁", "answer": "C"}
    found = read_choices(written(tmp_path, hellaswag, ceval), 9)
    assert sorted(found, key=lambda item: item.right) == [
        Choice("He sits", "He sits", (" down.", " up?"), 0),
        Choice("哪个大？", "问题：哪个大？\n答案：", ("甲", "乙", "丙", "丁"), 2),
    ]


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Where?", "answer": "bank"},
        {"question": "Where?", "choices": ["bank", "mall"], "answer": -1},
        {**SHAPES["arc"], "answerKey": "3"},
        {"question": "Where?", "choices": ["bank", " "], "answer": 0},
        {"question": "Where?", "choices": ["bank", None], "answer": 0},
        {"question": {"stem": "Where?"}, "choices": ["bank", "mall"], "answer": 0},
        {"ctx": "He", "endings": ["sits"], "label": 0},
    ],
)
def test_another_shape_is_refused_by_its_row(tmp_path, row):
    with pytest.raises(InputError, match="row 2: no multiple-choice item"):
        read_choices(written(tmp_path, SHAPES["arc"], row), 9)


def test_a_last_word(tmp_path):
    assert read_cloze(written(tmp_path, {"text": "Call me Ishmael \n"}), 9) == [
        Cloze("Call me", " Ishmael")
    ]
    with pytest.raises(InputError, match="row 1: expected `text`, of two words"):
        read_cloze(written(tmp_path, {"text": "Ishmael"}), 9)


def test_as_many_items_as_asked(tmp_path):
    rows = [{"text": f"word {n}"} for n in range(50)]
    path = written(tmp_path, *rows)
    assert len(read_cloze(path, 7)) == 7
    assert read_cloze(path, 7) == read_cloze(path, 50)[:7]
