"""Every kind of source read from real files: counts that stand in the files themselves."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from corpusforge.errors import InputError
from corpusforge.ingest import SOURCES, Settings, read
from corpusforge.records import Failed, RawDocument, Skipped


def rules(items: list[object]) -> Counter[str]:
    return Counter(item.rule for item in items if isinstance(item, Skipped))


def documents(items: list[object]) -> list[RawDocument]:
    return [item for item in items if isinstance(item, RawDocument)]


def test_unknown_kind_offers_a_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wikipedia"):
        list(read("wikipdia", str(tmp_path), Settings()))


def test_missing_file_is_the_users_error(tmp_path: Path) -> None:
    for kind in SOURCES:
        with pytest.raises(InputError, match=r"nothing\.gz"):
            list(read(kind, str(tmp_path / "nothing.gz"), Settings()))


def test_wikipedia_shares_of_the_english_extract(data: Path) -> None:
    # bzcat | grep -c '<page>' 206, '<redirect ' 99, '<ns>0' 205
    path = next((data / "wiki").glob("enwiki-latest*"))
    items = list(read("wikipedia", str(path), Settings()))
    assert len(items) == 206
    assert rules(items)["redirect"] == 99
    assert rules(items)["namespace"] == 1
    first = documents(items)[0]
    assert first.title == "Anarchism"
    assert first.locator.startswith(f"{path.name}:12:")
    assert first.lang == "en"
    assert first.url == "https://en.wikipedia.org/wiki/Anarchism"
    assert first.date.endswith("Z")
    assert str(path.parent) not in first.locator


def test_wikipedia_in_utf16(data: Path) -> None:
    path = next((data / "wiki").glob("bgwiki*"))
    items = list(read("wikipedia", str(path), Settings()))
    assert len(items) == 3
    assert documents(items)[0].lang == "bg"


def test_minidumps_take_the_language_of_their_name(data: Path) -> None:
    for path in sorted((data / "wiki" / "minidumps").iterdir()):
        items = list(read("wikipedia", str(path), Settings()))
        expected = {"simple": "en"}.get(path.name.split("wiki")[0], path.name.split("wiki")[0])
        assert {item.lang for item in documents(items)} == {expected}
        assert not [item for item in items if isinstance(item, Failed)]


def test_ready_chinese_chapters(data: Path) -> None:
    items = list(read("documents", str(data / "books" / "zh-mengzi.json.gz"), Settings()))
    assert len(documents(items)) == 14
    assert str(documents(items)[0].content).startswith("孟子見梁惠王。")


def test_epubs_and_the_invalid_one(data: Path) -> None:
    found = {
        path.name: next(read("books", str(path), Settings()))
        for path in sorted((data / "books" / "epub").iterdir())
    }
    failed = {name for name, item in found.items() if isinstance(item, Failed)}
    assert failed == {"epubcheck-ocf-container-not-ocf-error.epub"}
    book = found["en-epictetus.epub"]
    assert isinstance(book, RawDocument)
    assert book.media == "epub"
    assert isinstance(book.content, bytes)


def test_html_and_single_code_files(data: Path) -> None:
    page = next((data / "web" / "html_gold" / "aeb60" / "html").iterdir())
    (item,) = read("html", str(page), Settings())
    assert isinstance(item, RawDocument)
    assert item.media == "html"
    assert item.locator == page.name
    root = data / "code" / "fake-secrets"
    (item,) = read("code", str(root / "config.yaml"), Settings(), root=str(root.parent))
    assert isinstance(item, RawDocument)
    assert item.meta["language"] == "YAML"
    assert item.locator == "fake-secrets/config.yaml"
    assert "AKIATESTTESTTESTTEST" in str(item.content)
