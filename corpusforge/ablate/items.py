"""Questions and texts with a last word, from files of rows in the shapes that public sets have.

Known shapes of a choice: CommonsenseQA and ARC (`question.stem`, `question.choices`, `answerKey`), ARC
of `datasets` (`choices.text`, `choices.label`), HellaSwag (`ctx`, `endings`, `label`), MMLU
(`choices`, `answer` as a number) and C-Eval (`question`, `A` … `D`, `answer`). A text with a last word
is LAMBADA's `text`. A question is asked as lm-evaluation-harness asks it, without examples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from corpusforge.errors import InputError
from corpusforge.hashing import uniform
from corpusforge.io.layouts import objects

__all__ = ["Choice", "Cloze", "drawn", "read_choices", "read_cloze"]

Item = TypeVar("Item")

_LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Choice:
    """A question, the prompt that asks it, the answers with the blank before each, and which is right."""

    question: str
    prompt: str
    answers: tuple[str, ...]
    right: int


@dataclass(frozen=True, slots=True)
class Cloze:
    """A text up to its last word, and that word with the blank before it."""

    before: str
    last: str


def _texts(values: Any, before: str = " ") -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(v, (str, int, float)) for v in values):
        raise TypeError("expected a list of texts or numbers")
    return tuple(f"{before}{value}" for value in values)


def _asked(question: str, answers: Any, right: int) -> Choice:
    if any("\u4e00" <= letter <= "\u9fff" for letter in question):
        return Choice(question, f"问题：{question}\n答案：", _texts(answers, ""), right)
    return Choice(question, f"Question: {question}\nAnswer:", _texts(answers), right)


def _labelled(question: str, rows: list[tuple[str, str]], key: str) -> Choice:
    labels = [label for label, _ in rows]
    return _asked(question, [text for _, text in rows], labels.index(key))


def _stem(row: Mapping[str, Any]) -> Choice:
    question = row["question"]
    rows = [(choice["label"], choice["text"]) for choice in question["choices"]]
    return _labelled(question["stem"], rows, row["answerKey"])


def _columns(row: Mapping[str, Any]) -> Choice:
    choices = row["choices"]
    rows = list(zip(choices["label"], choices["text"], strict=True))
    return _labelled(row["question"], rows, row["answerKey"])


def _endings(row: Mapping[str, Any]) -> Choice:
    return Choice(row["ctx"], row["ctx"], _texts(row["endings"]), int(row["label"]))


def _numbered(row: Mapping[str, Any]) -> Choice:
    return _asked(row["question"], row["choices"], int(row["answer"]))


def _lettered(row: Mapping[str, Any]) -> Choice:
    rows = [(letter, row[letter]) for letter in _LETTERS]
    return _labelled(row["question"], rows, row["answer"])


_SHAPES: tuple[Callable[[Mapping[str, Any]], Choice], ...] = (
    _stem, _columns, _endings, _numbered, _lettered,
)  # fmt: skip


def _read(row: Any) -> Choice | None:
    for shape in _SHAPES:
        try:
            found = shape(row)
            sound = 0 <= found.right < len(found.answers) > 1
            if sound and all(map(str.strip, (found.question, *found.answers))):
                return found
        except (KeyError, TypeError, ValueError, IndexError, AttributeError):
            continue
    return None


def drawn(rows: Sequence[Item], most: int) -> list[Item]:
    """Return `most` of the rows at most, by a hash of their places."""
    order = np.argsort(uniform(np.arange(len(rows), dtype=np.uint64), 0, "ablate/items"))
    return [rows[place] for place in order[:most].tolist()]


def read_choices(path: str, most: int) -> list[Choice]:
    """Return `most` items of a file at most; raises InputError, naming the row, for one of no known shape."""
    found = []
    for number, row in enumerate(objects(path), 1):
        item = _read(row)
        if item is None:
            raise InputError(
                f"{path}, row {number}: no multiple-choice item. Expected the shape of CommonsenseQA, ARC, "
                "HellaSwag, MMLU or C-Eval, with its right answer (docs/ablate.md)."
            )
        found.append(item)
    return drawn(found, most)


def read_cloze(path: str, most: int) -> list[Cloze]:
    """Return `most` items of a file at most; raises InputError for a row without text, or of one word."""
    found = []
    for number, row in enumerate(objects(path), 1):
        text = row.get("text")
        before, blank, last = text.rstrip().rpartition(" ") if isinstance(text, str) else ("",) * 3
        if not before or not last:
            raise InputError(f"{path}, row {number}: expected `text`, of two words or more.")
        found.append(Cloze(before, blank + last))
    return drawn(found, most)
