"""HTTP responses as archives hold them: headers that lie, bodies packed once too often.

Method: RFC 9110 and 9112 read leniently. A body that is not chunked although its header says so, or not
gzip although its header says so, is taken as it is (recording proxies often store the decoded body under
the original headers); one that is chunked or packed although no header says so is unpacked, as far as
its first bytes tell. What is still no text then is an error, and so is a body that ends early. Limits:
brotli is not known by its first bytes; trailers and multipart bodies are not looked into.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from corpusforge.io.compressed import (
    DamagedError,
    RefusedError,
    StreamError,
    TruncatedError,
    coding_of,
    unpack,
)
from corpusforge.text.charset import codec

__all__ = ["BodyError", "Response", "charset_of", "decode_body", "media_type", "not_text", "parse"]

_STATUS = re.compile(rb"HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)")
_END = re.compile(rb"(?<!\r)\r*+\n\r*+\n")
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]{0,4096})?\r?\n")
_CHARSET = re.compile(r"charset\s*+=\s*+[\"']?\s*+([A-Za-z0-9._:+-]+)", re.IGNORECASE)


class BodyError(ValueError):
    """A body that its own coding cannot unpack."""


@dataclass(frozen=True, slots=True)
class Response:
    """Status code, headers by lower-case name (equal ones joined by commas; of the content type the
    last), where the body begins."""

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
            said = value.strip().decode("latin-1")
            joined = key in headers and key != "content-type"
            headers[key] = f"{headers[key]}, {said}" if joined else said
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


def decode_body(body: bytes, headers: Mapping[str, str], limit: int, *, cut: bool = False) -> bytes:
    """Return the body as text in some character set, without transfer and content codings.

    `cut`: the record says itself that it was cut, so what there is of the body is enough. Raises
    RefusedError where it grows beyond `limit` bytes, BodyError where packed bytes are damaged or end
    early, and where what comes out is no text; a coding that the bytes do not have is passed over.
    """
    problem = ""
    for name in _codings(headers):
        try:
            body = _decoded(body, name, limit, cut)
        except TruncatedError as error:
            raise BodyError(f"the {name} body {error}") from error
        except StreamError as error:  # not so packed, or damaged: what the bytes are decides
            problem = problem or f"the {name} body {error}"
    for _ in range(_MOST_UNSAID):
        inner = _unsaid(body, limit, cut)
        if inner is None:
            break
        body = inner
    wide = _WIDE_CHARSET.search(headers.get("content-type", ""))
    wrong = "" if wide else not_text(body)
    if wrong:
        raise BodyError(problem or wrong)
    return body


_WIDE_CHARSET = re.compile(
    r"charset\s*+=\s*+(?:[\"']\s*+)?(?:utf-?(?:16|32)|ucs-?[24])", re.IGNORECASE
)


def _codings(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield the codings to undo, the last applied first."""
    for key in ("transfer-encoding", "content-encoding"):
        for name in reversed(headers.get(key, "").lower().split(",")):
            yield name.strip()


def _decoded(body: bytes, name: str, limit: int, cut: bool) -> bytes:
    if name == "chunked":
        return dechunk(body, cut=cut)
    decoder = DECODERS.get(name)
    return decoder(body, limit, cut) if decoder else body


_MOST_UNSAID = 3
"""Layers that are undone although no header names them."""


def _unsaid(body: bytes, limit: int, cut: bool) -> bytes | None:
    """Undo a layer that the bytes alone tell, or return None."""
    if body[:1] == b"<":
        return None
    coding = coding_of(body[:10])
    if coding:
        try:
            return _unpacked(body, coding, limit, cut)
        except StreamError as error:
            raise BodyError(f"a body of {coding[1:]} data {error}") from error
    if body[:1] == b"\x78" and int.from_bytes(body[:2], "big") % 31 == 0:  # RFC 1950, 2.2
        with suppress(StreamError):
            return _unpacked(body, "zlib", limit, cut)
    return dechunk(body, cut=cut) if _chunked(body) else None


_SIGNATURES = (b"%PDF-", b"%!PS-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"\x00asm")
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\x0b\f\r\x1a\x1b")) + b"\x7f"
_MOST_CONTROLS = 0.02
"""Share of control characters: text has a stray few, packed bytes 11 %. ISO 2022 needs escapes (1b)."""
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"<\x00", b"\x00<")


def not_text(body: bytes) -> str:
    """Say why bytes are no page in any character set; "" where they may be one."""
    head = body[:1024]
    if head.startswith(_SIGNATURES):
        return f"not a page: it begins as {head[:4]!r}"
    if head.lstrip(b" \t\r\n").startswith(_WIDE) or not head:
        return ""  # UTF-16 and UTF-32
    controls = len(head) - len(head.translate(None, _CONTROLS))
    if controls > _MOST_CONTROLS * len(head):
        return f"not text: {controls} of its first {len(head)} bytes are control characters"
    return ""


def dechunk(body: bytes, *, cut: bool = True) -> bytes:
    """Return a chunked body joined, any other unchanged; a cut one as far as it goes, or, unless
    `cut`, BodyError. Limit: a body that lacks nothing but the end mark passes as whole.
    """
    parts: list[bytes] = []
    position = 0
    while found := _CHUNK.match(body, position):
        size = int(found[1], 16)
        if size == 0:
            return b"".join(parts)
        part = body[found.end() : found.end() + size]
        if len(part) < size and not cut:
            raise BodyError(f"the chunked body ends early: {len(part)} of {size} bytes of a chunk")
        parts.append(part)
        position = found.end() + size
        if body[position : position + 2] == b"\r\n":
            position += 2
        elif body[position : position + 1] == b"\n":
            position += 1
        if position >= len(body):
            return b"".join(parts)
    return b"".join([*parts, body[position:]])


def _chunked(body: bytes) -> bool:
    """Whether every byte belongs to the framing of chunks: sizes that lead to sizes, to the end mark
    or, of a cut body, beyond two whole chunks."""
    position = whole = 0
    while found := _CHUNK.match(body, position):
        size = int(found[1], 16)
        if size == 0:
            return whole > 0
        position = found.end() + size
        if position >= len(body):
            return whole > 1
        if body[position : position + 2] != b"\r\n":
            return False
        position += 2
        whole += 1
    return whole > 1 and len(body) - position < 20 and b"\n" not in body[position:]


def _unpacked(body: bytes, coding: str, limit: int, cut: bool) -> bytes:
    """Unpack all members or frames; white space and zeros may follow them."""
    return unpack(body, coding, limit, padding=b"\x00\r\n\t ", cut=cut)


def _gzip(body: bytes, limit: int, cut: bool) -> bytes:
    return _unpacked(body, ".gz", limit, cut) if body[:2] == b"\x1f\x8b" else body


def _deflate(body: bytes, limit: int, cut: bool) -> bytes:
    """Unpack zlib's format, as RFC 9110 asks, or deflate alone, as many servers send it."""
    try:
        return _unpacked(body, "zlib", limit, cut)
    except TruncatedError:
        raise
    except StreamError:
        try:
            return _unpacked(body, "raw", limit, cut)
        except TruncatedError as error:
            if _is_text(body):  # an unpacked body may pass for the beginning of a packed one
                raise DamagedError("is text") from error
            raise


def _is_text(body: bytes) -> bool:
    """Whether the bytes begin like text: a decoded body under the headers of a packed one."""
    return not not_text(body[:256]) and (b"<" in body[:256] or body[:256].isascii())


def _zstd(body: bytes, limit: int, cut: bool) -> bytes:
    return _unpacked(body, ".zst", limit, cut)


def _brotli(body: bytes, limit: int, cut: bool) -> bytes:
    """Unpack brotli in bounded pieces: 1 kB of it may hold 1 GB."""
    import brotli

    stream = brotli.Decompressor()
    parts: list[bytes] = []
    size = position = 0
    while body and not stream.is_finished():
        given = b""
        if stream.can_accept_more_data():
            given = body[position : position + _BROTLI_IN]
            position += len(given)
        try:
            part = stream.process(given, output_buffer_limit=_BROTLI_OUT)
        except brotli.error as error:
            raise DamagedError(f"is damaged before byte {position}: {error}") from error
        parts.append(part)
        size += len(part)
        if size > limit:
            raise RefusedError(f"more than {limit} bytes after decompression")
        if not given and not part and not stream.is_finished():
            if cut:
                break
            raise TruncatedError(f"ends early, at byte {len(body)}")
    return b"".join(parts)


_BROTLI_IN, _BROTLI_OUT = 1 << 14, 1 << 20

DECODERS: dict[str, Callable[[bytes, int, bool], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
    "zstd": _zstd,
}
