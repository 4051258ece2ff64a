"""Books: licence matter goes, chapters stay, any encoding gives the same text."""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from pathlib import Path

import pytest

from corpusforge.ingest import Settings, read
from corpusforge.ingest.gutenberg import strip_licence
from corpusforge.records import Failed, RawDocument
from corpusforge.text.charset import decode

ALICE = ("en-alice-11-0.txt", "en-alice-11.txt", "en-alice30.txt", "en-alice-noheader.asciidoc")
LICENCE = re.compile(
    r"gutenberg|\be-?texts?\b|\be-?books?\b|small print|licen[cs]e|trademark|donation|"
    r"public domain|copyright|produced by|proofread",
    re.IGNORECASE,
)


def book(path: Path, **options: object) -> RawDocument:
    (item,) = read("books", str(path), Settings(**options))  # type: ignore[arg-type]
    assert isinstance(item, RawDocument)
    return item


@pytest.mark.parametrize("name", ALICE)
def test_alice_loses_the_licence_and_no_chapter(data: Path, name: str) -> None:
    path = data / "books" / f"{name}.gz"
    text = str(book(path).content)
    assert not LICENCE.findall(text)
    raw = gzip.decompress(path.read_bytes()).decode("utf-8")
    assert len(re.findall(r"^\W*CHAPTER [IVX]+", text, re.MULTILINE)) == 12
    flat = " ".join(text.split())
    story = " ".join(raw.split())
    begin = story.index("Alice was beginning to get very tired")
    end = story.index("the happy summer days.") + len("the happy summer days.")
    assert story[begin:end] in flat
    assert flat.endswith("THE END")


def test_alice_counts_what_it_cut(data: Path) -> None:
    # lines up to the START marker, and from "End of Project Gutenberg's" on, counted by grep -n
    path = data / "books" / "en-alice-11-0.txt.gz"
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")
    start = next(n for n, line in enumerate(lines) if line.startswith("*** START OF"))
    end = next(n for n, line in enumerate(lines) if line.startswith("End of Project Gutenberg"))
    meta = book(path).meta
    assert int(meta["licence_header"]) == start + 1
    assert int(meta["licence_footer"]) == len(lines) - end


def test_alice_header_fields(data: Path) -> None:
    found = book(data / "books" / "en-alice-11-0.txt.gz")
    assert found.title == "Alice’s Adventures in Wonderland"
    assert found.lang == "en"
    assert found.date == "1994-03"
    assert found.meta["author"] == "Lewis Carroll"


def test_alice_by_chapters(data: Path) -> None:
    for name in ALICE:
        path = data / "books" / f"{name}.gz"
        parts = list(read("books", str(path), Settings(chapters=True)))
        assert len(parts) == 12
        joined = " ".join(str(part.content) for part in parts if isinstance(part, RawDocument))
        assert joined.split() == str(book(path).content).split()
        assert len({part.locator for part in parts}) == 12


def test_other_books_by_chapters(data: Path) -> None:
    french = data / "books" / "fr-entre-nous-44157-0.txt.gz"  # its index lists chapters I to XL
    assert len(list(read("books", str(french), Settings(chapters=True)))) == 40
    sunzi = data / "books" / "zh-23864-0.txt.gz"  # thirteen chapters, as everyone knows
    assert len(list(read("books", str(sunzi), Settings(chapters=True)))) == 13


FOLD = str.maketrans({"’": "'", "„": "«", "”": "»", "“": "«", "‘": "'", "œ": "oe", "Œ": "OE"})


def test_french_twins(data: Path) -> None:
    # The editions themselves differ: Latin-1 has no “ ” ’ œ, and the print differs in blanks and two commas.
    one, two = (
        str(book(data / "books" / f"fr-entre-nous-44157-{n}.txt.gz").content) for n in (0, 8)
    )
    assert book(data / "books" / "fr-entre-nous-44157-8.txt.gz").meta["charset"] == "cp1252"
    first, second = one.translate(FOLD).split(), two.translate(FOLD).split()
    assert len(first) > 16_000
    glued = "".join(first).replace("poussait,", "poussait").replace("fenêtre,", "fenêtre")
    assert glued == "".join(second).replace("poussait,", "poussait").replace("fenêtre,", "fenêtre")
    assert not LICENCE.findall(" ".join(first[:300] + first[-300:]))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_one_text_in_unicode_encodings(data: Path, tmp_path: Path, encoding: str) -> None:
    for name in ("fr-entre-nous-44157-0.txt.gz", "zh-23864-0.txt.gz"):
        text = gzip.decompress((data / "books" / name).read_bytes()).decode("utf-8-sig")
        path = tmp_path / "book.txt"
        path.write_bytes(text.encode(encoding))
        assert book(path).content == book(data / "books" / name).content


@pytest.mark.parametrize("encoding", ["gb18030", "big5hkscs"])
def test_chinese_in_chinese_encodings(data: Path, tmp_path: Path, encoding: str) -> None:
    text = gzip.decompress((data / "books" / "zh-23864-0.txt.gz").read_bytes()).decode("utf-8")
    path = tmp_path / "book.txt"
    path.write_bytes(text.encode(encoding))
    found = book(path)
    assert found.content == book(data / "books" / "zh-23864-0.txt.gz").content
    assert found.meta["charset"] == encoding


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_western_text_without_declaration(encoding: str) -> None:
    sample = "Où l’été finit, le cœur déçu s’apaise – déjà Noël. " * 20
    if encoding == "latin-1":
        sample = sample.replace("’", "'").replace("œ", "oe").replace("–", "-")
    assert decode(sample.encode(encoding)) == (sample, "cp1252")


def test_every_byte_decodes() -> None:
    everything = bytes(range(1, 256)) * 3
    text, _ = decode(everything)
    assert text


def test_chinese_classics_intact(data: Path) -> None:
    for name in ("zh-lunyu", "zh-mengzi"):
        path = data / "books" / f"{name}.json.gz"
        chapters = json.loads(gzip.decompress(path.read_bytes()))
        text = str(book(path).content)
        position = 0
        for chapter in chapters:
            for part in (chapter["chapter"], *chapter["paragraphs"]):
                position = text.index(part.strip(), position)
    sunzi = str(book(data / "books" / "zh-23864-0.txt.gz").content)
    raw = gzip.decompress((data / "books" / "zh-23864-0.txt.gz").read_bytes()).decode("utf-8")
    assert sunzi.strip() == raw[: raw.index("End of the Project Gutenberg")].strip()


HEADS = {
    "modern": ("The Project Gutenberg eBook of {t}\n\nTitle: {t}\n\n"
               "*** START OF THE PROJECT GUTENBERG EBOOK {T} ***\n\n"
               "Produced by A. Volunteer and the Online Distributed\nProofreading Team\n\n"),
    "wrapped": ("The Project Gutenberg eBook of {t}\n\n*** START OF THIS PROJECT GUTENBERG EBOOK A LONG\n"
                "{T} ***\n\n"),
    "small print": ("The Project Gutenberg Etext of {t}\n\n**Welcome To The World**\n\n"
                    "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\nWhy is this here?\n\n"
                    "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n\n"),
    "bare": "The Project Gutenberg EBook of {t}, by Nobody\n\nThis eBook is for the use of anyone "
            "under the Project Gutenberg License\n\n",
    "none": "",
}  # fmt: skip
FEET = {
    "modern": "*** END OF THE PROJECT GUTENBERG EBOOK {T} ***\n\nUpdated editions will replace\n",
    "old": "End of the Project Gutenberg Etext of {t}\n\nMore matter.\n",
    "possessive": "End of Project Gutenberg's {t}, by Nobody\n\n*** END OF THIS PROJECT GUTENBERG\n",
    "german": "Ende dieses Projekt Gutenberg Etextes {t}\n",
    "french": "Fin du Projet Gutenberg EBook {t}\n",
    "full licence": "*** START: FULL LICENSE ***\n\nTHE FULL PROJECT GUTENBERG LICENSE\n",
    "none": "",
}


@pytest.mark.parametrize("head", sorted(HEADS))
@pytest.mark.parametrize("foot", sorted(FEET))
def test_every_generation_of_head_and_foot(head: str, foot: str) -> None:
    story = "Chapter I\n\nIt began.\n\n" + "He went on and on.\n\n" * 30 + "The end of it.\n"
    names = {"t": "A Tale", "T": "A TALE"}
    text = HEADS[head].format(**names) + story + "\n\n" + FEET[foot].format(**names)
    body, counts = strip_licence(text)
    assert body.strip() == story.strip()
    assert bool(counts) == (head != "none" or foot != "none")


def test_a_book_about_gutenberg_stays() -> None:
    text = "A history.\n\n" + "Michael Hart began Project Gutenberg in 1971.\n\n" * 40
    body, counts = strip_licence(text)
    assert body.split() == text.split()
    assert not counts


def test_encrypted_and_protected_epubs_fail(tmp_path: Path) -> None:
    def make(name: str, extra: dict[str, str]) -> Failed:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("mimetype", "application/epub+zip")
            archive.writestr("META-INF/container.xml", "<container/>")
            for member, content in extra.items():
                archive.writestr(member, content)
        (item,) = read("books", str(path), Settings())
        return item  # type: ignore[return-value]

    locked = make(
        "a.epub",
        {"META-INF/encryption.xml": '<EncryptionMethod Algorithm="http://x/xmlenc#aes256-cbc"/>'},
    )
    assert "encrypted" in locked.error
    assert "rights" in make("b.epub", {"META-INF/rights.xml": "<r/>"}).error
    fonts = '<EncryptionMethod Algorithm="http://www.idpf.org/2008/embedding"/>'
    assert isinstance(make("c.epub", {"META-INF/encryption.xml": fonts}), RawDocument)
    bad = tmp_path / "d.epub"
    bad.write_bytes(b"PK\x03\x04 nothing more")
    (item,) = read("books", str(bad), Settings())
    assert isinstance(item, Failed)
    assert "not a zip file" in item.error
