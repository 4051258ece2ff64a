"""Lists, verdicts and JSON out of replies: expected values are read off the replies by eye."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.instruct.parse import Items, answer, json_objects, listed, verdict
from corpusforge.text.edits import one_line


@pytest.mark.parametrize(
    "mark",
    ["{}. ", "{}.", "{}、", "{}）", "（{}）", "({}) ", "{}) ", "{}: ", "{}：", "**{}.** ", "Task {}: ",
     "任务{}：", "  {}．", "### {}. "],
)  # fmt: skip
def test_every_way_to_number_a_list_is_read(mark: str) -> None:
    text = "\n".join(mark.format(n) + f"写一首关于{n}月的诗。" for n in (9, 10, 11))
    assert listed(text, "stop", 9).complete == (
        "写一首关于9月的诗。", "写一首关于10月的诗。", "写一首关于11月的诗。",
    )  # fmt: skip


def test_circled_han_and_full_width_numbers() -> None:
    assert listed("①甲。\n②乙。\n③丙。", "stop").complete == ("甲。", "乙。", "丙。")
    assert listed("九、甲。\n十、乙。\n十一、丙。\n十二、丁。", "stop").complete == (
        "甲。", "乙。", "丙。", "丁。",
    )  # fmt: skip
    assert listed("１．甲。\n２．乙。", "stop").complete == ("甲。", "乙。")


def test_a_reply_that_continues_the_prompt_keeps_its_first_item() -> None:
    text = " Write a story about a fox.\n10. Translate it.\n11. Shorten it."
    assert listed(text, "stop", 9).complete == (
        "Write a story about a fox.", "Translate it.", "Shorten it.",
    )  # fmt: skip


def test_talk_before_and_after_the_list_is_no_task() -> None:
    text = "Sure! Here are some tasks:\n\n9. First task.\n10. Second task.\n\nLet me know!"
    assert listed(text, "stop", 9).complete == ("First task.", "Second task.")


def test_a_list_inside_an_item_stays_inside() -> None:
    text = "9. Sort the steps:\n1. boil\n2. cut\n10. Explain 16.5 and $20. in words.\n11. Third."
    assert listed(text, "stop", 9).complete == (
        "Sort the steps: 1. boil 2. cut", "Explain 16.5 and $20. in words.", "Third.",
    )  # fmt: skip


def test_numbers_at_a_line_start_that_are_no_marks() -> None:
    text = "9. Read this:\n10.5 million people came at\n10:30 in the morning.\n10. Count words."
    assert listed(text, "stop", 9).complete == (
        "Read this: 10.5 million people came at 10:30 in the morning.", "Count words.",
    )  # fmt: skip


def test_markdown_may_number_every_item_one_and_a_number_may_be_forgotten() -> None:
    assert listed("1. Alpha.\n1. Beta.\n1. Gamma.", "stop").complete == (
        "Alpha.",
        "Beta.",
        "Gamma.",
    )
    assert listed("9. Alpha.\n11. Beta.", "stop", 9).complete == ("Alpha.", "Beta.")


def test_bullets_are_a_list_and_a_refusal_is_none() -> None:
    assert listed("- Alpha task.\n- Beta task.", "stop").complete == ("Alpha task.", "Beta task.")
    assert listed("I am sorry, I cannot do that.", "stop") == Items()
    assert listed("", "stop") == Items()


def test_a_cut_reply_loses_its_last_item_alone() -> None:
    text = "9. Name three rivers.\n10. Explain why bread rises.\n11. Write a"
    assert listed(text, "length", 9) == Items(
        ("Name three rivers.", "Explain why bread rises."), "Write a"
    )


def test_bold_marks_round_an_item_go_and_case_stays() -> None:
    assert listed("1. **Explain NASA's API.**\n2. **Poem:** write one.", "stop").complete == (
        "Explain NASA's API.", "**Poem:** write one.",
    )  # fmt: skip


def test_one_line_joins_han_without_a_space_and_words_with_one() -> None:
    assert one_line("把下面的句子\n  翻译成英文 。") == "把下面的句子翻译成英文 。"
    assert one_line(" a\n b\t c  ") == "a b c"
    assert one_line("用 Python\n写") == "用 Python 写"


def test_thinking_is_no_answer() -> None:
    assert answer("<think>1. no\n2. no</think>\n\n1. Yes.") == "1. Yes."
    assert answer("<think>never ends 1. no") == ""
    assert answer("a\ud800b\x00\r\nc") == "a?b\nc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes", True), (" yes.", True), ("**No**", False), ("No, it asks for a text.", False),
        ("是", True), ("否", False), ("不是分类任务", False), ("这是分类任务。", True),
        ("是否分类：否", False), ("It is not a classification task.", False),
        ('{"answer": "yes"}', True), ('{"answer": "no"}', False), ("属于", True),
        ("Is it classification? Yes", True), ("Noted.", None), ("", None), ("maybe", None),
    ],
)  # fmt: skip
def test_verdicts(text: str, expected: bool | None) -> None:
    assert verdict(text) is expected


def test_json_lists_whole_fenced_and_cut() -> None:
    whole = '{"tasks": ["A b.", "C \\"d\\"."]}'
    assert json_objects(whole, "tasks") == (("A b.", 'C "d".'), True)
    assert json_objects(f"```json\n{whole}\n```", "tasks")[0] == ("A b.", 'C "d".')
    assert json_objects(whole[:-5], "tasks") == (("A b.",), False)
    assert json_objects('["x"]', "tasks") == (("x",), True)
    assert json_objects("no list", "tasks") == ((), False)
    assert json_objects("[" * 100_000, "tasks") == ((), False)


@given(st.text(max_size=300), st.integers(1, 20))
def test_no_text_breaks_the_parsers_and_items_are_one_line(text: str, first: int) -> None:
    text = answer(text)
    for finish in ("stop", "length"):
        items = listed(text, finish, first)
        assert all(item and "\n" not in item for item in items.complete)
    verdict(text)
    json_objects(text, "tasks")


@given(st.lists(st.text("abc 写诗。", min_size=3, max_size=30), min_size=2, max_size=9))
def test_a_numbered_list_comes_back(texts: list[str]) -> None:
    texts = [one_line(text) or "x" for text in texts]
    made = "\n".join(f"{n}. {text}" for n, text in enumerate(texts, 9))
    assert listed(made, "stop", 9).complete == tuple(texts)
