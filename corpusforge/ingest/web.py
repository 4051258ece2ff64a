"""Web archives: WARC 1.0/1.1 and WET through fastwarc, ARC through our own framing.

fastwarc only frames records; HTTP is read by `http`, leniently. A damaged record costs itself:
the file is then searched for the next record's first bytes (gzip member, zstd frame, `WARC/`
line). Limit: in a file compressed as one member, damage costs the rest, as one failed row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, BinaryIO

from corpusforge.cputime import earn
from corpusforge.ingest import http, links
from corpusforge.ingest.arc import ArcRecord, read_arc
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.spans import WHOLE, Span
from corpusforge.ingest.streams import (
    DATA_ERRORS,
    RefusedError,
    bounded,
    name_of,
    open_capped,
    reason,
)
from corpusforge.ingest.warc import next_record, open_warc, unfinished
from corpusforge.records import Failed, RawDocument, Skipped

__all__ = ["HTML_TYPES", "read_web"]

Item = RawDocument | Skipped | Failed
HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_HEAD = 1 << 16  # bytes read before a record's type is known
_BEFORE = b"\xef\xbb\xbf \t\r\n\x0c"
_PASSED = re.compile(rb"<!--(?:(?!-->).)*+-->|<\?xml(?:(?!\?>).)*+\?>", re.S | re.I)
_PAGE = re.compile(
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p)[\s/>]",
    re.I,
)
_MAX_RESTARTS = 10_000


def read_web(path: str, settings: Settings, root: str = "", span: Span = WHOLE) -> Iterator[Item]:
    """Yield every content record of a WARC, WET or ARC file; of a WARC, those that begin in `span`."""
    curated = links.load(settings.links, settings.min_votes) if settings.links else None
    items = (
        _read_arc(path, settings, root)
        if span == WHOLE and _is_arc(path, settings)
        else _read_warc(path, settings, root, span)
    )
    for item in items:
        if curated is not None and isinstance(item, RawDocument):
            yield curated.judge(item)
        else:
            yield item


def _is_arc(path: str, settings: Settings) -> bool:
    try:
        with open_capped(path, settings) as stream:
            return stream.read(9) == b"filedesc:"
    except FileNotFoundError:
        raise
    except DATA_ERRORS:
        return False


def _read_arc(path: str, settings: Settings, root: str) -> Iterator[Item]:
    name = name_of(path, root)
    with open_capped(path, settings) as stream:
        for record in read_arc(stream, settings.max_record_bytes):
            locator = f"{name}:{record.offset}"
            make = partial(_arc_item, locator, record, settings)
            yield bounded(settings, locator, len(record.payload), make, record.url)


def _arc_item(locator: str, record: ArcRecord, settings: Settings) -> Item:
    if record.error:
        return Failed(locator, record.error, record.url, cut=record.cut)
    if record.length > settings.max_record_bytes:
        return _too_large(locator, record.length, settings, record.url)
    facts = {"url": record.url, "date": record.date}
    if not record.url.lower().startswith("http"):
        return Skipped(locator, "content_type", record.mime, "html", record.url)
    try:
        return _response(locator, record.payload, lambda: b"", facts, settings)
    except http.BodyError as error:
        return Failed(locator, str(error), record.url)


def _read_warc(path: str, settings: Settings, root: str, span: Span) -> Iterator[Item]:
    reading = _Reading(path, name_of(path, root), settings, span[1])
    start = span[0]
    for _ in range(_MAX_RESTARTS):
        if (yield from reading.run(start)):
            break
        start = next_record(path, reading.damaged + 1)
        if start < 0 or 0 < span[1] <= start:
            reading.lost = start < 0
            break
    else:
        reading.note(f"more than {_MAX_RESTARTS} damaged places: the rest is not read")
    yield from reading.rest()


class _Reading:
    """One WARC file. The last item and the last damage are held back until it is known whether a record
    follows: only where none does, the rest of the file is lost (`cut`)."""

    def __init__(self, path: str, name: str, settings: Settings, stop: int) -> None:
        self.path, self.name, self.settings, self.stop = path, name, settings, stop
        self.held: Item | None = None
        self.damage: Failed | None = None
        self.first, self.last = 0, -1
        self.damaged = 0  # a stored byte at which, or behind which, the damage is
        self.lost = True
        self.strange = False  # whether fastwarc gave up a gzip file, for a reason of its own

    def run(self, start: int) -> Generator[Item, None, bool]:
        """Yield the records from `start` on; return whether that was all, else `damage` is set."""
        from fastwarc.warc import ArchiveIterator

        self.first, self.last = start, -1
        with open_warc(self.path, self.settings, start) as source:
            try:
                for record in ArchiveIterator(source.raw, parse_http=False):
                    yield from self._followed()
                    if 0 < self.stop <= record.stream_pos:  # in the file, also after a seek
                        return True
                    self.last = record.stream_pos
                    place = (
                        self.last if source.stream is None or not start else f"{start}+{self.last}"
                    )
                    earn(record.content_length)
                    self.held = _record(record, f"{self.name}:{place}", self.settings)
                    _drain(record, source.raw, self.settings)
            except DATA_ERRORS as error:
                self.damaged = source.stream.unit if source.stream else max(start, self.last)
                self.strange = source.coding == ".gz" and not isinstance(error, RefusedError)
                self.note(reason(error))
                return False
            if source.coding not in ("", ".gz"):
                return True
        if not (isinstance(self.held, Failed) and self.held.cut):
            self._look_behind()
        return True

    def _look_behind(self) -> None:
        """Take down what is wrong behind the last record, of which fastwarc says nothing, or not what."""
        ending = unfinished(self.path, self.settings, self.first, self.last)
        if not ending.error:
            if self.strange and self.last >= 0:
                self.damage = None  # zeros behind the last gzip member
            return
        if ending.headless and self.last >= 0:
            self.held = None
        if self.damage is not None and self.damage.locator == self._place():
            self.damage = replace(self.damage, error=ending.error)
        self.note(ending.error)

    def note(self, error: str) -> None:
        """Take down damage; a record that is cut short by it says so itself."""
        if isinstance(self.held, Failed) and self.held.cut:
            return
        if self.damage is None or self.last >= 0:  # else the damage of the run before goes on
            self.damage = Failed(self._place(), error)

    def _place(self) -> str:
        return f"{self.name}:{max(self.first, self.last)}+"

    def _followed(self) -> Iterator[Item]:
        """Yield what was held back before a further record."""
        held, damage, self.held, self.damage = self.held, self.damage, None, None
        if held is not None:
            yield replace(held, cut=False) if isinstance(held, Failed) and held.cut else held
        if damage is not None:
            yield damage

    def rest(self) -> Iterator[Item]:
        """Yield what was held back where no record follows."""
        if self.strange and self.lost:
            self._look_behind()
        if self.held is not None:
            yield self.held
        if self.damage is not None:
            yield replace(self.damage, cut=self.lost)


def _drain(record: Any, raw: BinaryIO, settings: Settings) -> None:
    """Consume what is left of a record, watching the ratio of a record that claims much."""
    left = record.content_length
    if left <= settings.ratio_floor_bytes:
        return
    before = raw.tell()
    out = 0
    while chunk := record.reader.read(1 << 20):
        out += len(chunk)
        used = max(1, raw.tell() - before) + (1 << 16)
        if out > settings.ratio_floor_bytes and out / used > settings.max_ratio:
            raise RefusedError(f"decompression bomb: {out} bytes out of about {used}")


def _record(record: Any, place: str, settings: Settings) -> Item | None:
    """Return what a record is, or None for a record that holds no content (a request, metadata)."""
    kind = (record.headers.get("WARC-Type") or "").strip().lower()
    reader = READERS.get(kind)
    if reader is None:
        return None
    url = (record.headers.get("WARC-Target-URI") or "").strip().strip("<>")
    locator = (record.record_id or "").strip("<> ") or place
    if kind == "revisit":
        return Skipped(locator, "revisit", "", "", url)
    size = record.content_length
    if size > settings.max_record_bytes:
        return _too_large(locator, size, settings, url)
    facts = {"url": url, "date": _date(record)}
    cut = (record.headers.get("WARC-Truncated") or "").strip()
    if cut:
        facts["truncated"] = cut
    head = record.reader.read(min(size, _HEAD))
    got = len(head)

    def rest() -> bytes:
        more = record.reader.read() if size > got else b""
        if got + len(more) < size:
            raise EOFError(f"truncated record: {got + len(more)} of {size} bytes")
        return bytes(more)

    facts["type"] = record.headers.get("Content-Type") or ""
    if got < min(size, _HEAD):
        return Failed(locator, f"truncated record: {got} of {size} bytes", url, cut=True)
    make = partial(reader, locator, head, rest, facts, settings)
    try:
        return bounded(settings, locator, size, make, url)
    except EOFError as error:
        return Failed(locator, str(error), url, cut=True)
    except http.BodyError as error:
        return Failed(locator, str(error), url)


def _response(
    locator: str, head: bytes, rest: Callable[[], bytes], facts: dict[str, str], settings: Settings
) -> Item:
    url = facts["url"]
    response = http.parse(head)
    if response is None:
        kind = http.media_type(facts.get("type", ""))
        if kind and kind != "application/http":
            return Skipped(locator, "content_type", kind, "html", url)
        return Failed(locator, "no HTTP status line", url)
    if response.status != 200:
        return Skipped(locator, "http_status", str(response.status), "200", url)
    claimed = response.headers.get("content-type", "")
    kind = http.media_type(claimed)
    if kind not in HTML_TYPES and (kind or not _looks_html(head[response.body :])):
        return Skipped(locator, "content_type", kind or "unknown", "html", url)
    body = head[response.body :] + rest()
    try:
        cut = "truncated" in facts
        body = http.decode_body(body, response.headers, settings.max_record_bytes, cut=cut)
    except RefusedError:
        return _too_large(locator, settings.max_record_bytes + 1, settings, url)
    return _page(locator, body, http.charset_of(claimed), facts, settings)


def _resource(
    locator: str, head: bytes, rest: Callable[[], bytes], facts: dict[str, str], settings: Settings
) -> Item:
    if head.startswith(b"HTTP/") and http.parse(head) is not None:
        return _response(locator, head, rest, facts, settings)
    kind = http.media_type(facts["type"])
    if kind in HTML_TYPES:
        body = _text(head + rest())
        return _page(locator, body, http.charset_of(facts["type"]), facts, settings)
    return Skipped(locator, "content_type", kind or "unknown", "html", facts["url"])


def _conversion(
    locator: str, head: bytes, rest: Callable[[], bytes], facts: dict[str, str], settings: Settings
) -> Item:
    kind = http.media_type(facts["type"])
    if kind != "text/plain":
        return _resource(locator, head, rest, facts, settings)
    text = _text(head + rest()).decode("utf-8", "replace")
    return RawDocument(
        locator,
        text,
        "text",
        url=facts["url"],
        date=facts["date"],
        licence=settings.licence,
        category=settings.category,
    )


def _text(data: bytes) -> bytes:
    wrong = http.not_text(data)
    if wrong:
        raise http.BodyError(wrong)
    return data


READERS: dict[str, Callable[..., Item]] = {
    "response": _response,
    "resource": _resource,
    "conversion": _conversion,
    "revisit": _response,
}


def _page(
    locator: str, body: bytes, charset: str, facts: dict[str, str], settings: Settings
) -> RawDocument:
    meta = {"truncated": facts["truncated"]} if "truncated" in facts else {}
    return RawDocument(
        locator,
        body,
        "html",
        url=facts["url"],
        date=facts["date"],
        charset=charset,
        licence=settings.licence,
        category=settings.category,
        meta=meta,
    )


def _looks_html(body: bytes) -> bool:
    """Whether a body without a type begins like a page, comments and an XML declaration passed over.

    The tags are those of the WHATWG's MIME sniffing standard.
    """
    start = body.lstrip(_BEFORE)
    while passed := _PASSED.match(start):
        start = start[passed.end() :].lstrip(_BEFORE)
    return bool(_PAGE.match(start))


def _too_large(locator: str, size: int, settings: Settings, url: str) -> Skipped:
    return Skipped(locator, "record_size", str(size), str(settings.max_record_bytes), url)


def _date(record: Any) -> str:
    date = (record.headers.get("WARC-Date") or "").strip()
    return f"{date[:19]}Z" if len(date) >= 20 and date[10:11] == "T" else date[:10]
