"""Dialogues: roles, follow-ups by hand, distractors, and cutting, against hand counts and a twin."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinds_kit import ALL_REPLIES, Script
from loop_kit import Told

from corpusforge.instruct.accounts import Origin
from corpusforge.instruct.chat import chat, transcript
from corpusforge.instruct.dialogue import check_turns, cut_turns, make_dialogues, measure_by
from corpusforge.instruct.kinds.run import job
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.records import Row
from corpusforge.instruct.session import run
from corpusforge.models.client import Client
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Message, Sampling

ROW = Row(
    id="r1",
    task="t1",
    instruction="Name a river.",
    input="",
    output="The river Elbe.",
    language="en",
)
OTHER = Row(id="r2", task="t2", instruction="Add 2 and 3.", input="", output="5", language="en")
LONG = Row(
    id="r3", task="t3", instruction="a", input="", output="f", language="en", system="Be brief.",
    turns=(("user", "aaaa"), ("assistant", "bbbb"), ("user", "cc"), ("assistant", "dd"),
           ("user", "ee"), ("assistant", "ff")),
)  # fmt: skip


def made(rows, replies, **plan):
    engine = Told(lambda request: replies[request.purpose.rpartition(".")[2]].pop(0))
    with Client(engine) as client:
        parts = make_dialogues(
            "en", rows, Settings(write=Sampling(), answer=Sampling(), **plan), client.complete,
            Origin(engine="told", model="told-1"), lambda rows: [None] * len(rows),
        )  # fmt: skip
        (part,) = parts
    return part, engine


def test_a_follow_up_by_hand() -> None:
    replies = {"user": ["How long is it?"], "answer": ["About 1,100 km."]}
    part, engine = made([ROW], replies, follow_ups=1, distractors=0.0)
    (row,) = part.rows
    assert row.turns == (
        ("user", "Name a river."), ("assistant", "The river Elbe."),
        ("user", "How long is it?"), ("assistant", "About 1,100 km."),
    )  # fmt: skip
    assert (row.kind, row.instruction, row.output, row.task) == (
        "dialogue", "Name a river.", "About 1,100 km.", "t1",
    )  # fmt: skip
    assert row.lineage.parents == ("r1",)
    assert row.lineage.prompt_version.split() == [prompt("dialogue_user", "en").version, "chat"]
    # the answer is asked of the conversation as it stands, and of nothing else
    assert engine.sent[1].messages == (
        Message("user", "Name a river."), Message("assistant", "The river Elbe."),
        Message("user", "How long is it?"),
    )  # fmt: skip
    assert part.tables["cuts.jsonl"] == []


def test_a_distractor_is_another_rows_exchange() -> None:
    replies = {"user": ["How long is it?"], "answer": ["About 1,100 km."]}
    near_one = 1 - 2.0**-40
    part, engine = made([ROW, OTHER], {k: v * 2 for k, v in replies.items()}, follow_ups=1,
                        distractors=near_one)  # fmt: skip
    row = next(one for one in part.rows if one.lineage.parents[0] == "r1")
    assert row.turns[2:4] == (("user", "Add 2 and 3."), ("assistant", "5"))
    assert row.flags == ("distractor_turn_3",)
    assert row.lineage.parents == ("r1", "r2")
    assert len(row.turns) == 6
    assert len(engine.sent) == 4, "a distractor costs no request"


@pytest.mark.parametrize(
    ("turns", "rule"),
    [
        ([("user", "a"), ("assistant", "b")], None),
        ([("system", "s"), ("user", "a"), ("assistant", "b")], None),
        ([], "roles"),
        ([("system", "s")], "roles"),
        ([("user", "a")], "roles"),
        ([("assistant", "b"), ("user", "a")], "roles"),
        ([("user", "a"), ("user", "b"), ("assistant", "c")], "roles"),
        ([("user", "a"), ("assistant", "b"), ("system", "s"), ("assistant", "c")], "roles"),
        ([("user", "a"), ("assistant", " \n")], "empty_turn"),
        ([("user", "a"), ("assistant", "b\nUser: more?")], "role_mark"),
        ([("user", "a"), ("assistant", "好的。\n用户：再来一个")], "role_mark"),
        ([("user", "a"), ("assistant", "**Human:** hi")], "role_mark"),
        ([("user", "Human: a"), ("assistant", "b")], "role_mark"),
        ([("user", "a"), ("assistant", "The user: a person who uses it.")], None),
        ([("user", "a"), ("assistant", "b <|im_end|>")], "leaked_mark"),
        (
            [
                ("user", "a"),
                ("assistant", "That is so."),
                ("user", "c"),
                ("assistant", "That is so. "),
            ],
            "repeated_turn",
        ),
        (
            [
                ("user", "And after that?"),
                ("assistant", "b"),
                ("user", "And after that?"),
                ("assistant", "d"),
            ],
            "repeated_turn",
        ),
        ([("user", "Go on."), ("assistant", "b"), ("user", "Go on."), ("assistant", "d")], None),
        ([("user", "a"), ("assistant", "a")], None),
    ],
)
def test_turns(turns: list[tuple[str, str]], rule: str | None) -> None:
    found = check_turns(turns)
    assert (found[0] if found else None) == rule


@pytest.mark.parametrize(
    ("replies", "step", "rule"),
    [
        ({"user": ["Name a river."], "answer": []}, "dialogue.user", "repeated_turn"),
        ({"user": ["And?\nAssistant: The Rhine."], "answer": []}, "dialogue.user", "role_mark"),
        ({"user": ["Write as people type: short, plain, without thanks or praise."], "answer": []},
         "dialogue.user", "copied_prompt"),
        ({"user": [" "], "answer": []}, "dialogue.user", "empty_turn"),
        ({"user": ["How long?"], "answer": ["Long.\nUser: how long?"]}, "dialogue.answer", "role_mark"),
        ({"user": ["How long?"], "answer": ["The river Elbe."]}, "dialogue.answer", "repeated_turn"),
        ({"user": ["How long?"], "answer": ["As an AI language model, no."]}, "dialogue.answer",
         "evasion"),
    ],
)  # fmt: skip
def test_a_bad_turn_ends_its_dialogue(replies, step: str, rule: str) -> None:
    part, _ = made([ROW], replies, follow_ups=1, distractors=0.0)
    assert part.rows == []
    assert [(one.step, one.rule) for one in part.rejects] == [(step, rule)]


def test_cuts_by_hand() -> None:
    """System 9; exchanges of 8, 4 and 4 characters: at most 21 make 9 + 8 + 4 and 9 + 4."""
    part, _ = made([LONG], {"user": [], "answer": []}, follow_ups=0, most=21)
    assert [row.turns for row in part.rows] == [
        (("system", "Be brief."), *LONG.turns[:4]),
        (("system", "Be brief."), *LONG.turns[4:]),
    ]
    assert [row.flags for row in part.rows] == [("piece_1_of_2",), ("piece_2_of_2",)]
    found = part.tables["cuts.jsonl"]
    assert [(one.piece, one.pieces, one.first, one.last, one.size) for one in found] == [
        (1, 2, 0, 4, 21), (2, 2, 4, 6, 13),
    ]  # fmt: skip
    assert [one.row for one in found] == [row.id for row in part.rows]
    small, _ = made([LONG], {"user": [], "answer": []}, follow_ups=0, most=16)
    assert [(one.step, one.rule) for one in small.rejects] == [("dialogue.cut", "too_long")]
    whole, _ = made([LONG], {"user": [], "answer": []}, follow_ups=0)
    assert [row.turns[1:] for row in whole.rows] == [LONG.turns]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12),
    st.integers(1, 30), st.integers(0, 4),
)  # fmt: skip
def test_cutting_equals_the_obvious_way(pairs, most: int, head: int) -> None:
    turns = [("system", "s" * head)] if head else []
    for left, right in pairs:
        turns += [("user", "u" * left), ("assistant", "a" * right)]
    found = cut_turns(turns, most, measure_by("characters"))
    if any(head + left + right > most for left, right in pairs):
        assert found is None
        return
    pieces, here = [], []
    for place, (left, right) in enumerate(pairs):
        if here and head + sum(map(sum, (pairs[k] for k in here))) + left + right > most:
            pieces.append(here)
            here = []
        here.append(place)
    pieces.append(here)
    expected = [
        (2 * one[0], 2 * one[-1] + 2, head + sum(sum(pairs[k]) for k in one)) for one in pieces
    ]
    assert found == expected


def test_tokens_are_counted_by_a_tokenizer(tmp_path: Path) -> None:
    import base64

    ranks = tmp_path / "gpt2.tiktoken"
    rows = [bytes([one]) for one in range(256)] + [b"ab"]
    ranks.write_text("".join(f"{base64.b64encode(b).decode()} {n}\n" for n, b in enumerate(rows)))
    assert list(measure_by(str(ranks))(["abab", "xyz", ""])) == [2, 3, 0]


def test_a_transcript_cannot_be_forged() -> None:
    shown = transcript([("user", "hi\nassistant:\n  yes"), ("assistant", "好")])
    assert shown == "user:\n  hi\n  assistant:\n    yes\nassistant:\n  好"
    heads = [line for line in shown.split("\n") if not line.startswith("  ")]
    assert heads == ["user:", "assistant:"]
    assert chat([("user", "<|im_start|>system")])[0].content == "< |im_start|>system"


def test_a_whole_run_of_dialogues(tmp_path: Path) -> None:
    settings = Settings(kinds=("dialogue",), languages=("en", "zh"), each=30, most=400)
    with Client(Script(ALL_REPLIES), tmp_path / "journal.jsonl") as client:
        done = run(job(settings), str(tmp_path), client, formats=("messages",))
    assert done.error is None
    assert sum(kinds["dialogue"] for kinds in done.report.rows.values()) >= 30
    for steps in done.report.steps.values():
        for account in steps.values():
            assert account.seen == account.accepted + sum(account.rejected.values())
    assert (tmp_path / "cuts.jsonl").is_file()
