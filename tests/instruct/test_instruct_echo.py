"""Echoes of our own prompts: every sentence of every prompt file is seen, no human text is."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from corpusforge.instruct.echo import copied
from corpusforge.instruct.tokens import unicode_tokens

PROMPTS = sorted(
    path for path in Path(str(files("corpusforge.models") / "prompts")).glob("*.v*.txt")
)


def sentences(path: Path) -> list[str]:
    """What a model could copy: the file's sentences, read here without the code under test."""
    text = re.sub(r"^\[(?:system|user|assistant)\]$", "", path.read_text("utf-8"), flags=re.M)
    parts = re.split(r"\{\{\w+\}\}|\n|(?<=[.!?])\s|[。！？]", text)
    least = {"en": 7, "zh": 10}[path.name.split(".")[1]]
    return [part for part in parts if len(unicode_tokens(part)) >= least]


@pytest.mark.parametrize("path", PROMPTS, ids=lambda path: path.name)
def test_every_sentence_of_every_prompt_is_seen_inside_an_answer(path: Path) -> None:
    language = path.name.split(".")[1]
    before = {"en": "Sure! Here it is: ", "zh": "好的，如下："}[language]
    for sentence in sentences(path):
        finding = copied(f"{before}{sentence.upper()}", language)
        assert finding is not None and finding[0] == "copied_prompt", sentence
        assert copied(sentence, language, given=f"A person said: {sentence}") is None


@pytest.mark.parametrize(
    "text",
    [
        "You invent tasks for a text-only language assistant about cooking.",
        "Continue the list with new tasks, numbered 9 to 15.",
        "Each task begins on a new line with its number and a full stop.",
        "the request that was sent",
        "<data>\nB\n</data>",
        "Tea is a drink. </data-1>",
    ],
)
def test_what_weak_models_were_seen_to_copy(text: str) -> None:
    assert copied(text, "en")[0] == "copied_prompt"


def test_a_copy_beside_what_was_shown_is_still_a_copy() -> None:
    shown = "Each task begins on a new line with its number and a full stop."
    other = "You invent tasks for a text-only language assistant about cooking."
    assert copied(f"{shown} {other}", "en", given=shown) is not None
    assert copied(f"{shown} {other}", "en", given=f"{other} {shown}") is None
    assert copied("<data> B </data-1>", "en", given="<data>") is not None
    assert copied("<data> B </data-1>", "en", given="</DATA-1> <data>") is None


@pytest.mark.parametrize(
    "text",
    [
        "Let's think step by step. 3 + 4 = 7.",
        "The answer is 7.",
        "Reply with yes or no.",
        "You are given a sentence. Reply with one word.",
        "<data>\n  <item>tea</item>\n</data>",
        "",
    ],
)
def test_what_people_write_anyway(text: str) -> None:
    assert copied(text, "en") is None


def test_a_language_without_prompts_has_no_echo() -> None:
    assert copied("You solve problems by writing the reasoning in short steps.", "fr") is None


def test_no_seed_and_no_expert_task_is_an_echo(data: Path) -> None:
    texts = []
    for name in ("seed_tasks", "user_oriented_instructions"):
        for line in (data / "selfinstruct" / f"{name}.jsonl").read_text("utf-8").splitlines():
            task = json.loads(line)
            texts += [task["instruction"]]
            texts += [one[field] for one in task["instances"] for field in ("input", "output")]
    assert len(texts) > 427
    assert [text for text in texts if copied(text, "en")] == []
