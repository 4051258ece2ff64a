"""Material that is announced and missing, words for "no input", and tasks without labels.

The truth is what people wrote: an instruction whose authors gave it an input may announce one; whose
authors gave it none must not be found to (seeds here, Self-Instruct's seeds and expert tasks where the
data directory is).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpusforge.instruct import seeds
from corpusforge.instruct.instances import field
from corpusforge.instruct.intent import may_classify
from corpusforge.instruct.material import announced, says_none
from corpusforge.instruct.records import Task
from corpusforge.instruct.rules import check_instance

DATA = Path(os.environ.get("CORPUSFORGE_DATA", Path(__file__).parents[3] / "shared" / "data"))


def people() -> list[Task]:
    files = (DATA / "selfinstruct" / name
             for name in ("seed_tasks.jsonl", "user_oriented_instructions.jsonl"))  # fmt: skip
    sources = [*seeds.BUILTIN, *(str(path) for path in files if path.is_file())]
    return [task for source in sources for task in seeds.load(source)]


def test_no_task_that_stands_alone_announces_material() -> None:
    alone = [task for task in people() if not any(one.input.strip() for one in task.instances)]
    assert len(alone) >= 89
    assert [task.instruction for task in alone if announced(task.instruction)] == []


def test_most_tasks_that_point_to_an_input_are_found() -> None:
    given = [task for task in people() if all(one.input.strip() for one in task.instances)]
    found = sum(bool(announced(task.instruction)) for task in given)
    assert found >= 0.4 * len(given)


@pytest.mark.parametrize(
    "instruction",
    [
        "Summarize the following article:", "Look at the table below and name the largest row.",
        "Correct the grammar in the sentence.", "Given a list of ingredients, write the steps.",
        "What is the purpose of the letter received by the keeper?", "Which country did the book appear in?",
        "You are given two dates. How many days lie between them?", "概括下面的文章。",
        "把这段话翻译成英文。", "找出文中的错别字。", "判断以下说法是否正确。",
    ],
)  # fmt: skip
def test_announced_and_missing_is_refused_and_with_an_input_kept(instruction: str) -> None:
    language = "en" if instruction.isascii() else "zh"
    answer = "The shop opens at nine." if language == "en" else "商店九点开门。"
    finding = check_instance(instruction, "", answer, language)
    assert finding is not None and finding[0] == "missing_material"
    given = "Shops open at ten on Sundays." if language == "en" else "周日商店十点开门。"
    assert check_instance(instruction, given, answer, language) is None


@pytest.mark.parametrize(
    "instruction",
    [
        "Sort the numbers 3, 9 and 1 in ascending order.", "Given the numbers 4 and 6, add them.",
        'Translate the sentence "The cat sat" into French.', "Count the words in the text: one two",
        "Write a story in which a fox talks. The story has three sentences.",
        "Put the words in order:\nsat cat the", "把“春天来了”这句话改成疑问句。",
        "写一个故事，这个故事要有三句话。",
    ],
)  # fmt: skip
def test_material_that_is_there_is_seen(instruction: str) -> None:
    assert announced(instruction) == ""


@pytest.mark.parametrize(
    "text",
    [
        "<noinput>", "None", "none.", "N/A", "(none)", "No input needed.", "No input required",
        "No input is required for this task.", "There is no input.", "no additional input",
        "Not applicable", "This task does not need input", "Input: none", "nothing", "-", "{}", "[]",
        "无", "（无）", "无需输入", "没有输入", "不需要额外的输入", "本任务不需要输入",
        "不适用", "不需要任何材料。",
    ],
)  # fmt: skip
def test_an_input_that_says_in_words_that_there_is_none_is_empty(text: str) -> None:
    assert says_none(text)
    assert field(text) == ""


@pytest.mark.parametrize(
    "text",
    ["No", "no smoking", "No man is an island", "none of my friends came", "No problem", "无人机", "没有人",
     "空气", "不", "无线电", "not good", "-5", "0", "no data plan is cheap"],
)  # fmt: skip
def test_words_that_only_begin_so_are_an_input(text: str) -> None:
    assert field(text) == text


def test_classification_tasks_have_words_that_say_so() -> None:
    tasks = [task for task in people() if task.is_classification is not None]
    missed = [task.instruction for task in tasks
              if task.is_classification and not may_classify(task.instruction)]  # fmt: skip
    assert len(missed) <= 1, missed
    others = [task for task in tasks if task.is_classification is False]
    assert sum(may_classify(task.instruction) for task in others) <= 0.13 * len(others)
    for text in ("How many days are there in a week?", "Write a poem about the night sky.",
                 "List five ways to use leftover bread.", "Can you give me an example of a metaphor?",
                 "Design an experiment to test whether water boils.", "写一首关于春天的诗。",
                 "Choose one color from the rainbow and explain why it is special.",
                 "Choose three historical figures who made significant contributions to their fields.",
                 "判断这句话是否正确，并说明理由。"):  # fmt: skip
        assert not may_classify(text)
