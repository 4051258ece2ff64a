"""A loopback server with the OpenAI interface that misbehaves on demand; standard library only.

`faults` maps a prompt to what happens to its first tries, in order; after them it is answered. The
server keeps its own account of tries, answers and billed tokens, so tests compare with the bill
rather than with what the client believes.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["FaultServer", "answer_of", "serve"]


def answer_of(prompt: str) -> str:
    """The text that every prompt is answered with."""
    return f"answer to {prompt}"


class FaultServer(ThreadingHTTPServer):
    """Counts what it is asked; see the module."""

    daemon_threads = True
    # a client that closes its connection in the middle is what these tests are about
    block_on_close = False

    def __init__(self, faults: dict[str, list[str]] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults = {prompt: list(names) for prompt, names in (faults or {}).items()}
        self.always = ""
        self.echo = ""
        """What answers hold in place of `answer_of`, in the field `field` of their JSON."""
        self.field = "text"
        self.shapes: dict[str, Any] = {}
        """Prompt to what replaces fields of its reply, of its choice and of its message; see `shaped`."""
        self.refused: dict[str, tuple[int, Any]] = {}
        """Parameter to the status and the body with which requests that hold it are refused."""
        self.headers: dict[str, str] = {}
        self.tries: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.sent_headers: list[dict[str, str]] = []
        self.billed = 0
        self.in_flight = self.most_in_flight = 0
        self.prompt_tokens, self.completion_tokens = 7, 5
        self.lock = threading.Lock()
        self.release = threading.Event()
        self.together = threading.Barrier(6)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass

    def next_fault(self, prompt: str) -> str:
        with self.lock:
            self.tries[prompt] += 1
            queue = self.faults.get(prompt)
            return queue.pop(0) if queue else self.always


class Handler(BaseHTTPRequestHandler):
    """One request; `protocol_version` keeps connections open as real servers do."""

    protocol_version = "HTTP/1.1"
    server: FaultServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.send(200, {"object": "list", "data": [{"id": "tiny", "object": "model"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        prompt = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        server = self.server
        with server.lock:
            server.bodies.append(body)
            server.sent_headers.append(dict(self.headers))
        for name, (status, told) in server.refused.items():
            if name in body:
                self.send(status, told)
                return
        if prompt in server.shapes:
            self.send(200, self.shaped(body, prompt))
            return
        fault = server.next_fault(prompt)
        fault = "long" if server.field == "error" else fault
        getattr(self, f"fault_{fault}" if fault else "reply")(body, prompt)

    def send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        more = {**self.server.headers, **(headers or {})}
        if "date" in more:
            self.send_response_only(status)
        else:
            self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        for name, text in more.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    def refuse(self, status: int, words: str, code: str | None = None, **headers: str) -> None:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        self.send(status, {"error": {"message": words, "code": code, "type": "test"}}, named)

    def value(self, body: Any, prompt: str, **changes: Any) -> dict[str, Any]:
        server = self.server
        with server.lock:
            server.answers[prompt] += 1
            server.billed += server.prompt_tokens + server.completion_tokens
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        text = server.echo if server.echo and server.field == "text" else answer_of(prompt)
        if server.echo and server.field in ("model", "finish_reason"):
            changes[server.field] = server.echo
            choice["finish_reason"] = changes.pop("finish_reason", "stop")
        if "messages" in body:
            choice["message"] = {"role": "assistant", "content": text}
        else:
            choice["text"] = text
        usage = {
            "prompt_tokens": server.prompt_tokens,
            "completion_tokens": server.completion_tokens,
            "total_tokens": server.prompt_tokens + server.completion_tokens,
        }
        reply = {"id": "r1", "model": body["model"], "choices": [choice], "usage": usage}
        return {**reply, **changes}

    def shaped(self, body: Any, prompt: str) -> dict[str, Any]:
        """The usual reply with the fields that `shapes` gives under reply, choice and message."""
        value = self.value(body, prompt)
        shape = self.server.shapes[prompt]
        choice = {**value["choices"][0], **shape.get("choice", {})}
        if "message" in shape:
            choice["message"] = {"role": "assistant", **shape["message"]}
        return {**value, "choices": [choice], **shape.get("reply", {})}

    def reply(self, body: Any, prompt: str) -> None:
        self.send(200, self.value(body, prompt))

    def fault_429(self, body: Any, prompt: str) -> None:
        self.refuse(429, "slow down", retry_after="7")

    def fault_429_date(self, body: Any, prompt: str) -> None:
        self.refuse(
            429,
            "slow down",
            date="Mon, 01 Jan 2024 00:00:00 GMT",
            retry_after="Mon, 01 Jan 2024 00:00:11 GMT",
        )

    def fault_429_long(self, body: Any, prompt: str) -> None:
        self.refuse(429, "come back tomorrow", retry_after="86400")

    def fault_quota(self, body: Any, prompt: str) -> None:
        self.refuse(429, "you have no money", code="insufficient_quota")

    def fault_500(self, body: Any, prompt: str) -> None:
        self.refuse(500, "oh dear")

    def fault_long(self, body: Any, prompt: str) -> None:
        self.refuse(400, self.server.echo)

    def fault_401(self, body: Any, prompt: str) -> None:
        self.refuse(401, f"wrong key {self.headers['authorization']}")

    def fault_404(self, body: Any, prompt: str) -> None:
        self.refuse(404, "no such model")

    def fault_400(self, body: Any, prompt: str) -> None:
        self.refuse(400, "context length exceeded")

    def fault_filter(self, body: Any, prompt: str) -> None:
        self.refuse(400, "not this", code="content_filter")

    def fault_no_schema(self, body: Any, prompt: str) -> None:
        if "response_format" in body:
            self.refuse(400, "response_format json_schema is not supported")
        else:
            self.reply(body, prompt)

    def fault_no_system(self, body: Any, prompt: str) -> None:
        if body["messages"][0]["role"] == "system":
            self.refuse(400, "System role not supported")
        else:
            self.reply(body, prompt)

    def fault_new_names(self, body: Any, prompt: str) -> None:
        if "max_tokens" in body:
            self.refuse(400, "'max_tokens' is not supported, use 'max_completion_tokens'")
        else:
            self.reply(body, prompt)

    def fault_slow(self, body: Any, prompt: str) -> None:
        self.value(body, prompt)  # the model has worked, and bills
        self.server.release.wait(60)

    def fault_together(self, body: Any, prompt: str) -> None:
        """Answer only when six requests are here at once."""
        server = self.server
        with server.lock:
            server.in_flight += 1
            server.most_in_flight = max(server.most_in_flight, server.in_flight)
        server.together.wait(30)
        with server.lock:  # before the reply, after which the next request may come
            server.in_flight -= 1
        self.reply(body, prompt)

    def fault_cut(self, body: Any, prompt: str) -> None:
        content = json.dumps(self.value(body, prompt)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        self.close_connection = True

    def fault_malformed(self, body: Any, prompt: str) -> None:
        self.send(200, json.dumps(self.value(body, prompt)).encode()[:-20])

    def fault_wrong_shape(self, body: Any, prompt: str) -> None:
        self.send(200, self.value(body, prompt, choices=[{"message": {"content": 5}}]))

    def fault_no_choices(self, body: Any, prompt: str) -> None:
        self.send(200, self.value(body, prompt, choices=[]))

    def fault_no_usage(self, body: Any, prompt: str) -> None:
        self.send(200, self.value(body, prompt, usage=None))

    def fault_length(self, body: Any, prompt: str) -> None:
        value = self.value(body, prompt)
        value["choices"][0]["finish_reason"] = "length"
        self.send(200, value)

    def fault_tool(self, body: Any, prompt: str) -> None:
        value = self.value(body, prompt)
        value["choices"][0] = {"index": 0, "finish_reason": "tool_calls", "message": {}}
        self.send(200, value)

    def fault_twice(self, body: Any, prompt: str) -> None:
        """The same reply twice: as two choices, and once more after the end of the body."""
        value = self.value(body, prompt)
        second = json.loads(json.dumps(value["choices"][0]).replace("answer", "second answer"))
        value["choices"] = [{**second, "index": 1}, value["choices"][0]]
        self.send(200, value)
        self.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    def fault_surrogate(self, body: Any, prompt: str) -> None:
        value = self.value(body, prompt)
        value["choices"][0]["message"]["content"] = "half \ud83d and whole 中文 😀"
        self.send(200, value)


@contextmanager
def serve(faults: dict[str, list[str]] | None = None) -> Iterator[FaultServer]:
    """Run a server on a free port of the loopback interface."""
    server = FaultServer(faults)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
