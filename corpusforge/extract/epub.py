"""EPUB 2 and 3: the spine's chapters in reading order, as text.

Method: the container names the package file, whose spine lists the chapters (W3C EPUB 3.3,
sections 4 and 5); navigation documents and notes outside the linear order are left out. Chapters
are rendered whole: a book has no boilerplate to guess at. Powers, formulas, ruby and marks of notes are
written as `formula` says.
Limits: no DRM, no fixed-layout text order; archives over the caps are refused, and so is a chapter over
`max_bytes`.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from urllib.parse import unquote
from xml.etree import ElementTree

from corpusforge.extract.formula import write_out
from corpusforge.extract.html import whole_text
from corpusforge.extract.result import Extracted, Unreadable
from corpusforge.extract.settings import Settings
from corpusforge.records import RawDocument
from corpusforge.text.charset import to_utf8

__all__ = ["extract_epub"]

_CHAPTER = (
    "application/xhtml+xml",
    "text/html",
    "text/x-oeb1-document",
    "application/x-dtbook+xml",
)
_ENTITY = re.compile(rb"<!ENTITY|<\x00!\x00E\x00N\x00T\x00I\x00T\x00Y", re.I)
_FONTS = (".ttf", ".otf", ".woff", ".woff2", ".ttc")
_MATTER = re.compile(
    rb"<(?:body|section)\b[^<>]*\bepub:type\s*=\s*[\"'][^\"']*\b"
    rb"(?:titlepage|halftitlepage|imprint|colophon|copyright-page|toc|loi|lot|landmarks)\b"
)
"""What the publisher says of the edition, by the EPUB structural vocabulary."""
_MIMETYPE = b"application/epub+zip"
_XML_BYTES = 4_000_000
"""Most bytes of a package or container file: as a tree it takes some 30 times as much memory."""


def _open(data: bytes, settings: Settings) -> zipfile.ZipFile:
    """Open the archive and refuse it where its directory claims more than the caps allow."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise Unreadable(f"EPUB is no readable zip archive ({error})") from error
    entries = archive.infolist()
    for entry in entries:
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Unreadable(f"EPUB entry packed by zip method {entry.compress_type}")
    total = sum(entry.file_size for entry in entries)
    if len(entries) > settings.epub_max_files:
        raise Unreadable(f"EPUB holds {len(entries)} entries, cap {settings.epub_max_files}")
    if total > settings.epub_max_unpacked:
        raise Unreadable(f"EPUB unpacks to {total} bytes, cap {settings.epub_max_unpacked}")
    for entry in entries:
        ratio = entry.file_size / max(entry.compress_size, 1)
        if entry.file_size > 1_000_000 and ratio > settings.epub_max_ratio:
            raise Unreadable(f"EPUB entry packed {ratio:.0f} to 1, cap {settings.epub_max_ratio:g}")
    return archive


def _read(archive: zipfile.ZipFile, name: str, most: int = _XML_BYTES) -> bytes:
    """Return an entry of at most `most` bytes; zipfile itself stops at the size that is claimed."""
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise Unreadable(f"EPUB lacks {name!r}") from None
    if entry.flag_bits & 0x1:
        raise Unreadable("EPUB is encrypted (zip password)")
    if entry.file_size > most:
        raise Unreadable(f"EPUB entry {name!r} holds {entry.file_size} bytes, cap {most}")
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise Unreadable(f"EPUB entry {name!r} is damaged ({error})") from error


def _xml(data: bytes, name: str) -> ElementTree.Element:
    if _ENTITY.search(data):
        raise Unreadable(f"EPUB file {name!r} declares XML entities")
    try:
        return ElementTree.fromstring(data)  # noqa: S314 - entities are refused above
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise Unreadable(f"EPUB file {name!r} is no XML ({error})") from error


def _local(element: ElementTree.Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _find(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [element for element in root.iter() if _local(element) == name]


def _refuse_encrypted(archive: zipfile.ZipFile) -> None:
    """Refuse encrypted chapters; obfuscated fonts alone are no obstacle to reading."""
    name = "META-INF/encryption.xml"
    if name not in archive.namelist():
        return
    targets = [e.get("URI", "") for e in _find(_xml(_read(archive, name), name), "CipherReference")]
    if any(not unquote(target).lower().endswith(_FONTS) for target in targets):
        raise Unreadable("EPUB is encrypted (META-INF/encryption.xml)")


def _package(archive: zipfile.ZipFile) -> str:
    mimetype = archive.namelist()[:1]
    if mimetype == ["mimetype"] and _read(archive, "mimetype").strip() != _MIMETYPE:
        raise Unreadable("EPUB's mimetype entry is not application/epub+zip")
    name = "META-INF/container.xml"
    roots = _find(_xml(_read(archive, name), name), "rootfile")
    paths = [path for root in roots if (path := root.get("full-path"))]
    if not paths:
        raise Unreadable("EPUB's container names no package file")
    return unquote(paths[0])


def _spine(package: ElementTree.Element, base: str, most: int) -> list[str]:
    """Return the archive names of the chapters in reading order, each once: the standard allows no
    second reference, and thousands of references to one chapter make a bomb.
    """
    items = {item.get("id"): item for item in _find(package, "item")}
    navigation = {
        (reference.get("href") or "").partition("#")[0]
        for reference in _find(package, "reference")
        if reference.get("type") == "toc"
    }
    names = []
    for reference in _find(package, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or reference.get("linear") == "no":
            continue
        href = item.get("href") or ""
        listed = "nav" in (item.get("properties") or "").split() or href in navigation
        if not listed and item.get("media-type") in _CHAPTER:
            names.append(posixpath.normpath(posixpath.join(base, unquote(href))))
    if not names:
        raise Unreadable("EPUB's spine names no chapter")
    if len(names) > most:
        raise Unreadable(f"EPUB's spine lists {len(names)} chapters, cap {most}")
    return list(dict.fromkeys(names))


def extract_epub(raw: RawDocument, settings: Settings) -> Extracted:
    """Return the book as one text, chapters parted by a blank line.

    Raises Unreadable where the archive is damaged, encrypted, over the caps or no EPUB.
    """
    if not isinstance(raw.content, bytes):
        raise Unreadable("EPUB content is not bytes")
    with _open(raw.content, settings) as archive:
        _refuse_encrypted(archive)
        path = _package(archive)
        package = _xml(_read(archive, path), path)
        titles = [element.text or "" for element in _find(package, "title")]
        names = _spine(package, posixpath.dirname(path), settings.epub_max_files)
        pages = (to_utf8(_read(archive, name, settings.max_bytes)) for name in names)
        chapters = [whole_text(write_out(page)) for page in pages if not _MATTER.search(page)]
    title = raw.title or " ".join(titles[0].split() if titles else ())
    return Extracted("\n\n".join(filter(None, chapters)), title, raw.format)
