"""What an instruction says of its answer's size, by hand-written cases on both sides of each bound.

Truth outside: people's own answers (seeds here; Self-Instruct's seeds and expert tasks, where the data
directory is) keep what their instructions say, so none may be found to miss it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from corpusforge.instruct import seeds
from corpusforge.instruct.constraints import constraints, missed
from corpusforge.instruct.rules import check_instance

DATA = Path(os.environ.get("CORPUSFORGE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def words(count: int) -> str:
    return " ".join(["word"] * count)


def sentences(count: int) -> str:
    return " ".join(["It rained all day."] * count)


def lines(count: int, mark: str = "{}. ") -> str:
    return "\n".join(f"{mark.format(n + 1)}something good" for n in range(count))


EDGES = [
    # instruction, answers that have it, answers that miss it
    ("Sum it up in at most 20 words.", [words(1), words(20)], [words(21)]),
    ("Keep it under fifteen words.", [words(15)], [words(16)]),
    ("Use at least 20 words.", [words(20), words(500)], [words(19)]),
    ("Write a blurb of 40 to 60 words.", [words(40), words(60)], [words(39), words(61)]),
    ("Write a toast of about 80 words.", [words(40), words(160)], [words(39), words(161)]),
    ("Write a 100-word essay.", [words(100), words(3)], []),  # "a 100-word": by no preposition, unseen
    ("Answer in one sentence.", [sentences(1), "It rained", "Mr. Lee left."], [sentences(2)]),
    ("Tell it in exactly five sentences.", [sentences(5)], [sentences(4), sentences(6)]),
    ("Answer in two or three sentences.", [sentences(2), sentences(3)], [sentences(1), sentences(4)]),
    ("Use no more than 3 sentences.", [sentences(1), sentences(3)], [sentences(4)]),
    ("List three colours.", ["red, green, blue", "red, green and blue", lines(3), lines(3, "- ")],
     ["red", lines(2), lines(4), "yes"]),
    ("List at least three colours.", [lines(3), lines(9)], [lines(2)]),
    ("Name up to three colours.", [lines(1), lines(3)], [lines(4)]),
    ("Give two arguments for and two against it.", [lines(2), lines(4)], ["No."]),
    ("Please suggest five names. Be brief.", ["Oak\nElm\nAsh\nFir\nYew"], ["Oak\nElm"]),
    ("Compose a haiku about rain.", ["a\nb\nc", "a / b / c", "Rain\na\nb\nc"], ["Rain falls.", "a\nb"]),
    ("Create a sentence using only words that start with the letter \"s\".", ["Sam sees six swans."],
     ["Sam sits in sand."]),
    ("Describe rain without using the letter e.", ["It falls down on us."], ["The rain."]),
    ("写一篇关于环境的文章，不少于一千字。", ["字" * 1000], ["字" * 990]),
    ("把通知压缩到三十个字以内。", ["字" * 30], ["字" * 31]),
    ("写一段五十到七十字的介绍。", ["字" * 50, "字" * 70], ["字" * 49, "字" * 71]),
    ("写一段祝酒词，八十字左右。", ["字" * 40, "字" * 160], ["字" * 39, "字" * 161]),
    ("用一句话总结。", ["今天下雨。"], ["今天下雨。明天天晴。"]),
    ("请解释原因，不超过三句话。", ["下雨。" * 3], ["下雨。" * 4]),
    ("列出五个水果。", ["苹果、梨、桃、杏、李", lines(5), lines(5, "{}、")],
     ["苹果", lines(4, "{}、")]),
]  # fmt: skip


@pytest.mark.parametrize(("instruction", "right", "wrong"), EDGES, ids=[one[0] for one in EDGES])
def test_each_bound_on_its_edge(instruction: str, right: list[str], wrong: list[str]) -> None:
    assert [answer for answer in right if missed(instruction, answer)] == []
    assert [answer for answer in wrong if not missed(instruction, answer)] == []


@pytest.mark.parametrize(
    "instruction",
    [
        "Do the two sentences mean the same?",
        "Which of two words is longer?",
        "Given a set of five words, sort them.",
        "Write an e-mail with a title of at most 5 words and a short body.",
        "Describe each person in one sentence.",
        "Give 24 hours notice to the landlord.",
        "Write two people a letter.",
        "Explain the plan, using one sentence per step.",
        "根据下面两个句子判断是否矛盾。",
        "写一个正则表达式。",
        "给这则消息拟一个不超过十六个字的标题，再写正文。",
        "每条一句话，列出优点。",
    ],
)
def test_numbers_of_something_else_bound_no_answer(instruction: str) -> None:
    assert constraints(instruction) == ()


def test_people_keep_what_they_ask_for() -> None:
    files = (DATA / "selfinstruct" / name
             for name in ("seed_tasks.jsonl", "user_oriented_instructions.jsonl"))  # fmt: skip
    sources = [*seeds.BUILTIN, *(str(path) for path in files if path.is_file())]
    rows = [(task.instruction, one.output) for source in sources for task in seeds.load(source)
            for one in task.instances]  # fmt: skip
    assert sum(bool(constraints(asks)) for asks, _ in rows) >= 45
    assert [(asks, answer) for asks, answer in rows if missed(asks, answer)] == []


def test_rows_that_a_reader_found_sound_miss_nothing() -> None:
    labelled = Path(__file__).parents[2] / "benchmarks" / "labels.d"
    rows = [json.loads(line) for path in sorted(labelled.glob("instruct_sound_*.jsonl"))
            for line in path.read_text("utf-8").splitlines()]  # fmt: skip
    found = [row["label"] for row in rows if missed(row["instruction"], row["output"])]
    assert len(found) == 6 and "sound" not in found


def test_the_rule_names_what_is_there_and_what_was_asked_and_may_be_left_out() -> None:
    asks = "List three historical figures."
    assert check_instance(asks, "", "Napoleon") == ("constraint", "1 items", "List three")
    assert check_instance(asks, "", "Napoleon", allow=("constraint",)) is None
