"""The engine `openai` against `transformers serve`, a real server, on loopback with a small model.

pytest -n0 -m slow tests/models/test_models_real_server.py      # needs the extras local, openai
                                                                # and transformers[serving]
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpusforge.models import Client, Message, Request, Sampling, Settings, read_entries
from tests.models.tiny_model import save_tiny

pytest.importorskip("torch", reason="extra local")
pytest.importorskip("transformers", reason="extra local")
pytest.importorskip("openai", reason="extra openai")
pytest.importorskip("uvicorn", reason="transformers[serving]")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save_tiny(tmp_path_factory.mktemp("served") / "tiny")


@pytest.fixture(scope="module")
def url(model: str) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("transformers")), "serve", "--host", "127.0.0.1",
        "--port", str(port), "--device", "cpu", "--log-level", "info", model,
    ]  # fmt: skip
    place = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, env=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(line)
            if "Uvicorn running" in line:
                break
        else:
            pytest.fail("the server did not start:\n" + "".join(told[-20:]))
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.kill()


def requests() -> list[Request]:
    values = Sampling(max_tokens=12)
    chats = [
        Request(messages=(Message("user", "hello 你好 " * (number % 4 + 1)),), sampling=values)
        for number in range(6)
    ]
    return [*chats, Request(prompt="Once upon a time", sampling=values)]


def test_a_real_server_and_the_local_engine_say_the_same(
    url: str, model: str, tmp_path: Path
) -> None:
    settings = Settings(engine="openai", base_url=url, model=model, concurrency=2, timeout=60.0)
    from corpusforge.models.engines import open_client, open_engine

    with open_client(settings, tmp_path) as client:
        served = client.complete(requests())
        assert [item.error for item in served] == [""] * 7
        assert client.complete(requests()) == served
    assert len(list(read_entries(tmp_path / "journal.jsonl"))) == 5, "equal requests are one"
    local = Client(open_engine(Settings(model=model, device="cpu"))).complete(requests())
    assert [item.text for item in served] == [item.text for item in local]
    assert [item.usage for item in served] == [item.usage for item in local]
    assert [item.finish_reason for item in served] == [item.finish_reason for item in local]


def test_structured_output_is_had_or_given_up(url: str, model: str) -> None:
    settings = Settings(engine="openai", base_url=url, model=model, timeout=60.0)
    from corpusforge.models.engines import open_engine

    request = Request(
        messages=(Message("user", "answer in JSON"),), sampling=Sampling(max_tokens=4),
        json_schema='{"type":"object","properties":{"a":{"type":"string"}}}',
    )  # fmt: skip
    assert Client(open_engine(settings)).complete([request])[0].error == ""
