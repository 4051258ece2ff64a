"""A server, or a mirror, that lies: nothing leaves the directory, grows without bound or is a traceback."""

from __future__ import annotations

import gzip
import json
import urllib.request
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from fetch_server import Behaviour, Handler, Server, good, sends

from corpusforge import cli
from corpusforge.errors import InputError
from corpusforge.fetch import Remote, Settings, download, fetch_all
from corpusforge.fetch.cli import numbers
from corpusforge.fetch.download import _Redirects, read_small
from corpusforge.fetch.sources import commoncrawl, wikipedia

ONCE = Settings(tries=1, timeout=5.0)


NAMES = [
    "../owned",
    "../../../escape/owned.xml.bz2",
    "/etc/owned",
    "a/b.xml",
    "..",
    ".",
    "",
    "a\\..\\b",
    "a\nb.xml",
    "a\x1b[2J.xml",
    "a\x00.xml",
    "a/",
    "./a.xml",
    "x.part",
    "x.part.tag",
    "\u202ea.xml",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_no_plain_file_name_is_refused_before_anything_is_asked_for(
    server: Server, tmp_path: Path, name: str
) -> None:
    server.play(good)
    target = tmp_path / "in" / "here"
    remotes = [Remote(f"{server.base}/a", "a"), Remote(f"{server.base}/b", name)]
    with pytest.raises(InputError, match="expected a plain file name"):
        fetch_all(remotes, str(target), Settings(), clock=server.clock)
    assert server.log == [] and list(tmp_path.iterdir()) == []


def test_two_files_of_one_name_are_refused(server: Server, tmp_path: Path) -> None:
    """Common Crawl's paths differ in their folders; by their last part alone one would hide another."""
    paths = ["a/segment/1.warc.gz", "b/segment/1.warc.gz"]
    remotes = commoncrawl("CC", Settings(), paths=paths, base=server.base)
    with pytest.raises(InputError, match=r"2 of the files to fetch are called '1\.warc\.gz'"):
        fetch_all(remotes, str(tmp_path), Settings())


ADDRESSES = [
    "file:///etc/hostname",
    "file://localhost/etc/hostname",
    "ftp://localhost/x",
    "http://example.com/x",
    "http://localhost@example.com/x",
    "http://localhost.example.com/",
    "//localhost/x",
    "localhost/x",
    "data:,x",
    "https:///x",
    "https://",
    "gopher://localhost/",
    "",
    "http://[::1",
    "https://exa mple.com/",
    "https://example.com/a\nb",
    "http://127.0.0.1\\@example.com/",
    "https://example.com:x/",
    "javascript:1",
    "HTTP://example.com/",
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_that_is_neither_https_nor_http_here_is_refused(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="expected an https:// address"):
        download(Remote(url, "x"), str(tmp_path / "x"), ONCE)
    with pytest.raises(InputError, match="expected an https:// address"):
        read_small(url, ONCE)
    assert list(tmp_path.iterdir()) == []


def redirects(to: str) -> Behaviour:
    def answer(handler: Handler, _: int) -> None:
        handler.answer(302, {"Location": to, "Content-Length": "0"})

    return answer


@pytest.mark.parametrize(
    "to", ["file:///etc/hostname", "http://example.com/x", "ftp://localhost/x"]
)
def test_a_redirect_is_held_to_the_same_rule(server: Server, tmp_path: Path, to: str) -> None:
    server.play(redirects(to))
    with pytest.raises(InputError):
        download(
            Remote(f"{server.base}/x", "x"), str(tmp_path / "x"), Settings(tries=1), server.clock
        )
    assert not (tmp_path / "x").exists()
    assert len(server.log) == 1, "no second try: it would send us there again"


def test_a_redirect_on_this_machine_is_followed(server: Server, tmp_path: Path) -> None:
    server.play(redirects(f"{server.base}/other"), good)
    assert server.get(tmp_path / "f") == 1
    assert [entry["path"] for entry in server.log] == ["/f", "/other"]


@pytest.mark.parametrize(
    ("to", "word"),
    [
        ("http://example.com/x", "expected an https"),
        ("http://127.0.0.1:8080/", "on this machine"),
        ("https://localhost/admin", "on this machine"),
    ],
)
def test_a_public_server_sends_us_neither_to_http_nor_home(to: str, word: str) -> None:
    request = urllib.request.Request("https://example.org/list")
    with pytest.raises(InputError, match=word):
        _Redirects().redirect_request(request, None, 302, "Found", Message(), to)
    assert _Redirects().redirect_request(
        request, None, 302, "Found", Message(), "https://example.com/list"
    )


BOMB = gzip.compress(bytes(1 << 20), 9)
"""1 MiB in about 1 kB; so many members one behind another are 1 GiB and more, from 1.2 MB."""

LISTINGS: dict[str, bytes] = {
    "no gzip": b"<html>not found</html>",
    "empty": b"",
    "cut": gzip.compress(b"a/b.warc.gz\n" * 999)[:-9],
    "damaged": bytes(
        [*gzip.compress(b"a/b.warc.gz\n" * 9)[:20], 0, 255, 0, 255, 9, 9, 9, 9, 9, 9, 9, 9]
    ),
    "not UTF-8": gzip.compress(b"\xff\xfe a/b"),
    "1 GB": BOMB * 1100,
}


@pytest.mark.parametrize("kind", LISTINGS)
def test_a_list_of_paths_that_is_none(server: Server, kind: str) -> None:
    server.play(sends(LISTINGS[kind]))
    with pytest.raises(InputError):
        commoncrawl("CC", ONCE, count=1, base=server.base)


def done(files: bytes) -> bytes:
    return b'{"jobs": {"articlesdump": {"status": "done", "files": %b}}}' % files


STATUSES = {
    "no JSON": b"<html>",
    "a list": b"[1]",
    "not UTF-8": b'{"jobs": {"\xff": {}}}',
    "deep": b'{"jobs":' + b"[" * 200_000,
    "a job without files": b'{"jobs": {"articlesdump": {"status": "done"}}}',
    "files of another shape": done(b"[1]"),
    "a file without address": done(b'{"a.xml": {}}'),
    "an address elsewhere": done(b'{"a.xml": {"url": "@evil.com/x"}}'),
    "a size that is none": done(b'{"a.xml": {"url": "/x", "size": "9"}}'),
}


@pytest.mark.parametrize("kind", STATUSES)
def test_a_dump_s_status_that_is_none(server: Server, kind: str) -> None:
    server.play(sends(STATUSES[kind]))
    with pytest.raises(InputError):
        wikipedia("xx", ONCE, date="20240101", base=server.base)


def test_the_reproduction_of_the_escape(server: Server, tmp_path: Path) -> None:
    """The whole command against a server whose list names a file outside."""
    facts = {"url": "/x", "size": len(BOMB)}
    files = {"../../../escape/owned.xml.bz2": facts}
    status = {"jobs": {"articlesdump": {"status": "done", "files": files}}}
    server.play(sends(json.dumps(status).encode()), sends(BOMB))
    told: list[Any] = ["fetch", "wikipedia", "--lang", "xx", "--date", "20240101"]
    assert cli.main([*told, "--output", str(tmp_path / "a/b/c"), "--base", server.base]) == 2
    assert list(tmp_path.rglob("*")) == []


def grows(handler: Handler, _: int) -> None:
    """An answer without a length that never ends by itself."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(bytes(1 << 16))
    except OSError:
        pass


def test_a_list_without_end_is_cut(server: Server) -> None:
    server.play(grows)
    with pytest.raises(InputError, match="more than the 1000000 bytes"):
        read_small(f"{server.base}/list", ONCE, most=1_000_000)
    server.play(lambda handler, _: handler.answer(200, {"Content-Length": "9999999999"}))
    with pytest.raises(InputError, match="has 9999999999 bytes"):
        read_small(f"{server.base}/list", ONCE, most=1_000_000)


@pytest.mark.parametrize(
    "text", ["9-1", "1-99999999999", "99999999999999999999", "1-", "-1", "1,,2", "", "①"]
)
def test_book_numbers_out_of_bounds(text: str) -> None:
    with pytest.raises(InputError, match="--books"):
        numbers(text)


def test_paths_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "paths").write_bytes(b"\xff\xfea")
    told = ["fetch", "commoncrawl", "--crawl", "CC", "--paths", str(tmp_path / "paths")]
    assert cli.main([*told, "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: --paths")
