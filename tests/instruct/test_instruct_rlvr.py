"""Questions for reinforcement learning, and steps with labels: what is written, and what is left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cot_kit import EGGS, play

from corpusforge.errors import RecipeError
from corpusforge.instruct.cot.process import process_rows, split_steps
from corpusforge.instruct.cot.records import Question, Vote
from corpusforge.instruct.cot.rlvr import Verifiable, verifiable, write_rlvr
from corpusforge.instruct.export import Settings
from corpusforge.instruct.records import Row
from corpusforge.models.records import Request
from pipelines import bootstrap_cot

TWO = {"question": "A box holds 4 pens. How many pens do 3 boxes hold?", "answer": "12"}
OPEN = {"question": "Why is the sky blue?"}
CODE = {"question": "Write add(a, b).", "kind": "code", "tests": "assert add(1, 2) == 3"}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def replies(request: Request) -> str:
    """Two of four samples of the eggs are right; the pens never are."""
    asked = request.messages[-1].content
    if "eggs" in asked and "eats 4" in asked:
        right = request.repeat % 2 == 0
        last = "He eats some: 18 - 4 = 14." if right else "He eats some: 18 - 4 = 15."
        return f"Boxes first: 3 * 6 = 18.\n{last}\nThe answer is {'14' if right else '15'}."
    return "I multiply the numbers.\nThat is 4 + 3 = 7.\nThe answer is 7."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rlvr")
    play(folder, replies, EGGS, TWO, OPEN, CODE, formats=("rlvr", "stepwise"), samples=4, hints=0,
         temperatures=(0.7,), keep_wrong=True)  # fmt: skip
    return folder / "out" / "export"


def test_the_table_has_gold_kind_source_and_pass_rate(made: Path) -> None:
    first, second = lines(made / "rlvr" / "train.jsonl")
    assert (first["question"], first["gold"], first["kind"]) == (EGGS["question"], "14", "number")
    assert (first["pass_rate"], first["samples"], first["source"]) == (0.5, 4, "q.jsonl:1")
    assert (second["gold"], second["pass_rate"]) == ("12", 0.0)
    listed = {row["path"]: row for row in lines(made / "export.jsonl")}
    # without a gold answer, and code, which each trainer runs in a way of its own
    assert listed["rlvr/train.jsonl"] == {
        "path": "rlvr/train.jsonl", "split": "train", "rows": 2, "left_out": 2,
    }  # fmt: skip


@pytest.mark.parametrize("formats", [(), ("rlvr", "messages")])
def test_questions_that_no_sample_solved_are_exported_without_any_row(
    tmp_path: Path, formats: tuple[str, ...]
) -> None:
    done, _ = play(
        tmp_path, replies, TWO, CODE, formats=formats, samples=2, hints=0, temperatures=(0.7,)
    )
    place = tmp_path / "out" / "export"
    assert done.report.rows == 0
    (row,) = lines(place / "rlvr" / "train.jsonl")
    assert (row["gold"], row["pass_rate"], row["samples"]) == ("12", 0.0, 2)
    assert pq.read_table(place / "rlvr" / "verl" / "train.parquet").num_rows == 1
    assert sorted(one.name for one in place.iterdir()) == ["export.jsonl", "rlvr"]


def test_without_rows_and_questions_to_check_there_is_no_export(tmp_path: Path) -> None:
    play(tmp_path, replies, TWO, formats=("messages",), samples=1, hints=0, temperatures=(0.7,))
    assert not (tmp_path / "out" / "export").exists()
    (tmp_path / "b").mkdir()
    play(tmp_path / "b", replies, CODE, formats=(), samples=1, hints=0, temperatures=(0.7,))
    assert not (tmp_path / "b" / "out" / "export").exists()


def test_each_shape_has_what_its_trainer_reads(made: Path) -> None:
    asks = [{"role": "user", "content": EGGS["question"]}]
    verl = pq.read_table(made / "rlvr" / "verl" / "train.parquet").to_pylist()[0]
    assert {k: verl[k] for k in ("data_source", "prompt", "ability", "reward_model")} == {
        "data_source": "q.jsonl", "prompt": asks, "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": "14"},
    }  # fmt: skip
    assert verl["extra_info"]["index"] == 0 and verl["extra_info"]["pass_rate"] == 0.5
    open_instruct = lines(made / "rlvr" / "open_instruct" / "train.jsonl")[0]
    assert (open_instruct["messages"], open_instruct["ground_truth"], open_instruct["dataset"]) == (
        asks, "14", "math",
    )  # fmt: skip
    trl = lines(made / "rlvr" / "trl" / "train.jsonl")[0]
    assert (trl["prompt"], trl["solution"]) == (asks, "$14$")
    openrlhf = lines(made / "rlvr" / "openrlhf" / "train.jsonl")[0]
    assert (openrlhf["input"], openrlhf["label"]) == (asks, "14")


def test_a_step_is_labelled_by_what_came_of_it(made: Path) -> None:
    found = {
        tuple(row["completions"]): row["labels"] for row in lines(made / "stepwise" / "train.jsonl")
    }
    # the wrong path leaves the right one with its last step; the pens' paths leave it nobody knows where
    assert found == {
        ("Boxes first: 3 * 6 = 18.", "He eats some: 18 - 4 = 14.\n14"): [True, True],
        ("Boxes first: 3 * 6 = 18.", "He eats some: 18 - 4 = 15.\n15"): [True, False],
    }


def test_a_question_stands_where_its_rows_or_its_near_copies_do(tmp_path: Path) -> None:
    asked = {
        "a": "How many red pens lie in the long drawer?",
        "b": "When does the last ferry leave the island?",
        "c": "When does the last ferry leave the islands?",  # a near copy of b, without rows
        "d": "Which of the three bakers sold most rolls?",
    }
    table = [
        Verifiable(id=name, question=text, gold="4", kind="number", language="en", source="q:1",
                   pass_rate=0.5, samples=2)
        for name, text in asked.items()
    ]  # fmt: skip
    parts = {
        "train": [path("1", "a", "x"), path("2", "d", "x")],
        "validation": [path("3", "b", "x")],
    }
    written = write_rlvr(str(tmp_path), parts, Settings(validation=0.3), table, 0)
    found = {p.stem: [row["id"] for row in lines(p)] for p in tmp_path.glob("*.jsonl")}
    assert found == {"train": ["a", "d"], "validation": ["b", "c"]}
    assert {one.split: one.rows for one in written} == {"train": 2, "validation": 2}


def test_what_stands_behind_a_question_and_names_are_options(tmp_path: Path, capsys) -> None:
    run = ["--engine", "replay", "--journal", "examples/cot/journal.jsonl", "--format", "rlvr"]
    more = [
        "--ask",
        "Put it in \\boxed{}.",
        "--data-source",
        "mine/sums",
        "--output",
        str(tmp_path / "o"),
    ]
    assert bootstrap_cot.main([*run, *more]) == 0, capsys.readouterr().err
    rows = pq.read_table(tmp_path / "o" / "export" / "rlvr" / "verl" / "train.parquet").to_pylist()
    assert {row["data_source"] for row in rows} == {"mine/sums"}
    assert all(row["prompt"][0]["content"].endswith("\n\nPut it in \\boxed{}.") for row in rows)
    assert {path.name for path in (tmp_path / "o" / "export").iterdir()} == {"rlvr", "export.jsonl"}


def path(name: str, task: str, reasoning: str, *flags: str, output: str = "7") -> Row:
    return Row(id=name, task=task, instruction="How many?", input="", output=output, language="en",
               kind="cot", reasoning=reasoning, flags=flags)  # fmt: skip


def test_paths_that_cannot_be_labelled_are_left_out() -> None:
    right = path("a", "q", "1 + 1 = 2.\n2 + 2 = 4.\n4 + 3 = 7.")
    given = [
        right,
        path(
            "b", "q", "1 + 1 = 3.\n3 + 3 = 6.\n6 + 3 = 9.", "wrong", output="9"
        ),  # leaves at its first step
        path("c", "q", "1 + 1 = 2.\n2 + 2 = 4.\n4 + 3 = 8.", "wrong", output="8"),
        path("d", "q", "1 + 1 = 2.\n2 + 2 = 4.\n4 + 3 = 7.", "hinted"),  # it was told the answer
        path("e", "r", "1 + 1 = 2.\n2 + 2 = 4.", "unverified"),  # no gold answer
        path("f", "q", "It is seven."),  # one step: the answer is all there is
        path(
            "g", "r", "1 + 1 = 2.\n2 + 3 = 6.", "wrong", output="6"
        ),  # no right path of its question
    ]
    made = process_rows(given)
    assert [(row["id"], row["labels"]) for row in made] == [
        ("a", [True, True, True]), ("c", [True, True, False]),
    ]  # fmt: skip


def test_steps_are_lines_or_sentences() -> None:
    assert split_steps("one\n\n two \n") == ["one", "two"]
    assert split_steps("He has 2.5 pens. She has 3! So 5.5.") == [
        "He has 2.5 pens.",
        "She has 3!",
        "So 5.5.",
    ]
    assert split_steps("先算十个。再加二。") == ["先算十个。", "再加二。"]
    assert split_steps("") == []


def test_a_question_that_no_sample_answered_has_no_pass_rate() -> None:
    vote = Vote(question="q", source="f:1", kind="number", language="en", gold="4", samples=0, cut=0,
                extracted=0, right=0, answer="", votes=0, share=0.0, status="none", hinted=False,
                kept=0)  # fmt: skip
    questions = [Question(id="q", question="2 + 2?", answer="4", kind="number"),
                 Question(id="r", question="never asked", answer="4", kind="number")]  # fmt: skip
    assert verifiable(questions, [vote]) == ([], 2)


def test_an_unknown_form_is_still_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="rlvrr"):
        play(tmp_path, replies, EGGS, formats=("rlvrr",))
