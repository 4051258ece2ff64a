"""Captures of one address: what a second pass over a hand-written archive must leave out."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from corpusforge.filter import RULES, address_rule, decide
from corpusforge.filter.settings import Settings as FilterSettings
from corpusforge.filter.stats import measure
from corpusforge.ingest.addresses import displaced

PAGES = [  # (id, address, date, status)
    ("a1", "https://www.example.org/page", "2024-01-01T00:00:00Z", 200),
    ("a2", "http://example.org/page/?utm_source=x", "2024-03-01T00:00:00Z", 200),
    ("a3", "https://example.org/page", "2024-05-01T00:00:00Z", 404),
    ("b1", "https://example.org/other", "2024-02-01T00:00:00Z", 200),
    ("c1", "https://example.org/twice", "2024-02-01T00:00:00Z", 200),
    ("c2", "https://example.org/twice", "2024-02-01T00:00:00Z", 200),
]


def urn(name: str) -> str:
    return f"<urn:uuid:00000000-0000-0000-0000-0000000000{name}>"


def record(name: str, url: str, date: str, status: int) -> bytes:
    body = f"HTTP/1.1 {status} X\r\nContent-Type: text/html\r\n\r\n<p>{name * 50}".encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: {urn(name)}\r\nWARC-Date: {date}\r\n"
        f"WARC-Target-URI: {url}\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + body + b"\r\n\r\n")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "crawl.warc.gz"
    path.write_bytes(b"".join(record(*page) for page in PAGES))
    return path


def names(found: dict[str, str]) -> dict[str, str]:
    return {left[-2:]: right[-2:] for left, right in found.items()}


def test_the_newest_page_displaces_the_others_and_an_error_page_none(archive: Path) -> None:
    assert names(displaced([(str(archive), "")])) == {"a1": "a2", "c2": "c1"}


def test_the_oldest_where_asked(archive: Path) -> None:
    assert names(displaced([(str(archive), "")], newest=False)) == {"a2": "a1", "c2": "c1"}


def test_a_capture_that_a_rule_refuses_displaces_none(archive: Path) -> None:
    found = displaced([(str(archive), "")], lambda url, _date: "utm_" not in url)
    assert names(found) == {"c2": "c1"}


def test_captures_meet_across_the_files_of_a_part(archive: Path, tmp_path: Path) -> None:
    members = archive.read_bytes()
    second = tmp_path / "second.warc.gz"
    later = gzip.decompress(members).replace(b"2024-02-01", b"2024-06-01")
    second.write_bytes(gzip.compress(later.replace(b"-0000000000b1", b"-0000000000b9")))
    found = names(displaced([(str(archive), ""), (str(second), "")]))
    assert found["b1"] == "b9"


def test_a_cut_archive_is_looked_at_up_to_the_cut(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-40])
    assert names(displaced([(str(archive), "")]))["a1"] == "a2"


ADDRESSES = [
    "https://example.org/",
    "https://free-porn-casino.example/slots",
    "https://casino.example/history-of-cards",
    "https://poker-slots.example/",
    "https://文.example/%E8%89%B2?sex=1&adult=2",
    "",
    "http://[::1",
]


def test_one_address_is_judged_as_the_whole_batch_is() -> None:
    import pyarrow as pa

    rules = (RULES["url.v1"],)
    texts = pa.array(["x"] * len(ADDRESSES), type=pa.large_string())
    meta = pa.RecordBatch.from_pydict({"url": ADDRESSES, "lang": ["en"] * len(ADDRESSES)})
    batch = decide(measure(texts), meta, rules)
    rule = address_rule(rules, FilterSettings())
    assert rule is not None
    single = [rule.refusal(url) or ("", "", "") for url in ADDRESSES]
    assert single == list(zip(batch.rule, batch.value, batch.bound, strict=True))
    assert [name for name, *_ in single].count("") < len(ADDRESSES)
