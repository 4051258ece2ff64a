"""Questions from files: GSM8K's JSON lines, FLAN's chain-of-thought TSV, Parquet, and plain JSON lines.

GSM8K (Cobbe et al. 2021) has `question` and an `answer` that ends with `#### 18`; its calculator
marks `<<48/2=24>>` are taken out. FLAN (Longpre et al. 2023) has three columns, question, answer and
rationale, with line breaks written `\\n`. Every row becomes a `Question` or a counted `Reject`. Limit:
the kind of a gold answer is read from its form where no `kind` field says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from corpusforge.errors import InputError
from corpusforge.hashing import make_id
from corpusforge.instruct.cot.answers import KINDS, kind_of, read
from corpusforge.instruct.cot.fields import common_fields
from corpusforge.instruct.cot.plain import CALCULATOR
from corpusforge.instruct.cot.records import Question
from corpusforge.instruct.profile import language_of
from corpusforge.instruct.records import Reject
from corpusforge.io import layouts
from corpusforge.io.jsonl import Bad, read_lines

__all__ = ["load"]

_OPTION = re.compile(r"^[^\S\n]*+-?[^\S\n]*+[(（]?([A-J])[)）.．、:：]\s*+(\S.*)$", re.MULTILINE)
_HEAD = re.compile(
    r"^[^\S\n]*+(?:Options|Choices|选项)[^\S\n]*+[:：]?[^\S\n]*+$", re.MULTILINE | re.IGNORECASE
)
_HASHES = re.compile(r"(?<!\s)\s*+####\s*+(.++)\s*+$")
_ANSWER_CHARS = 500  # of the end of a worked answer, where GSM8K's "#### 42" stands


def load(path: str) -> tuple[list[Question], list[Reject]]:
    """Return the questions of a file in order, and a reject for each row that is none.

    Raises InputError where the file's name ends in none of .jsonl, .json, .tsv (.gz, .zst … after it)
    and .parquet.
    """
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    if ".tsv" in name:
        reader = _tsv
    elif ".json" in name or name.endswith(".parquet"):
        reader = _rows
    else:
        raise InputError(
            f"{path}: expected a name with .jsonl, .json, .tsv or .parquet; convert the file first."
        )
    questions: dict[str, Question] = {}
    rejects: list[Reject] = []
    for source, row, problem in reader(path, name):
        made = problem or _question(row, source)
        if isinstance(made, str):
            rejects.append(_reject(source, made, row))
        elif made.id in questions:
            rejects.append(_reject(source, "duplicate_question", row))
        else:
            questions[made.id] = made
    return list(questions.values()), rejects


def _reject(source: str, problem: str, row: dict[str, Any]) -> Reject:
    text = str(row.get("question") or row.get("problem") or row.get("prompt") or "")[:1000]
    return Reject(id=make_id("cot.question", source), step="questions", rule=problem, text=text,
                  language=language_of(text), value=source, bound="a question")  # fmt: skip


_Lines = Iterator[tuple[str, dict[str, Any], str]]


def _tsv(path: str, name: str) -> _Lines:
    for number, line in read_lines(path):
        cells = line.decode("utf-8", "replace").split("\t")
        row = {
            key: cell.replace("\\n", "\n").strip()
            for key, cell in zip(("question", "answer", "rationale"), cells, strict=False)
        }
        yield f"{name}:{number}", row, "" if len(cells) == 3 else "columns"


def _rows(path: str, name: str) -> _Lines:
    for row in layouts.values(path):
        where = f"{name}:{row.number}"
        if isinstance(row, Bad):
            yield where, {}, "not_json"
        elif isinstance(row.value, dict):
            yield where, row.value, ""
        else:
            yield where, {}, "not_an_object"


def _question(row: dict[str, Any], source: str) -> Question | str:
    """Return the question of a row, or the rule that it breaks."""
    named = common_fields(row)
    if isinstance(named, str):
        return named
    row = named
    text, answer = row.get("question", ""), row.get("answer", "")
    answer = str(answer) if isinstance(answer, (int, float)) else answer
    rationale, tests = row.get("rationale", ""), row.get("tests", "")
    if not all(isinstance(value, str) for value in (text, answer, rationale, tests)):
        return "not_text"
    if not text.strip():
        return "no_question"
    end = max(0, len(answer) - _ANSWER_CHARS)
    if not rationale and (found := _HASHES.search(answer, end)):
        rationale, answer = CALCULATOR.sub("", answer[: found.start()]), found[1].rstrip()
    choices = row.get("choices") or _choices(text)
    if not isinstance(choices, (list, tuple)) or not all(isinstance(c, str) for c in choices):
        return "not_text"
    kind = row.get("kind") or _kind(answer, tests, choices)
    if kind not in KINDS:
        return "unknown_kind"
    if answer and kind != "code" and read(answer, kind, choices) is None:
        return "unreadable_answer"
    if kind == "code" and not tests:
        return "no_tests"
    language = row.get("language") or language_of(text)
    identity = text.strip() + "\x00" + "\x00".join(choices)
    return Question(
        id=make_id("cot.question", identity), question=text.strip(), answer=answer.strip(),
        kind=kind, language=language, rationale=rationale.strip(), choices=tuple(choices),
        tests=tests, source=source,
    )  # fmt: skip


def _kind(answer: str, tests: str, choices: Sequence[str]) -> str:
    if tests:
        return "code"
    if choices:
        return "choice"
    return kind_of(answer) if answer.strip() else "text"


def _choices(text: str) -> tuple[str, ...]:
    """The options in a question's own text, where they run A, B, C … without a gap."""
    found = _OPTION.findall(_HEAD.split(text)[-1])
    letters = "".join(letter for letter, _ in found)
    if len(found) < 2 or letters != "ABCDEFGHIJ"[: len(found)]:
        return ()
    return tuple(option.strip() for _, option in found)
