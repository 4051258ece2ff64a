"""kill -9 in the middle of a run with a real model, resumed: the bytes of a run that replays its journal.

    CORPUSFORGE_MODEL_URL=http://127.0.0.1:8080/v1 pytest -n0 -m slow tests/models/test_models_killed.py

Needs a server with the OpenAI interface and one small model (docs/models.md has a command); a server that is
scripted is killed under in tests/instruct/test_instruct_served.py.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="extra openai")
URL = os.environ.get("CORPUSFORGE_MODEL_URL", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not URL, reason="CORPUSFORGE_MODEL_URL names no server with a model"),
]
MODEL = ["--engine", "openai", "--base-url", URL, "--concurrency", "2", "--api-key-env", "NO_KEY"]
SMALL = ["--max-tokens", "64"]
PROMPTS = (
    "Name a river.",
    "Write a line about snow.",
    "Give a tip for baking bread.",
    "What is ink?",
)


def self_instruct(folder: Path) -> list[str]:
    return [
        "-m", "pipelines.self_instruct", *MODEL, *SMALL, "--language", "en", "--target", "100",
        "--form", "plain", "--prompts", "2", "--max-rounds", "1", "--instance-tokens", "32",
    ]  # fmt: skip


def export_labelling(folder: Path) -> list[str]:
    prompts, salt = folder / "prompts.jsonl", folder / "salt"
    prompts.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in PROMPTS))
    salt.write_text("a salt of thirty-two characters.")
    return [
        "-m", "pipelines.export_labelling", *MODEL, *SMALL, "--prompts", str(prompts), "--pool", "all",
        "--salt-file", str(salt), "--raters", "2", "-k", "2", "--answer-retries", "0",
        "--target", "html",
    ]  # fmt: skip


def run(command: list[str], output: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, *command, "--output", str(output)])


def answers(output: Path) -> int:
    journal = output / "journal.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def files(output: Path) -> dict[str, bytes]:
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != "run.lock"
    }


@pytest.mark.parametrize("pipeline", [self_instruct, export_labelling])
def test_killed_and_resumed_it_ends_as_a_run_that_was_left_alone(
    pipeline: object, tmp_path: Path
) -> None:
    assert callable(pipeline)
    command, killed, alone = pipeline(tmp_path), tmp_path / "killed", tmp_path / "alone"
    point = random.SystemRandom().randint(1, 4)
    print(f"killed after {point} answers")
    with run(command, killed) as process:
        while answers(killed) < point:
            try:
                pytest.fail(f"ended early with {process.wait(timeout=0.1)}")
            except subprocess.TimeoutExpired:
                continue
        process.kill()
        assert process.wait() == -signal.SIGKILL
    before = (killed / "journal.jsonl").read_bytes()
    code = run(command, killed).wait()
    assert code in (0, 1)  # 1: short of its target
    after = (killed / "journal.jsonl").read_bytes()
    assert after.startswith(before[: before.rfind(b"\n") + 1]) and len(after) > len(before)
    alone.mkdir()
    shutil.copy(killed / "journal.jsonl", alone)
    assert run(command, alone).wait() == code
    assert files(alone) == files(killed)
