"""Every page of every dump: no marks left, and the prose that mwparserfromhell finds is there."""

from __future__ import annotations

import re
import statistics

import mwparserfromhell
import pytest

from corpusforge import ingest
from corpusforge.extract.wikitags import protect
from corpusforge.extract.wikitext import to_text
from corpusforge.records import RawDocument

BOX = re.compile(r"^(?:[^:\n]{1,30}):")


def pages(data):
    for path in sorted((data / "wiki").rglob("*.bz2")):
        for row in ingest.read("wikipedia", str(path), ingest.Settings()):
            if isinstance(row, RawDocument):
                yield row


def test_no_marks_are_left_outside_code_nowiki_and_math(data):
    seen = 0
    for row in pages(data):
        seen += 1
        text = to_text(row.content, row.title, row.lang, tables=True)
        _, kept = protect(row.content.replace("\x00", ""))
        for body in sorted(kept, key=len, reverse=True):
            text = text.replace(body, "")
        for mark in ("{{", "}}", "[[", "]]", "<ref", "</ref", "<!--", "'''"):
            assert mark not in text, (row.locator, mark)
    assert seen > 100


def prose(source: str) -> str:
    """Return mwparserfromhell's stripped text without what it shows of files, categories, tables."""
    code = mwparserfromhell.parse(source)
    for link in code.filter_wikilinks(recursive=True):
        if BOX.match(str(link.title)) and not str(link.title).startswith(":"):
            try:
                code.remove(link)
            except ValueError:
                continue
    for tag in code.filter_tags(recursive=False):
        if str(tag.tag) in ("table", "ref", "gallery", "timeline", "math"):
            code.remove(tag)
    return re.sub(r"\s+", "", code.strip_code(normalize=True, collapse=True))


@pytest.mark.slow
def test_prose_is_no_shorter_than_mwparserfromhells(data):
    shares = []
    for row in pages(data):
        if len(row.content) > 60_000:
            continue
        ours = re.sub(r"\s+", "", to_text(row.content, row.title, row.lang, tables=False))
        reference = prose(row.content)
        if len(reference) > 200:
            shares.append(len(ours) / len(reference))
    assert len(shares) > 40
    assert statistics.median(shares) >= 0.95
    assert statistics.median(shares) <= 1.1
