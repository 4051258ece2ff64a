"""The front: dispatch by medium, and every outcome as a value."""

from __future__ import annotations

import pytest

from corpusforge.errors import RecipeError
from corpusforge.extract import EXTRACTORS, Extracted, Settings, extract
from corpusforge.records import Failed, RawDocument, Skipped

SETTINGS = Settings()


def test_every_medium_has_an_extractor():
    assert set(EXTRACTORS) == {"html", "wikitext", "epub", "text", "code"}


@pytest.mark.parametrize("media", ["html", "wikitext", "text", "code"])
def test_nothing_in_it_is_skipped_with_a_reason(media):
    for content in ("", " \n\t ", b"", b"\xef\xbb\xbf"):
        row = extract(RawDocument("a", content, media, url="u"), SETTINGS)
        assert row == Skipped("a", "empty_text", "0", "1", "u")


def test_too_long_is_skipped_with_both_figures():
    row = extract(RawDocument("a", "x" * 11, "text"), Settings(max_bytes=10))
    assert row == Skipped("a", "too_long", "11", "10")


def test_unreadable_epub_is_a_failed_row():
    row = extract(RawDocument("a", b"not a zip", "epub", url="u"), SETTINGS)
    assert isinstance(row, Failed)
    assert (row.locator, row.url) == ("a", "u")
    assert "zip" in row.error


def test_plain_text_keeps_everything_but_control_characters():
    content = "\ufeffA\r\nB\rC\x00\x07\tD\u2028E\x0cF  \n\n  "
    row = extract(RawDocument("a", content, "text", title="T"), SETTINGS)
    assert row == Extracted("A\nB\nC\tD\u2028E\nF", "T", "text")


def test_code_keeps_its_first_indent_and_format():
    row = extract(RawDocument("a", "\n    x = 1\n\ty\n", "code", format="code"), SETTINGS)
    assert row == Extracted("    x = 1\n\ty", "", "code")


@pytest.mark.parametrize(
    ("key", "value"),
    [("engine", "fats"), ("max_bytes", 0), ("cpu_seconds", -1.0), ("epub_max_ratio", 0.0)],
)
def test_a_bad_setting_names_its_key(key, value):
    with pytest.raises(RecipeError, match=f"extract.{key}"):
        Settings(**{key: value})
