"""The page's server: one site, on the loopback address, for whoever was told its key.

Every answer carries a content security policy that lets the page load its own script and style and ask
its own server, nothing else. A wrong key or host name is answered as if nothing were there, so neither
another user of the machine nor a page of another site (by a name that points here) reads the run. The
standard library's server is enough for one reader; texts travel as JSON and become text nodes.
"""

from __future__ import annotations

import secrets
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from threading import Event
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from corpusforge.errors import CorpusforgeError, InputError, RunError
from corpusforge.printing import say

__all__ = ["Asked", "Server", "Site", "number", "serve", "start"]

HOST = "127.0.0.1"
_LONGEST = 4000
_LARGEST = 100_000
"""Bytes of a request's body."""
_KINDS = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
Asked = Mapping[str, str]
"""A request's values by name."""


@dataclass(frozen=True, slots=True)
class Site:
    """A page and what it asks: a template's name, its scripts in page_files, `answers` functions by name.

    A function of `writes` is given the body of a POST request, its others the query.
    """

    page: str
    scripts: tuple[str, ...]
    answers: Mapping[str, Callable[[Asked], object]]
    writes: Mapping[str, Callable[[Asked], object]] = field(default_factory=dict)

    def file(self, name: str) -> tuple[bytes, str] | None:
        """Return the bytes and media type of an address, None where there is none."""
        if name == "":
            from corpusforge.report.pages import template  # when the browser is on its way

            page = template(f"{self.page}.html.j2", package="view").render(scripts=self.scripts)
            return page.encode(), _KINDS["html"]
        if name in ("style.css", *self.scripts):
            return _file(name), _KINDS[name.rpartition(".")[2]]
        return None


class Server(ThreadingHTTPServer):
    """Listens on the loopback address; `url` holds the key without which it answers nothing."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        self._site: Site | None = None
        self._shown = Event()
        self.key = secrets.token_urlsafe(16)
        super().__init__((HOST, port), _Handler)

    def show(self, site: Site) -> None:
        """Answer with a site; until then requests wait, so that a browser starts while a run is opened."""
        self._site = site
        self._shown.set()

    @property
    def site(self) -> Site:
        """What is shown, once it is there."""
        self._shown.wait()
        assert self._site
        return self._site

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell what went wrong with a request, unless the browser had left."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://{HOST}:{self.server_port}/{self.key}/"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        """Answer a file of the page, or a question."""
        name, query = self._asked()
        if name is None:
            self._missing()
            return
        site = self.server.site
        if file := site.file(name):
            self._send(200, file[1], file[0])
        elif name in site.answers:
            self._answer(site.answers[name], dict(parse_qsl(query)))
        else:
            self._missing()

    def do_POST(self) -> None:
        """Let a site write what it is for, as labels."""
        name, _ = self._asked()
        size = self.headers.get("Content-Length", "")
        if (
            name is not None
            and name in self.server.site.writes
            and size.isdecimal()
            and int(size) <= _LARGEST
        ):
            body = self.rfile.read(int(size)).decode("utf-8", "replace")
            self._answer(self.server.site.writes[name], dict(parse_qsl(body)))
        else:
            self._missing()

    def _asked(self) -> tuple[str | None, str]:
        """The name that is asked for, None of those without the key, and the query."""
        path, query = urlsplit(self.path[:_LONGEST])[2:4]
        own = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        root = f"/{self.server.key}/"
        known = self.headers.get("Host") in own and secrets.compare_digest(
            path[: len(root)].encode(), root.encode()
        )
        return (path[len(root) :] if known else None), query

    def _missing(self) -> None:
        self._send(404, "text/plain; charset=utf-8", b"nothing here\n")

    def _answer(self, function: Callable[[Asked], object], asked: Asked) -> None:
        try:
            status, found = 200, function(asked)
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


def start(asked: Asked) -> int:
    """Return where a page of a list begins, 0 where it is not said. Raises InputError."""
    return int(number(asked, "start") or 0)


def number(asked: Asked, name: str) -> float | None:
    """Return a value as a number, None where it is not given. Raises InputError."""
    text = asked.get(name, "")
    try:
        value = float(text) if text else None
    except ValueError:
        value = float("nan")
    if value is not None and not abs(value) < 1e18:  # nan and infinities too
        raise InputError(f"{name} is {text[:40]!r}; expected a number.")
    return value


def serve(site: Site | None = None, port: int = 0) -> Server:
    """Return a server bound to `port` of the loopback address (0: a free one). Raises RunError."""
    try:
        server = Server(port)
    except OSError as error:
        raise RunError(
            f"port {port} cannot be had: {error.strerror}. Give another --port."
        ) from error
    if site is not None:
        server.show(site)
    return server
