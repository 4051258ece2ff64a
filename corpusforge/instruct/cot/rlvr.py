"""Questions with a gold answer, as reinforcement learning with verifiable rewards (RLVR) reads them.

One table (question, gold, kind, source, pass rate) in the words of four trainers: verl, open-instruct,
TRL's GRPO and OpenRLHF. Only what a rule can check is written: no code, since each trainer runs tests in
a way of its own, and no question that no sample answered, since its pass rate is not known. Limit: the
reward function that finds an answer in a reply is the trainer's; `ask` tells the policy its form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct.cot.answers import read
from corpusforge.instruct.cot.records import Question, Vote
from corpusforge.instruct.cot.steps import shown
from corpusforge.instruct.export.settings import Settings
from corpusforge.instruct.export.split import groups
from corpusforge.instruct.export.written import Written
from corpusforge.instruct.records import Row
from corpusforge.io import files, parquet
from corpusforge.io.jsonl import write_jsonl

__all__ = ["SHAPES", "VERL", "Verifiable", "verifiable", "write_rlvr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifiable:
    """One row of the table. `question` holds its options; `gold` is the answer as the file has it, of a
    choice its letter.

    `kind`: number, choice, yesno, text. `pass_rate` is right samples / `samples`, hints not counted.
    """

    id: str
    question: str
    gold: str
    kind: str
    language: str
    source: str
    pass_rate: float
    samples: int


def verifiable(
    questions: Sequence[Question], votes: Sequence[Vote]
) -> tuple[list[Verifiable], int]:
    """Return the rows of the questions that a rule can check, in order, and how many are left out."""
    asked = {one.question: one for one in votes}
    made = [
        Verifiable(
            id=one.id, question=shown(one), gold=_gold(one), kind=one.kind, language=one.language,
            source=one.source, pass_rate=asked[one.id].right / asked[one.id].samples,
            samples=asked[one.id].samples,
        )
        for one in questions
        if one.answer and one.kind != "code" and one.id in asked and asked[one.id].samples
    ]  # fmt: skip
    return made, len(questions) - len(made)


def _gold(question: Question) -> str:
    if question.kind != "choice":
        return question.answer
    found = read(question.answer, question.kind, question.choices)
    return found.label if found else question.answer


def _chat(row: Verifiable, settings: Settings) -> list[dict[str, str]]:
    text = f"{row.question}\n\n{settings.ask}" if settings.ask else row.question
    return [{"role": "user", "content": text}]


def _about(row: Verifiable) -> dict[str, Any]:
    """What a reward function or a filter by difficulty may want beside prompt and gold answer."""
    return {name: value for name, value in asdict(row).items() if name not in {"question", "gold"}}


def _data_source(row: Verifiable, settings: Settings) -> str:
    return settings.data_source or row.source.rsplit(":", 1)[0]


def verl(row: Verifiable, settings: Settings, split: str, index: int) -> dict[str, Any]:
    """Return verl's row; `data_source` picks its reward function."""
    return {
        "data_source": _data_source(row, settings),
        "prompt": _chat(row, settings),
        "ability": "math" if row.kind == "number" else "qa",
        "reward_model": {"style": "rule", "ground_truth": row.gold},
        "extra_info": {"split": split, "index": index, **_about(row)},
    }


def open_instruct(row: Verifiable, settings: Settings, split: str, index: int) -> dict[str, Any]:
    """Return open-instruct's row; `dataset` names the verifier: math, or string_matcher, which reads
    the answer between <answer> and </answer>."""
    verifier = "math" if row.kind == "number" else "string_matcher"
    return {"messages": _chat(row, settings), "ground_truth": row.gold, "dataset": verifier,
            **_about(row)}  # fmt: skip


def trl(row: Verifiable, settings: Settings, split: str, index: int) -> dict[str, Any]:
    """Return TRL's prompt-only row; further columns go to the reward function.

    `solution` is what its `accuracy_reward` parses: mathematics stands between dollar signs.
    """
    bare = row.kind != "number" or "$" in row.gold
    return {"prompt": _chat(row, settings), "solution": row.gold if bare else f"${row.gold}$",
            **_about(row)}  # fmt: skip


def openrlhf(row: Verifiable, settings: Settings, split: str, index: int) -> dict[str, Any]:
    """Return OpenRLHF's row for `--input_key input --label_key label --apply_chat_template`."""
    return {"input": _chat(row, settings), "label": row.gold,
            "datasource": _data_source(row, settings), **_about(row)}  # fmt: skip


SHAPES: dict[str, Callable[[Verifiable, Settings, str, int], dict[str, Any]]] = {
    "verl": verl,
    "open_instruct": open_instruct,
    "trl": trl,
    "openrlhf": openrlhf,
}
"""A row of the table in each trainer's words; verl's file is Parquet, the others are JSON lines."""

_TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
_ABOUT: list[tuple[str, pa.DataType]] = [
    ("id", pa.string()), ("kind", pa.string()), ("language", pa.string()), ("source", pa.string()),
    ("pass_rate", pa.float64()), ("samples", pa.int64()),
]  # fmt: skip
VERL = pa.schema(
    [
        ("data_source", pa.string()),
        ("prompt", pa.list_(_TURN)),
        ("ability", pa.string()),
        ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
        ("extra_info", pa.struct([("split", pa.string()), ("index", pa.int64()), *_ABOUT])),
    ]
)
"""verl's Parquet file."""


def _divided(
    table: Sequence[Verifiable], parts: Mapping[str, Sequence[Row]], settings: Settings
) -> dict[str, list[Verifiable]]:
    """Put each question where its rows are; one without rows where its near copies are, else by draw."""
    side = {row.task: split for split, rows in parts.items() for row in rows}
    stand_ins = [
        Row(id=one.id, task=one.id, instruction=one.question, input="", output=one.gold,
            language=one.language)
        for one in table
    ]  # fmt: skip
    names = groups(stand_ins) if "validation" in parts else [one.id for one in table]
    near: dict[str, str] = {}
    for one, name in zip(table, names, strict=True):
        if one.id in side:
            near[name] = max(near.get(name, ""), side[one.id])  # "train" < "validation"
    drawn = uniform(id_keys(names), settings.seed, "validation") < settings.validation
    found: dict[str, list[Verifiable]] = {split: [] for split in parts}
    for one, name, held in zip(table, names, drawn, strict=True):
        split = side.get(one.id) or near.get(name) or ("validation" if held else "train")
        found[split if split in found else "train"].append(one)
    return found


def write_rlvr(
    place: str,
    parts: Mapping[str, Sequence[Row]],
    settings: Settings,
    table: Sequence[Verifiable],
    left_out: int,
) -> list[Written]:
    """Write the table, and each shape of it into a directory of its name, for each split of the rows."""
    written = []
    for name in SHAPES:
        files.make_directory(files.join(place, name))
    for split, rows in _divided(table, parts, settings).items():
        out = left_out if split == "train" else 0
        path = files.join(place, f"{split}.jsonl")
        written.append(Written(path, split, write_jsonl(path, map(asdict, rows)), out))
        for name, shape in SHAPES.items():
            made = [shape(row, settings, split, index) for index, row in enumerate(rows)]
            path = files.join(place, name, f"{split}.{'parquet' if name == 'verl' else 'jsonl'}")
            count = (
                parquet.write_table(path, pa.Table.from_pylist(made, schema=VERL))
                if name == "verl"
                else write_jsonl(path, made)
            )
            written.append(Written(path, split, count, out))
    return written
