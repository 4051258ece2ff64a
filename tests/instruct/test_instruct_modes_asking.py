"""Modes that ask a model: each by hand, each of its rules, and whole runs with the scripted engine."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kinds_kit import ALL_REPLIES, Script
from loop_kit import Told

from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Made, Origin
from corpusforge.instruct.modes.asking import Maker
from corpusforge.instruct.modes.magpie import make_magpie
from corpusforge.instruct.modes.persona import make_persona, personas_of
from corpusforge.instruct.modes.recite import make_recite
from corpusforge.instruct.modes.run import job
from corpusforge.instruct.modes.settings import ASKING, Settings
from corpusforge.instruct.modes.slots import make_slots, table_of
from corpusforge.instruct.modes.unnatural import examples_of, make_unnatural
from corpusforge.instruct.profile import profile
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_instance, check_personal
from corpusforge.instruct.session import run
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request, Sampling
from pipelines import modes as command

TABLE = str(Path(__file__).resolve().parents[2] / "examples" / "modes" / "table.jsonl")
PLAN = Settings(each=1, paraphrases=1, write=Sampling(), answer=Sampling())
Replies = dict[str, str]


def made(
    mode: str, replies: Replies, plan: Settings = PLAN, *, language: str = "en", start: Any = None
):
    """What one draft gives, the model's replies by step being as given."""
    told: Callable[[Request], str] = lambda request: replies[request.purpose.rpartition(".")[2]]  # noqa: E731
    engine = Told(told)
    pages: Made = Made()
    with Client(engine) as client:
        maker = Maker(mode, language, plan, client.complete, Origin(engine="told", model="told-1"))
        check = lambda rows: [None] * len(rows)  # noqa: E731
        parts = {
            "unnatural": lambda: make_unnatural(
                maker, examples_of("", (language,))[language], check
            ),
            "persona": lambda: make_persona(maker, start or ["a beekeeper"], check),
            "slots": lambda: make_slots(maker, table_of(TABLE, (language,))[language], check),
            "recite": lambda: make_recite(maker, [start], check),
            "magpie": lambda: make_magpie(maker, check),
        }[mode]()
        for part in parts:
            pages.merge(part)
    return pages, engine


WRITTEN = (
    "**Instruction:** Name the animal that the riddle means.\nInput: I carry my house.\n"
    "Constraints: One word."
)


def test_unnatural_by_hand() -> None:
    pages, engine = made(
        "unnatural",
        {"write": WRITTEN, "answer": "snail", "paraphrase": "Which animal is described by these lines?"},
    )  # fmt: skip
    first, second = pages.rows
    assert first.instruction == "Name the animal that the riddle means. One word."
    assert (first.input, first.output, first.kind) == ("I carry my house.", "snail", "unnatural")
    assert second.instruction == "Which animal is described by these lines? One word."
    assert (second.input, second.output) == (first.input, first.output)
    assert second.flags == ("paraphrase_1",) and second.lineage.parents == (first.id,)
    assert second.task == first.task and second.group == first.group
    assert len(first.lineage.seeds) == 3 and len(first.lineage.requests) == 2
    assert len(second.lineage.requests) == 3 and pages.rejects == []
    names = [one.split("@")[0] for one in second.lineage.prompt_version.split()]
    assert names == ["unnatural_write.v1", "evol_answer.v1", "unnatural_paraphrase.v1"]
    shown = engine.sent[0].messages[-1].content
    assert (
        shown.count("Instruction: ") == shown.count("Constraints: ") == 3 and "Example 3\n" in shown
    )
    assert "I carry my house." in engine.sent[1].messages[-1].content
    assert "house" not in engine.sent[2].messages[-1].content, (
        "a wording is asked without the input"
    )


@pytest.mark.parametrize(
    ("replies", "step", "rule"),
    [
        ({"write": "Sure!"}, "write", "no_fields"),
        ({"write": "Instruction: Name it.\nInput: x y\nConstraints: none"}, "write", "too_short"),
        ({"write": WRITTEN.replace("I carry my house.", "none")}, "write", "missing_material"),
        ({"write": WRITTEN.replace("Name the animal that the riddle means.", "Draw a map of the riddle.")},
         "write", "blacklist"),
        ({"write": WRITTEN, "answer": ""}, "answer", "empty_output"),
        ({"write": WRITTEN, "answer": "I carry my house."}, "answer", "copy_of_input"),
        ({"write": WRITTEN, "answer": "snail", "paraphrase": "name the animal that the riddle means"},
         "paraphrase", "copy_of_task"),
        ({"write": WRITTEN, "answer": "snail", "paraphrase": "Snail!"}, "paraphrase", "too_short"),
    ],
)  # fmt: skip
def test_unnatural_refuses(replies: Replies, step: str, rule: str) -> None:
    pages, _ = made("unnatural", replies)
    assert [(one.step, one.rule) for one in pages.rejects] == [(f"unnatural.{step}", rule)]


def test_a_fourth_example_must_be_new() -> None:
    one = examples_of("", ("en",))["en"][0]
    text = f"Instruction: {one.instruction}\nInput: Two other dates.\nConstraints: none"
    pages, _ = made("unnatural", {"write": text})
    assert [(r.rule, r.nearest) for r in pages.rejects] == [("near_copy", one.id)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_hand_written_examples_pass_what_a_model_must_pass(language: str) -> None:
    shown = examples_of("", (language,))[language]
    assert len(shown) == 15 and len({one.id for one in shown}) == 15  # as many as in the paper
    for one in shown:
        assert profile(language).check_instruction(one.instruction) is None, one.id
        assert check_instance(one.instruction, one.input, one.output, language) is None, one.id
        assert check_personal(one.instruction, one.input, one.output) is None, one.id


def test_examples_of_one_s_own(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    line = {"instruction": "Name the animal.", "input": "It says moo."}
    path.write_text("".join(json.dumps({**line, "id": str(n)}) + "\n" for n in range(3)))
    assert [one.id for one in examples_of(str(path), ("en",))["en"]] == ["0", "1", "2"]
    with pytest.raises(InputError, match="0 examples in 'zh'"):
        examples_of(str(path), ("en", "zh"))
    path.write_text(json.dumps({"instruction": "Name the animal.", "input": ""}) + "\n")
    with pytest.raises(InputError, match="row 1: `input` is ''"):
        examples_of(str(path), ("en",))


def test_persona_by_hand() -> None:
    wish = "Request: Work out how many jars I need for 18 kilos of honey at 450 grams a jar."
    pages, engine = made("persona", {"write": wish, "answer": "You need 40 jars."})
    (row,) = pages.rows
    assert row.instruction == wish.removeprefix("Request: ") and row.output == "You need 40 jars."
    assert [flag.split("_")[0] for flag in row.flags] == ["sort", "audience", "tone", "length"]
    assert row.lineage.seeds[0].startswith("persona_") and "beekeeper" not in str(row)
    assert "a beekeeper" in engine.sent[0].messages[-1].content
    assert "beekeeper" not in engine.sent[1].messages[-1].content


def test_every_person_comes_before_one_comes_again() -> None:
    people = [f"person number {n}" for n in range(5)]
    plan = replace(PLAN, each=10)
    pages, engine = made("persona", {"write": "no"}, plan, start=people)
    asked = [
        next(one for one in people if one in request.messages[-1].content)
        for request in engine.sent
    ]
    assert sorted(asked[:5]) == people and asked[5:] == asked[:5]
    assert Counter(one.rule for one in pages.rejects) == {"no_fields": 10}


def test_personas_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"persona": "a miller"}\n{"persona": "磨坊主"}\n{"persona": "a miller"}\n')
    assert personas_of(str(path), ("en", "zh")) == {"en": ["a miller"], "zh": ["磨坊主"]}
    path.write_text('{"persona": "a miller"}\n')
    with pytest.raises(InputError, match="no persona in 'zh'"):
        personas_of(str(path), ("en", "zh"))
    path.write_text('{"person": "a miller"}\n')
    with pytest.raises(InputError, match="row 1: `persona` is None"):
        personas_of(str(path), ("en",))


def told(request: Request) -> dict[str, str]:
    """The slots that a request of `slots` asks for."""
    block = re.findall(r"<data>\n(.*?)\n</data>", request.messages[-1].content, re.DOTALL)[1]
    pairs = (re.fullmatch(r"\d+\. (.+?)[:：] ?(.+)", line) for line in block.splitlines())
    return {pair[1]: pair[2] for pair in pairs if pair}


def test_slots_by_hand() -> None:
    _, engine = made("slots", {"write": "x"})
    slots = told(engine.sent[0])
    assert list(slots) == ["room", "temperature"]
    text = f"Please make the {slots['room'].upper()} warm:  {slots['temperature']}!"
    pages, engine = made("slots", {"write": text})
    (row,) = pages.rows
    assert row.input == text
    assert row.output == f"room: {slots['room']}\ntemperature: {slots['temperature']}"
    assert row.instruction.startswith(
        "Find the values of these slots in the text: room, temperature."
    )
    assert row.flags == ("domain_climate",) and len(row.lineage.seeds) == 2
    assert [(one.step, one.rule, one.value) for one in pages.rejects] == [
        ("slots.table", "slot_missing", "16 degrees")  # the table says "sixteen"
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [("{0}调好", "slot_missing"), ("{0}\n{1}", "several_lines"), ("", "empty"),
     ("Set the {0} seats to {1} or higher, if you please, right now", "language"),
     ("主驾、副驾都调到{1}", "other_value"), ("{0}都要暖和，{1}就好", "")],
)  # fmt: skip
def test_slots_refuse(text: str, rule: str) -> None:
    _, engine = made("slots", {"write": "x"}, language="zh")
    reply = text.format(*told(engine.sent[0]).values())
    pages, _ = made("slots", {"write": reply}, language="zh")
    assert [one.rule for one in pages.rejects if one.step == "slots.write"] == (
        [rule] if rule else []
    )
    assert [one.value for one in pages.rejects if one.step == "slots.table"] == ["no slots"]


def test_tables_that_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "table.jsonl"
    for row, said in (
        ({"text": ""}, "row 1: `text` is ''"), ({"text": "a b", "entities": 3}, "row 1: `entities` is 3"),
        ({"text": "a b", "entities": {"x": "c"}}, "no row in 'en'"),
    ):  # fmt: skip
        path.write_text(json.dumps(row) + "\n")
        with pytest.raises(InputError, match=said):
            table_of(str(path), ("en",))
    entities = {"level": "5", "room": "", "day": None}  # of a table with a column for each slot
    path.write_text(json.dumps({"text": "set it to 5", "entities": entities}) + "\n")
    assert [one.slots for one in table_of(str(path), ("en",))["en"]] == [(("level", "5"),)]
    path.write_text("text,domain,entities\nset it to 5,x,level：5\n")
    path.rename(tmp_path / "table.csv")
    (one,) = table_of(str(tmp_path / "table.csv"), ("en",))["en"]
    assert one.slots == (("level", "5"),) and one.domain == "x"


PARENT = Row(
    id="r1", task="t1", instruction="Which planet is closest to the Sun?", input="", output="Mercury",
    language="en", group="t1",
)  # fmt: skip
RECITED = "Mercury orbits the Sun at about 58 million kilometres. Venus follows at 108 million kilometres."


def test_recite_by_hand() -> None:
    pages, engine = made("recite", {"write": RECITED, "answer": "Mercury"}, start=PARENT)
    (row,) = pages.rows
    assert (row.instruction, row.output, row.reasoning) == (PARENT.instruction, "Mercury", RECITED)
    assert row.agreement == (1, 1) and row.task == "t1" and row.lineage.parents == ("r1",)
    assert RECITED in engine.sent[1].messages[-1].content
    assert "Mercury" not in engine.sent[0].messages[-1].content, "the answer must not be told"
    free = replace(
        PARENT, instruction="Write a line about a planet.", output="Mars glows red at dusk."
    )
    pages, _ = made(
        "recite", {"write": RECITED, "answer": "Mercury hurries round the Sun."}, start=free
    )
    assert [one.agreement for one in pages.rows] == [(0, 0)]


@pytest.mark.parametrize(
    ("replies", "step", "rule"),
    [
        ({"write": "Mercury."}, "write", "no_recitation"),
        ({"write": f"As an AI language model, I recall this. {RECITED}"}, "write", "evasion"),
        ({"write": RECITED, "answer": "Venus"}, "answer", "other_result"),
        ({"write": RECITED, "answer": "N/A"}, "answer", "placeholder"),
    ],
)
def test_recite_refuses(replies: Replies, step: str, rule: str) -> None:
    pages, _ = made("recite", replies, start=PARENT)
    assert [(one.step, one.rule) for one in pages.rejects] == [(f"recite.{step}", rule)]


def test_recite_in_chinese() -> None:
    parent = replace(PARENT, instruction="离太阳最近的行星是哪一颗？", output="水星", language="zh")
    text = "水星距太阳约五千八百万公里，是太阳系最靠内的行星。金星在它之外。"
    pages, engine = made("recite", {"write": text, "answer": "水星"}, start=parent, language="zh")
    assert [(row.output, row.agreement) for row in pages.rows] == [("水星", (1, 1))]
    assert "你回忆" in engine.sent[0].messages[0].content


def test_magpie_by_the_template_and_by_a_completion() -> None:
    replies = {"user": "How do I keep bread fresh for a week?", "answer": "Freeze it in slices."}
    pages, engine = made("magpie", replies)
    (row,) = pages.rows
    assert (row.instruction, row.output) == (replies["user"], replies["answer"])
    assert row.lineage.prompt_version == "pre_query chat"
    user, answer = engine.sent
    assert [(one.role, bool(one.content)) for one in user.messages] == [
        ("system", True),
        ("user", False),
    ]
    assert [(one.role, one.content) for one in answer.messages] == [("user", replies["user"])]
    plan = replace(PLAN, pre_query="<|im_start|>system\n{system}<|im_end|>\n<|im_start|>user\n")
    _, engine = made("magpie", replies, plan)
    assert engine.sent[0].messages == ()
    assert engine.sent[0].prompt.startswith("<|im_start|>system\nYou are a helpful assistant")
    assert engine.sent[0].prompt.endswith("<|im_start|>user\n")
    assert "<|im_end|>" in engine.sent[0].sampling.stop


def test_magpie_asks_the_same_often_and_takes_each_task_once() -> None:
    plan = replace(PLAN, each=5)
    pages, engine = made(
        "magpie", {"user": "How do I keep bread fresh?", "answer": "Freeze it."}, plan
    )
    assert len(pages.rows) == 1 and Counter(one.rule for one in pages.rejects) == {"near_copy": 4}
    assert len({one.key for one in engine.sent if one.purpose.endswith("user")}) == 5
    pages, _ = made("magpie", {"user": "How do I keep bread fresh?"}, plan, language="zh")
    assert {one.rule for one in pages.rejects} == {"han_share"}, "a turn in another language"


def test_what_is_cut_is_no_task() -> None:
    def reply(request: Request) -> Completion:
        return Completion(key=request.key, text="How do I", finish_reason="length", model="told-1")

    engine = Told(reply)
    with Client(engine) as client:
        maker = Maker("magpie", "en", PLAN, client.complete, Origin(engine="told", model="told-1"))
        (part,) = make_magpie(maker, lambda rows: [None] * len(rows))
    assert [(one.step, one.rule) for one in part.rejects] == [("magpie.user", "cut")]


@pytest.mark.parametrize("form", ["chat", "json"])
def test_a_whole_run_in_both_languages(form: str, tmp_path: Path) -> None:
    settings = Settings(modes=ASKING, languages=("en", "zh"), each=12, form=form, table=TABLE)
    with Client(Script(ALL_REPLIES), tmp_path / "journal.jsonl") as client:
        done = run(job(settings), str(tmp_path), client, formats=("messages", "shots"))
    assert done.error is None and done.report.stopped == "finished"
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert {(row["kind"], row["language"]) for row in rows} == {
        (mode, language) for mode in ASKING for language in ("en", "zh")
    }
    assert len({row["id"] for row in rows}) == len(rows)
    assert all(row["lineage"]["requests"] for row in rows)
    written = [row for row in rows if row["kind"] in ("unnatural", "persona")]
    assert all(("+json" in row["lineage"]["prompt_version"]) == (form == "json") for row in written)


def test_by_command_from_a_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(modes=("persona", "magpie"), languages=("zh",), each=5)
    with Client(Script(ALL_REPLIES), tmp_path / "journal.jsonl") as client:
        run(job(settings), str(tmp_path / "made"), client, formats=("messages",))
    given = ["--mode", "persona,magpie", "--language", "zh", "--each", "5", "--format", "messages",
             "--engine", "replay", "--journal", str(tmp_path / "journal.jsonl")]  # fmt: skip
    assert command.main(["--output", str(tmp_path / "again"), *given]) == 0
    assert "magpie.user" in capsys.readouterr().out
    first, second = (
        [json.loads(line) for line in (tmp_path / name / "rows.jsonl").read_text().splitlines()]
        for name in ("made", "again")
    )
    for row in (*first, *second):
        row["lineage"].pop("engine")
    assert first == second != []


def test_what_magpie_needs_of_its_engine(tmp_path: Path, capsys: Any) -> None:
    given = ["--mode", "magpie", "--engine", "local", "--model", "none", "--pre-query", "<|user|>"]
    assert command.main(["--output", str(tmp_path / "x"), *given]) == 2
    assert "Leave it out" in capsys.readouterr().err
    given = ["--mode", "magpie", "--engine", "openai", "--base-url", "http://127.0.0.1:9/v1"]
    assert command.main(["--output", str(tmp_path / "x"), *given]) == 2
    assert "--pre-query" in capsys.readouterr().err and not (tmp_path / "x").exists()
