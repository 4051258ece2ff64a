"""The containers of the sample are what its sources say, and hold what `planted.json` claims."""

import bz2
import gzip
import io
import json
import tarfile

import pytest

from examples.sample_corpus.build import HERE, build
from examples.sample_corpus.bundle import read_bundle

PLANTED = json.loads((HERE / "planted.json").read_text("utf-8"))["items"]


def content(name: str, data: bytes) -> bytes:
    """The bytes without their compression, which may differ between zlib versions."""
    if name.endswith(".bz2"):
        return bz2.decompress(data)
    if name == "web-truncated.warc.gz":
        return data[:200]
    return gzip.decompress(data)


def test_committed_containers_are_what_the_sources_build():
    for name, data in build().items():
        assert content(name, (HERE / name).read_bytes()) == content(name, data), (
            f"{name} is stale: run python -m examples.sample_corpus.build"
        )


def test_two_builds_are_equal():
    assert build() == build()


def test_size_is_a_few_hundred_kilobytes():
    files = [*(HERE / "sources").rglob("*"), *(HERE / "books").glob("*")]
    total = sum(path.stat().st_size for path in files if path.is_file())
    assert 200_000 < total < 500_000


@pytest.fixture(scope="module")
def records() -> bytes:
    whole = gzip.decompress((HERE / "web.warc.gz").read_bytes())
    return (
        whole
        + "".join(
            f"/{entry.key} " for entry in read_bundle(HERE / "sources" / "truncated.md").entries
        ).encode()
    )


def members() -> set[str]:
    names = {path.name for path in (HERE / "books").glob("*.txt")}
    for path in HERE.glob("code-*.tar.gz"):
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
            names |= set(archive.getnames())
    return names


@pytest.mark.parametrize("item", PLANTED, ids=[item["id"] for item in PLANTED])
def test_planted_item_is_where_it_says(item, records):
    where = item["where"]
    if "path" in where:
        assert where["path"] in members()
        return
    for url in where.get("urls", [where.get("url")]):
        if ".wiki.example/" in url:
            continue  # the title is looked up by the run's own test
        if where.get("file") == "web-truncated.warc.gz":
            assert url.removeprefix("https://cut-short.example").encode() in records
        else:
            assert f"WARC-Target-URI: {url}\r\n".encode() in records


def test_same_url_is_captured_twice(records):
    url = next(item for item in PLANTED if item["id"] == "same-url")["where"]["urls"][0]
    assert records.count(b"WARC-Type: response\r\n") > 60
    assert records.count(f"WARC-Target-URI: {url}\r\n".encode()) == 2


def test_no_readable_file_holds_a_string_shaped_like_a_key():
    for path in HERE.rglob("*"):
        if path.suffix in {".md", ".bundle", ".py", ".wiki", ".txt", ".json", ".jsonl"}:
            text = path.read_text("utf-8")
            assert "AKIA" + "Q7" not in text
            assert "ghp" + "_n7" not in text


def test_truncated_archive_ends_inside_its_last_record():
    data = (HERE / "web-truncated.warc.gz").read_bytes()
    with pytest.raises(EOFError):
        gzip.decompress(data)
    whole = gzip.GzipFile(fileobj=io.BytesIO(data))
    out = b""
    with pytest.raises(EOFError):
        while True:
            out += whole.read(64)
    assert out.count(b"WARC/1.1\r\n") == 3
