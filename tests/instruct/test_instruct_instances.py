"""Instances out of replies, in the forms of the prompts and in those that models fall into."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.instruct.instances import Parsed, input_first, output_first, structured


def test_input_first_in_english_and_chinese() -> None:
    english = "Example 1\nInput: 250 cm\nOutput: 2.5 m\n\nExample 2\nInput:\n8 cm\nOutput:\n0.08 m"
    assert input_first(english, "stop") == (Parsed("250 cm", "2.5 m"), Parsed("8 cm", "0.08 m"))
    chinese = "示例 1\n输入：250 厘米\n输出：2.5 米\n\n示例2：\n输入：8 厘米\n输出：0.08 米"
    assert input_first(chinese, "stop") == (
        Parsed("250 厘米", "2.5 米"), Parsed("8 厘米", "0.08 米"),
    )  # fmt: skip


def test_an_input_may_lack_its_label_or_be_missing() -> None:
    text = "Example 1\nList: [10, 2]\nOutput: [2, 10]\nExample 2\nList: []\nOutput: []"
    assert input_first(text, "stop") == (
        Parsed("List: [10, 2]", "[2, 10]"),
        Parsed("List: []", "[]"),
    )
    assert input_first("Output: Bread rises because of yeast.", "stop") == (
        Parsed("", "Bread rises because of yeast."),
    )
    assert input_first("示例 1\n输出：因为酵母。", "stop") == (Parsed("", "因为酵母。"),)


def test_pairs_without_example_lines_and_pairs_on_one_line() -> None:
    text = "Input: a\nOutput: b\n\nInput: c\nOutput: d"
    assert input_first(text, "stop") == (Parsed("a", "b"), Parsed("c", "d"))
    assert input_first("Input: a Output: b", "stop") == (Parsed("a", "b"),)
    assert input_first("输入：甲 输出：乙", "stop") == (Parsed("甲", "乙"),)


def test_talk_before_the_examples_is_no_input() -> None:
    text = "Here are two examples:\n\nExample 1\nInput: a\nOutput: b"
    assert input_first(text, "stop") == (Parsed("a", "b"),)
    assert input_first("Sure!\nInput: a\nOutput: b", "stop") == (Parsed("a", "b"),)


@pytest.mark.parametrize("word", ["<noinput>", "None", "N/A", "无", "（无）", "没有输入。"])
def test_words_for_no_input_are_no_input(word: str) -> None:
    assert input_first(f"Example 1\nInput: {word}\nOutput: yes", "stop") == (Parsed("", "yes"),)


def test_outputs_keep_blank_lines_and_code() -> None:
    text = "Example 1\nInput: x\nOutput:\ndef f():\n    return 1\n\n\nprint(f())\n\nExample 2\nOutput: z"
    assert input_first(text, "stop")[0].output == "def f():\n    return 1\n\n\nprint(f())"


def test_a_next_task_ends_the_reply_and_makes_its_last_instance_whole() -> None:
    text = "Example 1\nOutput: done.\n\nTask: Write a poem.\nExample 1\nOutput: Ros"
    assert input_first(text, "length") == (Parsed("", "done.", cut=False),)
    inside = "Example 1\nOutput: Plan\nTask: buy milk\nTask: sleep"
    assert input_first(inside, "stop") == (Parsed("", "Plan\nTask: buy milk\nTask: sleep"),)


def test_a_cut_reply_marks_its_last_instance() -> None:
    text = "Example 1\nInput: a\nOutput: b\nExample 2\nInput: c\nOutput: d"
    assert input_first(text, "length") == (Parsed("a", "b"), Parsed("c", "d", cut=True))
    assert input_first(text + "\nExample 3\nInput: e", "length") == (
        Parsed("a", "b"), Parsed("c", "d"),
    )  # fmt: skip


def test_output_first_in_english_and_chinese() -> None:
    text = "Class label: positive\nInput: Good.\nVery.\n\nClass label: negative\nInput: Bad."
    assert output_first(text, "stop") == (
        Parsed("Good.\nVery.", "positive"),
        Parsed("Bad.", "negative"),
    )
    chinese = "类别：好评\n输入：很好。\n\n类别：差评\n输入：不好。"
    assert output_first(chinese, "stop") == (Parsed("很好。", "好评"), Parsed("不好。", "差评"))
    assert output_first("Class label: no", "stop") == (Parsed("", "no"),)
    assert output_first("**Class label:** spam\n**Input:** Buy!", "length") == (
        Parsed("Buy!", "spam", cut=True),
    )
    assert output_first("I cannot.", "stop") == ()


def test_structured_and_what_is_cut_of_it() -> None:
    text = '{"instances": [{"input": "a", "output": "b"}, {"output": "yes", "input": "none"}]}'
    assert structured(text, "stop") == (Parsed("a", "b"), Parsed("", "yes"))
    assert structured(text[:50], "length") == (Parsed("a", "b"), Parsed("", "", cut=True))
    assert structured('{"instances": [{"input": "a"}, 3, {"output": 4}]}', "stop") == (
        Parsed("", "4"),
    )


LABELS = st.sampled_from(
    ["Example 1\n", "Input: ", "Output: ", "示例 2\n", "输入：", "输出：", "Class label: ", "类别：",
     "a\n", "乙\n", "\n", "Task: ", "{", '"output": "x"', "]"]
)  # fmt: skip


@given(st.lists(LABELS, max_size=25).map("".join))
def test_no_reply_breaks_the_parsers(text: str) -> None:
    for finish in ("stop", "length"):
        for parse in (input_first, output_first, structured):
            assert all(isinstance(one, Parsed) for one in parse(text, finish))
            assert not any(one.cut for one in parse(text, finish)[:-1])
