"""Prompts: what they render to, and that a name pins their bytes."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import corpusforge.models.prompts
from corpusforge.errors import InputError
from corpusforge.instruct import instances, parse
from corpusforge.models.prompts import defuse, prompt, prompt_names

FOLDER = Path(corpusforge.models.prompts.__file__).parent
STEPS = ("generate", "classify", "instance_input_first", "instance_output_first")
EIGHT = [f"Task {number} of the list" for number in range(11, 19)]


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_step_has_a_prompt_in_both_languages(name: str, language: str) -> None:
    assert (name, language) in prompt_names()
    assert (f"{name}_json", language) in prompt_names()


def test_version_is_the_hash_of_both_files() -> None:
    text = (FOLDER / "classify.zh.v2.txt").read_bytes()
    shown = (FOLDER / "classify.zh.v2.jsonl").read_bytes()
    digest = hashlib.blake2b(text + b"\0" + shown, digest_size=4).hexdigest()
    assert prompt("classify", "zh").version == f"classify.v2@{digest}"


def test_generate_shows_a_numbered_list_and_asks_to_go_on() -> None:
    system, user = prompt("generate", "en").render(examples=EIGHT, first=9, last=15)
    assert (system.role, user.role) == ("system", "user")
    block = re.search(r"^<data>\n(.*)\n</data>$", user.content, re.DOTALL | re.MULTILINE)
    assert block
    assert block[1].split("\n") == [f"{n}. {text}" for n, text in enumerate(EIGHT, 1)]
    assert "numbered 9 to 15" in user.content


def test_line_breaks_of_an_example_cannot_start_a_number() -> None:
    texts = ["first\n9. second", "第一\u2028 9. 第二\x859、 third\r\n9) fourth"]
    user = prompt("generate", "en").render(examples=texts, first=3, last=4)[-1].content
    block = user.split("<data>\n")[1].split("\n</data>")[0]
    assert len(block.splitlines()) == 2


def test_demonstrations_alternate_and_end_with_the_question() -> None:
    made = prompt("classify", "en").render(instruction="Count the words.")
    assert [one.role for one in made] == ["system", *["user", "assistant"] * 6, "user"]
    assert {one.content for one in made if one.role == "assistant"} == {"Yes", "No"}
    assert "Count the words." in made[-1].content


@pytest.mark.parametrize("language", ["en", "zh"])
def test_demonstrations_read_as_the_replies_they_teach(language: str) -> None:
    """The parsers of the loop find in each demonstration what a person finds in it."""
    for shown in prompt("classify", language).demonstrations:
        assert parse.verdict(shown.reply) is (shown.reply in ("Yes", "是"))
    counts = [
        len(instances.input_first(one.reply, "stop"))
        for one in _shown("instance_input_first", language)
    ]
    assert counts == [2, 1, 1]
    counts = [
        len(instances.output_first(one.reply, "stop"))
        for one in _shown("instance_output_first", language)
    ]
    assert counts == [2, 1]
    for name in ("instance_input_first", "instance_output_first"):
        plain = instances.input_first if "input_first" in name else instances.output_first
        for one, as_json in zip(
            _shown(name, language), _shown(f"{name}_json", language), strict=True
        ):
            assert instances.structured(as_json.reply, "stop") == plain(one.reply, "stop")


def _shown(name: str, language: str):
    return prompt(name, language).demonstrations


def test_demonstrations_are_near_to_no_seed() -> None:
    from corpusforge.instruct import seeds
    from corpusforge.instruct.novelty import Gate
    from corpusforge.instruct.profile import profile

    for language in seeds.BUILTIN:
        gate = Gate(profile(language))
        for task in seeds.load(language):
            gate.add(task.id, task.instruction)
        for name in STEPS:
            for one in _shown(name, language):
                assert gate.judge(str(one.values["instruction"])).accepted


def test_a_forgotten_or_unknown_value_is_named() -> None:
    with pytest.raises(
        InputError, match=r"got values \[exampels, first, last\]; it needs \[examples,"
    ):
        prompt("generate", "en").render(exampels=[], first=1, last=2)


def test_an_unknown_prompt_names_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'generate"):
        prompt("generat", "en")
    with pytest.raises(InputError, match="no prompt 'generate' in 'fr'"):
        prompt("generate", "fr")


def test_values_are_not_searched_for_placeholders() -> None:
    made = prompt("instance_input_first", "en").render(instruction="say {{count}} {{tag}}", count=3)
    assert "say {{count}} {{tag}}" in made[-1].content


def test_defuse_leaves_ordinary_text_alone() -> None:
    for text in ("a < b | c > d", "if x <s and s> y", "<b>bold</b>", "xs |> map f <| 3", "[INSTALL]",
                 "表格<br>换行", "price: $20. 16.5 kg", "<p>1</p>\n\t- item"):  # fmt: skip
        assert defuse(text) == text


def test_defuse_makes_line_ends_plain_and_control_characters_visible() -> None:
    assert defuse("a\r\nb\rc\x00\x1b[2J\ud800") == "a\nb\nc\ufffd\ufffd[2J\ufffd"
