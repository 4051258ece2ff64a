"""EPUB: real books of both generations, and archives that must be refused with a reason."""

from __future__ import annotations

import io
import zipfile

import pytest

from corpusforge.extract import Extracted, Settings, extract
from corpusforge.records import Failed, RawDocument, Skipped

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>A  Book</dc:title></metadata>
<manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="b" href="text/two%20b.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="text/one.xhtml" media-type="application/xhtml+xml"/>
<item id="n" href="text/notes.xhtml" media-type="application/xhtml+xml"/>
<item id="p" href="p.png" media-type="image/png"/>
</manifest>
<spine><itemref idref="nav"/><itemref idref="a"/><itemref idref="p"/><itemref idref="b"/>
<itemref idref="n" linear="no"/><itemref idref="missing"/></spine></package>"""
CHAPTER = (
    '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>no</title></head>'
    "<body><h1>{0}</h1><p>Text of {0}.</p></body></html>"
)
BOOK = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OEBPS/book.opf": PACKAGE,
    "OEBPS/nav.xhtml": CHAPTER.format("Contents"),
    "OEBPS/text/one.xhtml": CHAPTER.format("第一章"),
    "OEBPS/text/two b.xhtml": CHAPTER.format("Two"),
    "OEBPS/text/notes.xhtml": CHAPTER.format("Notes"),
}


def pack(files: dict[str, str], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def run(data: bytes, **settings):
    return extract(RawDocument("book", data, "epub"), Settings(**settings))


def test_spine_order_without_navigation_and_notes():
    found = run(pack(BOOK))
    assert found.title == "A Book"
    assert [line for line in found.text.split("\n") if line] == [
        "第一章",
        "Text of 第一章.",
        "Two",
        "Text of Two.",
    ]


FONT = '<e><CipherReference URI="OEBPS/fonts/a.otf"/></e>'
LOCKED = '<e><CipherReference URI="OEBPS/text/one.xhtml"/></e>'
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>'


def test_an_obfuscated_font_does_not_lock_a_book():
    assert run(pack(BOOK | {"META-INF/encryption.xml": FONT})).title == "A Book"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (BOOK | {"META-INF/encryption.xml": LOCKED}, "encrypted"),
        (BOOK | {"mimetype": "application/zip"}, "mimetype"),
        (BOOK | {"META-INF/container.xml": BOMB}, "entities"),
        (BOOK | {"META-INF/container.xml": "<a>"}, "no XML"),
        (BOOK | {"META-INF/container.xml": "<a/>"}, "names no package"),
        (BOOK | {"OEBPS/book.opf": "<a/>"}, "names no chapter"),
        ({"mimetype": "application/epub+zip"}, "lacks 'META-INF/container.xml'"),
        ({k: v for k, v in BOOK.items() if "one" not in k}, "lacks 'OEBPS/text/one.xhtml'"),
    ],
)
def test_what_is_refused_says_why(files, reason):
    row = run(pack(files))
    assert isinstance(row, Failed)
    assert reason in row.error


def test_archives_over_a_cap_are_refused_before_anything_is_unpacked():
    assert "cap 5" in run(pack(BOOK), epub_max_files=5).error
    assert "cap 100" in run(pack(BOOK), epub_max_unpacked=100).error
    bomb = pack(BOOK | {"OEBPS/text/one.xhtml": "0" * 3_000_000}, zipfile.ZIP_DEFLATED)
    assert "to 1, cap 200" in run(bomb).error


def test_a_directory_that_lies_about_sizes_is_caught():
    data = pack(BOOK | {"OEBPS/text/one.xhtml": "0" * 3_000_000}, zipfile.ZIP_DEFLATED)
    size = (3_000_000).to_bytes(4, "little")
    assert isinstance(run(data.replace(size, (10).to_bytes(4, "little"))), Failed)


def test_damage_anywhere_is_a_row_and_never_an_error():
    data = pack(BOOK, zipfile.ZIP_DEFLATED)
    for place in range(0, len(data), 7):
        for broken in (
            data[:place],
            data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :],
        ):
            assert isinstance(run(broken), Extracted | Skipped | Failed), place


def test_real_books(data):
    folder = data / "books" / "epub"
    book = run((folder / "en-epictetus.epub").read_bytes())
    assert book.title == "Short Works"
    assert "Of things some are in our power, and others are not." in book.text
    assert "Standard Ebooks" not in book.text, (
        "the publisher's imprint and colophon are no chapters"
    )
    for name in ("epubcheck-valid.epub", "epubcheck-ocf-filepath-utf8-valid.epub"):
        found = run((folder / name).read_bytes())
        assert not isinstance(found, Failed), name
    wrong = run((folder / "epubcheck-ocf-container-not-ocf-error.epub").read_bytes())
    assert isinstance(wrong, Failed), wrong


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ('the sea<a epub:type="noteref" href="n.xhtml#n1">1</a>, calm', "the sea, calm"),
        ('the sea<sup><a href="n.xhtml#n1">[12]</a></sup> was calm', "the sea was calm"),
        ('the sea<sup class="noteref"><a href="#n1">*</a></sup> was', "the sea was"),
        ('x<sup>2</sup> and <a href="#b">chapter 2</a>', "x^2 and chapter 2"),
        ('10<sup>6</sup> of H<sub>2</sub>O, 2<sup>1</sup>⁄<sub>2</sub> of <ruby>漢<rt>かん</rt></ruby>',
         "10^6 of H2O, 2 1/2 of 漢"),
        ('so <math alttext="a^2"><mi>a</mi></math> and <math><msup><mi>b</mi><mn>2</mn></msup></math>',
         "so $a^2$ and b^2"),
        ('<sup>note</sup> <img class="tex" alt="x_1" src="x.png"/> is', "note $x_1$ is"),
        ('see<a href="#p1" role="doc-noteref">†</a> it', "see it"),
    ],
)  # fmt: skip
def test_scripts_formulas_and_marks_of_notes_are_not_glued_to_words(markup, text):
    page = CHAPTER.replace("Text of {0}.", markup)
    found = run(pack({**BOOK, "OEBPS/text/one.xhtml": page.format("One")}))
    assert text in found.text.split("\n")
