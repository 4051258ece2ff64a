"""All of GSM8K's test questions and HumanEval's prompts, planted into a real book, are found."""

from __future__ import annotations

import gzip
import re

import pytest

from corpusforge.decontaminate import EvalIndex, Scanner, read_items

RULES = ("gpt3.v1", "fuzzy.v1")
EDITS = {
    "verbatim": str,
    "case": str.swapcase,
    "line breaks": lambda text: re.sub(r"\s+", "\r\n", text),
    "marks left out": lambda text: re.sub(r"[^\w\s]", "", text),
    "marks blank": lambda text: re.sub(r"[^\w\s]", " ", text),
}


@pytest.fixture(scope="module")
def real(data):
    items = [
        *read_items("gsm8k", str(data / "decontam/gsm8k_test.jsonl.gz")),
        *read_items("humaneval", str(data / "decontam/HumanEval.jsonl.gz"), ("prompt",)),
    ]
    book = gzip.decompress((data / "books/en-alice-11-0.txt.gz").read_bytes()).decode()
    return items, Scanner(EvalIndex.build(items), RULES), book


@pytest.mark.parametrize("edit", EDITS)
def test_every_planted_item_is_found(real, edit):
    items, scanner, book = real
    assert len(items) == 1319 + 164
    texts = []
    for number, item in enumerate(items):
        page = book[number * 90 : number * 90 + 1200]
        texts.append(f"{page[:600]}\n{EDITS[edit](item.passages[0])}\n{page[600:]}")
    hits = scanner.scan(texts)
    pairs = set(zip(hits["document"].to_pylist(), hits["item"].to_pylist(), strict=True))
    assert [n for n in range(len(items)) if (n, n) not in pairs] == []


def test_the_book_itself_is_clean(real):
    _, scanner, book = real
    assert scanner.scan([book[k : k + 5000] for k in range(0, len(book), 5000)]).num_rows == 0


def test_training_questions_that_hit_are_near_copies(real, data):
    """Seven of 7,473, each looked at: the same story with other names or numbers."""
    _, scanner, _ = real
    train = read_items("train", str(data / "selfinstruct/cot/gsm8k_train.jsonl.gz"))
    hits = scanner.scan([item.passages[0] for item in train])
    assert len(set(hits["document"].to_pylist())) == 7
