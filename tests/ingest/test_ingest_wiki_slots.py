"""Dumps with several revisions, content slots and attributes: the newest main text of each page."""

from __future__ import annotations

from pathlib import Path

import pytest

from corpusforge.ingest import Settings, read
from corpusforge.records import RawDocument

HEAD = (
    '<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en">'
    "<siteinfo><dbname>enwiki</dbname><base>https://en.wikipedia.org/wiki/M</base></siteinfo>"
)


def revision(number: int, when: str, text: str, slots: str = "", model: str = "wikitext") -> str:
    return (
        f"<revision><id>{number}</id><parentid>1</parentid><timestamp>{when}</timestamp><contributor>"
        f"<username>u</username><id>7</id></contributor><origin>{number}</origin><model>{model}</model>"
        f'<format>text/x-wiki</format><text bytes="9" xml:space="preserve">{text}</text>{slots}</revision>'
    )


def slot(role: str, text: str, model: str = "wikitext") -> str:
    return (
        f"<content><role>{role}</role><origin>5</origin><model>{model}</model>"
        f"<format>text/x-wiki</format><text>{text}</text></content>"
    )


OLD, NEW = "2020-01-01T00:00:00Z", "2024-01-01T00:00:00Z"
MEDIA = slot("mediainfo", '{"a":1}', "wikibase-mediainfo")


@pytest.mark.parametrize(
    ("page", "text", "revision_id"),
    [
        (revision(10, OLD, "old") + revision(20, NEW, "new"), "new", "20"),
        (revision(20, NEW, "new") + revision(10, OLD, "old"), "new", "20"),
        (revision(20, NEW, "b") + revision(30, NEW, "c") + revision(10, NEW, "a"), "c", "30"),
        (revision(20, NEW, "main", MEDIA), "main", "20"),
        (
            revision(20, NEW, "main", MEDIA) + revision(10, OLD, "old", slot("main", "x")),
            "main",
            "20",
        ),
        (revision(20, NEW, "", MEDIA + slot("main", "in a slot")), "in a slot", "20"),
        (revision(9, "", "no time") + revision(8, "", "less"), "no time", "9"),
    ],
)
@pytest.mark.parametrize("tag", ["<page>", '<page xml:id="p1">', "<page\n  a='>'\n>", "<page\t>"])
def test_the_newest_main_text_of_a_page(
    tmp_path: Path, tag: str, page: str, text: str, revision_id: str
):
    path = tmp_path / "enwiki-x.xml"
    body = f"{tag}<title>A</title><ns>0</ns><id>3</id>{page}</page>"
    other = "<page><title>B</title><ns>0</ns><id>4</id>" + revision(40, NEW, "other") + "</page>"
    path.write_text(HEAD + body + other + "</mediawiki>")
    rows = list(read("wikipedia", str(path), Settings()))
    assert all(isinstance(row, RawDocument) for row in rows), rows
    assert [(row.title, row.content) for row in rows] == [("A", text), ("B", "other")]
    assert rows[0].meta == {"page": "3", "revision": revision_id}
    assert rows[0].locator == f"enwiki-x.xml:3:{revision_id}"


def test_the_models_of_other_slots_refuse_no_article(tmp_path: Path):
    path = tmp_path / "enwiki-x.xml"
    page = f"<page><title>A</title><ns>0</ns><id>3</id>{revision(20, NEW, 'main', MEDIA)}</page>"
    path.write_text(HEAD + page + "</mediawiki>")
    (row,) = read("wikipedia", str(path), Settings())
    assert isinstance(row, RawDocument)


def test_a_name_that_begins_like_page_is_none(tmp_path: Path):
    path = tmp_path / "enwiki-x.xml"
    page = f"<page><title>A</title><ns>0</ns><id>3</id>{revision(20, NEW, 'main')}</page>"
    path.write_text(HEAD + "<pagecount>1</pagecount>" + page + "</mediawiki>")
    (row,) = read("wikipedia", str(path), Settings())
    assert isinstance(row, RawDocument) and row.content == "main"
