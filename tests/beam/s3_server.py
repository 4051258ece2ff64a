"""A stand-in for an S3 server on loopback, in this process, that fails as it is told to."""

from __future__ import annotations

import hashlib
import http.client
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

Fault = Callable[["Handler"], bool]
"""Answers a request in the server's place and returns True, or returns False."""
ERROR = "<Error><Code>{}</Code><Message>{}</Message></Error>"


class Store(ThreadingHTTPServer):
    """One bucket named corpus. `faults` are asked in order; `asked` notes method and operation."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.parts: dict[str, int] = {}
        self.faults: list[Fault] = []
        self.asked: list[str] = []
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is no error."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes | str = b"", **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def drop(self) -> None:
        """Close the connection without an answer."""
        self.close_connection = True
        self.connection.shutdown(2)

    def one(self) -> None:
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query, keep_blank_values=True)
        self.key = unquote(parts.path).removeprefix("/corpus").removeprefix("/")
        self.body = self._body()
        what = [name for name in ("list-type", "uploads", "partNumber", "uploadId", "delete")
                if name in self.query]  # fmt: skip
        self.name = " ".join([self.command, *what[:1]])
        self.server.asked.append(self.name)
        if not any(fault(self) for fault in self.server.faults):
            self.proper()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = one  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            return (
                data
                if "aws-chunked" not in self.headers.get("Content-Encoding", "")
                else self._unwrapped(data)
            )
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # checksums behind the body
        return data

    @staticmethod
    def _unwrapped(data: bytes) -> bytes:
        whole = b""
        while data:
            head, _, data = data.partition(b"\r\n")
            size = int(head.split(b";")[0], 16)
            if not size:
                break
            whole, data = whole + data[:size], data[size + 2 :]
        return whole

    def proper(self) -> None:
        objects, uploads = self.server.objects, self.server.uploads
        match self.name:
            case "GET list-type":
                prefix = self.query.get("prefix", [""])[0]
                found = sorted(key for key in objects if key.startswith(prefix))
                rows = [
                    f"<Contents><Key>{escape(key)}</Key><Size>{len(objects[key])}</Size><ETag>x</ETag>"
                    "<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
                    for key in found
                ]
                head = f"<KeyCount>{len(found)}</KeyCount><IsTruncated>false</IsTruncated>"
                self.answer(200, f"<ListBucketResult>{head}{''.join(rows)}</ListBucketResult>")
            case "GET" | "HEAD" if self.key not in objects:
                self.answer(404, ERROR.format("NoSuchKey", "none"))
            case "GET" | "HEAD":
                self.object(objects[self.key])
            case "PUT":
                objects[self.key] = self.body
                self.answer(200, ETag='"x"')
            case "POST uploads":
                number = str(len(uploads))
                uploads[number] = {}
                self.answer(200, "<InitiateMultipartUploadResult><UploadId>"
                            f"{number}</UploadId></InitiateMultipartUploadResult>")  # fmt: skip
            case "PUT partNumber":
                uploads[self.query["uploadId"][0]][int(self.query["partNumber"][0])] = self.body
                self.answer(200, ETag=f'"{hashlib.md5(self.body).hexdigest()}"')
            case "POST uploadId":
                self.complete()
            case "POST delete":
                gone = [k for k in objects if f"<Key>{escape(k)}</Key>" in self.body.decode()]
                for key in gone:
                    del objects[key]
                rows = [f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in gone]
                self.answer(200, f"<DeleteResult>{''.join(rows)}</DeleteResult>")
            case _:
                self.answer(501, ERROR.format("NotImplemented", self.name))

    def object(self, data: bytes) -> None:
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        parts = self.server.parts.get(self.key)
        headers = {"ETag": f'"x-{parts}"' if parts else '"x"', "Content_Type": "binary/octet-stream",
                   "Last_Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
                   "Content_Length": str(len(data) - first)}  # fmt: skip
        self.answer(206 if "Range" in self.headers else 200, data[first:], **headers)

    def complete(self) -> None:
        pieces = self.server.uploads.pop(self.query["uploadId"][0], None)
        if pieces is None:
            self.answer(404, ERROR.format("NoSuchUpload", "no such upload"))
            return
        self.server.objects[self.key] = b"".join(pieces[number] for number in sorted(pieces))
        self.server.parts[self.key] = len(pieces)
        self.answer(200, f"<CompleteMultipartUploadResult><Key>{escape(self.key)}</Key>"
                    "</CompleteMultipartUploadResult>")  # fmt: skip


class Proxy(ThreadingHTTPServer):
    """Stands between a client and a real server: every `each`-th request is answered by a fault instead."""

    daemon_threads = True

    def __init__(self, port: int, each: int, faults: list[tuple[int, str]]) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.port, self.each, self.answers = port, each, faults
        self.count = 0
        self.lock = threading.Lock()
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def handle_error(self, *_: Any) -> None:
        """A client that goes away is no error."""

    def fault(self) -> tuple[int, str] | None:
        with self.lock:
            self.count += 1
            turn, rest = divmod(self.count, self.each)
        return None if rest else self.answers[turn % len(self.answers)]


class Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, *_: object) -> None:
        pass

    def one(self) -> None:
        body = self._body()
        fault = self.server.fault()
        if fault is None:
            self._pass(body)
        elif not fault[0]:
            self.close_connection = True
            self.connection.shutdown(2)
        else:
            data = ERROR.format(fault[1], "as told").encode()
            self.send_response(fault[0])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = one  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        """The body as it was sent: its chunks and their signatures are the server's to read."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while True:
            head = self.rfile.readline()
            size = int(head.split(b";")[0], 16)
            data += head + self.rfile.read(size + 2 if size else 0)
            if not size:
                while (line := self.rfile.readline()).strip():
                    data += line
                return data + b"\r\n"

    def _pass(self, body: bytes) -> None:
        behind = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        behind.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():  # the host, too, which is signed
            behind.putheader(name, value)
        behind.endheaders(body or None)
        found = behind.getresponse()
        data = found.read()
        self.send_response(found.status)
        kept = {
            k: v
            for k, v in found.getheaders()
            if k.lower() not in ("transfer-encoding", "date", "server")
        }
        if self.command != "HEAD":
            kept["Content-Length"] = str(len(data))
        for name, value in kept.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        behind.close()
