"""HTTP bodies packed and framed in every way: the whole page comes out, or a failed row says why not.

The page is known; each body is made from it by a reference library, or by hand after the RFC.
"""

from __future__ import annotations

import bz2
import gzip
import itertools
import lzma
import random
import zlib
from pathlib import Path

import brotli
import lz4.frame
import pytest
import zstandard

from corpusforge.ingest import Settings, read
from corpusforge.ingest.http import BodyError, decode_body, parse
from corpusforge.ingest.settings import MIB
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.testing.packed import brotli_bomb, warc_record, zeros, zstd_bomb

WORDS = " ".join(random.Random(3).choices(["keeper", "basin", "gauge", "river", "ledger"], k=900))
PAGE = f"<!doctype html><html><body><p>{WORDS} The end of the page.</p></body></html>".encode()
TINY = b"<p>ok</p>"


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def chunked(data: bytes, size: int = 300, end: bytes = b"0\r\n\r\n") -> bytes:
    parts = [data[n : n + size] for n in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + end


ZSTD = zstandard.ZstdCompressor()
PACK = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "raw": deflate,
    "br": brotli.compress,
    "zstd": ZSTD.compress,
}
UNSAID = {
    "gzip": gzip.compress,
    "zlib": zlib.compress,
    "zlib 1": lambda data: zlib.compress(data, 1),
    "zlib 9": lambda data: zlib.compress(data, 9),
    "zstd": ZSTD.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lz4": lz4.frame.compress,
    "chunked": chunked,
}


def decoded(body: bytes, **headers: str) -> bytes:
    return decode_body(body, {k.replace("_", "-"): v for k, v in headers.items()}, MIB)


def named(coding: str) -> str:
    return "deflate" if coding == "raw" else coding


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("page", [PAGE, TINY, b""])
def test_each_coding_in_each_header(coding: str, page: bytes) -> None:
    body, name = PACK[coding](page), named(coding)
    assert decoded(body, content_encoding=name) == page
    assert decoded(body, transfer_encoding=name) == page
    assert decoded(chunked(body, 7), transfer_encoding=f"{name}, chunked") == page
    assert (
        decoded(chunked(body), content_encoding=name.upper(), transfer_encoding="chunked") == page
    )
    assert decoded(page, content_encoding=name) == page  # unpacked by the recorder already
    assert decoded(page, transfer_encoding="chunked") == page
    twice = PACK["gzip"](body)
    assert decoded(twice, content_encoding=f"{name}, gzip") == page
    assert decoded(twice, content_encoding=name, transfer_encoding="gzip") == page


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "deflate", "zstd"])
def test_all_members_and_frames(coding: str) -> None:
    pack = PACK[coding]
    for cuts in ((200,), (1,), (len(PAGE) - 1,), tuple(range(0, len(PAGE), 400))):
        places = [0, *cuts, len(PAGE)]
        body = b"".join(pack(PAGE[a:b]) for a, b in itertools.pairwise(places))
        assert decoded(body, content_encoding=coding) == PAGE
        assert decoded(chunked(body), content_encoding=coding, transfer_encoding="chunked") == PAGE


@pytest.mark.parametrize("coding", UNSAID)
def test_layers_that_no_header_names(coding: str) -> None:
    body = UNSAID[coding](PAGE)
    assert decoded(body) == PAGE
    assert decoded(UNSAID[coding](body)) == PAGE
    assert decoded(gzip.compress(body), content_encoding="gzip") == PAGE  # packed twice, said once
    for wrong in ("br", "deflate", "zstd", "gzip", "identity", "compress"):
        assert decoded(body, content_encoding=wrong) == PAGE


def test_unsaid_layers_are_three_at_most() -> None:
    body = PAGE
    for _ in range(3):
        body = gzip.compress(body)
    assert decoded(body) == PAGE
    with pytest.raises(BodyError, match="not text"):
        decoded(gzip.compress(body))
    assert decoded(gzip.compress(body), content_encoding="gzip") == PAGE


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_a_body_that_ends_early_is_no_page(coding: str, share: float) -> None:
    whole = PACK[coding](PAGE)
    body, name = whole[: max(1, int(len(whole) * share))], named(coding)
    for headers in (
        {"content_encoding": name},
        {"transfer_encoding": name},
        {"content_encoding": name, "transfer_encoding": "chunked"},
    ):
        given = chunked(body) if "chunked" in headers.values() else body
        with pytest.raises(BodyError):
            decoded(given, **headers)


@pytest.mark.parametrize("coding", ["gzip", "zlib", "zstd", "bzip2", "xz", "lz4"])
def test_an_unsaid_body_that_ends_early_or_is_damaged(coding: str) -> None:
    whole = UNSAID[coding](PAGE)
    for body in (whole[:-10], whole[: len(whole) // 2], whole[:30] + b"\x00\xff" * 9 + whole[48:]):
        with pytest.raises(BodyError):
            decoded(body)


def test_a_second_member_that_is_damaged_or_cut() -> None:
    first, second = gzip.compress(PAGE[:500]), gzip.compress(PAGE[500:])
    for body in (first + second[:-5], first + second[:3], first + b"JUNK" + second,
                 first + b"\x1f\x8b\x00\x00 no member"):  # fmt: skip
        with pytest.raises(BodyError):
            decoded(body, content_encoding="gzip")
    for padding in (b"\x00" * 50, b"\r\n", b"\n\x00\x00"):
        assert decoded(first + second + padding, content_encoding="gzip") == PAGE


def test_cut_chunks() -> None:
    whole = chunked(PAGE)
    with pytest.raises(BodyError, match="chunked body ends early"):
        decoded(whole[: len(whole) // 2], transfer_encoding="chunked")
    assert decoded(chunked(PAGE, end=b""), transfer_encoding="chunked") == PAGE
    assert (
        decoded(chunked(PAGE, end=b"0\r\nX-Trailer: 1\r\n\r\n"), transfer_encoding="chunked")
        == PAGE
    )
    cut = decode_body(whole[: len(whole) // 2], {"transfer-encoding": "chunked"}, MIB, cut=True)
    assert PAGE.startswith(cut) and len(cut) > 1000  # of a record that says that it was cut


def test_framing_without_its_header_is_told_from_text() -> None:
    assert decoded(chunked(PAGE, 4096)) == PAGE
    assert decoded(chunked(PAGE, 10**6)) == PAGE
    assert decoded(b"1f\r\n" + PAGE) == b"1f\r\n" + PAGE  # no frame ends where its size says
    assert decoded(b"5\r\nhello and more\r\n") == b"5\r\nhello and more\r\n"
    assert decoded(b"0\r\n\r\n") == b"0\r\n\r\n"
    for text in (b"a\r\nb\r\nc\r\n", b"10\n20\n30\n", b"", b"abc", b"x^2 + y^2 = 1"):
        assert decoded(text) == text


BINARY = {
    "png": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(60),
    "jpeg": b"\xff\xd8\xff\xe0\x00\x10JFIF" + b"A" * 600,
    "gif": b"GIF89a" + b"words " * 200,
    "pdf": b"%PDF-1.4\n" + b"1 0 obj << /Type /Catalog >> endobj\n" * 40,
    "zip": b"PK\x03\x04" + b"name.txt" * 90,
    "noise": random.Random(1).randbytes(3000),
    "short noise": random.Random(2).randbytes(200),
    "brotli, unsaid": brotli.compress(PAGE),
    "deflate, unsaid": deflate(PAGE),
    "compress": b"\x1f\x9d\x90" + random.Random(4).randbytes(800),
    "zeros": bytes(500),
    "zeros between": b"<p>a</p>" + bytes(40) + b"<p>b</p>" * 20,
}


@pytest.mark.parametrize("name", BINARY)
def test_what_is_still_binary_is_no_text(name: str) -> None:
    for headers in ({}, {"content_encoding": "gzip"}, {"transfer_encoding": "chunked"}):
        with pytest.raises(BodyError, match=r"not text|not a page|ends early|damaged"):
            decoded(BINARY[name], **headers)


@pytest.mark.parametrize(
    "page",
    [
        "<p>日本語のページ。" * 50,
        "<p>한국어 문서입니다. " * 50,
        "<p>Страница на русском языке. " * 50,
        "<p>Café, naïve, “quoted” — 10 € " * 50,
    ],
)
@pytest.mark.parametrize(
    "charset",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "iso2022_jp", "shift_jis",
     "euc_jp", "euc_kr", "koi8-r", "cp1251", "cp1252", "gb18030", "big5", "hz", "utf-7"],
)  # fmt: skip
def test_text_in_any_character_set_stays(page: str, charset: str) -> None:
    body = page.encode(charset, "ignore")
    assert decoded(body) == body
    assert decoded(body, content_type=f"text/html; charset={charset}") == body
    if charset.startswith("utf-16"):
        body = ("  word " * 50).encode(charset)
        assert decoded(body, content_type=f"text/html; charset={charset}") == body
    stray = b"<p>one stray \x00 zero</p>" + b"<p>and words</p>" * 20
    assert decoded(stray) == stray


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (zeros(".gz", 64), {"content_encoding": "gzip"}),
        (zeros(".gz", 64), {}),
        (zstd_bomb(4096), {"content_encoding": "zstd"}),
        (zstd_bomb(4096), {}),
        (brotli_bomb(64), {"content_encoding": "br"}),
        (zlib.compress(bytes(64 * MIB)), {"content_encoding": "deflate"}),
        (deflate(bytes(64 * MIB)), {"content_encoding": "deflate"}),
        (zeros(".bz2", 64), {}),
        (zeros(".xz", 64), {}),
        (gzip.compress(gzip.compress(bytes(64 * MIB))), {"content_encoding": "gzip, gzip"}),
        (gzip.compress(zeros(".gz", 64)), {"content_encoding": "gzip"}),
    ],
)
def test_a_body_over_the_bound(body: bytes, headers: dict[str, str], tmp_path: Path) -> None:
    lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in headers.items()).encode()
    path = tmp_path / "a.warc"
    path.write_bytes(warc_record("bomb", body, lines) + warc_record("page", PAGE))
    bomb, page = read("web", str(path), Settings(max_record_bytes=MIB))
    assert isinstance(bomb, Skipped) and bomb.rule == "record_size"
    assert isinstance(page, RawDocument) and page.content == PAGE


def test_the_bound_on_its_edge() -> None:
    for coding, pack in PACK.items():
        headers = {"content-encoding": named(coding)}
        assert decode_body(pack(PAGE), headers, len(PAGE)) == PAGE
        with pytest.raises(ValueError, match=f"more than {len(PAGE) - 1} bytes"):
            decode_body(pack(PAGE), headers, len(PAGE) - 1)


def test_equal_headers_are_joined() -> None:
    block = (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-type: text/plain\r\n"
        b"CONTENT-ENCODING: deflate\r\nContent-Type: text/html\r\n\r\n"
    )
    response = parse(block)
    assert response is not None
    assert response.headers["content-encoding"] == "gzip, deflate"
    assert response.headers["content-type"] == "text/html"
    body = zlib.compress(gzip.compress(PAGE))
    assert decode_body(body, response.headers, MIB) == PAGE


def test_ten_thousand_codings_end() -> None:
    assert decoded(gzip.compress(PAGE), content_encoding=", ".join(["gzip"] * 10_000)) == PAGE
    assert (
        decoded(PAGE, content_encoding="br," * 10_000, transfer_encoding="gzip," * 10_000) == PAGE
    )


def test_bodies_in_archives(tmp_path: Path) -> None:
    """A failed row has the record's name and address, and costs no other record."""
    half = gzip.compress(PAGE)[:200]
    path = tmp_path / "a.warc.gz"
    records = [
        warc_record("whole", chunked(gzip.compress(PAGE)), b"Content-Encoding: gzip\r\n"),
        warc_record("half", half, b"Content-Encoding: gzip\r\n"),
        warc_record("noise", BINARY["noise"]),
        warc_record("last", PAGE),
    ]
    path.write_bytes(b"".join(map(gzip.compress, records)))
    whole, cut, noise, last = read("web", str(path), Settings())
    assert isinstance(whole, RawDocument) and whole.content == PAGE
    assert isinstance(last, RawDocument) and last.content == PAGE
    for row, name in ((cut, "half"), (noise, "noise")):
        assert isinstance(row, Failed) and not row.cut
        assert (row.locator, row.url) == (f"urn:x:{name}", f"https://example.org/{name}")
    truncated = warc_record("half", half, b"Content-Encoding: gzip\r\n").replace(
        b"WARC-Type", b"WARC-Truncated: length\r\nWARC-Type", 1
    )
    path.write_bytes(gzip.compress(truncated))
    (row,) = read("web", str(path), Settings())  # the archive says so itself, and so does `meta`
    assert isinstance(row, RawDocument) and row.meta == {"truncated": "length"}
    assert PAGE.startswith(row.content)  # type: ignore[arg-type]


def test_html_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    for name, data in BINARY.items():
        path.write_bytes(data)
        (row,) = read("html", str(path), Settings())
        if "zlib" not in name:
            assert isinstance(row, Failed), name
    path.write_bytes(gzip.compress(PAGE))
    (row,) = read("html", str(path), Settings())
    assert isinstance(row, RawDocument) and row.content == PAGE


@pytest.mark.parametrize(
    ("start", "page"),
    [
        (b"<!-- made by hand -->\n<html><body>", True),
        (b"<!-- one --><!-- two --> <!DOCTYPE html><html><body>", True),
        (b"<?xml version='1.0' encoding='utf-8'?>\n<!DOCTYPE html PUBLIC 'x'><html><body>", True),
        (b"\xef\xbb\xbf<!-- a > b -->\n<body>", True),
        (b"<title>T</title>", True),
        (b"<?xml version='1.0'?><rss><channel>", False),
        (b"<!-- never closed <html><body>", False),
        (b"{'a': '<html>'}", False),
    ],
)
def test_a_body_without_a_type_is_a_page_by_its_first_tag(tmp_path, start, page):
    record = warc_record("a", start + b"<p>The river rose by two metres overnight.</p>")
    path = tmp_path / "a.warc"
    path.write_bytes(record.replace(b"Content-Type: text/html", b"X-Other-Type: text/html"))
    rows = list(read("web", str(path), Settings()))
    assert [isinstance(row, RawDocument) for row in rows] == [page]
