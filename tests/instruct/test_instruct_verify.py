"""Rows asked anew and judged: what counts as a result, what agrees, and what a bound lets through.

The truth is written by hand: pairs of an output and a new answer, and whether a reader would call them
the same result.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from corpusforge.errors import RecipeError
from corpusforge.instruct.accounts import Origin
from corpusforge.instruct.results import agrees, result_of
from corpusforge.instruct.run import job
from corpusforge.instruct.settings import Settings
from corpusforge.models.client import Client
from corpusforge.models.records import Request
from tests.instruct.loop_kit import Told

RAIN = "Write a line about rain with the word grey."
LISTED = "9. How many legs has a spider?\n10. Write a line about rain that has the word grey."


@pytest.mark.parametrize(
    ("instruction", "output", "reply", "same"),
    [
        ("How many letters has 'hello'?", 'The word "hello" has 5 letters.', "h-e-l-l-o\nAnswer: 5", True),
        ("How many letters has 'hello'?", 'The word "hello" has 5 letters.', "Answer: 6", False),
        ("Calculate π · 5².", "π * 5^2 = 78.54 square units.", "Answer: 78.5398", True),
        ("Calculate π · 5².", "π * 5^2 = 78.54 square units.", "Answer: 78.64", False),
        ("What is 2 to the power of 10?", "1024", "Answer: 1,024", True),
        ("What is half of 7?", "3.5", "Answer: 7/2", True),
        ("What is half of 7?", "4", "Answer: 3.5", False),
        ("Which planet is closest to the Sun?", "Mercury", "Answer: The planet Mercury.", True),
        ("Which planet is closest to the Sun?", "Venus", "Answer: Mercury", False),
        ("What is the capital of France?", "The capital of France is Paris.", "Answer: Paris", True),
        ("What is the capital of France?", "The capital of France is Lyon.", "Answer: Paris", False),
        ("Is 91 a prime number?", "No", "91 = 7 × 13\nAnswer: no", True),
        ("Is 91 a prime number?", "Yes", "91 = 7 × 13\nAnswer: no", False),
        ("一周有几天？", "7天", "答案：7", True),
        ("太阳系里最大的行星是哪一颗？", "木星", "木星最大。\n答案：木星", True),
        ("太阳系里最大的行星是哪一颗？", "土星", "答案：木星", False),
    ],
)  # fmt: skip
def test_a_new_answer_agrees_as_a_reader_would_say(
    instruction: str, output: str, reply: str, same: bool
) -> None:
    result = result_of(instruction, "", output)
    assert result is not None
    assert agrees(result, reply) is same


@pytest.mark.parametrize(
    ("instruction", "output"),
    [
        ("Suggest a name for a cat.", "Whiskers"),
        ("Write a function that sums.", "def sum_all(numbers):\n    return sum(numbers, 0)"),
        ("Write a poem about rain.", "Grey rain\nfalls down"),
        (
            "What would a pirate say of rain?",
            "Ahoy! The sky weeps for the lads who never came home again.",
        ),
        ("写一句关于雨的话。", "雨下得很大，街上没有人。"),
    ],
)
def test_free_text_has_no_result(instruction: str, output: str) -> None:
    assert result_of(instruction, "", output) is None


def told(request: Request) -> str:
    step = request.purpose
    asked = request.messages[-1].content
    if step == "instruct.generate":
        return LISTED
    if step == "instruct.instance":
        return (
            "Example 1\nOutput: 6" if "spider" in asked else "Example 1\nOutput: Grey rain falls."
        )
    if step == "instruct.consistency":
        return "Answer: 8" if request.repeat else "Answer: 6"
    return "Reason: no fault.\nScore: 5" if "Grey" in asked else "Reason: A spider has 8.\nScore: 2"


def played(tmp_path: Path, **values: object):
    settings = Settings(prompts=1, max_rounds=1, **values)
    engine = Told(told)
    with Client(engine) as client:
        (made,) = job(settings).make(client.complete, Origin(engine="told", model="m"))
    return made, engine


def test_the_share_that_agrees_is_kept_and_bounded(tmp_path: Path) -> None:
    made, engine = played(tmp_path, consistency=3, least_agreement=0.0)
    by = {one.output: one for one in made.rows}
    assert by["6"].agreement == (1, 3)
    assert by["Grey rain falls."].agreement == (0, 0)
    assert sum(one.purpose == "instruct.consistency" for one in engine.sent) == 3
    assert len({one.key for one in engine.sent}) == len(engine.sent)
    made, _ = played(tmp_path, consistency=3, least_agreement=0.34)
    assert [one.output for one in made.rows] == ["Grey rain falls."]
    (reject,) = [one for one in made.rejects if one.rule == "inconsistent"]
    assert (reject.value, reject.bound) == ("1/3", ">= 0.34")
    made, _ = played(tmp_path, consistency=3, least_agreement=1 / 3)
    assert len(made.rows) == 2  # 0.3333333333333333 is below a third


def test_a_judge_gives_a_score_a_reason_and_a_bound(tmp_path: Path) -> None:
    made, _ = played(tmp_path, judge=True, least_score=2)
    assert {one.output: one.score for one in made.rows} == {"6": 2, "Grey rain falls.": 5}
    assert {one.score_reason for one in made.rows} == {"A spider has 8.", "no fault."}
    made, _ = played(tmp_path, judge=True)
    assert [one.score for one in made.rows] == [5]
    assert [one.value for one in made.rejects if one.rule == "low_score"] == ["2"]


def test_what_new_answers_refuse_is_not_judged_and_without_both_nothing_is_asked(
    tmp_path: Path,
) -> None:
    _, engine = played(tmp_path, consistency=2, least_agreement=1.0, judge=True)
    assert sum(one.purpose == "instruct.judge" for one in engine.sent) == 1
    made, engine = played(tmp_path)
    assert {one.purpose for one in engine.sent} == {"instruct.generate", "instruct.instance"}
    assert {(one.agreement, one.score) for one in made.rows} == {((0, 0), 0)}


def test_in_json_the_judge_is_held_to_a_schema_and_read_from_its_object(tmp_path: Path) -> None:
    def structured(request: Request) -> str:
        if request.purpose == "instruct.judge":
            return '{"Reason": "A spider has 8.", "Score": 2}' if "spider" in request.messages[-1].content \
                else 'Here: {"Reason": "no fault", "Score": 5}'  # fmt: skip
        if request.purpose == "instruct.generate":
            return json.dumps({"tasks": ["How many legs has a spider?", f"1. {RAIN}"]})
        output = "6" if "spider" in request.messages[-1].content else "Grey rain falls."
        return json.dumps({"instances": [{"input": "No input needed.", "output": output}]})

    settings = Settings(prompts=1, max_rounds=1, judge=True, least_score=1, form="json")
    engine = Told(structured)
    with Client(engine) as client:
        (made,) = job(settings).make(client.complete, Origin(engine="told", model="m"))
    assert {one.output: one.score for one in made.rows} == {"6": 2, "Grey rain falls.": 5}
    assert {one.input for one in made.rows} == {""}
    assert RAIN in {one.instruction for one in made.rows}
    schemas = {one.purpose: json.loads(one.json_schema) for one in engine.sent}
    assert schemas["instruct.judge"]["properties"]["Score"]["maximum"] == 5
    assert schemas["instruct.generate"]["properties"]["tasks"]["maxItems"] == settings.asked


@pytest.mark.parametrize(
    "values",
    [{"consistency": -1}, {"least_agreement": 1.1}, {"least_score": 0}, {"least_score": 6}],
)
def test_bounds_are_checked(values: dict[str, float]) -> None:
    with pytest.raises(RecipeError, match=next(iter(values))):
        Settings(**values)
