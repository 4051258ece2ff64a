"""The page's server: one run, read only, on the loopback address, for whoever was told its key.

Every answer carries a content security policy that lets the page load its own script and style and ask
its own server, nothing else. A wrong key or host name is answered as if nothing were there, so neither
another user of the machine nor a page of another site (by a name that points here) reads the run. The
standard library's server is enough for one reader; texts travel as JSON and become text nodes.
"""

from __future__ import annotations

import dataclasses
import secrets
import traceback
from collections.abc import Callable, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from urllib.parse import parse_qsl, urlsplit

import msgspec

from corpusforge.errors import CorpusforgeError, InputError, RunError
from corpusforge.printing import say
from corpusforge.view import bounds, dropped, search
from corpusforge.view.tables import View

__all__ = ["Server", "serve"]

HOST = "127.0.0.1"
_LONGEST = 4000
_FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "script.js": ("script.js", "text/javascript; charset=utf-8"),
    "style.css": ("style.css", "text/css; charset=utf-8"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_Asked = Mapping[str, str]


def _overview(view: View, _: _Asked) -> object:
    return {
        "name": view.recipe.name,
        "run": view.run,
        "samples": view.recipe.report.dropped_samples,
        "funnels": dropped.funnel(view),
        "languages": [
            row["lang"]
            for row in view.rows("SELECT DISTINCT lang FROM stats WHERE lang <> '' ORDER BY lang")
        ],
        "measures": [dataclasses.asdict(own) for own in bounds.measures(view)],
    }


def _dropped(view: View, asked: _Asked) -> object:
    return dropped.documents(
        view,
        stage=asked.get("stage", ""),
        rule=asked.get("rule", ""),
        source=asked.get("source", ""),
        lang=asked.get("lang", ""),
        start=int(_number(asked, "start") or 0),
    )


def _histogram(view: View, asked: _Asked) -> object:
    chosen = {name: asked.get(name, "") for name in ("source", "lang")}
    return bounds.histogram(view, asked.get("measure", ""), **chosen)


def _counts(view: View, asked: _Asked) -> object:
    limits = (_number(asked, "low"), _number(asked, "high"))
    return bounds.counts(view, asked.get("measure", ""), *limits)


def _near(view: View, asked: _Asked) -> object:
    bound = _number(asked, "bound")
    if bound is None or asked.get("end") not in ("low", "high"):
        raise InputError("expected a number as bound, and low or high as end.")
    chosen = {name: asked.get(name, "") for name in ("source", "lang")}
    return bounds.near(view, asked.get("measure", ""), bound, end=asked["end"], **chosen)


_ANSWERS: dict[str, Callable[[View, _Asked], object]] = {
    "overview": _overview,
    "dropped": _dropped,
    "histogram": _histogram,
    "counts": _counts,
    "near": _near,
    "search": lambda view, asked: search.find(view, asked.get("words", "")),
    "history": lambda view, asked: search.history(view, asked.get("id", "")),
}


def _number(asked: _Asked, name: str) -> float | None:
    text = asked.get(name, "")
    try:
        value = float(text) if text else None
    except ValueError:
        value = float("nan")
    if value is not None and not abs(value) < 1e18:  # nan and infinities too
        raise InputError(f"{name} is {text[:40]!r}; expected a number.")
    return value


class Server(ThreadingHTTPServer):
    """Listens on the loopback address; `url` holds the key without which it answers nothing."""

    daemon_threads = True

    def __init__(self, view: View, port: int = 0) -> None:
        self.view = view
        self.key = secrets.token_urlsafe(16)
        super().__init__((HOST, port), _Handler)

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self.server_port}/{self.key}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answer one request."""
        path, query = urlsplit(self.path[:_LONGEST])[2:4]
        own = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        root = f"/{self.server.key}/"
        known = self.headers.get("Host") in own and secrets.compare_digest(
            path[: len(root)].encode(), root.encode()
        )
        name = path[len(root) :]
        if known and name in _FILES:
            file, kind = _FILES[name]
            self._send(200, kind, _file(file))
        elif known and name in _ANSWERS:
            self._answer(name, dict(parse_qsl(query)))
        else:
            self._send(404, "text/plain; charset=utf-8", b"nothing here\n")

    def _answer(self, name: str, asked: _Asked) -> None:
        try:
            status, found = 200, _ANSWERS[name](self.server.view, asked)
        except CorpusforgeError as error:
            status, found = 400, {"error": str(error)}
        except Exception as error:  # a defect: the page says so, the terminal has the trace
            say(traceback.format_exc(), error=True)
            status, found = 500, {"error": f"{type(error).__name__}; the terminal says more."}
        self._send(status, "application/json", msgspec.json.encode(found))

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response_only(status)
        for key, value in {**_HEADERS, "Content-Type": kind, "Content-Length": len(body)}.items():
            self.send_header(key, str(value))
        self.end_headers()
        self.wfile.write(body)


@cache
def _file(name: str) -> bytes:
    return (resources.files(__package__) / "page_files" / name).read_bytes()


def serve(view: View, port: int = 0) -> Server:
    """Return a server bound to `port` of the loopback address (0: a free one). Raises RunError."""
    try:
        return Server(view, port)
    except OSError as error:
        raise RunError(
            f"port {port} cannot be had: {error.strerror}. Give another --port."
        ) from error
