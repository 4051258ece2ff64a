"""Evol-Instruct with a scripted model: lineage, the eliminator's four rules, going back, resume."""

from __future__ import annotations

import collections
import filecmp
import itertools
import json
from pathlib import Path

import pytest
from loop_kit import Told

from corpusforge.errors import RecipeError, RunError
from corpusforge.instruct.evolve.eliminate import check_answer, check_task
from corpusforge.instruct.evolve.run import job
from corpusforge.instruct.evolve.settings import OPERATIONS, Settings
from corpusforge.instruct.session import run
from corpusforge.models.budget import Budget, BudgetSpent
from corpusforge.models.client import Client
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Request
from pipelines import evol

TEA = "Explain how to brew a good cup of green tea."
CHESS = "Describe the opening moves of a chess game for beginners."
ANSWER = "Heat the water to eighty degrees, pour it over the leaves, and wait for two minutes."


def seeds(folder: Path, *instructions: str) -> str:
    path = folder / "seeds.jsonl"
    lines = [
        json.dumps(
            {"id": f"s{k}", "instruction": text, "instances": [{"input": "", "output": "x"}]}
        )
        for k, text in enumerate(instructions)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def given(request: Request) -> str:
    return request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]


def step(request: Request) -> str:
    return request.purpose.removeprefix("instruct.evol.")


def grow(request: Request) -> str:
    """Adds a distinct clause each time; never equal; always the same answer."""
    if step(request) == "equal":
        return "No"
    if step(request) == "answer":
        return ANSWER
    clauses = ["Mention the water temperature.", "Name two common mistakes.",
               "Write it for a child of ten.", "End with a question."]  # fmt: skip
    text = given(request)
    return next(f"{text} {one}" for one in clauses if one not in text)


def play(folder: Path, reply, *instructions: str, budget: Budget | None = None, **settings: object):
    output = folder / "out"
    output.mkdir(exist_ok=True)
    engine = Told(reply)
    work = job(Settings(rows=(seeds(folder, *instructions),), **settings))
    with Client(engine, output / "journal.jsonl", budget) as client:
        return run(work, str(output), client, formats=("messages",)), engine


def table(folder: Path, name: str) -> list[dict]:
    text = (folder / "out" / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_each_row_names_its_parent_and_its_operation(tmp_path: Path) -> None:
    done, engine = play(tmp_path, grow, TEA, rounds=3, operations=OPERATIONS[:4])
    rows = table(tmp_path, "rows.jsonl")
    assert [len(row["instruction"]) for row in rows] == sorted(len(r["instruction"]) for r in rows)
    assert [row["lineage"]["round"] for row in rows] == [0, 1, 2]
    for parent, child in itertools.pairwise(rows):
        assert child["lineage"]["parents"] == [parent["id"]]
        assert child["instruction"].startswith(parent["instruction"])
    assert len({row["task"] for row in rows}) == len({row["group"] for row in rows}) == 1
    assert rows[0]["lineage"]["parents"] == [rows[0]["task"]]
    for row in rows:
        (operation,) = row["flags"]
        assert f"evol_{operation}.v1@" in row["lineage"]["prompt_version"]
        assert len(row["lineage"]["requests"]) == 3
        assert row["kind"] == "evol"
    assert len(engine.sent) == 9
    assert done.report.steps["en"]["evol.write"].accepted == 3


@pytest.mark.parametrize(
    ("faulty", "text", "where", "rule"),
    [
        ("write", f"{TEA.upper()}!", "evol.write", "no_gain"),
        ("write", f"Rewritten task: {TEA} Be brief.", "evol.write", "copied_prompt"),
        (
            "write",
            f"{TEA} Reply with the new task alone, without a title, a comment or an answer.",
            "evol.write",
            "copied_prompt",
        ),
        ("equal", "Yes", "evol.equal", "no_gain"),
        ("answer", "I am sorry, but I cannot do that.", "evol.answer", "apology"),
        (
            "answer",
            "Answer it fully and correctly, meet each of its requirements, and write it.",
            "evol.answer",
            "copied_prompt",
        ),
        ("answer", "It is... and so on!", "evol.answer", "stop_words"),
        ("write", f"{CHESS} Be brief.", "evol.write", "near_copy"),
    ],
)
def test_an_eliminated_task_goes_back_and_is_evolved_anew(
    tmp_path: Path, faulty: str, text: str, where: str, rule: str
) -> None:
    spoilt: list[int] = []

    def reply(request: Request) -> str:
        about_tea = "green tea" in request.messages[-1].content
        if step(request) == faulty and about_tea and not spoilt:
            spoilt.append(1)
            return text
        again = " Be brief." if spoilt and about_tea and step(request) == "write" else ""
        return grow(request) + again  # an equal text would get the journal's verdict again

    play(tmp_path, reply, TEA, CHESS, rounds=2, operations=("constraints",))
    rejects = table(tmp_path, "rejects.jsonl")
    assert [(one["step"], one["rule"]) for one in rejects] == [(where, rule)]
    tea = [row for row in table(tmp_path, "rows.jsonl") if "green tea" in row["instruction"]]
    assert [row["lineage"]["round"] for row in tea] == [1]
    assert tea[0]["lineage"]["parents"] == [tea[0]["task"]]


def test_rules_of_the_eliminator_by_hand() -> None:
    long = "I am sorry to say that " + "this tea needs a lot of patience " * 12
    assert check_answer(long, "en") is None  # 87 words: an apology that goes on to answer
    assert check_answer("抱歉，我无法完成这个任务。", "zh")[0] == "apology"
    assert check_answer("的，了。是！", "zh")[0] == "stop_words"
    assert check_answer("泡茶要用八十度的水。", "zh") is None
    assert check_answer("42", "en") is None
    assert (
        check_task("写一首诗。", "改写后的任务：写一首关于秋天的诗。", "zh")[0] == "copied_prompt"
    )
    assert check_task("写一首诗。", "写一首，诗", "zh")[0] == "no_gain"
    assert (
        check_task("Compare the new task with the old.", "Compare the new task with two.", "en")
        is None
    )


def test_a_widened_task_must_be_new_and_replaces_its_parent(tmp_path: Path) -> None:
    def reply(request: Request) -> str:
        if step(request) == "write":
            return "Compare three ways of storing coffee beans at home."
        return grow(request)

    play(tmp_path, reply, TEA, CHESS, rounds=1, operations=("widen",))
    (row,) = table(tmp_path, "rows.jsonl")
    assert row["flags"] == ["widen"]
    (reject,) = table(tmp_path, "rejects.jsonl")
    assert (reject["rule"], reject["nearest"] != row["lineage"]["parents"][0]) == (
        "near_copy",
        True,
    )


def test_budget_and_resume_end_with_the_same_bytes(tmp_path: Path) -> None:
    settings = {"rounds": 3, "operations": ("constraints", "deepen")}
    play(tmp_path, grow, TEA, CHESS, **settings)
    (tmp_path / "out").rename(tmp_path / "whole")
    paid = 0
    for most in (3, 8, 11, 100):
        budget = Budget(max_requests=most)
        done, engine = play(tmp_path, grow, TEA, CHESS, budget=budget, **settings)
        paid += len(engine.sent)
        assert isinstance(done.error, BudgetSpent) is (most < 18)
    assert paid == 18
    names = ["rows.jsonl", "rejects.jsonl", "report.json", "report.html", "manifest.json",
             "journal.jsonl"]  # fmt: skip
    same, different, missing = filecmp.cmpfiles(
        tmp_path / "whole", tmp_path / "out", names, shallow=False
    )
    assert (sorted(same), different, missing) == (sorted(names), [], [])
    with pytest.raises(RunError, match="operations"):
        play(tmp_path, grow, TEA, CHESS, rounds=3, operations=("widen",))


def test_operations_are_drawn_evenly_and_the_same_every_time(tmp_path: Path) -> None:
    work = job(Settings(rounds=1))
    assert work.settings["operations"] == OPERATIONS

    def reply(request: Request) -> str:
        return "" if step(request) == "write" else "No"

    output = tmp_path / "out"
    output.mkdir()
    engine = Told(reply)
    with Client(engine) as client:
        run(work, str(output), client, formats=("messages",))
    heads = collections.Counter(one.messages[0].content for one in engine.sent)
    assert len(heads) == 5
    total = heads.total()  # 175 seeds: 35 of each expected, standard deviation 5.3
    assert total >= 175
    assert all(abs(count - total / 5) < 4 * (total * 0.16) ** 0.5 for count in heads.values())


def test_both_languages_have_all_prompts() -> None:
    for name in (*OPERATIONS, "equal", "answer"):
        for language in ("en", "zh"):
            assert prompt(f"evol_{name}", language).version.startswith(f"evol_{name}.v1@")


def test_settings_that_cannot_work_are_refused_by_name() -> None:
    for key, value in (
        ("operations", ("shrink",)),
        ("rounds", 0),
        ("languages", ()),
        ("allow", ("x",)),
    ):
        with pytest.raises(RecipeError, match=key):
            Settings(**{key: value})


def test_the_command_replays_a_journal_to_the_same_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    play(tmp_path, grow, TEA, CHESS, rounds=2)
    command = ["--rows", str(tmp_path / "seeds.jsonl"), "--rounds", "2", "--engine", "replay",
               "--journal", str(tmp_path / "out" / "journal.jsonl"), "--format", "messages",
               "--output", str(tmp_path / "again")]  # fmt: skip
    assert evol.main(command) == 0
    printed = capsys.readouterr().out
    assert "evol.write" in printed
    assert "rows by round: {'1': 2, '2': 2}" in printed
    first = table(tmp_path, "rows.jsonl")
    (tmp_path / "out").rename(tmp_path / "first")
    (tmp_path / "again").rename(tmp_path / "out")
    assert [row["id"] for row in table(tmp_path, "rows.jsonl")] == [row["id"] for row in first]
    assert evol.main([*command[:-1], str(tmp_path / "x"), "--operations", "shrink"]) == 2
    assert "shrink" in capsys.readouterr().err
