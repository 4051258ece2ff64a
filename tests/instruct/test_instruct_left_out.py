"""Parameters that a server refused stand in the sampling of every row and in run.json."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cot_kit
import pytest
from kinds_kit import ALL_REPLIES, Script
from test_instruct_evolve import grow
from test_instruct_evolve import seeds as evol_seeds

from corpusforge.instruct import run as loop
from corpusforge.instruct.constitution import run as critique
from corpusforge.instruct.constitution.settings import Settings as CritiqueSettings
from corpusforge.instruct.cot import run as cot
from corpusforge.instruct.cot.settings import Settings as CotSettings
from corpusforge.instruct.evolve import run as evol
from corpusforge.instruct.evolve.settings import Settings as EvolSettings
from corpusforge.instruct.kinds import run as kinds
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.session import Job, run
from corpusforge.instruct.settings import defaults as loop_defaults
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request


class Refusing(Script):
    """A server that refuses a parameter of each step: named after the step, so that steps are told apart."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        purposes = {request.key: request.purpose for request in requests}
        for one in super().complete(requests):
            yield replace(one, left_out="no_" + purposes[one.key].rsplit(".", 1)[-1])


TASK = "Name a bird of the northern forests."


def loop_reply(request: Request) -> str:
    """A list of one task, or a row of its own."""
    number = re.search(r"numbered (\d+)|### (\d+)\s*\Z", request.messages[-1].content)
    if request.purpose == "instruct.instance":
        return "Example 1\nOutput: A siskin."
    if request.purpose == "instruct.triple":
        return f"Instruction: {TASK}\nInput: <noinput>\nOutput: A siskin."
    return f"{number[1] if number else 9}. {TASK}"


REPLIES = {
    **ALL_REPLIES,
    **dict.fromkeys(("generate", "instance", "triple"), loop_reply),
    "evol": grow,
    "sample": lambda request: "Then I look at the boxes.\nThe answer is 3.",
    "hint": lambda request: "3 * 6 = 18.\n18 - 4 = 14.\nThe answer is 14.",
}


def job_of(name: str, folder: Path) -> Job:
    """The job of a method, its files in `folder`."""
    if name == "critique":
        return critique.job(CritiqueSettings(languages=("en",), each=6, fresh=True))
    if name == "evol":
        return evol.job(EvolSettings(rows=(evol_seeds(folder, TASK),), rounds=1))
    if name in {"self_instruct", "alpaca"}:
        return loop.job(replace(loop_defaults(name), languages=("en",), prompts=1, max_rounds=1))
    if name == "cot":
        asked = cot_kit.write(folder / "q.jsonl", cot_kit.EGGS)
        return cot.job(CotSettings(questions=(asked,), samples=1, temperatures=(0.7,)))
    ground = ""
    if name == "grounded":
        text = "The old lighthouse was built in 1821. Its keeper counted birds every day. " * 8
        ground = cot_kit.write(folder / "d.jsonl", {"id": "d1", "text": text})
    return kinds.job(Settings(kinds=(name,), languages=("en",), each=6, ground=ground))


def play(directory: Path, name: str, engine: Script) -> dict[str, Any]:
    directory.mkdir(exist_ok=True)
    with Client(engine, directory / "journal.jsonl") as client:
        run(job_of(name, directory.parent), str(directory), client, formats=("messages",))
    made: dict[str, Any] = json.loads((directory / "run.json").read_text("utf-8"))
    return made


def sampling(directory: Path) -> list[dict[str, str]]:
    rows = [json.loads(line) for line in (directory / "rows.jsonl").read_text("utf-8").splitlines()]
    assert rows
    return [
        dict(part.split(": ", 1) for part in row["lineage"]["sampling"].split("; ")) for row in rows
    ]


STEPS = {
    "clarify": {"write": "no_write", "answer": "no_answer"},
    "admit": {"write": "no_write", "answer": "no_answer"},
    "dialogue": {"write": "no_user", "answer": "no_answer"},
    "grounded": {"write": "no_write"},
    "critique": {"first": "no_first", "critique": "no_critique"},
    "evol": {"write": "no_write", "answer": "no_answer"},
    "self_instruct": {"generate": "no_generate", "instances": "no_instance"},
    "alpaca": {"generate": "no_triple"},
    "cot": {"hint": "no_hint"},
}
"""By method: the steps of a row's sampling, and what was refused in each."""


@pytest.mark.parametrize("name", STEPS)
def test_what_a_server_refused_is_told(name: str, tmp_path: Path) -> None:
    told = play(tmp_path / "a", name, Refusing(REPLIES))
    for steps in sampling(tmp_path / "a"):
        for step, refused in STEPS[name].items():
            assert steps[step].endswith(f" left_out={refused}"), (step, steps)
    assert {name for names in told["left_out"].values() for name in names} >= set(
        STEPS[name].values()
    )
    again = play(tmp_path / "a", name, Refusing(REPLIES))  # the same directory goes on
    assert again == told


@pytest.mark.parametrize("name", STEPS)
def test_where_nothing_was_refused_nothing_is_told(name: str, tmp_path: Path) -> None:
    told = play(tmp_path / "a", name, Script(REPLIES))
    assert "left_out" not in told
    for steps in sampling(tmp_path / "a"):
        assert steps.keys() >= STEPS[name].keys()  # every step of a row is named all the same
        assert not any("left_out" in text for text in steps.values())
