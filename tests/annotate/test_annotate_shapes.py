"""Preference rows as they are published, read by `--source auto`: prompt, answers, order, shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from corpusforge.annotate.imports.sources import read_source
from corpusforge.annotate.records import Refused

Q, GOOD, BAD, THIRD = "Which bird swims?", "The penguin.", "The robin.", "The duck."


def user(text: str = Q) -> dict[str, str]:
    return {"role": "user", "content": text}


def bot(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def said(who: str, text: str) -> dict[str, str]:
    return {"from": who, "value": text}


ORDER = [[GOOD], [BAD]]
TIE = [[BAD, GOOD]]
READ: list[tuple[str, dict[str, Any], list[list[str]]]] = [
    ("auto-chosen", {"prompt": Q, "chosen": GOOD, "rejected": BAD}, ORDER),
    ("auto-chosen", {"prompt": [user()], "chosen": [bot(GOOD)], "rejected": [bot(BAD)]}, ORDER),
    ("auto-chosen", {"chosen": [user(), bot(GOOD)], "rejected": [user(), bot(BAD)]}, ORDER),
    ("auto-chosen", {"prompt": Q, "chosen": [user(), bot(GOOD)], "rejected": [user(), bot(BAD)]}, ORDER),
    ("auto-chosen", {"messages": [user()], "chosen": bot(GOOD), "rejected": bot(BAD)}, ORDER),
    ("auto-chosen", {"conversations": [said("human", Q)], "chosen": said("gpt", GOOD),
                     "rejected": said("gpt", BAD)}, ORDER),
    ("auto-chosen", {"question": Q, "chosen": GOOD, "rejected": BAD}, ORDER),
    ("auto-arena", {"conversation_a": [user(), bot(BAD)], "conversation_b": [user(), bot(GOOD)],
                    "winner": "model_b"}, ORDER),
    ("auto-arena", {"prompt": Q, "response_a": GOOD, "response_b": BAD, "winner": "tie (bothbad)"}, TIE),
    ("auto-helpsteer", {"context": [user()], "response1": BAD, "response2": GOOD,
                        "overall_preference": 3}, ORDER),
    ("auto-helpsteer", {"prompt": Q, "response1": GOOD, "response2": BAD, "overall_preference": 0}, TIE),
    ("auto-pku", {"prompt": Q, "response_0": BAD, "response_1": GOOD, "better_response_id": 1}, ORDER),
    ("auto-shp", {"history": Q, "human_ref_A": BAD, "human_ref_B": GOOD, "labels": 0}, ORDER),
    ("auto-nectar", {"prompt": Q, "answers": [{"answer": BAD, "rank": 3.0}, {"answer": GOOD, "rank": 1.0},
                                              {"answer": THIRD, "rank": 2.0}]}, [[GOOD], [THIRD], [BAD]]),
    ("auto-nemo_rl", {"context": [user()], "completions": [{"rank": 0, "completion": [bot(GOOD)]},
                                                           {"rank": 1, "completion": [bot(BAD)]}]}, ORDER),
    ("auto-distilabel", {"instruction": Q, "generations": [GOOD, BAD, THIRD], "ratings": [5, 1, None],
                         "generation_models": ["a", "b", "c"]}, ORDER),
    ("auto-summaries", {"info": {"post": Q}, "summaries": [{"text": BAD}, {"text": GOOD}], "choice": 1},
     ORDER),
    ("hh", {"chosen": f"\n\nHuman: {Q}\n\nAssistant: {GOOD}",
            "rejected": f"\n\nHuman: {Q}\n\nAssistant: {BAD}"}, ORDER),
    ("hh", {"chosen": f"\r\n\r\nHuman: {Q}\r\n\r\nAssistant: {GOOD}",
            "rejected": f"\r\n\r\nHuman: {Q}\r\n\r\nAssistant: {BAD}"}, ORDER),
    ("hh", {"chosen": f"Be kind.\n\nHuman: {Q}\n\nAssistant: {GOOD}",
            "rejected": f"Be kind.\n\nHuman: {Q}\n\nAssistant: {BAD}"}, ORDER),
    ("scores", {"instruction": Q, "completions": [{"response": GOOD, "score": "5"},
                {"response": THIRD, "score": "N/A"}, {"response": BAD, "score": "2"}]}, ORDER),
    ("pairs-label", {"instruction": Q, "response1": BAD, "response2": GOOD, "label": 2}, ORDER),
]  # fmt: skip


def read(path: Path, row: dict[str, Any], kind: str = "auto") -> Any:
    path.write_text(json.dumps(row) + "\n", "utf-8")
    (found,) = read_source(kind, [str(path)], "job")
    return found


@pytest.mark.parametrize(("shape", "row", "order"), READ, ids=lambda value: json.dumps(value)[:60])
def test_a_published_shape_is_read(
    tmp_path: Path, shape: str, row: dict[str, Any], order: list[list[str]]
) -> None:
    task, ranking = read(tmp_path / "p.jsonl", row)
    texts = {one.id: one.text for one in task.candidates}
    assert task.prompt.messages[-1].content == Q
    assert task.prompt.messages[-1].role == "user"
    assert [sorted(texts[one] for one in tier) for tier in ranking.tiers] == [
        sorted(t) for t in order
    ]
    assert ranking.tool == shape


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": Q, "chosen": GOOD, "rejected": GOOD}, "the same"),
        ({"chosen": GOOD, "rejected": BAD}, "the prompt is not understood"),
        ({"chosen": [user(), bot(GOOD)], "rejected": [user("Else?"), bot(BAD)]}, "share no turn"),
        (
            {"prompt": Q, "chosen": [bot(GOOD), user(), bot(GOOD)], "rejected": bot(BAD)},
            "not one answer",
        ),
        ({"prompt": Q, "response_a": GOOD, "response_b": BAD, "winner": "maybe"}, "maybe"),
        ({"title": "x", "body": "y"}, "the row has title, body"),
        ({"instruction": Q, "generations": [GOOD, BAD], "ratings": [5, None]}, "fewer than two"),
        ({"prompt": Q, "chosen": GOOD, "rejected": ""}, "empty"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_is_not_understood_is_refused_in_words(
    tmp_path: Path, row: dict[str, Any], words: str
) -> None:
    found = read(tmp_path / "p.jsonl", row)
    assert isinstance(found, Refused)
    assert words in found.value
