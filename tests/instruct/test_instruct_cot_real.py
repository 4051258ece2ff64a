"""Questions of GSM8K and FLAN: every row read, gold answers found where the rationale states them."""

from __future__ import annotations

import gzip
import json
from fractions import Fraction
from pathlib import Path

import pytest

from corpusforge.instruct.cot import questions
from corpusforge.instruct.cot.answers import match, read
from corpusforge.instruct.cot.extract import find
from corpusforge.instruct.cot.quantity import quantity
from corpusforge.instruct.cot.records import Question

COT = Path("selfinstruct") / "cot"


def gsm8k(path: Path) -> list[tuple[str, Fraction, str]]:
    """(question, gold as a fraction, full answer), read without our code."""
    found = []
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            row = json.loads(line)
            gold = row["answer"].rsplit("####", 1)[1].strip().replace(",", "")
            found.append((row["question"].strip(), Fraction(gold), row["answer"]))
    return found


def test_every_gold_answer_of_gsm8k_is_found_in_its_own_solution(data: Path) -> None:
    cases = gsm8k(data / "decontam" / "gsm8k_test.jsonl.gz")
    assert len(cases) == 1319
    for _, gold, answer in cases:
        found = find(answer, "number")
        assert found.answer is not None
        assert (found.by, found.answer.value.figure) == ("hashes", gold)


def test_every_row_of_gsm8k_is_a_question_with_that_gold_answer(data: Path) -> None:
    path = data / "decontam" / "gsm8k_test.jsonl.gz"
    made, rejects = questions.load(str(path))
    assert rejects == []
    assert [(one.question, quantity(one.answer).figure) for one in made] == [
        (question, gold) for question, gold, _ in gsm8k(path)
    ]
    assert {one.kind for one in made} == {"number"}
    assert not any("<<" in one.rationale or "####" in one.rationale for one in made)


def share(made: list[Question]) -> tuple[int, int]:
    """(right, wrong) answers found in the rationales alone."""
    found = [(find(one.rationale, one.kind, one.choices).answer, one) for one in made]
    right = sum(match(answer, read(q.answer, q.kind, q.choices)) for answer, q in found)
    return right, sum(answer is not None for answer, _ in found) - right


@pytest.mark.parametrize(
    ("name", "rows", "kind", "least_right", "most_wrong"),
    [
        # how many rationales state their answer is not known; measured counts may not fall
        ("gsm8k_train.tsv.gz", 7473, "number", 7390, 83),
        ("aqua_train.tsv.gz", 2728, "choice", 1844, 60),
        ("qasc_train.tsv.gz", 1084, "choice", 840, 8),
        ("strategyqa_train.tsv.gz", 2061, "yesno", 0, 3),
    ],
)
def test_flan_rows_are_read_and_their_rationales_searched(
    data: Path, name: str, rows: int, kind: str, least_right: int, most_wrong: int
) -> None:
    made, rejects = questions.load(str(data / COT / name))
    assert len(made) + len(rejects) == rows
    assert {one.rule for one in rejects} <= {"duplicate_question"}
    assert {one.kind for one in made} == {kind}
    right, wrong = share(made)
    assert right >= least_right
    assert wrong <= most_wrong


def test_options_of_flan_are_read_from_the_question(data: Path) -> None:
    made, _ = questions.load(str(data / COT / "aqua_train.tsv.gz"))
    assert {len(one.choices) for one in made} == {5}
    made, _ = questions.load(str(data / COT / "qasc_train.tsv.gz"))
    assert {len(one.choices) for one in made} == {8}
    first = made[0]
    with gzip.open(data / COT / "qasc_train.tsv.gz", "rt", encoding="utf-8") as stream:
        line = stream.readline()
    cells = line.rstrip("\n").split("\t")
    assert first.question == cells[0].replace("\\n", "\n").strip()
    assert (first.answer, first.rationale) == (cells[1], cells[2].replace("\\n", "\n"))


def test_the_two_forms_of_gsm8k_have_the_same_questions_and_answers(data: Path) -> None:
    lines, _ = questions.load(str(data / COT / "gsm8k_train.jsonl.gz"))
    table, _ = questions.load(str(data / COT / "gsm8k_train.tsv.gz"))
    left = {" ".join(one.question.split()): quantity(one.answer).figure for one in lines}
    right = {" ".join(one.question.split()): quantity(one.answer).figure for one in table}
    assert len(left) == 7473
    assert left == right
