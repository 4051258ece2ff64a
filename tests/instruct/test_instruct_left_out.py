"""Parameters that a server refused stand in the sampling of every row and in run.json."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kinds_kit import ALL_REPLIES, Script

from corpusforge.instruct.constitution import run as critique
from corpusforge.instruct.constitution.settings import Settings as CritiqueSettings
from corpusforge.instruct.kinds import run as kinds
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.session import Job, run
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request


class Refusing(Script):
    """A server that refuses a parameter of each step: named after the step, so that steps are told apart."""

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        purposes = {request.key: request.purpose for request in requests}
        for one in super().complete(requests):
            yield replace(one, left_out="no_" + purposes[one.key].rsplit(".", 1)[-1])


def job_of(name: str) -> Job:
    if name == "critique":
        return critique.job(CritiqueSettings(languages=("en",), each=6, fresh=True))
    return kinds.job(Settings(kinds=(name,), languages=("en",), each=6))


def play(directory: Path, name: str, engine: Script) -> dict[str, Any]:
    directory.mkdir(exist_ok=True)
    with Client(engine, directory / "journal.jsonl") as client:
        run(job_of(name), str(directory), client, formats=("messages",))
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
    "critique": {"first": "no_first", "critique": "no_critique"},
}
"""By job: the steps of a row's sampling, and what was refused in each."""


@pytest.mark.parametrize("name", STEPS)
def test_what_a_server_refused_is_told(name: str, tmp_path: Path) -> None:
    told = play(tmp_path / "a", name, Refusing(ALL_REPLIES))
    for steps in sampling(tmp_path / "a"):
        for step, refused in STEPS[name].items():
            assert steps[step].endswith(f" left_out={refused}"), (step, steps)
    assert sorted({name for names in told["left_out"].values() for name in names}) >= sorted(
        STEPS[name].values()
    )
    again = play(tmp_path / "a", name, Refusing(ALL_REPLIES))  # the same directory goes on
    assert again == told


@pytest.mark.parametrize("name", STEPS)
def test_where_nothing_was_refused_nothing_is_told(name: str, tmp_path: Path) -> None:
    told = play(tmp_path / "a", name, Script(ALL_REPLIES))
    assert "left_out" not in told
    assert not any(
        "left_out" in text for steps in sampling(tmp_path / "a") for text in steps.values()
    )
