"""The seed linter: our own seeds pass, the original's faults are found, made faults are named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from corpusforge import cli
from corpusforge.instruct import seeds
from corpusforge.instruct.lint import balances, form, lint, lint_rows
from corpusforge.instruct.records import Instance, Task

GOOD = Task(
    id="a",
    instruction="Name the capital of the given country.",
    instances=(Instance("Norway", "Oslo"),),
    is_classification=False,
)


def rules(tasks: list[Task]) -> list[tuple[str, str]]:
    return [(found.task, found.rule) for found in lint(tasks)]


@pytest.mark.parametrize("language", seeds.BUILTIN)
def test_the_built_in_seeds_have_no_findings(language: str) -> None:
    assert lint(seeds.load(language)) == []


def test_three_of_the_originals_seeds_fail_its_own_filter(data: Path) -> None:
    """By its code: more than 3 words, no "Write a program" (seed files as published)."""
    tasks = seeds.load(str(data / "selfinstruct" / "seed_tasks.jsonl"))
    found = [one for one in lint(tasks) if one.rule.startswith("instruction.")]
    assert [(one.task, one.rule) for one in found] == [
        ("seed_task_12", "instruction.too_short"),
        ("seed_task_79", "instruction.too_short"),
        ("seed_task_139", "instruction.prefix"),
    ]


def test_the_original_filter_agrees(data: Path) -> None:
    """A plain restatement of the published filter finds the same three."""
    words = {"image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map"}
    words |= {"maps", "draw", "plot"}
    failed = []
    for task in seeds.load(str(data / "selfinstruct" / "seed_tasks.jsonl")):
        text = task.instruction
        tokens = [token.strip(".,;:!?\"'()").lower() for token in text.split()]
        if (
            len(text.split()) <= 3
            or len(text.split()) > 150
            or words & set(tokens)
            or "go to" in text.lower()
            or text.startswith("Write a program")
            or not text[0].isascii()
        ):
            failed.append(task.id)
    assert failed == ["seed_task_12", "seed_task_79", "seed_task_139"]


def test_expert_tasks_pass_through(data: Path) -> None:
    tasks = seeds.load(str(data / "selfinstruct" / "user_oriented_instructions.jsonl"))
    found = [(one.task, one.rule) for one in lint(tasks) if one.rule.startswith("instruction.")]
    assert found == [
        ("user_oriented_task_39", "instruction.blacklist"),
        ("user_oriented_task_78", "instruction.blacklist"),
        ("user_oriented_task_81", "instruction.blacklist"),
        ("user_oriented_task_140", "instruction.too_short"),
        ("user_oriented_task_186", "instruction.blacklist"),
    ]
    (balance,) = balances(tasks)
    assert (balance.tasks, balance.labelled, balance.lengths[2]) == (252, 0, 75)


def test_near_duplicates_are_found_in_both_languages() -> None:
    copies = [
        GOOD,
        replace(GOOD, id="b", instruction="Name the capital of a given country."),
        replace(GOOD, id="c", instruction="写出下面这个国家的首都。", language="zh"),
        replace(GOOD, id="d", instruction="写出下列这个国家的首都。", language="zh"),
    ]
    found = lint(copies)
    assert [(one.task, one.rule, one.nearest) for one in found] == [
        ("b", "near_duplicate", "a"),
        ("d", "near_duplicate", "c"),
    ]
    assert found[0].value == f"{2 * 6 / 14:.3f}"  # 6 of 7 words in common
    assert found[1].value == f"{2 * 10 / 22:.3f}"  # 10 of 11 characters


@pytest.mark.parametrize(
    ("task", "rule"),
    [
        (replace(GOOD, instruction="Draw a tree for the given country."), "instruction.blacklist"),
        (replace(GOOD, instruction="请画出这座山的轮廓。", language="zh"), "instruction.blacklist"),
        (replace(GOOD, instances=(Instance("Oslo", "Oslo"),)), "instance.copy_of_input"),
        (replace(GOOD, instances=(Instance("Norway", "As an AI language model, I cannot say."),)),
         "instance.evasion"),
        (replace(GOOD, instances=(Instance("Norway", "Oslo"), Instance("Norway", "Bergen"))),
         "instance.contradicting_outputs"),
        (replace(GOOD, instances=(Instance("Norway", "write to jane.roe@mail.example.org"),)),
         "instance.personal_data"),
        (replace(GOOD, language="tlh"), "language"),
    ],
)  # fmt: skip
def test_a_fault_is_named(task: Task, rule: str) -> None:
    assert rule in {name for _, name in rules([task])}
    assert lint([GOOD]) == []


def test_lopsided_sets_are_warned_about() -> None:
    words = [a * 3 + b for a in "bcdf" for b in ("ar", "el", "im", "on", "us")]
    tasks = [
        replace(GOOD, id=word, instruction=f"Write {word * 3} about {word} and {word[::-1]} now.")
        for word in words
    ]
    found = lint(tasks)
    assert {one.level for one in found} == {"warning"}
    assert [(one.rule, one.value) for one in found] == [
        ("balance.classification", "0.000"),
        ("balance.empty_input", "0.000"),
        ("balance.opening", "write 1.000"),
        ("balance.form", "label 1.000"),
    ]
    assert lint(tasks[:19]) == []


def test_raw_rows_give_findings_instead_of_errors() -> None:
    row = {"id": "a", "name": "n", "instruction": GOOD.instruction, "is_classification": False,
           "instances": [{"input": "Norway", "output": "Oslo"}]}  # fmt: skip
    findings, tasks = lint_rows(
        [row, {**row, "instances": "none"}, row, {**row, "id": "b", "instruction": 3}]
    )
    assert [(one.rule, one.task) for one in findings] == [
        ("schema", "row 2"),
        ("same_id", "row 3"),
        ("schema", "row 4"),
    ]
    assert [task.id for task in tasks] == ["a"]
    assert "`instances` must be a list" in findings[0].value


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("yes", "label"), ("虎头蛇尾", "label"), ("slippery slope", "label"),
        ("The bridge was repaired quickly by them.", "sentence"),
        ("我们应该爱护公园里的一草一木。", "sentence"),
        ("One thing. And another thing.", "text"), ("先说一件。再说一件。", "text"),
        ("- a\n- b", "list"), ("1. a\n2. b", "list"), ("first\nsecond", "lines"),
        ("| a |\n|---|\n| b |", "table"), ('{"a": 1}', "data"), ("[1, 2]", "data"),
        ("def f():\n    pass", "code"), ("SELECT 1;", "code"), ("<ul>\n</ul>", "code"),
    ],
)  # fmt: skip
def test_forms_of_answers(output: str, name: str) -> None:
    assert form(output) == name


def test_command_prints_figures_and_fails_on_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["lint-seeds", "en", "zh"]) == 0
    printed = capsys.readouterr().out
    assert "en: 175 tasks, 0 errors, 0 warnings" in printed
    assert "zh: 100 tasks, 0 errors, 0 warnings" in printed
    row = {"id": "x", "instruction": "Draw it.", "instances": [{"input": "", "output": "a"}]}
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert cli.main(["lint-seeds", str(path)]) == 1
    assert "error: x: instruction.too_short: 2 (expected > 3 words)" in capsys.readouterr().out


def test_strict_makes_warnings_fail(tmp_path: Path) -> None:
    rows = [
        {"id": task.id, "instruction": task.instruction, "is_classification": False,
         "instances": [{"input": one.input, "output": one.output} for one in task.instances]}
        for task in seeds.load("en") if not task.is_classification
    ]  # fmt: skip
    path = tmp_path / "open.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert cli.main(["lint-seeds", str(path)]) == 0
    assert cli.main(["lint-seeds", "--strict", str(path)]) == 1


def test_a_missing_file_is_an_input_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint-seeds", "no/such/seeds.jsonl"]) == 2
    assert "no/such/seeds.jsonl" in capsys.readouterr().err
