"""Extracted text is in normal form C without soft hyphens, whatever the medium; code stays as it is."""

from __future__ import annotations

import unicodedata

import pytest

from corpusforge.errors import RecipeError
from corpusforge.extract import Extracted, Settings, extract
from corpusforge.records import RawDocument

WORDS = "Người quan trắc leo lên đồi mỗi buổi sáng, l’observateur relevait le niveau du bassin, 관측원은 매일"
ODD = unicodedata.normalize("NFD", WORDS).replace("bassin", "bas\u00adsin")
CODE = "e\u0301tat = 'ob\u00adserver'\nprint(e\u0301tat)"


def extracted(raw: RawDocument, **settings: str) -> Extracted:
    found = extract(raw, Settings(**settings))
    assert isinstance(found, Extracted)
    return found


@pytest.mark.parametrize(
    ("media", "content"),
    [
        ("text", f"{ODD}."),
        ("wikitext", f"'''{ODD}''' is a [[text]]."),
        ("html", f"<html><body><article><p>{ODD}.</p><p>{ODD}!</p></article></body></html>"),
        ("html", f"<article><p>{ODD.replace(chr(0xAD), '&shy;')} &amp; so on.</p></article>"),
    ],
)
def test_every_medium(media: str, content: str) -> None:
    title = unicodedata.normalize("NFD", "Le relevé")
    found = extracted(RawDocument("x", content, media, title=title))
    assert WORDS in found.text
    assert unicodedata.is_normalized("NFC", found.text)
    assert "\u00ad" not in found.text
    assert media == "html" or found.title == "Le relevé"
    assert ODD in extracted(RawDocument("x", f"{ODD}.", "text"), unicode="keep").text


def test_code_stays_as_it_is() -> None:
    assert extracted(RawDocument("x", CODE, "code", format="code")).text == CODE
    assert extracted(RawDocument("x", CODE, "text", format="code")).text == CODE


def test_joiners_and_other_unseen_characters_stay() -> None:
    """They carry meaning to a reader of some script; only duplicates are compared without them."""
    text = "می\u200cخواهم a\u200bb ❤\ufe0f ＡＢ ﬁ"
    assert extracted(RawDocument("x", text, "text")).text == text


def test_a_text_of_soft_hyphens_is_empty() -> None:
    found = extract(RawDocument("x", "\u00ad \u00ad", "text"), Settings())
    assert getattr(found, "rule", "") == "empty_text"


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"extract.unicode is 'NFC'; expected one of .*'nfc'"):
        Settings(unicode="NFC")
