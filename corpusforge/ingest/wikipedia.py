"""MediaWiki XML dumps (pages-articles; plain, gz, bz2 also multistream) → raw wikitext.

The stream is cut at `<page>` … `</page>`, which cannot stand inside a dump's escaped text, and
each page is parsed by expat alone. So a damaged page costs itself, memory is one page, and no
document type reaches a parser: declarations in the header refuse the file. The language comes
from the dump's own name (`zhwiki-…`), else from its header. Limit: of several revisions of a page
the last in the dump counts.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote
from xml.parsers import expat

from corpusforge.ingest.settings import Settings
from corpusforge.ingest.spans import WHOLE, Span
from corpusforge.ingest.streams import RefusedError, name_of, open_capped, reason, size_of
from corpusforge.ingest.wikinames import DISAMBIGUATION, REDIRECT, language_of
from corpusforge.io.compressed import Stream, TruncatedError
from corpusforge.records import Failed, RawDocument, Skipped

__all__ = ["Dump", "read_wikipedia"]

Item = RawDocument | Skipped | Failed
_CHUNK = 1 << 20
_UNFINISHED = "ends early, without </mediawiki>"
_FIELDS = frozenset({"title", "ns", "id", "timestamp", "model", "text"})


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

    `span` are the offsets of whole bzip2 streams; what the first says of the dump holds for all.
    """
    name = name_of(path, root)
    with open_capped(path, settings) as raw:
        head = next(_pages(_utf8(raw), settings.max_record_bytes, whole=False))
    with open_capped(path, settings, span=span) as raw:
        whole = span == WHOLE or span[1] >= size_of(path)
        pieces = _pages(_utf8(raw), settings.max_record_bytes, whole=whole)
        first = next(pieces)
        dump = _header(first if span[0] == 0 else head, name)
        for number, piece in enumerate(pieces, 1):
            if piece is None:
                bound = str(settings.max_record_bytes)
                yield Skipped(f"{name}:page {number}", "record_size", f">{bound}", bound)
            elif not piece.endswith(b"</page>"):
                yield Failed(f"{name}:page {number}", "the dump ends inside this page", cut=True)
            else:
                yield _page(piece, number, dump, settings)


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
        position = buffer.find(b"<page>")
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
            begin = buffer.find(b"<page>", start)
            page = buffer[begin if 0 <= begin < end else start : end + 7]
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
    elif (begin := buffer.find(b"<page>")) >= 0:
        yield buffer[begin:]
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
        found = re.search(r"<mediawiki[^>]*xml:lang=\"([\w-]+)\"", text)
        lang = found[1] if found else ""
    base = _between(text, "base")
    declared = language_of("", database)[1] == host or not host
    address = base.rsplit("/", 1)[0] + "/" if base and declared else ""
    if not address and host:
        address = f"https://{host}.wikipedia.org/wiki/"
    spaces = re.findall(r"<namespace key=\"(-?\d+)\"[^>]*>([^<]+)</namespace>", text)
    return Dump(name, lang, address, frozenset(title for key, title in spaces if key != "0"))


def _between(text: str, tag: str) -> str:
    found = re.search(rf"<{tag}>([^<]*)</{tag}>", text)
    return found[1].strip() if found else ""


@dataclass(slots=True)
class _Parsed:
    """The elements of one page; a later revision overwrites an earlier one's."""

    fields: dict[str, str]
    redirect: str | None = None


def _parse(page: bytes) -> _Parsed:
    """Parse one page element; raises ExpatError where it is no well-formed XML."""
    parsed = _Parsed({})
    stack: list[str] = []
    parts: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        stack.append(name)
        parts.clear()
        if name == "redirect":
            parsed.redirect = attributes.get("title", "")

    def end(name: str) -> None:
        stack.pop()
        if name in _FIELDS and "contributor" not in stack:
            key = "revision" if name == "id" and stack[-1:] == ["revision"] else name
            parsed.fields[key] = "".join(parts)
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
    found = parsed.fields
    title = found.get("title", "")
    if "id" not in found or not title:
        return Failed(f"{dump.name}:page {number}", "a page without id or title")
    locator = f"{dump.name}:{found['id']}:{found.get('revision', '')}"
    url = dump.address + quote(title.replace(" ", "_"), safe="/:@!$'()*,;") if dump.address else ""
    text = found.get("text", "")
    rule, value = _refused(parsed, text, dump)
    if rule:
        return Skipped(locator, rule, value, "", url)
    return RawDocument(
        locator,
        text,
        "wikitext",
        url=url,
        date=found.get("timestamp", ""),
        title=title,
        lang=dump.lang,
        licence=settings.licence or "CC-BY-SA-4.0",
        category=settings.category,
        meta={"page": found["id"], "revision": found.get("revision", "")},
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
    model = found.get("model", "")
    if model not in ("", "wikitext"):
        return "content_model", model
    if DISAMBIGUATION.search(text):
        return "disambiguation", ""
    return "", ""
