"""Preference rows as they are published, read by `--source auto`: prompt, answers, order, shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.annotate.imports.answers import RULES
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
    ("auto-openai", {"input": {"messages": [user()], "tools": [], "parallel_tool_calls": True},
                     "preferred_output": [bot(GOOD)], "non_preferred_output": [bot(BAD)]}, ORDER),
    ("auto-chosen", {"prompt": f"Be kind.\n\nHuman: {Q}\n\nAssistant:", "chosen": f" {GOOD}",
                     "rejected": f" {BAD}"}, ORDER),
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
        ({"chosen_id": "c_1", "rejected_id": "c_2", "group_id": "p"}, "import the kway file"),
        (
            {"input": Q, "preferred_output": [bot(GOOD)], "non_preferred_output": [bot(BAD)]},
            "not_text",
        ),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_is_not_understood_is_refused_in_words(
    tmp_path: Path, row: dict[str, Any], words: str
) -> None:
    found = read(tmp_path / "p.jsonl", row)
    assert isinstance(found, Refused)
    assert words in found.value


def hh(*turns: str) -> str:
    return "".join(f"\n\n{who}: {text}" for who, text in zip(("Human", "Assistant") * 4, turns))  # noqa: B905


ENDLESS = f"{GOOD}\n\nHuman: Sure?\n\nAssistant: Yes."


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"chosen": hh(Q, GOOD), "rejected": hh(Q, BAD, "Sure?", "Yes.")}, "more_turns"),
        ({"chosen": hh(Q, GOOD), "rejected": hh(Q, GOOD, "Sure?", "Yes.")}, "more_turns"),
        ({"chosen": hh(Q, GOOD, "Why?", "So."), "rejected": hh(Q, BAD, "Why?", "So.")}, "more_turns"),
        ({"chosen": hh(Q, GOOD, "Why?"), "rejected": hh(Q, GOOD, "How?")}, "more_turns"),
        ({"prompt": Q, "chosen": ENDLESS, "rejected": BAD}, "more_turns"),
        ({"prompt": hh(Q) + "\n\nAssistant:", "chosen": f" {ENDLESS}", "rejected": f" {BAD}"}, "more_turns"),
        ({"chosen": [user(), bot(GOOD), user("Why?"), bot("So.")], "rejected": [user(), bot(BAD)]},
         "more_turns"),
        ({"chosen": [user(), bot(GOOD)], "rejected": [user(), bot(GOOD), user("Why?"), bot("So.")]},
         "more_turns"),
        ({"prompt": Q, "completion": ENDLESS, "label": True}, "more_turns"),
        ({"prompt": Q, "completion": GOOD, "label": True}, "one_sided"),
        ({"messages": [user(), user()], "answers": [GOOD, BAD], "scores": [2, 1]}, "roles"),
        ({"prompt": [user(), bot(""), user()], "chosen": GOOD, "rejected": BAD}, "empty_turn"),
        ({"chosen": f"\n\nHuman: See:{hh(Q, GOOD)}", "rejected": f"\n\nHuman: See:{hh(Q, BAD)}"}, "roles"),
        ({"prompt": Q, "chosen": [user(GOOD)], "rejected": [bot(BAD)]}, "roles"),
        ({"chosen": hh(Q, GOOD), "rejected": hh(Q, " ")}, "empty_answer"),
        ({"prompt": Q, "chosen": " \n", "rejected": BAD}, "empty_answer"),
        ({"prompt": Q, "answers": [GOOD, " "], "scores": [2, 1]}, "empty_answer"),
        ({"chosen": hh(Q, " ", "Well?", GOOD), "rejected": hh(Q, " ", "Well?", BAD)}, "empty_turn"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)  # fmt: skip
def test_what_is_no_answer_to_a_question_is_left_out_by_name(
    tmp_path: Path, row: dict[str, Any], rule: str
) -> None:
    found = read(tmp_path / "p.jsonl", row)
    assert isinstance(found, Refused), found
    assert (found.rule, bool(found.value)) == (rule, True)
    assert rule in RULES


@pytest.mark.parametrize(
    "rows",
    [
        [{"prompt": Q, "completion": GOOD, "label": True}, {"prompt": Q, "completion": BAD, "label": False}],
        [{"prompt": [user()], "completion": [bot(BAD)], "label": False},
         {"prompt": [user("Else?")], "completion": [bot("No.")], "label": False},
         {"prompt": [user()], "completion": [bot(GOOD)], "label": True}],
        [{"conversations": [said("human", Q), said("gpt", GOOD)], "kto_tag": True},
         {"conversations": [said("human", Q), said("gpt", BAD)], "kto_tag": False}],
        [{"instruction": Q, "input": "", "output": BAD, "kto_tag": False},
         {"instruction": Q, "input": "", "output": GOOD, "kto_tag": True}],
    ],
    ids=["strings", "chats", "kto_tag", "alpaca"],
)  # fmt: skip
def test_good_answers_are_better_than_bad_ones_of_the_same_prompt(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = list(read_source("auto", [str(tmp_path / "p.jsonl")], "job"))
    ((task, ranking),) = [one for one in found if not isinstance(one, Refused)]
    assert [one.rule for one in found if isinstance(one, Refused)] == ["one_sided"] * (
        len(found) - 1
    )
    texts = {one.id: one.text for one in task.candidates}
    assert [[texts[one] for one in tier] for tier in ranking.tiers] == ORDER
    assert ranking.tool == "auto-unpaired"


CALL = {**bot("Let me look."), "tool_calls": [{"function": {"name": "look", "arguments": "{}"}}]}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"messages": [user()], "chosen": CALL, "rejected": bot(BAD)}, "calls a tool"),
        ({"prompt": Q, "images": ["x.png"], "completion": GOOD, "label": True}, "unread_field"),
        ({"prompt": Q, "images": ["x.png"], "answers": [GOOD, BAD], "scores": [2, 1]}, "unread_field"),
        ({"prompt": Q, "images": ["x.png"], "response1": GOOD, "response2": BAD, "label": 1}, "unread_field"),
        ({"prompt": Q, "answer": GOOD, "other": BAD, "label": 1}, "no two answers"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)  # fmt: skip
def test_what_text_alone_does_not_hold_is_refused(
    tmp_path: Path, row: dict[str, Any], words: str
) -> None:
    found = read(tmp_path / "p.jsonl", row)
    assert isinstance(found, Refused), found
    assert words in found.value


def orders(found: list[Any]) -> list[list[list[str]]]:
    """The texts of each ranking's tiers."""
    made = []
    for task, ranking in (one for one in found if not isinstance(one, Refused)):
        texts = {one.id: one.text for one in task.candidates}
        made.append([[texts[one] for one in tier] for tier in ranking.tiers])
    return made


def test_an_unpaired_answer_that_cannot_be_read_costs_itself_alone(tmp_path: Path) -> None:
    asks = {"instruction": Q, "input": ""}
    rows = [
        {**asks, "id": 1, "output": GOOD, "kto_tag": True},
        {**asks, "id": 2, "output": " ", "kto_tag": False},
        {**asks, "id": 3, "output": BAD, "kto_tag": False},
        {**asks, "id": 4, "instruction": "Else?", "output": GOOD, "kto_tag": True},
        {**asks, "id": 5, "instruction": "Else?", "output": THIRD, "kto_tag": True},
    ]
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    found = list(read_source("auto", [str(path)], "job"))
    assert orders(found) == [ORDER]
    assert [(one.locator, one.rule) for one in found if isinstance(one, Refused)] == [
        ("p.jsonl#2", "empty_answer"), ("p.jsonl#4", "one_sided"), ("p.jsonl#5", "one_sided"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("auto", {"instruction": Q, "generations": [BAD, THIRD, GOOD]}),
        ("auto", {"instruction": Q, "responses": [BAD, THIRD, GOOD]}),
        ("scores", {"instruction": Q, "responses": [BAD, THIRD, GOOD]}),
    ],
)
@pytest.mark.parametrize(
    ("scores", "order"),
    [
        ([1.0, float("nan"), 5.0], ORDER),
        ([1.0, None, 5.0], ORDER),
        ([1.0, float("inf"), 5.0], None),
    ],
)
def test_a_number_that_is_none_has_no_place(
    tmp_path: Path, kind: str, row: dict[str, Any], scores: list[Any], order: Any
) -> None:
    name = "ratings" if "generations" in row else "scores"
    pq.write_table(pa.Table.from_pylist([{**row, name: scores}]), tmp_path / "p.parquet")
    (found,) = read_source(kind, [str(tmp_path / "p.parquet")], "job")
    if order is None:
        assert isinstance(found, Refused) and "no finite number" in found.value
    else:
        assert orders([found]) == [order]
        assert len(found[1].unrankable) == 1


def test_a_verdict_that_is_none_is_refused_alone(tmp_path: Path) -> None:
    row = {"instruction": Q, "response1": BAD, "response2": GOOD,
           "annotator1": 2.0, "annotator2": "unsure", "annotator3": "tie"}  # fmt: skip
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    found = list(read_source("pairs", [str(path)], "job"))
    assert [sorted(map(sorted, order)) for order in orders(found)] == [
        [[GOOD], [BAD]],
        [[GOOD, BAD]],
    ]
    (refused,) = [one for one in found if isinstance(one, Refused)]
    assert (refused.locator, refused.rule) == ("p.jsonl#1/annotator2", "malformed")
    assert "'unsure'" in refused.value


def message(
    name: str, parent: str | None, text: Any, rank: Any = None, **more: Any
) -> dict[str, Any]:
    return {"message_id": name, "parent_id": parent, "text": text, "rank": rank, "lang": "en",
            "role": "prompter" if parent is None else "assistant", "message_tree_id": "r",
            "deleted": False, "review_result": True, **more}  # fmt: skip


TABLE = [
    message("r", None, Q),
    message("a", "r", BAD, 1),
    message("b", "r", GOOD, 0),
    message("c", "r", "A word of hate.", 2, deleted=True),
    message("d", "r", "Spam.", 3, review_result=False),
    message("e", "d", "Why spam?", role="prompter"),
    message("f", "r", THIRD, -1, review_result=None),
    message("g", "r", None, 5),
    message("h", "gone", "An answer to nothing.", 0),
    message("s", None, "Another one?", deleted=True),
    message("t", "s", GOOD, 0),
    message("u", "s", BAD, 1),
]


def test_a_message_that_comes_twice_is_one_reply(tmp_path: Path) -> None:
    rows = [message("r", None, Q), message("a", "r", BAD, 1), message("b", "r", GOOD, 0)]
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *rows]), "utf-8")
    found = list(read_source("oasst", [str(path)], "job"))
    assert orders(found) == [ORDER]
    assert [one.locator for one in found if isinstance(one, Refused)] == [
        "p.jsonl#4", "p.jsonl#5", "p.jsonl#6",
    ]  # fmt: skip


@pytest.mark.parametrize("form", ["jsonl", "parquet", "tree"])
def test_messages_of_open_assistant_are_trees_without_what_moderation_left_out(
    tmp_path: Path, form: str
) -> None:
    path = tmp_path / f"p.{form}"
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(TABLE), path)
    elif form == "tree":
        nodes: dict[str, Any] = {one["message_id"]: {**one, "replies": []} for one in TABLE}
        for one in TABLE:
            if one["parent_id"] in nodes:
                nodes[one["parent_id"]]["replies"].append(nodes[one["message_id"]])
        path.write_text(
            "".join(json.dumps({"prompt": nodes[name]}) + "\n" for name in "rs"), "utf-8"
        )
    else:
        order = [TABLE[-1], *TABLE[:-1]]  # a reply may stand before what it answers
        path.write_text("".join(json.dumps(one) + "\n" for one in order), "utf-8")
    words = {"rank '-1'", "a message without text", "no ranked answers"}
    if form != "tree":
        words.add("the parent gone of message h is not in the file")
    for kind in ("oasst", "auto"):
        found = list(read_source(kind, [str(path)], "job"))
        ((task, ranking),) = [one for one in found if not isinstance(one, Refused)]
        texts = {one.id: one.text for one in task.candidates}
        assert [[texts[one] for one in tier] for tier in ranking.tiers] == ORDER
        assert [texts[one] for one in ranking.unrankable] == [THIRD]
        assert {one.value.split(":")[0] for one in found if isinstance(one, Refused)} == words


def test_messages_that_answer_each_other_are_refused_by_name(tmp_path: Path) -> None:
    """A circle has no root, so it must not go unseen; what hangs on it goes with it."""

    def said(name: str, parent: str | None) -> dict[str, Any]:
        return {**TABLE[0], "message_id": name, "parent_id": parent}

    loop = [
        said("x", "z"),
        said("y", "x"),
        said("z", "y"),
        said("hangs", "y"),
        said("self", "self"),
    ]
    path = tmp_path / "p.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in [*TABLE, *loop]), "utf-8")
    found = list(read_source("oasst", [str(path)], "job"))
    assert sum(not isinstance(one, Refused) for one in found) == 1
    told = [one for one in found if isinstance(one, Refused) and "answers itself" in one.value]
    first = len(TABLE) + 1
    assert [(one.locator, one.value.split()[2]) for one in told] == [
        (f"p.jsonl#{first + place}", name) for place, name in ((0, "x"), (1, "y"), (2, "z"), (4, "self"))
    ]  # fmt: skip


@pytest.mark.parametrize(
    "damage",
    [{"ranks": [1]}, {"ranks": None}, {"ranks": [1, -1]}, {"ranks": [True, 2]}, {"ranks": "12"},
     {"seconds": "long"}, "no object", None],
    ids=str,
)  # fmt: skip
def test_a_damaged_rater_of_a_kway_row_costs_itself_alone(tmp_path: Path, damage: Any) -> None:
    candidates = [
        {"id": f"c_{text}", "text": text, "model": "m", "params": "", "finish_reason": "stop"}
        for text in ("one", "two")
    ]
    raters = [
        {"rater": f"r_{n}", "kind": "human", "seconds": 1.0, "ranks": [1, 2]} for n in range(3)
    ]
    bad: Any = {**raters[1], **damage} if isinstance(damage, dict) else damage
    row = {
        "prompt_id": "p", "messages": [{"role": "user", "content": "Count."}], "split": "train",
        "candidates": candidates, "ranks": [1, 2], "rankings": [raters[0], bad, raters[2]],
    }  # fmt: skip
    path = tmp_path / "p.jsonl"
    path.write_text(json.dumps(row) + "\n", "utf-8")
    first, refused, last = read_source("auto", [str(path)], "job")
    assert isinstance(refused, Refused)
    assert (refused.locator, refused.rule) == ("p.jsonl#1/1", "malformed")
    assert [one[1].rater for one in (first, last) if not isinstance(one, Refused)] == ["r_0", "r_2"]
