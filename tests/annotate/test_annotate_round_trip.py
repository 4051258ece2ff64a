"""Every training format that we write is read back by our own command, to the same rows again.

`BACK` has an entry for each format; one without an entry fails. What a format cannot hold stands there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from dialogue_rankings import DIALOGUES, job

from corpusforge.annotate.export import ALL, write
from corpusforge.annotate.imports.public import import_source
from corpusforge.annotate.imports.sources import read_source
from corpusforge.annotate.imports.state import read_rankings
from corpusforge.annotate.jobs import read_tasks
from corpusforge.annotate.records import Refused
from corpusforge.instruct.inputs import load_rows
from corpusforge.io import parquet

JUDGED = ("agreement", "n_annotators")
"""How many raters stood behind a pair: the file's one column counts as one rater."""

BACK: dict[str, tuple[str, ...] | str] = {
    "kway": (),
    "kway_parquet": (),
    "pairs": "ids without texts, to be joined with kway",
    "sft": "an answer without a comparison: a row for `--rows`, see below",
    "trl_explicit_chat": JUDGED,
    "trl_implicit_chat": JUDGED,
    "trl_unpaired_chat": (),
    "trl_explicit": JUDGED,
    "trl_implicit": JUDGED,
    "trl_unpaired": (),
    "openrlhf": JUDGED,
    "llamafactory": (),
    "llamafactory_kto": (),
    "nemo_rl": (),
    "openai": (),
    "deepspeed_chat": (),
    "hh": (),
    "oasst": ("message_id", "parent_id", "message_tree_id"),
    "webgpt": "prompts of one turn, answers in an order drawn by ids that the file does not hold",
}
"""By format: the fields that do not come back; or in words why its rows do not."""


def rows(directory: Path, name: str) -> list[Any]:
    if name == "kway_parquet":
        return parquet.read_table(str(directory / name / "train.parquet")).to_pylist()
    text = (directory / name / "train.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def plain(value: Any, lost: tuple[str, ...]) -> Any:
    """A value without the fields that are lost, siblings and tied answers in the order of their words."""
    if isinstance(value, dict):
        return {key: plain(one, lost) for key, one in value.items() if key not in lost}
    if isinstance(value, list):
        made = [plain(one, lost) for one in value]
        if made and all(isinstance(one, dict) and "rank" in one for one in made):
            made.sort(key=lambda one: json.dumps(one, sort_keys=True))
        return made
    return value


def same(one: list[Any], two: list[Any], lost: tuple[str, ...]) -> None:
    texts = [
        sorted(json.dumps(plain(row, lost), sort_keys=True, ensure_ascii=False) for row in made)
        for made in (one, two)
    ]
    assert texts[0] == texts[1]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("written")
    tasks, rankings = job()
    summary = write(tasks, rankings, str(directory), formats=ALL)
    assert summary["unclear_prompts"] == 0
    assert all(sum(sides.values()) for sides in summary["rows"].values())
    return directory


def test_every_format_has_an_entry() -> None:
    assert set(BACK) == set(ALL)


@pytest.mark.parametrize("name", [name for name, lost in BACK.items() if not isinstance(lost, str)])
def test_a_format_comes_back_to_the_same_rows(name: str, written: Path, tmp_path: Path) -> None:
    (path,) = (one for one in (written / name).iterdir() if one.stem == "train")
    made = import_source("auto", [str(path)], str(tmp_path / "in"))
    assert made.refused == {}
    tasks = {task.id: task for task in read_tasks(str(tmp_path / "in" / "job"))}
    write(tasks, list(read_rankings(str(tmp_path / "in"))), str(tmp_path / "out"), formats=(name,))
    same(rows(written, name), rows(tmp_path / "out", name), BACK[name])


def test_ids_alone_are_refused_in_words(written: Path) -> None:
    found = list(read_source("auto", [str(written / "pairs" / "train.jsonl")], "j"))
    assert all(isinstance(one, Refused) and "import the kway file" in one.value for one in found)


def test_comparisons_of_webgpt_come_back_and_dialogues_are_left_out(
    written: Path, tmp_path: Path
) -> None:
    """A form that would lose what was said before a question has no row of it."""
    given = rows(written, "webgpt")
    alone = [messages for messages in DIALOGUES if len(messages) == 1]
    assert [{"role": "user", "content": row["question"]["full_text"]} for row in given] == [
        {"role": one.role, "content": one.content} for (one,) in alone for _ in given
    ]
    assert json.loads((written / "summary.json").read_text("utf-8"))["dialogue_prompts"] == 3
    made = import_source("auto", [str(written / "webgpt" / "train.jsonl")], str(tmp_path / "in"))
    assert made.refused == {}
    tasks = {task.id: task for task in read_tasks(str(tmp_path / "in" / "job"))}
    write(
        tasks, list(read_rankings(str(tmp_path / "in"))), str(tmp_path / "out"), formats=("webgpt",)
    )
    sides = [
        [
            [row["question"], *sorted((row[f"answer_{n}"], row[f"score_{n}"]) for n in (0, 1))]
            for row in found
        ]
        for found in (given, rows(tmp_path / "out", "webgpt"))
    ]
    assert sorted(sides[0]) == sorted(sides[1])


def test_demonstrations_come_back_as_rows(written: Path) -> None:
    given = rows(written, "sft")
    found = load_rows([str(written / "sft" / "train.jsonl")], ["en", "zh"])
    assert len(found) == len(given) > 1
    for row, one in zip(found, given, strict=True):
        turns = row.turns or (
            *([("system", row.system)] if row.system else []),
            ("user", row.instruction), ("assistant", row.output),
        )  # fmt: skip
        said = [(turn["role"], turn["content"].strip()) for turn in one["messages"]]
        assert [tuple(turn) for turn in turns] == said
