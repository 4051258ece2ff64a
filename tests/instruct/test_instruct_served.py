"""Resuming with several requests in flight: a loopback server kills its client, process and all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from corpusforge.models.records import Message, Request, Sampling
from corpusforge.testing.scripted import reply

pytest.importorskip("openai", reason="extra openai")

RUN = [
    sys.executable, "-m", "pipelines.self_instruct", "--engine", "openai", "--model", "scripted-1",
    "--language", "en,zh", "--target", "20", "--prompts", "2", "--concurrency", "4",
    "--api-key-env", "LOOPBACK_KEY", "--format", "messages",
]  # fmt: skip


class Server(ThreadingHTTPServer):
    """Answers by `scripted.reply`; kills `client` when request number `kill` arrives."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.guard = threading.Lock()
        self.asked: list[str] = []
        self.client: subprocess.Popen[str] | None = None
        self.kill = 0

    def note(self, text: str) -> None:
        with self.guard:
            self.asked.append(text)
            if len(self.asked) == self.kill and self.client is not None:
                os.kill(self.client.pid, signal.SIGKILL)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        messages = tuple(Message(one["role"], one["content"]) for one in body["messages"])
        self.server.note(spoken(body["messages"], body.get("seed")))
        rules = messages[0].content
        kind = "generate" if "You invent tasks" in rules or "设计任务" in rules else "instance"
        kind = "classify" if "You sort tasks" in rules or "分成两类" in rules else kind
        request = Request(
            messages=messages, model="scripted-1", purpose=f"instruct.{kind}",
            sampling=Sampling(seed=body.get("seed")),
        )  # fmt: skip
        made = reply(request)
        answer = {
            "id": "x", "object": "chat.completion", "created": 0, "model": "scripted-1",
            "choices": [{"index": 0, "finish_reason": made.finish_reason,
                         "message": {"role": "assistant", "content": made.text}}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
        }  # fmt: skip
        data = json.dumps(answer).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def spoken(messages: list[dict[str, str]], seed: object) -> str:
    return json.dumps([[one["role"], one["content"]] for one in messages] + [seed])


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def play(server: Server, output: Path, kill: int = 0) -> int:
    """One run of the command; returns its exit code (-9: killed)."""
    server.asked.clear()
    server.kill = kill
    url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    command = [*RUN, "--base-url", url, "--output", str(output)]
    with subprocess.Popen(
        command, env={**os.environ, "LOOPBACK_KEY": "none"}, stderr=subprocess.PIPE, text=True,
        stdout=subprocess.DEVNULL, cwd=Path(__file__).resolve().parents[2],
    ) as server.client:  # fmt: skip
        _, errors = server.client.communicate(timeout=120)
        assert server.client.returncode in (0, -9), errors
        return server.client.returncode


def journalled(output: Path) -> set[str]:
    found = set()
    lines = (output / "journal.jsonl").read_text(encoding="utf-8").split("\n")
    for line in lines[:-1]:  # what follows the last newline is torn
        request = json.loads(line)["request"]
        found.add(spoken(request["messages"], request["sampling"]["seed"]))
    return found


def test_a_client_killed_with_requests_in_flight_goes_on(server: Server, tmp_path: Path) -> None:
    assert play(server, tmp_path / "alone") == 0
    total = len(server.asked)
    assert len(set(server.asked)) == total > 40
    for number, kill in enumerate((3, total - 2)):
        output = tmp_path / str(number)
        assert play(server, output, kill) == -9
        kept = journalled(output)
        assert kill - 5 <= len(kept) < kill, "at most the requests in flight are lost"
        assert play(server, output) == 0
        assert not kept & set(server.asked), "a journalled reply was asked for again"
        assert len(server.asked) == total - len(kept)
        for name in ("rows.jsonl", "rejects.jsonl", "pool.jsonl", "report.json", "report.html",
                     "usage.json", "manifest.json", "export/messages/train.jsonl"):  # fmt: skip
            alone = (tmp_path / "alone" / name).read_bytes()
            assert (output / name).read_bytes() == alone, name
