"""Books: Project Gutenberg and other plain text in any usual encoding, EPUB, chapters as JSON.

A book is one document in reading order; by choice a plain-text book is cut at its chapters. An
EPUB is handed on whole after its container was checked. Limit: PDF and DjVu are not read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from corpusforge.ingest import dates, gutenberg
from corpusforge.ingest.archives import check_zip
from corpusforge.ingest.chapters import cut
from corpusforge.ingest.settings import Settings
from corpusforge.ingest.streams import (
    DATA_ERRORS,
    RefusedError,
    bounded,
    name_of,
    open_capped,
    read_up_to,
    reason,
    stem,
)
from corpusforge.io import files
from corpusforge.io.jsonl import read_value
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.text import charset

__all__ = ["LANGUAGES", "read_books"]

Item = RawDocument | Skipped | Failed
_MAX_CONTROLS = 0.02
_ENCRYPTION_BYTES = 1 << 20
LANGUAGES = {
    "english": "en",
    "french": "fr",
    "german": "de",
    "spanish": "es",
    "italian": "it",
    "portuguese": "pt",
    "dutch": "nl",
    "finnish": "fi",
    "swedish": "sv",
    "danish": "da",
    "norwegian": "no",
    "polish": "pl",
    "hungarian": "hu",
    "greek": "el",
    "latin": "la",
    "esperanto": "eo",
    "catalan": "ca",
    "russian": "ru",
    "tagalog": "tl",
    "japanese": "ja",
    "chinese": "zh",
    "welsh": "cy",
    "czech": "cs",
}


def read_books(path: str, settings: Settings, root: str = "") -> Iterator[Item]:
    """Yield the book in a file: one document (or one a chapter), or why there is none."""
    name = name_of(path, root)
    ending = stem(name).rsplit(".", 1)[-1]
    yield from READERS.get(ending, _plain)(path, name, settings)


def _bytes(path: str, settings: Settings) -> bytes | None:
    """The decompressed file, or None where it is larger than a book may be."""
    with open_capped(path, settings) as stream:
        return read_up_to(stream, settings.max_book_bytes)


def _too_large(name: str, settings: Settings) -> Skipped:
    bound = str(settings.max_book_bytes)
    return Skipped(name, "record_size", f">{bound}", bound)


def _plain(path: str, name: str, settings: Settings) -> Iterator[Item]:
    data = _bytes(path, settings)
    if data is None:
        yield _too_large(name, settings)
    elif data.startswith(b"PK\x03\x04") or b"\x00\x00\x00\x00" in data[:4096]:
        yield Skipped(name, "content_type", "binary", "text")
    else:
        made = bounded(settings, name, len(data), lambda: [*_text_book(data, name, settings)])
        yield from [made] if isinstance(made, Failed) else made


def _text_book(data: bytes, name: str, settings: Settings) -> Iterator[Item]:
    declared = gutenberg.header_fields(data[:20000].decode("latin-1"))
    text, encoding = charset.decode(data, declared.get("character set encoding", ""))
    if (share := charset.controls(text)) > _MAX_CONTROLS:
        yield Failed(name, f"not text: {share:.0%} of its characters are controls ({encoding})")
        return
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    fields = gutenberg.header_fields(text)
    body, counts = gutenberg.strip_licence(text)
    meta = {"charset": encoding, **{f"licence_{key}": str(n) for key, n in counts.items()}}
    if "author" in fields:
        meta["author"] = fields["author"]
    book = RawDocument(
        name,
        body,
        "text",
        title=fields.get("title", ""),
        date=dates.in_words(fields.get("release date", "")),
        lang=LANGUAGES.get(fields.get("language", "").lower(), ""),
        licence=settings.licence,
        category=settings.category,
        meta=meta,
    )
    yield from cut(book) if settings.chapters else iter([book])


def _epub(path: str, name: str, settings: Settings) -> Iterator[Item]:
    with files.open_raw(path) as stream:
        data = read_up_to(stream, settings.max_book_bytes)
    if data is None:
        yield _too_large(name, settings)
        return
    yield bounded(settings, name, len(data), lambda: _epub_book(data, name, settings))


def _epub_book(data: bytes, name: str, settings: Settings) -> Item:
    try:
        check_epub(data, settings)
    except DATA_ERRORS as error:
        return Failed(name, reason(error), cut=not isinstance(error, RefusedError))
    return RawDocument(name, data, "epub", licence=settings.licence, category=settings.category)


def check_epub(data: bytes, settings: Settings) -> None:
    """Raise RefusedError or BadZipFile where the bytes are no readable EPUB container."""
    with check_zip(data, settings) as container:
        names = set(container.namelist())
        if "META-INF/container.xml" not in names:
            raise RefusedError("no META-INF/container.xml: this is no EPUB")
        if "META-INF/rights.xml" in names:
            raise RefusedError("META-INF/rights.xml: the book is under rights management")
        if "META-INF/encryption.xml" in names and _encrypts_text(container):
            raise RefusedError("META-INF/encryption.xml: the book's text is encrypted")


def _encrypts_text(container: zipfile.ZipFile) -> bool:
    """Whether more is encrypted than fonts, which EPUB obfuscates by two named algorithms."""
    with container.open("META-INF/encryption.xml") as stream:
        data = stream.read(_ENCRYPTION_BYTES).decode("utf-8", "replace")
    algorithms = data.count("EncryptionMethod ") or data.count("EncryptionMethod\n")
    fonts = data.count("http://www.idpf.org/2008/embedding") + data.count(
        "http://ns.adobe.com/pdf/enc#RC"
    )
    return algorithms > fonts


def _html(path: str, name: str, settings: Settings) -> Iterator[Item]:
    data = _bytes(path, settings)
    if data is None:
        yield _too_large(name, settings)
    else:
        yield RawDocument(name, data, "html", category=settings.category, licence=settings.licence)


def _json(path: str, name: str, settings: Settings) -> Iterator[Item]:
    data = _bytes(path, settings)
    if data is None:
        yield _too_large(name, settings)
        return
    yield bounded(settings, name, len(data), lambda: _json_book(data, name, settings))


def _json_book(data: bytes, name: str, settings: Settings) -> Item:
    try:
        text = charset.decode(data)[0]
        value, repaired = read_value(text.encode("utf-8", "surrogatepass"))
    except ValueError as error:
        return Failed(name, f"not JSON: {error}")
    text = "\n\n".join(part for part in _parts(value) if part)
    title = value.get("title", "") if isinstance(value, dict) else ""
    return RawDocument(
        name,
        text,
        "text",
        title=title if isinstance(title, str) else "",
        category=settings.category,
        licence=settings.licence,
        repaired=repaired,
    )


def _parts(value: Any) -> Iterator[str]:
    """The headings and paragraphs of a book kept as JSON, in the order of the file."""
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "\n".join(value)
            return
        for item in value:
            yield from _parts(item)
    elif isinstance(value, dict):
        for key in (
            "title",
            "author",
            "chapter",
            "section",
            "rhythmic",
            "paragraphs",
            "text",
            "content",
        ):
            if key in value:
                yield from _parts(value[key])


READERS: dict[str, Callable[[str, str, Settings], Iterator[Item]]] = {
    "epub": _epub,
    "htm": _html,
    "html": _html,
    "xhtml": _html,
    "json": _json,
}
