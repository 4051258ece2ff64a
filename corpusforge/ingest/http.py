"""HTTP responses as archives hold them: headers that lie, bodies packed once too often.

Method: RFC 9112 read leniently. A body that is not chunked although its header says so, or not
gzip although its header says so, is taken as it is (recording proxies often store the decoded
body under the original headers). Limit: trailers and multipart bodies are not looked into.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from corpusforge.ingest.streams import DATA_ERRORS, RefusedError
from corpusforge.text.charset import codec

__all__ = ["BodyError", "Response", "charset_of", "decode_body", "media_type", "parse"]

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)")
_END = re.compile(rb"\r*\n\r*\n")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9._:+-]+)", re.IGNORECASE)


class BodyError(ValueError):
    """A body that its own coding cannot unpack."""


@dataclass(frozen=True, slots=True)
class Response:
    """Status code, headers by lower-case name (last of equal ones), where the body begins."""

    status: int
    headers: Mapping[str, str]
    body: int


def parse(block: bytes) -> Response | None:
    """Return the response at the start of `block`, or None where no HTTP status line stands.

    Headers without an end (a cut record) end with the block.
    """
    found = _STATUS.match(block)
    if not found:
        return None
    end = _END.search(block)
    head = block[: end.start()] if end else block
    headers: dict[str, str] = {}
    for line in head.split(b"\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            key = name.strip().decode("latin-1").lower()
            headers[key] = value.strip().decode("latin-1")
    return Response(int(found[1]), headers, end.end() if end else len(block))


def media_type(value: str) -> str:
    """Return "text/html" for "Text/HTML; charset=…"; "" where nothing sensible stands."""
    kind = value.split(";", 1)[0].split(",", 1)[0].strip().lower()
    return kind if re.fullmatch(r"[\w.+-]+/[\w.+*-]+", kind) else ""


def charset_of(content_type: str) -> str:
    """Return the codec of the character set that a Content-Type claims, "" where it names none.

    Labels are the WHATWG Encoding Standard's.
    """
    found = _CHARSET.search(content_type)
    return codec(found[1]) if found else ""


def decode_body(body: bytes, headers: Mapping[str, str], limit: int) -> bytes:
    """Return the body without transfer and content codings.

    Raises RefusedError where it grows beyond `limit` bytes and BodyError where packed bytes are
    damaged; a coding that the bytes do not have is passed over.
    """
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = dechunk(body)
    for name in reversed(headers.get("content-encoding", "").lower().split(",")):
        decoder = DECODERS.get(name.strip())
        if decoder is None:
            continue
        try:
            body = decoder(body, limit)
        except RefusedError:
            raise
        except DATA_ERRORS as error:
            if _is_text(body):
                return body
            raise BodyError(f"body is no {name.strip()}: {error}") from error
    return body


def _is_text(body: bytes) -> bool:
    """Whether the bytes begin like text: a decoded body under the headers of a packed one."""
    return not any(byte < 9 or 13 < byte < 32 for byte in body[:256])


def dechunk(body: bytes) -> bytes:
    """Return a chunked body joined, a cut one as far as it goes, any other unchanged."""
    parts: list[bytes] = []
    position = 0
    while found := _CHUNK.match(body, position):
        size = int(found[1], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[found.end() : found.end() + size])
        position = found.end() + size
        if body[position : position + 2] == b"\r\n":
            position += 2
        elif body[position : position + 1] == b"\n":
            position += 1
        if position >= len(body):
            return b"".join(parts)
    return b"".join([*parts, body[position:]])


def _inflate(body: bytes, limit: int, wbits: int) -> bytes:
    """Inflate, keeping what came out before a cut or damaged end."""
    stream = zlib.decompressobj(wbits)
    out = stream.decompress(body, limit + 1)
    if len(out) > limit:
        raise RefusedError(f"more than {limit} bytes after decompression")
    return out


def _gzip(body: bytes, limit: int) -> bytes:
    return _inflate(body, limit, 31) if body[:2] == b"\x1f\x8b" else body


def _deflate(body: bytes, limit: int) -> bytes:
    try:
        return _inflate(body, limit, 15)
    except zlib.error:
        return _inflate(body, limit, -15)


def _brotli(body: bytes, limit: int) -> bytes:
    import brotli

    stream = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    for start in range(0, len(body), 1 << 14):
        try:
            part = stream.process(body[start : start + (1 << 14)])
        except brotli.error as error:
            raise ValueError(str(error)) from error
        parts.append(part)
        size += len(part)
        if size > limit:
            raise RefusedError(f"more than {limit} bytes after decompression")
    return b"".join(parts)


def _zstd(body: bytes, limit: int) -> bytes:
    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(body) as reader:
        out = reader.read(limit + 1)
    if len(out) > limit:
        raise RefusedError(f"more than {limit} bytes after decompression")
    return out


DECODERS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
