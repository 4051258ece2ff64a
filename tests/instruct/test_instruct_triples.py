"""Alpaca's method: a reply of whole examples by hand, what is refused in it, runs, the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from kinds_kit import Script, filler, tongue
from loop_kit import Told, completion, machine, small_pool, states_of

from corpusforge.errors import RecipeError
from corpusforge.hashing import word64
from corpusforge.instruct.accounts import Made
from corpusforge.instruct.records import Lineage
from corpusforge.instruct.requests import Asked
from corpusforge.instruct.settings import Settings, defaults
from corpusforge.instruct.triples import ask_triples, take_triples
from corpusforge.models.records import Request

ALPACA = defaults("alpaca")
REPLY = """Here they are.

### 4
Instruction: Say what the sentence below is about.
Input: The heron stood in the reeds
all morning.
Output: A heron.

It waited in the reeds.

### 5
Instruction: Give a word for a young goat.
Input: <noinput>
Output: Kid
###"""


def taken(text: str, language: str = "en", finish: str = "stop", *pool: str):
    request = Request(prompt="p")
    asked = Asked(request=request, prompt_version="triple.v1@0", first=4, seeds=("s1", "s2"))
    reply = completion(request, text, finish)
    lineage = Lineage(requests=(reply.key,))
    made = Made()
    tasks, rows = take_triples(small_pool(language, *pool), asked, reply, 0, lineage, ALPACA, made)
    return tasks, rows, made


def test_a_reply_by_hand() -> None:
    tasks, rows, made = taken(REPLY)
    assert {step: account.seen for (_, step), account in made.steps.items()} == {
        "generate": 2, "instances": 2,
    }  # fmt: skip
    assert made.rejects == []
    assert [(one.instruction, one.input, one.output) for one in rows] == [
        ("Say what the sentence below is about.", "The heron stood in the reeds\nall morning.",
         "A heron.\n\nIt waited in the reeds."),
        ("Give a word for a young goat.", "", "Kid"),
    ]  # fmt: skip
    assert [one.instruction for one in tasks] == [one.instruction for one in rows]
    assert [one.task for one in rows] == [one.id for one in tasks]
    assert rows[0].lineage.seeds == ("s1", "s2")


def test_chinese_by_hand() -> None:
    reply = (
        "### 4\n指令：给下面的成语写一个近义词。\n输入：画蛇添足\n输出：多此一举\n\n"
        "### 5\n**指令：**写一句关于秋天的话\n输入：无\n输出：落叶铺满了小路。"
    )
    _, rows, _ = taken(reply, "zh")
    assert [(one.instruction, one.input, one.output) for one in rows] == [
        ("给下面的成语写一个近义词。", "画蛇添足", "多此一举"),
        ("写一句关于秋天的话", "", "落叶铺满了小路。"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "finish", "refused", "kept"),
    [
        ("No.", "stop", [("generate", "no_list")], 0),
        (REPLY, "length", [("generate", "cut")], 1),
        ("Instruction: Name it.\nOutput: x", "stop", [("generate", "too_short")], 0),
        ("Instruction: Describe the video in three words.\nOutput: x", "stop",
         [("generate", "blacklist")], 0),
        ("Instruction: Name the capital of every country in Europe.\nOutput: x", "stop",
         [("generate", "near_copy")], 0),
        ("Instruction: Give a word for a young goat.\nInput:\nOutput:", "stop",
         [("instances", "empty_output")], 0),
        ("Instruction: Give a word for a young goat.\nOutput: n/a", "stop",
         [("instances", "placeholder")], 0),
        ("Instruction: Give a word for a young goat.\nOutput: Kid\n" * 2, "stop",
         [("generate", "near_copy")], 1),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, finish: str, refused: list[tuple[str, str]], kept: int) -> None:
    tasks, rows, made = taken(text, "en", finish)
    assert [(one.step, one.rule) for one in made.rejects] == refused
    assert len(rows) == kept
    made.see("en", "instances", 0)
    made.accept("en", "instances", len(rows))  # as they are once they are checked
    for account in made.steps.values():
        account.check("a reply")
    assert made.steps["en", "generate"].accepted == len(tasks)


def test_the_prompt_shows_three_seeds_and_no_machine_task() -> None:
    from corpusforge.instruct.novelty import Gate
    from corpusforge.instruct.profile import profile
    from corpusforge.instruct.requests import open_pool
    from corpusforge.instruct.seeds import load

    pool = open_pool(profile("en"), Gate(profile("en")), load("en"), ALPACA)
    pool.machine.append(machine("A machine task that must not be shown."))
    one, other = ask_triples(pool, 0, ALPACA)[:2]
    assert len(one.seeds) == 3 and (one.parents, one.first) == ((), 4)
    shown = one.request.messages[-1].content
    by_id = {task.id: task for task in load("en")}
    for seed in one.seeds:
        assert by_id[seed].instruction in shown
    assert "must not be shown" not in shown and "numbered 4 to 20" in shown
    assert one.request.sampling.temperature == 1.0 and one.request.sampling.max_tokens == 3072
    assert one.request.sampling.seed != other.request.sampling.seed
    heads = [line for line in shown.split("data>")[1].splitlines() if line.startswith("###")]
    assert heads == ["### 1", "### 2", "### 3"]


def triples(request: Request) -> str:
    """Ten examples; one in eight without an answer."""
    language, key = tongue(request), request.key
    names = ("指令：", "输入：", "输出：") if language == "zh" else (
        "Instruction: ", "Input: ", "Output: ",
    )  # fmt: skip
    parts = []
    for place in range(10):
        said = ("请", "<noinput>") if language == "zh" else ("Describe ", "<noinput>")
        answer = "" if word64("empty", key, place) % 8 == 0 else filler(language, key, place, "out")
        texts = (said[0] + filler(language, key, place), said[1], answer)
        parts.append(f"### {place + 4}\n" + "\n".join(map("".join, zip(names, texts, strict=True))))
    return "\n\n".join(parts)


def test_rounds_reach_their_target_and_balance(tmp_path: Path) -> None:
    from dataclasses import replace

    settings = replace(ALPACA, languages=("en", "zh"), target=30, prompts=2, similar=0)
    engine = Script({"triple": triples})
    states = states_of(settings, engine, tmp_path)
    for state in states:
        assert state.stopped == "target reached" and len(state.rows) >= 30
        assert set(state.steps) == {"generate", "instances"}
        for account in state.steps.values():
            assert account.seen == account.accepted + sum(account.rejected.values())
        assert state.steps["instances"].rejected.keys() == {"empty_output"}
    assert all(request.purpose == "instruct.triple" for request in engine.sent)
    again = states_of(settings, Told(triples, "scripted-1"), tmp_path)
    strip = [[(row.id, row.output) for row in state.rows] for state in again]
    assert strip == [[(row.id, row.output) for row in state.rows] for state in states]


def test_a_run_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    from corpusforge.instruct.run import job
    from corpusforge.instruct.session import run
    from corpusforge.models.client import Client
    from pipelines.self_instruct import main

    settings = replace(ALPACA, target=12, prompts=2)
    with Client(Script({"triple": triples}), tmp_path / "journal.jsonl") as client:
        run(job(settings), str(tmp_path / "a"), client, formats=("alpaca",))
    given = ["--engine", "replay", "--journal", str(tmp_path / "journal.jsonl"), "--target", "12",
             "--prompts", "2", "--method", "alpaca", "--format", "alpaca"]  # fmt: skip
    assert main(["--output", str(tmp_path / "b"), *given]) == 0
    assert "target reached" in capsys.readouterr().out
    first, second = (
        (tmp_path / name / "export" / "alpaca" / "train.json").read_bytes() for name in "ab"
    )
    assert first == second
    assert main(["--output", str(tmp_path / "c"), *given, "--machine", "2"]) == 2


@pytest.mark.parametrize("wrong", [{"machine": 2}, {"kind": "classification"}, {"form": "json"}])
def test_what_alpaca_has_not(wrong: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="alpaca"):
        Settings(**{"method": "alpaca", "machine": 0, **wrong})
