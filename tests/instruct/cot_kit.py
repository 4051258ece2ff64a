"""Questions and engines in memory, for the tests of chain of thought."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from loop_kit import Told

from corpusforge.instruct.cot.run import job
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.session import Finished, run
from corpusforge.models.budget import Budget
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request

Reply = Callable[[Request], Completion | str]

EGGS = {
    "question": "Ada buys 3 boxes of 6 eggs and eats 4. How many eggs are left?",
    "answer": "14",
}
APPLES = {"question": "小明有5个苹果，又买了3袋，每袋4个。他现在有多少个苹果？", "answer": "17"}


def write(path: Path, *rows: dict) -> str:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return str(path)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def play(
    folder: Path,
    reply: Reply,
    *questions: dict,
    budget: Budget | None = None,
    formats: tuple[str, ...] = ("messages",),
    **settings: object,
) -> tuple[Finished, Told]:
    """Run in folder/out, with a journal there; returns how it ended and the engine."""
    given = Settings(questions=(write(folder / "q.jsonl", *questions),), **settings)
    output = folder / "out"
    output.mkdir(exist_ok=True)
    engine = Told(reply)
    with Client(engine, output / "journal.jsonl", budget) as client:
        return run(job(given), str(output), client, formats=formats), engine
