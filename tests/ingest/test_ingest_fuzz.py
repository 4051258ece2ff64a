"""Arbitrary and damaged bytes: every reader ends, in bounded output, without an exception.

The mutations are drawn by hypothesis from the real files; what longer runs found lies under `cases/`.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpusforge.ingest import SOURCES, Settings, read
from corpusforge.ingest.gutenberg import strip_licence
from corpusforge.ingest.http import BodyError, dechunk, decode_body, parse
from corpusforge.ingest.licences import of_header, of_text
from corpusforge.ingest.settings import MIB
from corpusforge.ingest.spdx import expression, licence_class
from corpusforge.ingest.streams import RefusedError
from corpusforge.ingest.url import normalise_url
from corpusforge.records import Failed, RawDocument, Skipped
from corpusforge.text.charset import decode

SMALL = Settings(
    max_record_bytes=MIB, max_book_bytes=MIB, max_archive_bytes=8 * MIB, ratio_floor_bytes=MIB
)
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
CASES = Path(__file__).parent / "cases"
SEEDS = {
    "web": ("web/warc/warcio/example.warc.gz", "web/warc/warcio/example.warc",
            "web/warc/warcio/example.arc", "web/warc/warcio/example-iana.org-chunked.warc"),
    "wikipedia": ("wiki/minidumps/simplewiki.xml.bz2",),
    "books": ("books/zh-23864-0.txt.gz", "books/epub/epubcheck-valid.epub",
              "books/zh-sanzijing-traditional.json.gz"),
    "code": ("code/trees/mitt-3.0.1.tar.gz", "code/fake-secrets/config.yaml"),
    "documents": ("quality/redpajama-cc-sample.jsonl", "books/zh-sanzijing-traditional.json.gz"),
    "arxiv": ("code/trees/left-pad-1.3.0.tar.gz", "books/epub/epubcheck-valid.epub"),
    "stackexchange": ("wiki/minidumps/simplewiki.xml.bz2",),
    "html": ("web/html_gold/dragnet/HTML/page_comments.html",),
    "run": ("quality/redpajama-cc-sample.jsonl",),
}  # fmt: skip


def run(kind: str, name: str, data: bytes) -> None:
    """Read the bytes under the name; every item must be one of the three, with a locator."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        count = 0
        for item in read(kind, str(path), SMALL):
            assert isinstance(item, RawDocument | Skipped | Failed)
            assert item.locator
            assert folder not in item.locator
            count += 1
        assert count <= 2000 + len(data)


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_kept_cases(case: Path) -> None:
    run(case.name.partition("-")[0], case.name, case.read_bytes())


def test_seeds_name_every_kind() -> None:
    assert set(SEEDS) == set(SOURCES)


@pytest.mark.parametrize("kind", sorted(SEEDS))
@FUZZ
@given(draw=st.data())
def test_mutated_files(data: Path, kind: str, draw: st.DataObject) -> None:
    seed = data / draw.draw(st.sampled_from(SEEDS[kind]))
    content = bytearray(seed.read_bytes())
    for _ in range(draw.draw(st.integers(1, 4))):
        place = draw.draw(st.integers(0, max(0, len(content) - 1)))
        how = draw.draw(st.sampled_from(("flip", "cut", "insert", "drop", "repeat")))
        length = draw.draw(st.sampled_from((1, 4, 60, 2000)))
        if how == "flip" and content:
            content[place] ^= 1 << draw.draw(st.integers(0, 7))
        elif how == "cut":
            del content[place:]
        elif how == "insert":
            content[place:place] = draw.draw(st.binary(max_size=length))
        elif how == "drop":
            del content[place : place + length]
        else:
            content[place:place] = content[place : place + length]
    run(kind, seed.name, bytes(content))


@pytest.mark.parametrize("kind", sorted(SOURCES))
@pytest.mark.parametrize(
    "name", ["f.gz", "f.txt", "f.zip", "f.tar", "f.parquet", "f.epub", "f.json", "f.arrow"]
)
def test_small_nonsense(kind: str, name: str) -> None:
    for content in (b"", b"\x00", b"\n", b"PK", b"PK\x03\x04", b"\x1f\x8b", b"BZh9", b"{", b"WARC/1.0",
                    b"filedesc:", b"<mediawiki>", b"<mediawiki><page>", b"\xff\xfe", b"\x28\xb5\x2f\xfd",
                    b"ARROW1\x00\x00", b"PAR1PAR1", b"\xfd7zXZ\x00", b"\x04\x22\x4d\x18"):  # fmt: skip
        run(kind, name, content)


@FUZZ
@given(st.binary(max_size=400))
def test_arbitrary_bytes(data: bytes) -> None:
    for kind in SOURCES:
        run(kind, "file.bin", data)


@FUZZ
@given(st.binary(max_size=300), st.sampled_from(["gzip", "br", "deflate", "zstd", "gzip, br", "x"]))
def test_bodies(body: bytes, coding: str) -> None:
    parse(body)
    with contextlib.suppress(BodyError, RefusedError):
        decode_body(body, {"content-encoding": coding, "transfer-encoding": "chunked"}, 1000)


@FUZZ
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5))
def test_chunks_round_trip(parts: list[bytes]) -> None:
    packed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    assert dechunk(packed) == b"".join(parts)


@FUZZ
@given(st.text(max_size=300))
def test_texts(text: str) -> None:
    body, counts = strip_licence(text)
    assert body == text or counts
    for name in (of_text(text), of_header(text), expression(text)):
        assert licence_class(name) in ("permissive", "copyleft", "unknown")
    for encoding in ("utf-8", "utf-16"):
        assert decode(text.encode(encoding, "replace"))[0] is not None


@FUZZ
@given(st.text(max_size=60), st.text(max_size=30))
def test_urls_are_normal_once(path: str, query: str) -> None:
    once = normalise_url(f"HTTP://Example.COM:80/{path}?{query}")
    assert normalise_url(once) == once
    assert urlsplit(once).fragment == ""


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://Example.com:80/a/./b/../c#x", "http://example.com/a/c"),
        ("https://example.com", "https://example.com/"),
        ("https://example.com:8443/?a=1&utm_source=x&b=2", "https://example.com:8443/?a=1&b=2"),
        ("http://example.com/%7euser/%e4%b8%ad", "http://example.com/~user/%E4%B8%AD"),
        ("http://例子.测试/中文", "http://xn--fsqu00a.xn--0zwm56d/%E4%B8%AD%E6%96%87"),
        ("http://example.com/?fbclid=1", "http://example.com/"),
        ("http://user:pw@Example.com/", "http://user:pw@example.com/"),
        ("http://[::1]:80/x", "http://[::1]/x"),
        ("  mailto:a@b  ", "mailto:a@b"),
        ("", ""),
    ],
)
def test_url_examples(url: str, normal: str) -> None:
    assert normalise_url(url) == normal
