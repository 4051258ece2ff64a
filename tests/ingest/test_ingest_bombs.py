"""Hostile files are refused with a reason, in bounded memory; every case found by fuzzing stays here."""

from __future__ import annotations

import bz2
import gzip
import io
import struct
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from corpusforge.ingest import Settings, read
from corpusforge.ingest.settings import MIB
from corpusforge.records import Failed, Skipped

SMALL = Settings(ratio_floor_bytes=MIB, max_ratio=100.0, max_record_bytes=4 * MIB)


def only(kind: str, path: Path, settings: Settings = SMALL) -> Failed | Skipped:
    tracemalloc.start()
    (item,) = read(kind, str(path), settings)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * MIB
    return item  # type: ignore[return-value]


def claiming_zip(size: int) -> bytes:
    """A zip whose directory claims that its one member has `size` bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("META-INF/container.xml", "x" * 100)
    data = bytearray(out.getvalue())
    place = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, place + 24, min(size, 0xFFFFFFFE))
    return bytes(data)


def test_zip_that_claims_gigabytes(tmp_path: Path) -> None:
    for kind, name in (("code", "tree.zip"), ("books", "book.epub")):
        path = tmp_path / name
        path.write_bytes(claiming_zip(4_000_000_000))
        item = only(kind, path)
        assert isinstance(item, Failed)
        assert "decompression bomb: 4000000000 bytes" in item.error
    path = tmp_path / "ten.zip"
    huge = io.BytesIO()
    with zipfile.ZipFile(huge, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"f{number}.txt", "x")
    data = bytearray(huge.getvalue())
    place = -1
    while (place := data.find(b"PK\x01\x02", place + 1)) >= 0:
        struct.pack_into("<I", data, place + 24, 3_500_000_000)
    path.write_bytes(data)
    item = only("code", path, Settings(max_ratio=1e12))
    assert isinstance(item, Failed)
    assert "claims 10500000000 bytes" in item.error


def test_zip_that_claims_little_and_holds_much(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", b"0" * (30 * MIB))
    data = bytearray(out.getvalue())
    struct.pack_into("<I", data, data.rindex(b"PK\x01\x02") + 24, 100)
    path = tmp_path / "liar.zip"
    path.write_bytes(data)
    item = only("code", path)
    assert isinstance(item, Failed | Skipped)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
@pytest.mark.parametrize("kind", ["books", "documents", "wikipedia", "html", "code"])
def test_compressed_bomb(tmp_path: Path, kind: str, pack: object) -> None:
    path = tmp_path / "bomb.txt"
    path.write_bytes(pack(b"0" * (50 * MIB)))  # type: ignore[operator]
    item = only(kind, path)
    assert isinstance(item, Failed | Skipped)
    if isinstance(item, Failed):
        assert "bomb" in item.error
    else:
        assert item.rule in ("record_size", "file_size")


def test_gzip_bomb_in_a_web_archive(tmp_path: Path) -> None:
    size = 60 * MIB
    head = (
        "WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:1>\r\n"
        f"Content-Length: {size}\r\n\r\n"
    )
    path = tmp_path / "bomb.warc.gz"
    path.write_bytes(gzip.compress(head.encode() + b"0" * size + b"\r\n\r\n"))
    items = list(read("web", str(path), SMALL))
    assert isinstance(items[0], Skipped)
    assert items[0].rule == "record_size"
    assert isinstance(items[1], Failed)
    assert "decompression bomb" in items[1].error


def test_body_bomb_in_a_web_archive(tmp_path: Path) -> None:
    for coding, body in (("gzip", gzip.compress(b"0" * (50 * MIB))),):
        http = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {coding}\r\n\r\n"
        block = http.encode() + body
        head = f"WARC/1.0\r\nWARC-Type: response\r\nContent-Length: {len(block)}\r\n\r\n"
        path = tmp_path / "body.warc"
        path.write_bytes(head.encode() + block + b"\r\n\r\n")
        item = only("web", path)
        assert isinstance(item, Skipped)
        assert item.rule == "record_size"


def test_entity_bomb(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xml"
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    path.write_text(
        f'<?xml version="1.0"?><!DOCTYPE m [<!ENTITY l0 "ha">{laughs}]>'
        "<mediawiki><page><title>T</title><ns>0</ns><id>1</id><revision><id>2</id>"
        "<text>&l9;</text></revision></page></mediawiki>"
    )
    item = only("wikipedia", path)
    assert isinstance(item, Failed)
    assert "entities" in item.error


def tar_of(info: tarfile.TarInfo, data: bytes = b"x") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        good = tarfile.TarInfo("fine.py")
        good.size = 5
        archive.addfile(good, io.BytesIO(b"x = 1"))
        info.size = len(data) if info.isreg() else 0
        archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "a/../../b", "C:\\x", "a\\..\\..\\b"]
)
def test_paths_that_escape(tmp_path: Path, name: str) -> None:
    path = tmp_path / "evil.tar"
    path.write_bytes(tar_of(tarfile.TarInfo(name)))
    item = only("code", path)
    assert isinstance(item, Failed)
    assert "path leaves the archive" in item.error
    zipped = tmp_path / "evil.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("fine.py", "x = 1")
        info = zipfile.ZipInfo("placeholder")
        info.filename = name
        archive.writestr(info, "root")
    item = only("code", zipped)
    assert isinstance(item, Failed)
    assert "path leaves the archive" in item.error


def test_links_that_escape(tmp_path: Path) -> None:
    path = tmp_path / "evil.tar"
    for kind, target in ((tarfile.SYMTYPE, "../../etc"), (tarfile.LNKTYPE, "/etc/passwd")):
        info = tarfile.TarInfo("a/link")
        info.type, info.linkname = kind, target
        path.write_bytes(tar_of(info))
        item = only("code", path)
        assert isinstance(item, Failed)
        assert "link leaves the archive" in item.error
    inside = tarfile.TarInfo("a/b/link")
    inside.type, inside.linkname = tarfile.SYMTYPE, "../../fine.py"
    path.write_bytes(tar_of(inside))
    assert len(list(read("code", str(path), SMALL))) == 1


def test_too_many_members(tmp_path: Path) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(50):
            archive.writestr(f"{number}.py", "x = 1")
    item = only("code", path, Settings(max_archive_files=20))
    assert isinstance(item, Failed)
    assert "more than 20 members" in item.error


def test_deep_json_and_endless_line(tmp_path: Path) -> None:
    deep = tmp_path / "deep.json"
    deep.write_bytes(b"[" * 100_000)
    assert isinstance(only("documents", deep), Failed)
    assert isinstance(only("books", deep), Failed)
    line = tmp_path / "line.jsonl"
    line.write_bytes(b'{"text": "' + b"x" * (9 * MIB) + b'"}\n{"text": "short"}\n')
    first, second = read("documents", str(line), SMALL)
    assert isinstance(first, Skipped)
    assert first.rule == "record_size"
    assert second.content == "short"  # type: ignore[union-attr]


def test_quadratic_traps_in_patterns(tmp_path: Path) -> None:
    """Texts that make careless patterns backtrack: each must read in time linear in its size."""
    cases = {
        "a.py": "(" * 200_000 + "1" * 200_000,
        "b.py": "0," * 100_000 + "x",
        "c.js": "'" * 300_000,
        "d.js": '"' * 299_999,
        "LICENSE": "permission to use copy modify and or distribute this software " * 3000,
        "e.c": "under the terms of version " * 10_000,
        "package.json": '{"license": "' + "GPL " * 50_000 + '"}',
        "copyright": "Files: *\nLicense: " + "a and " * 50_000,
        "METADATA": "License: " + "or " * 80_000 + "\n\n",
        "README": "*** START OF " * 20_000 + "project gutenberg",
    }
    for name, text in cases.items():
        path = tmp_path / name
        path.write_text(text)
        assert len(list(read("code", str(path), Settings()))) == 1
        assert len(list(read("books", str(path), Settings(chapters=True)))) == 1
