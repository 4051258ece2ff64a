"""Rows of five kinds: hand-made rows, rules, the hand-written seeds, and a whole run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kinds_kit import KIND_REPLIES, Script
from loop_kit import Told

from corpusforge.errors import InputError, RecipeError, RunError
from corpusforge.instruct.accounts import Origin
from corpusforge.instruct.inputs import draw_rows, load_rows
from corpusforge.instruct.kinds import KINDS, check_answer, check_request, kind_seeds, make_kind
from corpusforge.instruct.kinds.make import ALLOWED
from corpusforge.instruct.kinds.run import job
from corpusforge.instruct.kinds.settings import Settings
from corpusforge.instruct.labels import labelled
from corpusforge.instruct.profile import profile
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_instance, check_personal
from corpusforge.instruct.session import run
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Sampling

PARENT = Row(
    id="r1", task="t1", instruction="How long does the ferry from Ystad to Rønne take?", input="",
    output="About 80 minutes.", language="en", group="t1",
)  # fmt: skip
PLAN = Settings(write=Sampling(), answer=Sampling())


def made(kind: str, replies: dict[str, str], parent: Row = PARENT, plan: Settings = PLAN):
    """What one row gives, the model's replies by step being as given."""

    def reply(request):
        text = replies[request.purpose.rpartition(".")[2]]
        if text == "CUT":
            return Completion(
                key=request.key, text="Request: half", finish_reason="length", model=request.model
            )
        return text

    engine = Told(reply)
    with Client(engine) as client:
        (part,) = make_kind(
            kind, parent.language, [parent], plan, client.complete,
            Origin(engine="told", model="told-1"), lambda rows: [None] * len(rows),
        )  # fmt: skip
    return part, engine


def test_clarify_by_hand() -> None:
    part, engine = made(
        "clarify",
        {"write": "Request: How long does the ferry take?\nMissing: from where to where",
         "answer": "Which ferry do you mean: from where, and to where?"},
    )  # fmt: skip
    (row,) = part.rows
    assert (row.kind, row.instruction, row.input) == (
        "clarify",
        "How long does the ferry take?",
        "",
    )
    assert row.output == "Which ferry do you mean: from where, and to where?"
    assert row.turns == () and row.flags == () and row.group == "t1"
    assert row.lineage.parents == ("r1",)
    assert row.lineage.requests == tuple(one.key for one in engine.sent)
    assert [one.split("@")[0] for one in row.lineage.prompt_version.split()] == [
        "clarify_write.v1", "clarify_answer.v1",
    ]  # fmt: skip
    assert len(row.lineage.seeds) == 3
    assert all(one.startswith("kind_clarify_en_") for one in row.lineage.seeds)
    assert part.rejects == []
    assert {step: (a.seen, a.accepted) for (_, step), a in part.steps.items()} == {
        "clarify.write": (1, 1), "clarify.answer": (1, 1), "clarify.row": (1, 1),
    }  # fmt: skip
    assert "from where to where" in engine.sent[1].messages[-1].content
    assert "80 minutes" not in engine.sent[1].messages[-1].content, "the answer must not be told"


def test_admit_is_a_dialogue_of_four_turns() -> None:
    part, _ = made(
        "admit",
        {"write": "Wrong answer: About 80 hours.\nError: hours for minutes\nObjection: 80 hours?",
         "answer": "You're right, I wrote hours. It takes about 80 minutes."},
    )  # fmt: skip
    (row,) = part.rows
    assert row.turns == (
        ("user", "How long does the ferry from Ystad to Rønne take?"),
        ("assistant", "About 80 hours."),
        ("user", "80 hours?"),
        ("assistant", "You're right, I wrote hours. It takes about 80 minutes."),
    )
    assert row.flags == ("wrong_turn_2",)
    assert row.kind == "admit" and row.task == "t1"


def test_chinese_refusal_by_hand() -> None:
    parent = Row(
        id="r2", task="t2", instruction="介绍一下快递柜。", input="", output="略述。", language="zh"
    )
    part, engine = made(
        "refuse",
        {"write": "**请求：**教我打开小区里别人的快递柜格口，拿走包裹。\n**危害：**失主会丢东西",
         "answer": "这件事我不能帮忙，因为会使失主蒙受损失。如果取件码丢了，我可以告诉你怎样联系快递员。"},
        parent,
    )  # fmt: skip
    assert [row.instruction for row in part.rows] == ["教我打开小区里别人的快递柜格口，拿走包裹。"]
    assert "失主会丢东西" in engine.sent[1].messages[-1].content


@pytest.mark.parametrize(
    ("kind", "write", "answer", "step", "rule"),
    [
        ("clarify", "Sure, here you go.", "", "write", "no_fields"),
        ("clarify", "Request: How long?", "", "write", "no_fields"),
        ("clarify", "CUT", "", "write", "cut"),
        ("clarify", "Request: How long does the ferry from Ystad to Rønne take?\nMissing: x", "",
         "write", "copy_of_task"),
        ("clarify", "Request: How many tiles do I need for the floor?\nMissing: size", "",
         "write", "near_copy"),
        ("clarify", "Request: Short\nMissing: x", "", "write", "too_short"),
        ("clarify", "Request: Say <|im_end|> in a friendly way\nMissing: x", "", "write",
         "leaked_mark"),
        ("clarify", "Request: How long does it take by ferry?\nMissing: the one detail that it leaves "
         "out", "", "write", "copied_prompt"),
        ("clarify", "Request: How long does it take by ferry?\nMissing: route",
         "Which one? Where it helps, name two or three likely choices.", "answer", "copied_prompt"),
        ("clarify", "Request: How long does it take by ferry?\nMissing: route",
         "It takes 80 minutes.", "answer", "asks_back"),
        ("clarify", "Request: How long does it take by ferry?\nMissing: route",
         "Which one? " + " ".join(f"word{n}" for n in range(100)), "answer", "answers_anyway"),
        ("admit", "Wrong answer: about 80  minutes.\nError: none\nObjection: That is wrong.", "",
         "write", "not_wrong"),
        ("admit", "Wrong answer: About 80 hours.\nError: hours\nObjection: Hours?",
         "It takes 80 minutes.", "answer", "admits"),
        ("admit", "Wrong answer: About 80 hours.\nError: hours\nObjection: Hours?",
         "I made an error: about 80 hours.", "answer", "repeats_error"),
        ("premise", "Question: Tell me of the ferry's wings.\nTruth: none", "", "write",
         "asks_nothing"),
        ("premise", "Question: Why does the ferry fly on Sundays?\nTruth: ferries float",
         "It flies on Sundays because of the wind.", "answer", "challenges"),
        ("refuse", "Request: Help me sink the ferry tonight.\nHarm: people drown",
         "Gladly, here is how.", "answer", "refuses"),
        ("refuse", "Request: Help me sink the ferry tonight.\nHarm: people drown",
         "I won't do that. I can help you book a cabin.", "answer", "gives_reason"),
        ("refuse", "Request: Help me sink the ferry tonight.\nHarm: people drown",
         "I won't do that, because people would drown.", "answer", "offers_help"),
        ("refuse", "Request: Help me sink the ferry tonight.\nHarm: people drown",
         "I won't help, it could kill. I can help otherwise.\n1. Open the valve.", "answer",
         "gives_steps"),
        ("unknown", "Question: What did the captain dream last night?\nWhy: private",
         "He dreamt of herring.", "answer", "says_unknown"),
        ("unknown", "Question: What did the captain dream last night?\nWhy: private", "", "answer",
         "empty_output"),
    ],
)  # fmt: skip
def test_every_rule_refuses(kind: str, write: str, answer: str, step: str, rule: str) -> None:
    part, _ = made(kind, {"write": write, "answer": answer})
    assert part.rows == []
    assert [(one.step, one.rule) for one in part.rejects] == [(f"{kind}.{step}", rule)]
    assert part.rejects[0].request


def test_a_judge_has_the_last_word() -> None:
    write = "Question: What did the captain dream last night?\nWhy: private"
    answer = "I don't know; nobody but the captain could say."
    plan = Settings(write=Sampling(), answer=Sampling(), judge=True)
    yes, engine = made("unknown", {"write": write, "answer": answer, "judge": "Yes."}, plan=plan)
    assert len(yes.rows) == 1 and len(yes.rows[0].lineage.requests) == 3
    shown = engine.sent[2].messages[-1].content
    assert "user:\n  What did the captain dream last night?\nassistant:\n  I don't know" in shown
    for reply, value in (("No.", "no"), ("Hm.", "unclear")):
        part, _ = made("unknown", {"write": write, "answer": answer, "judge": reply}, plan=plan)
        assert [(one.rule, one.value) for one in part.rejects] == [("judge", value)]
        assert part.rows == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_hand_written_seeds_pass_what_a_model_must_pass(kind: str, language: str) -> None:
    seeds = kind_seeds(kind, language)
    assert len(seeds) >= 6
    for seed in seeds:
        assert check_answer(kind, seed.output, seed.wrong, language) is None, seed.id
        assert check_request(kind, seed.request, seed.task, seed.wrong, seed.output) is None
        allow = ALLOWED
        assert check_instance(seed.request, "", seed.output, language, "stop", allow) is None
        assert check_personal(seed.request, seed.task, seed.output) is None
        if kind != "admit":
            assert profile(language).check_instruction(seed.request) is None, seed.id


def test_the_answers_of_one_kind_are_not_taken_for_another() -> None:
    """How often each kind's rules accept the other kinds' seeds: the rules tell kinds apart."""
    confused = {
        kind: sum(
            check_answer(kind, seed.output, seed.wrong, language) is None
            for other in KINDS if other != kind
            for language in ("en", "zh") for seed in kind_seeds(other, language)
        )
        for kind in KINDS
    }  # fmt: skip
    assert confused["refuse"] <= 2 and confused["clarify"] <= 4 and confused["admit"] <= 4
    assert confused["unknown"] <= 4  # of 48; `premise` only asks for a denial, and is the loosest


def test_labels_count_at_the_start_of_a_line_only() -> None:
    labels = {"a": ("Request", "请求"), "b": ("Missing",)}
    assert labelled("Hello\nRequest: say Missing: x\nmore\n**Missing**: y", labels) == [
        {"a": "say Missing: x\nmore", "b": "y"}
    ]
    assert labelled("请求：一\n\nMissing：二\nRequest 2: three", labels) == [
        {"a": "一", "b": "二"}, {"a": "three"},
    ]  # fmt: skip
    assert labelled("nothing", labels) == []


def test_rows_are_drawn_by_hash_and_a_larger_draw_begins_with_a_smaller() -> None:
    rows = load_rows((), ("en", "zh"))
    assert {row.language for row in rows} == {"en", "zh"}
    assert draw_rows(rows, 20, 0, "x")[:5] == draw_rows(rows[::-1], 5, 0, "x")
    assert draw_rows(rows, 5, 0, "x") != draw_rows(rows, 5, 0, "y")


def test_rows_of_a_run_or_a_file_load(tmp_path: Path) -> None:
    import msgspec

    (tmp_path / "rows.jsonl").write_bytes(msgspec.json.encode(PARENT) + b"\n")
    assert load_rows((str(tmp_path),), ("en",)) == [PARENT]
    assert load_rows((str(tmp_path / "rows.jsonl"),), ("zh",)) == []
    with pytest.raises(InputError, match="comes twice"):
        load_rows((str(tmp_path), str(tmp_path / "rows.jsonl")), ("en",))
    (tmp_path / "bad.jsonl").write_text('{"x": 1}\n')
    with pytest.raises(InputError, match="row 1: neither a row nor a seed task"):
        load_rows((str(tmp_path / "bad.jsonl"),), ("en",))


def test_a_whole_run(tmp_path: Path) -> None:
    settings = Settings(languages=("en", "zh"), each=24, judge=True)
    with Client(Script(KIND_REPLIES), tmp_path / "journal.jsonl") as client:
        done = run(job(settings), str(tmp_path), client, formats=("messages", "trl"))
    assert done.error is None and done.report.stopped == "finished"
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert {(row["kind"], row["language"]) for row in rows} == {
        (kind, language) for kind in KINDS for language in ("en", "zh")
    }
    rejects = (tmp_path / "rejects.jsonl").read_text().splitlines()
    for steps in done.report.steps.values():
        for step, account in steps.items():
            assert account.seen == account.accepted + sum(account.rejected.values()), step
    refused = sum(
        sum(account.rejected.values())
        for steps in done.report.steps.values() for account in steps.values()
    )  # fmt: skip
    assert refused == len(rejects) > 0
    assert len({row["id"] for row in rows}) == len(rows)
    assert (tmp_path / "export" / "trl" / "train.jsonl").is_file()
    assert "clarify" in (tmp_path / "report.html").read_text()
    with (
        Client(Script(KIND_REPLIES), tmp_path / "journal.jsonl") as client,
        pytest.raises(RunError, match="seed"),
    ):
        run(
            job(Settings(languages=("en", "zh"), each=24, judge=True, seed=1)),
            str(tmp_path),
            client,
        )


@pytest.mark.parametrize(
    "wrong",
    [{"kinds": ("clarfy",)}, {"languages": ("de",)}, {"each": 0}, {"kinds": ("grounded",)},
     {"ground": "x"}, {"distractors": 1.0}, {"allow": ("evasive",)}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError):
        Settings(**wrong)
