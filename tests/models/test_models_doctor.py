"""`python -m corpusforge.models doctor` against servers that can much and little, and a local model."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from corpusforge.instruct.doctor_command import main
from tests.models.fault_server import FaultServer, Handler, serve
from tests.models.tiny_model import save_tiny

pytest.importorskip("openai", reason="extra openai")

TASKS = (
    "Write a polite letter that asks a neighbour to turn down the music.",
    "Name three ways to keep bread fresh during a hot summer week.",
    "Explain how tides arise to a child of eight years.",
    "Sort these metals by density: iron, gold, aluminium, lead.",
)


def able(body: dict[str, Any]) -> str:
    """What a good model would say to each of the doctor's questions."""
    turns = body.get("messages", [])
    text = turns[-1]["content"] if turns else body["prompt"]
    if "response_format" in body:
        schema = json.dumps(body["response_format"])
        return json.dumps({"tasks": TASKS}) if '"tasks"' in schema else '{"title":"rain","lines":2}'
    if "BANANA" in str(turns[:1]):
        return "BANANA"
    if "8" in body.get("stop", []):
        return "1, 2, 3, 4, 5, 6, 7, "
    if "seed" in body and body["temperature"] == 1.0:
        return f"The cat number {body['seed']} sleeps."
    if first := re.search(r"numbered (\d+)", text) or re.search(r"(\d+)\.\s*\Z", text):
        return "".join(f"{int(first[1]) + n}. {task}\n" for n, task in enumerate(TASKS))
    return "<think>Easy.</think>Paris"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Any:
    plain = Handler.value

    def value(self: Handler, body: Any, prompt: str, **changes: Any) -> dict[str, Any]:
        made = plain(self, body, prompt, **changes)
        choice = made["choices"][0]
        if "messages" in body:
            choice["message"]["content"] = able(body)
        else:
            choice["text"] = able(body)
        made["usage"]["prompt_tokens_details"] = {"cached_tokens": 600}
        return made

    monkeypatch.setattr(Handler, "value", value)
    with serve() as made:
        yield made


def asked(
    server: FaultServer, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, Any, str]:
    code = main(["doctor", "--engine", "openai", "--base-url", server.url, "--retries", "0", *more])
    told = capsys.readouterr()
    return code, told.out, told.err


def checks(record: dict[str, Any]) -> dict[str, bool | None]:
    return {check["name"]: check["ok"] for check in record["examination"]["checks"]}


def test_a_server_that_can_all_is_told_the_command_to_begin_with(
    server: FaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = asked(server, capsys, "--json")
    record = json.loads(out)
    assert code == 0 and record["schema"] == "corpusforge.doctor/1"
    assert record["examination"]["model"] == "tiny"
    assert set(checks(record).values()) == {True} and len(checks(record)) == 9
    assert record["examination"]["speed"]["cached_tokens"] == 600
    assert {trial["form"]: trial["items"] for trial in record["forms"]} == {
        "chat": 4, "plain": 4, "json": 4
    }  # fmt: skip
    assert [trial["accepted"] for trial in record["forms"]] == [4, 4, 4]
    assert f"--base-url {server.url} --language en --form chat" in record["command"]
    code, out, _ = asked(server, capsys)
    assert code == 0 and "begin with:\n  python -m pipelines.self_instruct --engine openai" in out
    assert "600 of its tokens came from a cache" in out


def test_what_a_server_refuses_is_named(
    server: FaultServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("top_k", "seed", "response_format"):
        told = {"error": {"message": f"unknown parameter '{name}'", "param": name}}
        server.refused[name] = (400, told)
    code, out, _ = asked(server, capsys, "--json")
    record = json.loads(out)
    found = checks(record)
    assert code == 0
    assert (found["parameters"], found["JSON Schema"], found["system turn"]) == (False, False, True)
    told = next(c["told"] for c in record["examination"]["checks"] if c["name"] == "parameters")
    assert told == "refused, and left out from then on: seed, top_k"


def test_a_model_that_follows_no_form_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    with serve() as server:
        server.echo = "I am happy to help."
        code, out, _ = asked(server, capsys)
    assert code == 1
    assert "no form gave a task" in out and "pipelines.self_instruct" not in out
    assert "0 items of 7 asked, 0 accepted (1 no_list)" in out


def test_nobody_there_ends_with_two_and_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [
        "doctor",
        "--engine",
        "openai",
        "--base-url",
        f"http://127.0.0.1:{port}/v1",
        "--retries",
        "0",
    ]
    for more in ([], ["--model", "m"]):
        assert main([*line, *more]) == 2
        told = capsys.readouterr()
        assert told.out == "" and told.err.splitlines()[-1].startswith("error: ")
        assert "Traceback" not in told.err
    assert main(["doctor", "--engine", "replay", "--journal", "none.jsonl"]) == 2


def test_a_local_model_is_examined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="extra local")
    model = save_tiny(tmp_path / "tiny", max_position_embeddings=4096)
    line = ["doctor", "--engine", "local", "--model", model, "--device", "cpu", "--threads", "1"]
    assert main([*line, "--max-tokens", "24", "--json"]) == 1
    out, shown = capsys.readouterr()
    assert "asking: stop strings" in shown and "JSON Schema" not in shown
    record = json.loads(out)
    found = checks(record)
    assert (found["chat"], found["plain completion"], found["system turn"]) == (True, True, True)
    assert (found["JSON Schema"], found["seed"], found["token counts"]) == (False, True, True)
    assert record["examination"]["context"] == 4096
    assert record["examination"]["speed"]["prompt_tokens"] > 600
