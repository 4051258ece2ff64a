"""The extractor alone: files in, lines of JSON out, the account on stderr, mistakes named."""

from __future__ import annotations

import gzip

import pytest

from corpusforge.ingest.names import kind_of
from corpusforge.io.jsonl import read_jsonl
from pipelines.extract import main

PAGE = "<html><title>T</title><body><p>The river rose by two metres overnight.</p></body></html>"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b.html.gz", "html"),
        ("x.HTM", "html"),
        ("CC-MAIN.warc.gz", "web"),
        ("old.arc", "web"),
        ("a.warc.wet.gz", "web"),
        ("enwiki-latest-pages-articles1.xml-p10p20.bz2", "wikipedia"),
        ("zhwiki.xml.bz2", "wikipedia"),
        ("book.epub", "books"),
    ],
)
def test_a_name_tells_the_kind(name, kind):
    assert kind_of(name) == kind


def test_pages_become_lines_with_their_names_as_ids(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "one.html").write_text(PAGE)
    (tmp_path / "in" / "two.html.gz").write_bytes(gzip.compress(PAGE.encode()))
    (tmp_path / "in" / "empty.html").write_text("<p></p>")
    out = tmp_path / "out.jsonl"
    code = main(["--input", str(tmp_path / "in" / "*.html*"), "--output", str(out), "--verbose"])
    assert code == 0
    rows = {row["id"]: row for row in read_jsonl(str(out))}
    assert set(rows) == {"one", "two"}
    assert rows["one"]["text"] == "The river rose by two metres overnight."
    assert rows["two"] == rows["one"] | {"id": "two"}
    assert rows["one"]["title"] == "T"
    said = capsys.readouterr().err
    assert "kept 2" in said and "empty_text 1" in said


def test_the_directory_can_be_the_id(tmp_path):
    (tmp_path / "page7").mkdir()
    (tmp_path / "page7" / "source.html").write_text(PAGE)
    out = tmp_path / "out.jsonl"
    assert main(["--input", str(tmp_path / "page7"), "--output", str(out), "--id", "parent"]) == 0
    assert [row["id"] for row in read_jsonl(str(out))] == ["page7"]


@pytest.mark.parametrize(
    ("name", "message"), [("nothing/*.html", "matches no file"), ("x.bin", "cannot tell what")]
)
def test_mistakes_exit_with_2_and_a_message(tmp_path, capsys, name, message):
    (tmp_path / "x.bin").write_text("x")
    code = main(["--input", str(tmp_path / name), "--output", str(tmp_path / "o.jsonl")])
    assert code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "o.jsonl").exists()


def test_real_archives_dumps_and_books_at_once(data, tmp_path, capsys):
    out = tmp_path / "out.jsonl"
    inputs = [
        data / "web" / "warc" / "warcio" / "example.warc.gz",
        data / "wiki" / "minidumps" / "zhwiki.xml.bz2",
        data / "books" / "epub",
    ]
    arguments = [part for path in inputs for part in ("--input", str(path))]
    assert main([*arguments, "--output", str(out)]) == 0
    rows = list(read_jsonl(str(out)))
    assert {row["source"] for row in rows} == {"web", "wikipedia", "books"}
    assert "en-epictetus" in {row["id"] for row in rows}
    assert "failed 1" in capsys.readouterr().err
