"""A server on loopback that cuts, stalls, throttles and lies, behaviour by behaviour."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from corpusforge.fetch import Remote, Settings, download
from corpusforge.fetch.download import Clock

BODY = hashlib.shake_256(b"a file").digest(300_000)
Behaviour = Callable[["Handler", int], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each request by the next behaviour of its script; the last one stays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        script = self.server.script  # type: ignore[attr-defined]
        log: list[dict[str, str]] = self.server.log  # type: ignore[attr-defined]
        log.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
        script[min(len(log), len(script)) - 1](self, len(log))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass

    def begin(self) -> int:
        found = self.headers.get("Range", "bytes=0-")
        return int(found.removeprefix("bytes=").rstrip("-"))

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"ETag": '"v1"', **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def good(handler: Handler, _: int) -> None:
    begin = handler.begin()
    if begin >= len(BODY):
        handler.answer(416, {"Content-Range": f"bytes */{len(BODY)}", "Content-Length": "0"})
    elif begin:
        place = f"bytes {begin}-{len(BODY) - 1}/{len(BODY)}"
        handler.answer(
            206, {"Content-Range": place, "Content-Length": str(len(BODY) - begin)}, BODY[begin:]
        )
    else:
        handler.answer(200, {"Content-Length": str(len(BODY))}, BODY)


def cuts(handler: Handler, _: int) -> None:
    begin = handler.begin()
    headers = {"Content-Length": str(len(BODY) - begin)}
    if begin:
        headers["Content-Range"] = f"bytes {begin}-{len(BODY) - 1}/{len(BODY)}"
    handler.answer(206 if begin else 200, headers, BODY[begin : begin + 100_000])


def stalls(handler: Handler, _: int) -> None:
    handler.answer(200, {"Content-Length": str(len(BODY))}, BODY[:50_000])
    handler.wfile.flush()
    handler.server.release.wait(20)  # type: ignore[attr-defined]


def busy(handler: Handler, _: int) -> None:
    handler.answer(503, {"Retry-After": "7", "Content-Length": "0"})


def claims_more(handler: Handler, number: int) -> None:
    if handler.begin():
        good(handler, number)
    else:
        handler.answer(200, {"Content-Length": str(len(BODY) + 999)}, BODY)


def claims_less(handler: Handler, _: int) -> None:
    handler.answer(200, {"Content-Length": "1000"}, BODY)


def ignores_ranges(handler: Handler, _: int) -> None:
    handler.answer(200, {"Content-Length": str(len(BODY))}, BODY)


def wrong_place(handler: Handler, _: int) -> None:
    if handler.begin():
        handler.answer(
            206, {"Content-Range": f"bytes 0-9/{len(BODY)}", "Content-Length": "10"}, BODY[:10]
        )
    else:
        cuts(handler, 0)


def gone(handler: Handler, _: int) -> None:
    handler.answer(404, {"Content-Length": "0"})


class Server:
    """A scripted server on a loopback port, and a clock that only counts the waits."""

    def __init__(self) -> None:
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.log = []  # type: ignore[attr-defined]
        self.http.release = threading.Event()  # type: ignore[attr-defined]
        self.waits: list[float] = []
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.clock = Clock(now=lambda: 0.0, sleep=self.waits.append)

    def play(self, *script: Behaviour) -> None:
        self.http.script = script  # type: ignore[attr-defined]

    @property
    def log(self) -> list[dict[str, str]]:
        return self.http.log  # type: ignore[attr-defined]

    def get(self, target: Path, checksum: str = "", **options: float) -> int:
        settings = Settings(timeout=0.3, **options)  # type: ignore[arg-type]
        remote = Remote(f"{self.base}/f", "f", checksum)
        return download(remote, str(target), settings, self.clock).requests


def sends(body: bytes) -> Behaviour:
    return lambda handler, _: handler.answer(200, {"Content-Length": str(len(body))}, body)
