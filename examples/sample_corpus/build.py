"""Pack `sources/` into the containers of the sample: `python -m examples.sample_corpus.build`.

Nothing here depends on the clock or the machine: dates stand in the sources, record ids are hashes
of URL and date, archive members carry one fixed time. Only the deflate stream may differ between
zlib versions; what is inside it does not. The pieces of the fake secret meet only here, so that
no readable file of the repository holds a string shaped like a key.
"""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import uuid
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from corpusforge.options import Parser
from examples.sample_corpus.bundle import Bundle, Entry, read_bundle
from examples.sample_corpus.page import render

__all__ = ["build", "main"]

HERE = Path(__file__).parent
_CRAWLED = "2024-03-18T09:00:00Z"
_EPOCH = 1_700_000_000
_SECRETS = {
    "{{FAKE_CLOUD_KEY}}": "AKIA" + "Q7ZV3N5T" + "W2KM6RXB",
    "{{FAKE_CLOUD_SECRET}}": "hV8q/2LmTz0Rk9" + "XwYb4NcD7sFj" + "3GpQ6eUa1KxBvT",
    "{{FAKE_FORGE_TOKEN}}": "ghp" + "_" + "n7Rk2VwQ8zLt" + "4XbYp9Md3Hs6" + "Jc1Fg5Tq0NvE",
}
_REASONS = {200: "OK", 301: "Moved Permanently", 404: "Not Found"}


def _filled(text: str) -> str:
    for name, value in _SECRETS.items():
        text = text.replace(name, value)
    return text


def _record(kind: str, url: str, date: str, content: bytes, more: Mapping[str, str]) -> bytes:
    """Return one WARC record as its own gzip member."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {url} {date}")
    head = {
        "WARC-Type": kind,
        "WARC-Record-ID": f"<urn:uuid:{name}>",
        "WARC-Date": date,
        **({"WARC-Target-URI": url} if url else {}),
        **more,
        "Content-Length": str(len(content)),
    }
    lines = "".join(f"{key}: {value}\r\n" for key, value in head.items())
    return gzip.compress(
        b"WARC/1.1\r\n" + lines.encode() + b"\r\n" + content + b"\r\n\r\n", 9, mtime=0
    )


def _response(url: str, date: str, body: bytes, kind: str, status: int = 200) -> bytes:
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\nServer: sample\r\n\r\n"
    )
    return _record(
        "response",
        url,
        date,
        head.encode() + body,
        {"Content-Type": "application/http; msgtype=response"},
    )


def _request(url: str, date: str) -> bytes:
    host, _, path = url.removeprefix("https://").partition("/")
    content = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: samplebot\r\n\r\n".encode()
    kind = {"Content-Type": "application/http; msgtype=request"}
    return _record("request", url, date, content, kind)


def _page(site: Mapping[str, str], entry: Entry, url: str, text: str) -> bytes:
    charset = entry.get("charset", "utf-8")
    date = entry.get("date") + "T08:30:00Z"
    site = {**site, **{name: values[0] for name, values in entry.fields.items()}}
    shown = entry.get("shown", date)
    html = render(site, entry.get("title"), shown, _filled(text), charset)
    announced = "" if entry.get("header") == "silent" else f"; charset={charset}"
    body = html.encode(charset, "xmlcharrefreplace")
    return _response(url, date, body, "text/html" + announced, int(entry.get("status", "200")))


def _png() -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        crc = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", crc)

    head = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\x00\x20\x90\x00\x90\x20", 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def _edited(text: str, edits: tuple[str, ...], url: str) -> str:
    for edit in edits:
        old, new = edit.split(" => ")
        if old not in text:
            raise ValueError(f"{url}: the text to edit, {old!r}, is not in the original")
        text = text.replace(old, new, 1)
    return text


def _planted(entry: Entry, pages: Mapping[str, tuple[Mapping[str, str], Entry]]) -> bytes:
    """Return the record of one entry of `planted.md`: a copy of a page, or a record of its own."""
    date = entry.get("date") + "T08:30:00Z"
    if entry.get("kind") == "copy":
        site, first = pages[entry.get("of")]
        shown = (first.get("date") + "T08:30:00Z",)  # a copy shows the date of its original
        fields = {**first.fields, **entry.fields, "shown": shown}
        text = _edited(first.body, entry.fields.get("edit", ()), entry.key)
        return _page(site, Entry(entry.key, fields, text), entry.key, text)
    if entry.get("kind") == "revisit":
        more = {
            "WARC-Profile": "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest",
            "WARC-Refers-To-Target-URI": entry.get("of"),
            "Content-Type": "application/http; msgtype=response",
        }
        return _record("revisit", entry.key, date, b"HTTP/1.1 200 OK\r\n\r\n", more)
    body = _png() if entry.get("type") == "image/png" else _filled(entry.body).encode()
    return _response(entry.key, date, body, entry.get("type"))


def _web(sites: list[Bundle], planted: Bundle) -> Iterator[bytes]:
    info = b"software: examples.sample_corpus.build\r\nformat: WARC File Format 1.1\r\n"
    yield _record("warcinfo", "", _CRAWLED, info, {"Content-Type": "application/warc-fields"})
    pages: dict[str, tuple[Mapping[str, str], Entry]] = {}
    for site in sites:
        for number, entry in enumerate(site.entries):
            url = f"https://{site.fields['site']}{entry.key}"
            pages[url] = (site.fields, entry)
            if number == 0:
                yield _request(url, entry.get("date") + "T08:30:00Z")
            yield _page(site.fields, entry, url, entry.body)
    for entry in planted.entries:
        if entry.get("kind") == "page":
            yield _page(planted.fields, entry, entry.key, entry.body)
        else:
            yield _planted(entry, pages)


def _truncated(bundle: Bundle) -> bytes:
    records = [
        _page(bundle.fields, entry, f"https://{bundle.fields['site']}{entry.key}", entry.body)
        for entry in bundle.entries
    ]
    return b"".join(records)[: -len(records[-1]) // 2]


def _wiki_head(lang: str, name: str) -> str:
    spaces = "".join(
        f'      <namespace key="{key}" case="first-letter">{space}</namespace>\n'
        for key, space in ((0, ""), (1, "Talk"), (10, "Template"))
    )
    return (
        f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" '
        f'xml:lang="{lang}">\n  <siteinfo>\n    <sitename>{name}</sitename>\n'
        f"    <dbname>{lang}wiki</dbname>\n    <base>https://{lang}.wiki.example/wiki/Main</base>\n"
        f"    <case>first-letter</case>\n    <namespaces>\n{spaces}    </namespaces>\n"
        "  </siteinfo>\n"
    )


def _wiki_page(number: int, entry: Entry) -> str:
    redirect = entry.get("redirect")
    return (
        f"  <page>\n    <title>{escape(entry.key)}</title>\n"
        f"    <ns>{entry.get('ns', '0')}</ns>\n    <id>{number}</id>\n"
        + (f'    <redirect title="{escape(redirect)}" />\n' if redirect else "")
        + f"    <revision>\n      <id>{number + 5000}</id>\n"
        f"      <timestamp>{entry.get('date')}T12:00:00Z</timestamp>\n"
        "      <contributor><username>Sample</username><id>1</id></contributor>\n"
        "      <model>wikitext</model>\n      <format>text/x-wiki</format>\n"
        f'      <text bytes="{len(entry.body.encode())}" xml:space="preserve">'
        f"{escape(entry.body)}</text>\n    </revision>\n  </page>\n"
    )


def _wiki(bundle: Bundle) -> bytes:
    """Return a pages-articles export, as MediaWiki writes it (schema 0.11)."""
    head = _wiki_head(bundle.fields["lang"], bundle.fields["name"])
    pages = [_wiki_page(number, entry) for number, entry in enumerate(bundle.entries, start=100)]
    return bz2.compress("".join([head, *pages, "</mediawiki>\n"]).encode(), 9)


def _code(bundle: Bundle) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for entry in bundle.entries:
            data = (_filled(entry.body) + "\n").encode()
            member = tarfile.TarInfo(f"{bundle.fields['repository']}/{entry.key}")
            member.size, member.mtime = len(data), _EPOCH
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(raw.getvalue(), 9, mtime=0)


def build() -> dict[str, bytes]:
    """Return the bytes of every container by its path under this folder."""
    sources = HERE / "sources"
    sites = [read_bundle(path) for path in sorted((sources / "web").glob("*.md"))]
    out = {
        "web.warc.gz": b"".join(_web(sites, read_bundle(sources / "planted.md"))),
        "web-truncated.warc.gz": _truncated(read_bundle(sources / "truncated.md")),
        "wikipedia.xml.bz2": _wiki(read_bundle(sources / "wiki" / "en.wiki")),
        "wikipedia-zh.xml.bz2": _wiki(read_bundle(sources / "wiki" / "zh.wiki")),
    }
    for path in sorted((sources / "code").glob("*.bundle")):
        out[f"code-{path.stem}.tar.gz"] = _code(read_bundle(path))
    return out


def main(argv: list[str] | None = None) -> int:
    """Write the containers beside this file, or under another folder."""
    parser = Parser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--output", type=Path, default=HERE, help="folder to write to")
    output: Path = parser.parse_args(argv).output
    for name, data in build().items():
        path = output / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"{len(data):>9,}  {name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
