"""The whole loop with a real transformer, trained here, in this process and behind a real server.

pytest -n0 -m slow tests/instruct/test_instruct_real_model.py     # needs the extras local and openai;
                                                                  # the server transformers[serving]
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import self_instruct
from tests.models.tiny_model import save_tiny

torch = pytest.importorskip("torch", reason="extra local")
pytest.importorskip("transformers", reason="extra local")

SMALL = ["--prompts", "3", "--format", "messages,alpaca"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> str:
    from trained_model import train

    folder = tmp_path_factory.mktemp("model") / "trained"
    assert train(folder, steps=300) < 4.0  # nats a token; an untrained model has log(1028) = 6.9
    return str(folder)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def run(model: str, output: Path, *options: str) -> int:
    command = ["--engine", "local", "--model", model, "--device", "cpu", "--output", str(output)]
    return self_instruct.main([*command, *SMALL, *options])


def test_a_model_of_random_weights_is_refused_reply_by_reply(tmp_path: Path) -> None:
    """Nonsense is parsed, counted and stopped by the yield; nothing of it becomes a row."""
    model = save_tiny(tmp_path / "tiny", max_position_embeddings=8192)
    options = ("--max-tokens", "24", "--instance-tokens", "24", "--yield-rounds", "2")
    assert run(model, tmp_path / "out", *options) == 1
    report = json.loads((tmp_path / "out" / "report.json").read_text())["languages"]["en"]
    assert report["rows"] == 0
    assert report["stopped"].startswith("the yield has fallen")
    assert len(lines(tmp_path / "out" / "rejects.jsonl")) == 6


@pytest.mark.slow
def test_a_trained_model_fills_a_data_set(trained: str, tmp_path: Path) -> None:
    options = ("--target", "12")
    assert run(trained, tmp_path / "a", *options) == 0
    rows = lines(tmp_path / "a" / "rows.jsonl")
    assert len(rows) >= 12
    assert all(row["lineage"]["engine"] == "local" and row["output"] for row in rows)
    exported = lines(tmp_path / "a" / "export" / "messages" / "train.jsonl")
    assert {message["role"] for row in exported for message in row["messages"]} == {
        "user", "assistant",
    }  # fmt: skip
    # the same command again asks nothing; other batches give the same rows
    before = {path: path.read_bytes() for path in (tmp_path / "a").glob("*.json*")}
    assert run(trained, tmp_path / "a", *options) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert run(trained, tmp_path / "b", *options, "--batch-rows", "2") == 0
    assert lines(tmp_path / "b" / "rows.jsonl") == rows


@pytest.mark.slow
def test_the_same_behind_a_real_server(trained: str, tmp_path: Path) -> None:
    pytest.importorskip("openai", reason="extra openai")
    pytest.importorskip("uvicorn", reason="transformers[serving]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("transformers")), "serve", "--host", "127.0.0.1",
        "--port", str(port), "--device", "cpu", "--log-level", "info", trained,
    ]  # fmt: skip
    place = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        assert server.stdout is not None
        try:
            assert any("Uvicorn running" in line for line in server.stdout), "it did not start"
            code = self_instruct.main(
                ["--engine", "openai", "--base-url", f"http://127.0.0.1:{port}/v1", "--model",
                 trained, "--concurrency", "2", "--target", "4", "--prompts", "2", "--max-rounds",
                 "3", "--format", "messages", "--output", str(tmp_path / "out")]
            )  # fmt: skip
        finally:
            server.kill()
    assert code == 0
    rows = lines(tmp_path / "out" / "rows.jsonl")
    assert len(rows) >= 4
    assert {row["lineage"]["engine"] for row in rows} == {"openai"}
