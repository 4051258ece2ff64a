"""MediaWiki XML dumps (pages-articles; plain, gz, bz2 also multistream) → raw wikitext.

The stream is cut at `<page …>` … `</page>`, which cannot stand inside a dump's escaped text, and
each page is parsed by expat alone. So a damaged page costs itself, memory is one page, and no
document type reaches a parser: declarations in the header refuse the file. The language comes
from the dump's own name (`zhwiki-…`), else from its header. Of several revisions of a page the newest
counts, and of a revision's content slots the main one (export schema 0.11).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO
from urllib.parse import quote
from xml.parsers import expat

from corpusforge.ingest.settings import Settings
from corpusforge.ingest.spans import WHOLE, Span
from corpusforge.ingest.streams import (
    RefusedError,
    bounded,
    caps_of,
    name_of,
    open_capped,
    reason,
)
from corpusforge.ingest.wikinames import DISAMBIGUATION, REDIRECT, language_of
from corpusforge.io import files
from corpusforge.io.bzip2 import blocks
from corpusforge.io.compressed import Stream, TruncatedError, coding_of
from corpusforge.records import Failed, RawDocument, Skipped

__all__ = ["Dump", "read_wikipedia"]

Item = RawDocument | Skipped | Failed
_CHUNK = 1 << 20
_HEAD = 10
_TAG = 256  # bytes at the end of a text in which a tag may begin, or the dump's end tag stand
_PAGE = re.compile(rb"<page[\s>]")
_OF_PAGE = frozenset({"title", "ns", "id"})
_OF_REVISION = frozenset({"id", "timestamp", "model", "text"})
_OF_SLOT = frozenset({"role", "model", "text"})
_UNFINISHED = "ends early, without </mediawiki>"


@dataclass(frozen=True, slots=True)
class Dump:
    """What a dump's header and name say: its name in locators, language, address of an article."""

    name: str
    lang: str
    address: str
    namespaces: frozenset[str]


def read_wikipedia(
    path: str, settings: Settings, root: str = "", span: Span = WHOLE
) -> Iterator[Item]:
    """Yield every page of a dump; redirects, disambiguations, other namespaces as skipped.

    `span` are offsets in a plain or bzip2 file: pages that begin in its stretch are read, wherever they
    end. What the dump's first bytes say of it holds for all.
    """
    name = name_of(path, root)
    with open_capped(path, settings) as raw:
        head = next(_pages(_utf8(raw), settings.max_record_bytes, whole=False))
    with ExitStack() as opened:
        if span == WHOLE:
            chunks, whole = _utf8(opened.enter_context(open_capped(path, settings))), True
        else:
            stored = opened.enter_context(files.open_raw(path))
            chunks, whole = _stretch(_places(stored, span, settings), span), False
        pieces = _pages(chunks, settings.max_record_bytes, whole=whole)
        next(pieces)
        dump = _header(head, name)
        for number, piece in enumerate(pieces, 1):
            if piece is None:
                bound = str(settings.max_record_bytes)
                yield Skipped(f"{name}:page {number}", "record_size", f">{bound}", bound)
            elif not piece.endswith(b"</page>"):
                yield Failed(f"{name}:page {number}", "the dump ends inside this page", cut=True)
            else:
                make = partial(_page, piece, number, dump, settings)
                yield bounded(settings, f"{name}:page {number}", len(piece), make)


def _places(raw: BinaryIO, span: Span, settings: Settings) -> Iterator[tuple[int, bytes]]:
    """Yield (offset in the file, bytes of the dump) from a span's beginning to the end of the file."""
    if coding_of(raw.read(_HEAD)) == ".bz2":
        yield from blocks(raw, span[0], caps_of(settings))
        return
    raw.seek(span[0])
    place = span[0]
    while data := raw.read(min(_CHUNK, span[1] - place) if place < span[1] else _CHUNK):
        yield place, data
        place += len(data)


def _stretch(places: Iterator[tuple[int, bytes]], span: Span) -> Iterator[bytes]:
    """Yield the bytes of all pages that begin in a span; of the first span, also what stands before them.

    Raises TruncatedError where the file ends behind them without the dump's end tag.
    """
    held = b""  # the end of what was read: a tag may begin in it
    reading, inside = span[0] == 0, False
    for place, data in places:
        border, text = len(held) if place >= span[1] else -1, held + data
        begun = None if reading else _PAGE.search(text)
        if begun and not 0 <= border <= begun.start():
            reading, border, text = True, border - begun.start(), text[begun.start() :]
        if place >= span[1]:
            end = _end(text, max(0, border), inside=inside) if reading else 0
            if end >= 0:
                yield text[:end]
                return
            inside = True
        kept = max(0, len(text) - _TAG)
        held = text[kept:]
        if reading:
            inside = inside if place >= span[1] else _is_open(text, kept, inside=inside)
            yield text[:kept]
    yield held
    if held and not inside and b"</mediawiki" not in held:
        raise TruncatedError(_UNFINISHED)


def _end(text: bytes, border: int, *, inside: bool) -> int:
    """Where the last page ends that begins before the border, -1 where it goes on behind the text."""
    end = 0
    while inside or ((begun := _PAGE.search(text, end)) and begun.start() < border):
        closed = text.find(b"</page>", end)
        if closed < 0:
            return -1
        end, inside = closed + 7, False
    return end


def _is_open(text: bytes, end: int, *, inside: bool) -> bool:
    """Whether a page is open at `end`; tags that begin before it stand whole in the text."""
    closed = text.rfind(b"</page>", 0, end + 6)
    begun = any(found.start() < end for found in _PAGE.finditer(text, closed + 1))
    return begun or (inside and closed < 0)


def _utf8(raw: Stream) -> Iterator[bytes]:
    """The stream's bytes, recoded to UTF-8 where a byte-order mark says UTF-16."""
    first = raw.chunk(_CHUNK)
    decoder = None
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")("replace")
    while first:
        yield decoder.decode(first).encode("utf-8", "replace") if decoder else first
        first = raw.chunk(_CHUNK)


def _pages(chunks: Iterator[bytes], limit: int, *, whole: bool) -> Iterator[bytes | None]:
    """Yield the header, then each page's bytes (None: over `limit`), then a cut page if any.

    Raises TruncatedError where `whole` chunks end between two pages, without the dump's end tag.
    """
    buffer = b""
    position = -1
    for chunk in chunks:
        buffer += chunk
        found = _PAGE.search(buffer)
        position = found.start() if found else -1
        if position >= 0 or len(buffer) > limit:
            break
    yield buffer[:position] if position >= 0 else buffer
    if position < 0:
        if whole and len(buffer) <= limit and b"</mediawiki" not in buffer:
            raise TruncatedError(_UNFINISHED)
        return
    yield from _split(buffer[position:], chunks, limit, whole=whole)


def _split(
    buffer: bytes, chunks: Iterator[bytes], limit: int, *, whole: bool
) -> Iterator[bytes | None]:
    dropping = False
    searched = 0  # before it no page ends
    while True:
        start = 0
        while (end := buffer.find(b"</page>", searched)) >= 0:
            found = _PAGE.search(buffer, start, end)
            page = buffer[found.start() if found else start : end + 7]
            yield None if dropping or len(page) > limit else page
            dropping = False
            start = searched = end + 7
        buffer = buffer[start:]
        if dropping or len(buffer) > limit:
            dropping, buffer = True, buffer[-16:]
        searched = max(0, len(buffer) - 6)
        chunk = next(chunks, b"")
        if not chunk:
            break
        buffer += chunk
    if dropping:
        yield None
    elif found := _PAGE.search(buffer):
        yield buffer[found.start() :]
    elif whole and b"</mediawiki" not in buffer:
        raise TruncatedError(_UNFINISHED)


def _header(head: bytes | None, name: str) -> Dump:
    text = (head or b"").decode("utf-8", "replace")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise RefusedError("the XML declares a document type or entities; no MediaWiki dump does")
    if "<mediawiki" not in text:
        raise RefusedError("no <mediawiki> element: this is no MediaWiki XML dump")
    database = _between(text, "dbname")
    lang, host = language_of(name.rsplit("/", 1)[-1], database)
    if not lang:
        found = re.search(r"<mediawiki[^<>]*xml:lang=\"([\w-]+)\"", text)
        lang = found[1] if found else ""
    base = _between(text, "base")
    declared = language_of("", database)[1] == host or not host
    address = base.rsplit("/", 1)[0] + "/" if base and declared else ""
    if not address and host:
        address = f"https://{host}.wikipedia.org/wiki/"
    spaces = re.findall(r"<namespace key=\"(-?\d+)\"[^<>]*+>([^<]++)</namespace>", text)
    return Dump(name, lang, address, frozenset(title for key, title in spaces if key != "0"))


def _between(text: str, tag: str) -> str:
    found = re.search(rf"<{tag}>([^<]*)</{tag}>", text)
    return found[1].strip() if found else ""


@dataclass(slots=True)
class _Parsed:
    """The elements of one page, and those of its newest revision seen so far."""

    fields: dict[str, str]
    newest: dict[str, str]
    redirect: str | None = None

    def add_revision(self, revision: dict[str, str], slots: list[dict[str, str]]) -> None:
        """Keep a revision that is newer than the one kept; its text may stand in the main slot."""
        for slot in slots:
            if slot.get("role") == "main" and not revision.get("text"):
                revision |= {name: slot[name] for name in ("model", "text") if name in slot}
        if not self.newest or _age(revision) > _age(self.newest):
            self.newest = revision


def _age(revision: dict[str, str]) -> tuple[str, int]:
    number = revision.get("id", "")
    return revision.get("timestamp", ""), int(number) if number.isdecimal() else 0


def _parse(page: bytes) -> _Parsed:
    """Parse one page element; raises ExpatError where it is no well-formed XML."""
    parsed = _Parsed({}, {})
    stack: list[str] = []
    parts: list[str] = []
    revision: dict[str, str] = {}
    slots: list[dict[str, str]] = []
    places = {"page": (_OF_PAGE, parsed.fields), "revision": (_OF_REVISION, revision)}

    def start(name: str, attributes: dict[str, str]) -> None:
        stack.append(name)
        parts.clear()
        if name == "redirect":
            parsed.redirect = attributes.get("title", "")
        elif name == "content":
            slots.append({})
            places["content"] = (_OF_SLOT, slots[-1])

    def end(name: str) -> None:
        stack.pop()
        names, fields = places.get(stack[-1] if stack else "", (frozenset(), {}))
        if name in names:
            fields[name] = "".join(parts)
        elif name == "revision":
            parsed.add_revision(dict(revision), slots)
            revision.clear()
            slots.clear()
        parts.clear()

    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = parts.append
    parser.Parse(page, True)
    return parsed


def _page(page: bytes, number: int, dump: Dump, settings: Settings) -> Item:
    try:
        parsed = _parse(page)
    except (expat.ExpatError, ValueError) as error:
        return Failed(f"{dump.name}:page {number}", reason(error))
    found, newest = parsed.fields, parsed.newest
    title = found.get("title", "")
    if "id" not in found or not title:
        return Failed(f"{dump.name}:page {number}", "a page without id or title")
    locator = f"{dump.name}:{found['id']}:{newest.get('id', '')}"
    url = dump.address + quote(title.replace(" ", "_"), safe="/:@!$'()*,;") if dump.address else ""
    text = newest.get("text", "")
    rule, value = _refused(parsed, text, dump)
    if rule:
        return Skipped(locator, rule, value, "", url)
    return RawDocument(
        locator,
        text,
        "wikitext",
        url=url,
        date=newest.get("timestamp", ""),
        title=title,
        lang=dump.lang,
        licence=settings.licence or "CC-BY-SA-4.0",
        category=settings.category,
        meta={"page": found["id"], "revision": newest.get("id", "")},
    )


def _refused(parsed: _Parsed, text: str, dump: Dump) -> tuple[str, str]:
    """Return the rule that keeps a page out, and its value; ("", "") for an article."""
    found = parsed.fields
    title = found["title"]
    space = found.get("ns", "")
    if space not in ("", "0"):
        return "namespace", space
    if not space and title.partition(":")[0] in dump.namespaces and ":" in title:
        return "namespace", title.partition(":")[0]
    if parsed.redirect is not None or REDIRECT.match(text):
        return "redirect", parsed.redirect or ""
    model = parsed.newest.get("model", "")
    if model not in ("", "wikitext"):
        return "content_model", model
    if DISAMBIGUATION.search(text):
        return "disambiguation", ""
    return "", ""
