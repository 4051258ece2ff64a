"""A kilobyte in, gigabytes out: each packed input is refused by name in flat memory.

Every bomb of the table is read in one child process whose address space may grow by 512 MiB beyond what
its imports and a first harmless file of each kind took; a reader that unpacks without a bound dies there
of MemoryError, or is told by its peak.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import os
import random
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli
import pytest

from corpusforge.testing.packed import (
    CODINGS,
    brotli_bomb,
    deflate_bomb,
    tar_of,
    warc_record,
    zeros,
    zstd_bomb,
)

MIB = 1 << 20
EXTRA = 512 * MIB
CHILD = """
import json, resource, sys
from corpusforge.extract import Settings as ExtractSettings, extract
from corpusforge.ingest import Settings, read
from corpusforge.records import Failed, RawDocument, Skipped

def rows(kind, path):
    for item in read(kind, path, Settings()):
        yield extract(item, ExtractSettings()) if isinstance(item, RawDocument) else item

def told(kind, path):
    bad = documents = characters = 0
    what = []
    for row in rows(kind, path):
        if isinstance(row, Failed):
            what.append(row.error)
        elif isinstance(row, Skipped):
            what.append(row.rule)
        else:
            documents += 1
            characters += len(row.text)
    return {"what": what[:3], "bad": len(what), "documents": documents, "characters": characters}

first, table = json.load(sys.stdin)
for kind, path in first:
    told(kind, path)
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + int(sys.argv[1]),) * 2)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
answer = {name: told(kind, path) for name, kind, path in table}
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([answer, (after - before) * 1024]))
"""
PAGE = (
    b"<html><body><p>A page of the archive that explains what was measured there.</p></body></html>"
)
WIKI = (
    b"<mediawiki><siteinfo><dbname>enwiki</dbname></siteinfo><page><title>T</title><ns>0</ns><id>1</id>"
    b"<revision><id>2</id><text>A text of the article.</text></revision></page></mediawiki>"
)
POSTS = (
    b"<posts>\n<row Id='1' PostTypeId='1' Title='T' Body='Q'/>\n"
    b"<row Id='2' PostTypeId='2' ParentId='1' Body='A'/>\n</posts>"
)
SMALL = {
    "arxiv": ("p.tex", b"\\documentclass{a}\\begin{document}Text\\end{document}"),
    "books": ("b.txt", b"A book of one line.\n"),
    "code": ("s.tar", tar_of({"a.py": b"x = 1\n", "LICENSE": b"MIT License\n"})),
    "documents": ("d.jsonl", b'{"text": "a text"}\n'),
    "html": ("h.html", PAGE),
    "stackexchange": ("Posts.xml", POSTS),
    "web": ("w.warc", warc_record("a", PAGE)),
    "wikipedia": ("enwiki.xml", WIKI),
}


@functools.cache
def gibibyte(coding: str) -> bytes:
    return zstd_bomb(1024) if coding == ".zst" else zeros(coding, 1024)


def bomb(coding: str, before: bytes = b"") -> bytes:
    """`before`, then 1 GiB of zeros."""
    return (CODINGS[coding](before) if before else b"") + gibibyte(coding)


def epub(chapter: bytes, spine: int = 1, package: str = "", extra: dict[str, bytes] | None = None,
         method: int = zipfile.ZIP_DEFLATED) -> bytes:  # fmt: skip
    out = io.BytesIO()
    refs = '<itemref idref="c"/>' * spine
    container = '<container><rootfiles><rootfile full-path="o.opf"/></rootfiles></container>'
    opf = (
        f'<package><manifest><item id="c" href="c.xhtml" media-type="application/xhtml+xml"/>{package}'
        f"</manifest><spine>{refs}</spine></package>"
    )
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("o.opf", opf)
        archive.writestr("c.xhtml", chapter)
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return out.getvalue()


def zip_of(name: str, data: bytes, method: int, claims: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, data)
    packed = bytearray(out.getvalue())
    if claims:  # the directory says so, and zipfile believes it
        place = packed.rindex(b"PK\x01\x02")
        packed[place + 24 : place + 28] = claims.to_bytes(4, "little")
    return bytes(packed)


def special_tar(kind: bytes, size: int) -> bytes:
    """A tar whose first header says that `size` bytes of a long header follow."""
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


def warc_of(size: int) -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {size}\r\n\r\nHTTP/1.1 200 OK\r\n"
    return head.encode() + b"Content-Type: text/html\r\n\r\n"


def chapter(size: int) -> bytes:
    words = random.Random(1).choices(range(10_000), k=size // 10)
    return b"<html><body>" + b"".join(b"<p>%d</p>\n" % word for word in words) + b"</body></html>"


REFUSED = ("bomb", "more than", "record_size", "file_size", "Maximum header length")
Row = tuple[str, str, str, Callable[[], bytes], tuple[str, ...]]


def table() -> Iterator[Row]:
    """(name, kind, file name, its bytes, words of which one stands in the row that tells it)."""
    whole = {"arxiv": "p.tar", "books": "b.txt", "code": "s.py", "documents": "d.jsonl", "html": "h.html",
             "stackexchange": "Posts.xml", "web": "w.warc", "wikipedia": "enwiki.xml"}  # fmt: skip
    heads = {"wikipedia": WIKI[:-12], "stackexchange": POSTS[:7], "web": warc_of(1 << 30),
             "documents": b'{"text": "first"}\n{"text": "'}  # fmt: skip
    for coding in CODINGS:
        for kind, file in whole.items():
            name = f"{kind} {coding}"
            yield (
                name,
                kind,
                file + coding,
                lambda c=coding, k=kind: bomb(c, heads.get(k, b"")),
                REFUSED,
            )
        yield (
            f"json {coding}",
            "documents",
            f"d.json{coding}",
            lambda c=coding: bomb(c, b'["'),
            REFUSED,
        )
        member = tar_of({"a.py": b"x = 1\n"})[:1024] + special_tar(tarfile.REGTYPE, 8 << 30)[:512]
        yield (
            f"tar {coding}",
            "code",
            f"s.tar{coding}",
            lambda c=coding, m=member: bomb(c, m),
            REFUSED,
        )
        yield f"warc header {coding}", "web", f"w.warc{coding}", lambda c=coding: bomb(
            c, b"WARC/1.0\r\nWARC-Type: "), REFUSED  # fmt: skip
    for noun, kind in (("pax", tarfile.XHDTYPE), ("long name", tarfile.GNUTYPE_LONGNAME),
                       ("global pax", tarfile.XGLTYPE)):  # fmt: skip
        head = special_tar(kind, 4 << 30)
        yield f"tar {noun}", "code", "s.tar.gz", lambda h=head: bomb(".gz", h), ("a header of",)
        yield f"arxiv {noun}", "arxiv", "p.tar.gz", lambda h=head: bomb(".gz", h), (
            "a header of", "record_size", *REFUSED)  # fmt: skip
    sparse = special_tar(tarfile.GNUTYPE_SPARSE, 0)
    endless = tarfile.TarInfo("a.bin")
    endless.size = 1 << 60
    yield "tar that claims an exabyte", "code", "s.tar", endless.tobuf, REFUSED
    yield "tar sparse", "code", "s.tar", lambda: sparse + bytes(10240), ("sparse member",)
    big = bytes(64 * MIB)
    items = "".join(f"<item id='{n}'/>" for n in range(300_000))
    yield (
        "zip deflate",
        "code",
        "s.zip",
        lambda: zip_of("a.py", big * 2, zipfile.ZIP_DEFLATED),
        REFUSED,
    )
    yield "zip that lies", "code", "s.zip", lambda: zip_of(
        "a.py", big, zipfile.ZIP_DEFLATED, 100), ("CRC", "overlap", "BadZipFile")  # fmt: skip
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield f"zip method {method}", "code", "s.zip", lambda m=method: zip_of(
            "a.py", big, m, 100), (f"zip method {method}",)  # fmt: skip
        yield f"epub method {method}", "books", "b.epub", lambda m=method: epub(
            chapter(MIB), method=m), (f"zip method {method}",)  # fmt: skip
    yield (
        "epub spine",
        "books",
        "b.epub",
        lambda: epub(chapter(MIB), 20_000),
        ("lists 20000 chapters",),
    )
    yield "epub chapter", "books", "b.epub", lambda: epub(b"<p>a</p>" * 8_000_000), ("packed",)
    yield "epub long chapter", "books", "b.epub", lambda: epub(
        chapter(24 * MIB), method=zipfile.ZIP_STORED), ("too_long",)  # fmt: skip
    yield "epub package", "books", "b.epub", lambda: epub(
        b"<html/>", package=items), ("cap 4000000",)  # fmt: skip
    yield "epub encryption", "books", "b.epub", lambda: epub(
        chapter(1000), extra={"META-INF/encryption.xml": b"<e>" + os.urandom(6_000_000)}), (
        "holds 6000003",)  # fmt: skip
    bodies = {
        "gzip": (bomb(".gz"), "gzip"),
        "x-gzip": (bomb(".gz"), "x-gzip"),
        "zlib": (b"\x78\x9c" + deflate_bomb(1024), "deflate"),
        "deflate": (deflate_bomb(1024), "deflate"),
        "brotli": (brotli_bomb(1024), "br"),
        "zstd": (zstd_bomb(16 * 1024), "zstd"),
        "gzip in gzip": (gzip.compress(bomb(".gz")), "gzip, gzip"),
        "zstd in gzip in brotli": (gzip.compress(zstd_bomb(2048)), "zstd, gzip"),
        **{f"unsaid {coding}": (bomb(coding), "") for coding in CODINGS},
        "unsaid twice": (gzip.compress(gzip.compress(big * 2)), ""),
        "transfer": (bomb(".gz"), "identity\r\nTransfer-Encoding: gzip"),
    }
    for name, (body, said) in bodies.items():
        lines = f"Content-Encoding: {said}\r\n".encode() if said else b""
        if len(body) > 15 * MIB:
            continue  # over the bound as it is
        yield f"body {name}", "web", "w.warc", lambda b=body, s=lines: warc_record("a", b, s), (
            "record_size",)  # fmt: skip
    yield "body in arc", "web", "a.arc", lambda: arc(brotli_bomb(1024)), ("record_size",)


def arc(body: bytes) -> bytes:
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: br\r\n\r\n" + body
    version = b"1 0 Archive\nURL IP-address Archive-date Content-type Archive-length\n"
    head = b"filedesc://a.arc 0.0.0.0 20240101000000 text/plain %d\n%s\n" % (len(version), version)
    url = b"http://example.org/ 1.2.3.4 20240101000000 text/html %d\n" % len(block)
    return head + url + block + b"\n"


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, object]], int]:
    folder = tmp_path_factory.mktemp("bombs")
    asked, first = [], []
    for kind, (name, data) in SMALL.items():
        path = folder / f"small-{kind}-{name}"
        path.write_bytes(data)
        first.append((kind, str(path)))
    (folder / "small.epub").write_bytes(epub(chapter(5000)))
    (folder / "small.zip").write_bytes(zip_of("a.py", b"x = 1\n", zipfile.ZIP_DEFLATED))
    first += [("books", str(folder / "small.epub")), ("code", str(folder / "small.zip"))]
    packed = {f"small.jsonl{coding}": pack(b'{"text": "a"}\n') for coding, pack in CODINGS.items()}
    packed["small.warc"] = warc_record("a", brotli.compress(PAGE), b"Content-Encoding: br\r\n")
    for name, data in packed.items():
        (folder / name).write_bytes(data)
        first.append(("web" if name.endswith("warc") else "documents", str(folder / name)))
    for number, (name, kind, file, make, _) in enumerate(table()):
        path = folder / str(number) / file
        path.parent.mkdir()
        path.write_bytes(make())
        asked.append((name, kind, str(path)))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(EXTRA)],
        input=json.dumps([first, asked]), capture_output=True, text=True, check=False,
        env={**os.environ, "MALLOC_ARENA_MAX": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return tuple(json.loads(done.stdout.splitlines()[-1]))  # type: ignore[return-value]


NAMES = {name: words for name, _, _, _, words in table()}


@pytest.mark.parametrize("name", NAMES)
def test_each_bomb_is_refused_by_name(answers, name: str) -> None:
    answer = answers[0][name]
    assert 1 <= answer["bad"] <= 2, answer
    assert any(word in what for word in NAMES[name] for what in answer["what"]), answer
    assert not any("MemoryError" in what for what in answer["what"])
    assert answer["characters"] < 1000, answer


def test_memory_stays_flat(answers) -> None:
    assert answers[1] < EXTRA


def test_the_child_has_a_bound() -> None:
    """What the bound catches: 1 GiB."""
    code = CHILD.replace("answer = {", "bytearray(1 << 30); answer = {")
    done = subprocess.run([sys.executable, "-c", code, str(EXTRA)], input="[[], []]",
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 1 and "MemoryError" in done.stderr


def test_the_readers_bounds_hold_for_what_is_just_within(tmp_path: Path) -> None:
    """A chapter listed twice is read once; a real book of many chapters stays whole."""
    from corpusforge.extract import Extracted, Settings, extract
    from corpusforge.records import RawDocument

    twice = extract(RawDocument("b", epub(chapter(500), 5000), "epub"), Settings())
    assert isinstance(twice, Extracted)
    once = extract(RawDocument("b", epub(chapter(500), 1), "epub"), Settings())
    assert isinstance(once, Extracted) and once.text == twice.text
