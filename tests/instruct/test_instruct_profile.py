"""Language profiles: tokens equal rouge_score's, every rule has a text kept and one dropped."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.errors import RecipeError
from corpusforge.instruct.profile import han_share, profile, script_share
from corpusforge.instruct.tokens import char_tokens, rouge_tokens, unicode_tokens

EN, ZH = profile("en"), profile("zh")


@given(st.text(max_size=60))
def test_rouge_tokens_are_those_of_rouge_score(text: str) -> None:
    tokenize = pytest.importorskip("rouge_score.tokenize", reason="needs the extra test")
    assert rouge_tokens(text) == tokenize.tokenize(text, None)


@given(st.text(alphabet=[chr(c) for c in range(128) if chr(c) != "_"], max_size=80))
def test_on_ascii_without_underscores_all_words_are_rouge_words(text: str) -> None:
    assert unicode_tokens(text) == rouge_tokens(text)


def test_tokens_by_hand() -> None:
    text = "用Python写 café ＡＢ１"
    assert rouge_tokens(text) == ["python", "caf"]
    assert unicode_tokens(text) == ["用", "python", "写", "café", "ab1"]
    assert char_tokens("用Py写é") == ["用", "p", "y", "写", "é"]
    assert char_tokens("कि") == ["कि"]  # a vowel sign stays on its letter


ENGLISH = [
    ("  ", "empty"),
    ("Explain human behavior.", "too_short"),
    ("Explain " + "very " * 150, "too_long"),
    ("Describe what the Image below shows us", "blacklist"),
    ("Tell me how to go to Paris", "blacklist"),
    ("Write a program to add two numbers", "prefix"),
    ("- List three colours of autumn", "first_character"),
    ("“Name” three colours of autumn", "first_character"),
    ("用 one sentence, say hello to her", "first_character"),
    ("A 写一首关于春天的诗 poem now", "han_share"),
]
CHINESE = [
    ("", "empty"),
    ("写一首诗", "too_short"),
    ("写" * 241, "too_long"),
    ("请描述这张图片里有什么", "blacklist"),
    ("编写一个程序来计算两数之和", "prefix"),
    ("，请写一首关于春天的诗", "first_character"),
    ("Ж写一首关于春天的诗", "first_character"),
    ("Write a poem about the spring", "han_share"),
    ("寫一首關於春天的詩歌", "script"),
]


@pytest.mark.parametrize(("text", "rule"), ENGLISH)
def test_english_rules_drop(text: str, rule: str) -> None:
    found = EN.check_instruction(text)
    assert found is not None and found[0] == rule and found[2] != ""


@pytest.mark.parametrize(("text", "rule"), CHINESE)
def test_chinese_rules_drop(text: str, rule: str) -> None:
    found = ZH.check_instruction(text)
    assert found is not None and found[0] == rule and found[2] != ""


@pytest.mark.parametrize(
    "text",
    [
        "Explain NASA's four programmes.",
        "Is paragraph 3 imagery or a photograph?",  # "imagery", "photograph": other words
        "Translate 你好 into English, please",
        "3 facts about Europe, please",
        "Say " + "very " * 149,
    ],
)
def test_english_rules_keep(text: str) -> None:
    assert EN.check_instruction(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "写一首春诗",
        "《红楼梦》的作者是谁？",
        "用Python写一个快速排序函数",
        "3个数字里哪个最大？",
        "画家齐白石生于哪一年？",
        "请把“體育”改写成简体字，并解释意思",
        "写" * 240,
    ],
)
def test_chinese_rules_keep(text: str) -> None:
    assert ZH.check_instruction(text) is None


def test_traditional_chinese_has_its_own_setting() -> None:
    text = "寫一首關於春天的詩歌"
    assert profile("zh", script="traditional").check_instruction(text) is None
    assert profile("zh", script="").check_instruction(text) is None
    assert profile("zh", script="traditional").check_instruction("写一首关于春天的诗歌") == (
        "script", "0.000", ">= 0.5 traditional",
    )  # fmt: skip
    assert script_share("山水", "simplified") == 1.0  # the same in both standards


def test_shares_by_hand() -> None:
    assert han_share("用Python写") == pytest.approx(2 / 3)
    assert han_share("") == 0.0


def test_stop_strings_need_a_new_line() -> None:
    for language in ("en", "zh"):
        stops = profile(language).stop_strings(16)
        assert len(stops) <= 4  # what an OpenAI-compatible server takes
        assert all(stop.startswith("\n") for stop in stops)
        assert not any(stop in "It costs $16.50, or 16. No more." for stop in stops)


def test_unknown_names_are_refused_with_a_hint() -> None:
    with pytest.raises(RecipeError, match="'fr'"):
        profile("fr")
    with pytest.raises(RecipeError, match="Did you mean 'rouge'"):
        profile("en", mode="rogue")
    with pytest.raises(RecipeError, match="script"):
        profile("zh", script="both")


def test_the_original_sets_under_the_original_filter(data) -> None:
    # The original's filter, read from its code and written down again: words by white space, its
    # word list, "Write a program", first character. The two must agree on every row of its own sets.
    listed = re.compile(
        r"\b(?:images?|graphs?|pictures?|files?|maps?|draw|plot|go to)\b", re.IGNORECASE
    )
    for name, expected in (("seed_tasks", 3), ("user_oriented_instructions", 5)):
        rows = (data / f"selfinstruct/{name}.jsonl").read_text().splitlines()
        texts = [json.loads(row)["instruction"].strip() for row in rows]
        dropped = [t for t in texts if EN.check_instruction(t)]
        original = [
            t for t in texts
            if not 3 < len(t.split()) <= 150 or listed.search(t)
            or t.startswith("Write a program") or not t[0].isascii() or not t[0].isalnum()
        ]  # fmt: skip
        assert dropped == original
        assert len(dropped) == expected
