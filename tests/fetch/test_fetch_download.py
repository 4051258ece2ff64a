"""Downloads from a local server that cuts, stalls, throttles and lies about lengths."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from pathlib import Path

import pytest
from fetch_server import (
    BODY,
    Server,
    busy,
    claims_less,
    claims_more,
    cuts,
    gone,
    good,
    ignores_ranges,
    sends,
    stalls,
    wrong_place,
)

from corpusforge.errors import InputError
from corpusforge.fetch import Remote, Settings, download, fetch_all
from corpusforge.fetch.cli import add_parser, numbers
from corpusforge.fetch.sources import commoncrawl, gutenberg, wikipedia

SHA1 = "sha1:" + hashlib.sha1(BODY).hexdigest()


def test_plain_download_and_nothing_left_over(server: Server, tmp_path: Path) -> None:
    server.play(good)
    assert server.get(tmp_path / "a" / "f", SHA1) == 1
    assert (tmp_path / "a" / "f").read_bytes() == BODY
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["f"]
    assert server.get(tmp_path / "a" / "f", SHA1) == 0  # it is there


def test_cuts_are_resumed(server: Server, tmp_path: Path) -> None:
    server.play(cuts)
    assert server.get(tmp_path / "f") == 3
    assert (tmp_path / "f").read_bytes() == BODY
    assert [entry.get("range") for entry in server.log] == [None, "bytes=100000-", "bytes=200000-"]
    assert server.log[1]["if-range"] == '"v1"'


def test_a_killed_fetch_goes_on(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(BODY[:123_456])
    (tmp_path / "f.part.tag").write_text('"v1"')
    server.play(good)
    assert server.get(tmp_path / "f", SHA1) == 1
    assert server.log[0]["range"] == "bytes=123456-"
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_part_without_validator_starts_over(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f.part").write_bytes(b"another version" * 1000)
    server.play(good)
    server.get(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == BODY


def test_a_stall_ends_by_timeout(server: Server, tmp_path: Path) -> None:
    server.play(stalls, good)
    assert server.get(tmp_path / "f") == 2
    assert (tmp_path / "f").read_bytes() == BODY


def test_retry_after_is_kept(server: Server, tmp_path: Path) -> None:
    server.play(busy, busy, good)
    assert server.get(tmp_path / "f") == 3
    assert server.waits == [7.0, 7.0]
    server.play(busy)
    with pytest.raises(InputError, match="HTTP 503, 3 times"):
        server.get(tmp_path / "g", tries=3)
    server.waits.clear()
    with pytest.raises(InputError):
        server.get(tmp_path / "g", tries=3, longest_wait=2.0)
    assert server.waits == [2.0, 2.0]


def test_lengths_that_lie(server: Server, tmp_path: Path) -> None:
    server.play(claims_more)
    server.get(tmp_path / "more", SHA1)
    assert (tmp_path / "more").read_bytes() == BODY
    server.play(claims_less)
    with pytest.raises(InputError, match="checksum"):
        server.get(tmp_path / "less", SHA1)
    assert not (tmp_path / "less").exists()


def test_servers_without_ranges(server: Server, tmp_path: Path) -> None:
    server.play(cuts, ignores_ranges)
    assert server.get(tmp_path / "f", SHA1) == 2
    server.play(cuts, wrong_place, good)
    server.log.clear()
    assert server.get(tmp_path / "g", SHA1) == 3


def test_answers_that_retrying_cannot_change(server: Server, tmp_path: Path) -> None:
    server.play(gone)
    with pytest.raises(InputError, match="HTTP 404"):
        server.get(tmp_path / "f")
    assert len(server.log) == 1
    with pytest.raises(InputError, match="https"):
        download(Remote("http://example.com/f", "f"), str(tmp_path / "f"), Settings())


def test_throttle(server: Server, tmp_path: Path) -> None:
    server.play(good)
    server.get(tmp_path / "f", bytes_per_second=100_000.0)
    assert max(server.waits) == pytest.approx(len(BODY) / 100_000)  # the clock stands still


def test_list_of_files_reports_each(server: Server, tmp_path: Path) -> None:
    server.play(good, gone, good)
    remotes = [Remote(f"{server.base}/{n}", n) for n in ("a", "b", "c")]
    done = fetch_all(remotes, str(tmp_path), Settings(), clock=server.clock)
    assert [bool(item.error) for item in done] == [False, True, False]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]


def test_common_crawl_list(server: Server) -> None:
    paths = [f"crawl-data/CC/segments/{n}/warc/{n}.warc.gz" for n in range(10)]
    server.play(sends(gzip.compress("\n".join(paths).encode())))
    found = commoncrawl("CC", Settings(), count=3, base=server.base)
    assert server.log[0]["path"] == "/crawl-data/CC/warc.paths.gz"
    assert [remote.name for remote in found] == ["0.warc.gz", "3.warc.gz", "6.warc.gz"]
    with pytest.raises(InputError, match="1 to 10"):
        commoncrawl("CC", Settings(), count=11, base=server.base)
    named = commoncrawl("CC", Settings(), paths=["x/y.warc.gz"], base=server.base)
    assert named == [Remote(f"{server.base}/x/y.warc.gz", "y.warc.gz")]


def test_wikipedia_takes_the_newest_finished_dump(server: Server) -> None:
    listing = b'<a href="20240401/">x</a><a href="20240501/">y</a><a href="latest/">z</a>'
    unfinished = {"jobs": {"articlesdump": {"status": "in-progress"}}}
    name = "zhwiki-20240401-pages-articles.xml.bz2"
    facts = {"url": f"/zhwiki/20240401/{name}", "sha1": "ab" * 20, "size": 12}
    done = {"jobs": {"articlesdump": {"status": "done", "files": {name: facts}}}}
    server.play(
        sends(listing), sends(json.dumps(unfinished).encode()), sends(json.dumps(done).encode())
    )
    (found,) = wikipedia("zh", Settings(), base=server.base)
    assert found == Remote(f"{server.base}/zhwiki/20240401/{name}", name, "sha1:" + "ab" * 20, 12)
    assert [entry["path"] for entry in server.log][1:] == [
        "/zhwiki/20240501/dumpstatus.json",
        "/zhwiki/20240401/dumpstatus.json",
    ]


def test_command(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    server.play(good)
    arguments = [
        "fetch",
        "gutenberg",
        "--books",
        "11",
        "--output",
        str(tmp_path),
        "--base",
        server.base,
    ]
    options = parser.parse_args(arguments)
    assert options.run_command(options) == 0
    assert (tmp_path / "pg11.txt").read_bytes() == BODY
    assert "1 of 1 files, 300000 bytes" in capsys.readouterr().out
    server.play(gone)
    options = parser.parse_args([*arguments[:3], "12", *arguments[4:]])
    assert options.run_command(options) == 2
    options = parser.parse_args([*arguments, "--dry-run"])
    assert options.run_command(options) == 0
    assert "/cache/epub/11/pg11.txt" in capsys.readouterr().out


def test_book_numbers() -> None:
    assert numbers("11, 2600-2602") == [11, 2600, 2601, 2602]
    assert gutenberg([11])[0].name == "pg11.txt"
    with pytest.raises(InputError, match="range"):
        numbers("11,x")
