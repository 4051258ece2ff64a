"""A small transformer, trained here to add in steps, goes through the bootstrap by the local engine.

It has seen half of the sums with a worked line, so it gets some right and others wrong: what a
sampled model is like. Figures are its own; only what must hold for any model is asserted.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from cot_kit import rows, write

pytest.importorskip("torch", reason="needs the extra `local`")
pytest.importorskip("transformers", reason="needs the extra `local`")

import trained_model

from corpusforge.hashing import word64
from corpusforge.instruct.cot.questions import load
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.cot.steps import ask_samples
from corpusforge.models.records import Request
from pipelines import bootstrap_cot

pytestmark = pytest.mark.slow


def sums() -> list[dict]:
    """Every sum of two numbers from 1 to 9 and one from 1 to 3, as a question."""
    return [
        {"question": f"Tom has {a} nuts, finds {b} and then {c} more. How many has he?",
         "answer": str(a + b + c)}
        for a in range(1, 10) for b in range(1, 10) for c in range(1, 4)
    ]  # fmt: skip


def lessons(path: str) -> list[tuple[Request, str]]:
    """The run's own requests for half of the questions, each with its worked line."""
    questions, _ = load(path)
    settings = Settings(triggers=("zero_shot",), samples=1, temperatures=(0.0,))
    made = []
    for asked in ask_samples(questions, settings):
        words = asked.question.question.split()
        a, b, c = (int(words[place].rstrip(",")) for place in (2, 5, 8))
        text = f"{a} + {b} = {a + b}.\n{a + b} + {c} = {a + b + c}.\nThe answer is {a + b + c}."
        if word64(asked.question.id) % 2:
            made.append((asked.request, text))
    return made


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cot")
    path = write(folder / "sums.jsonl", *sums())
    patch = pytest.MonkeyPatch()
    patch.setattr(trained_model, "lessons", lambda language: lessons(path))
    try:
        trained_model.train(folder / "model", steps=500)
    finally:
        patch.undo()
    command = ["--engine", "local", "--model", str(folder / "model"), "--device", "cpu",
               "--questions", path, "--limit", "24", "--triggers", "zero_shot", "--samples", "3",
               "--temperatures", "0.7", "--max-tokens", "40", "--hints", "0", "--format", "messages",
               "--output", str(folder / "out")]  # fmt: skip
    assert bootstrap_cot.main(command) == 0
    return folder / "out"


def test_every_sample_of_a_real_model_is_a_row_or_a_reject(run: Path) -> None:
    samples = rows(run / "samples.jsonl")
    refused = [one for one in rows(run / "rejects.jsonl") if one["step"] == "sample"]
    kept = rows(run / "rows.jsonl")
    assert len(samples) == 24 * 3
    assert len(kept) + len(refused) == len(samples)
    assert {one["request"] for one in refused}.isdisjoint(
        row["lineage"]["requests"][0] for row in kept
    )


def test_what_it_gets_right_is_right(run: Path) -> None:
    kept = rows(run / "rows.jsonl")
    assert kept, "after its training some sums come out right"
    for row in kept:
        words = row["instruction"].split()
        total = sum(int(words[place].rstrip(",")) for place in (2, 5, 8))
        assert row["output"] == str(total)
        assert row["lineage"]["model"].startswith("model@")
        assert row["pass_rate"][0] >= 1
