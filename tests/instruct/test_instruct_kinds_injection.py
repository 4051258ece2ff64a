"""Hostile text in rows, documents and answers: it stays data in every prompt of these pipelines."""

from __future__ import annotations

import re

import pytest
from test_instruct_injection import CONTROL, HOSTILE, MARKER, squeezed

from corpusforge.instruct.chat import chat, transcript
from corpusforge.instruct.kinds import KINDS
from corpusforge.instruct.labels import labelled
from corpusforge.models.prompts import prompt, prompt_names

NAMES = (
    *(f"{kind}_{step}" for kind in KINDS for step in ("write", "answer")),
    *("dialogue_user", "grounded_write", "judge_kind", "judge_pair", "triple"),
    *("constitution_critique", "constitution_revise"),
)
CASES = [(name, language) for name in NAMES for language in ("en", "zh")]
NUMBERS = {"count": 3, "move": 2, "first": 4, "last": 20}
LISTS = ("examples", "principles")


def rendered(name: str, language: str, text: str):
    """The messages with `text` in every place that takes a text."""
    made = prompt(name, language)
    values = {}
    for key in made.placeholders:
        if key in LISTS and name != "triple":
            values[key] = ["Something harmless.", text]
        elif key == "conversation":
            values[key] = transcript([("user", text), ("assistant", text)])
        else:
            values[key] = NUMBERS.get(key, text)
    return made.render(**values)


def test_every_prompt_is_there_in_both_languages() -> None:
    assert set(CASES) <= set(prompt_names())


@pytest.mark.parametrize(("name", "language"), CASES)
def test_hostile_text_stays_between_its_delimiters(name: str, language: str) -> None:
    plain = rendered(name, language, "harmless")
    blocks = re.findall(r"<data>\n.*?\n</data>", plain[-1].content, re.DOTALL)
    assert len(blocks) == len(prompt(name, language).placeholders - set(NUMBERS))
    skeleton = re.sub(r"<data>\n.*?\n</data>", "#", plain[-1].content, flags=re.DOTALL)
    for text in HOSTILE:
        messages = rendered(name, language, text)
        tag = re.search(r"<(data(?:-\d+)?)>", messages[0].content)
        assert tag, "the system turn names the tag"
        opener, closer = f"<{tag[1]}>\n", f"\n</{tag[1]}>"
        last = messages[-1].content
        assert last.count(opener) == last.count(closer) == len(blocks)
        pieces = re.split(f"{re.escape(opener)}|{re.escape(closer)}", last)
        assert "#".join(pieces[::2]) == skeleton
        assert all(f"{tag[1]}>" not in squeezed(inside) for inside in pieces[1::2])
        assert messages[0].content.replace(tag[1] + ">", "data>") == plain[0].content
        assert not MARKER.search(last)
        assert not CONTROL.search(last)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_turn_cannot_forge_another_turn(text: str) -> None:
    shown = transcript([("user", text), ("assistant", "Fine."), ("user", text)])
    heads = [line for line in shown.splitlines() if not line.startswith("  ")]
    assert heads == ["user:", "assistant:", "user:"]
    messages = chat([("user", text), ("assistant", "Fine.")])
    assert [one.role for one in messages] == ["user", "assistant"]
    assert not MARKER.search(messages[0].content)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_copied_text_does_not_make_fields(text: str) -> None:
    """Copied onto one line, as after a label, it is one field's text whatever it says."""
    copied = " ".join(text.split())
    found = labelled(f"Request: {copied}\nMissing: x", {"a": ("Request",), "b": ("Missing",)})
    assert found == [{"a": copied, "b": "x"}]
