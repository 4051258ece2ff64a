"""Bytes to text: each way a page can tell, or hide, its character set."""

from __future__ import annotations

import codecs

import pytest

from corpusforge.text.charset import decode as decoded

FRENCH = "Où est l’été ? À Noël, çà et là — 20 €. " * 4
CHINESE = "人民代表大会制度是中华人民共和国的根本政治制度。我们今天去图书馆看书。" * 4
TRADITIONAL = "我們今天去圖書館看書，學習中國歷史與文學，還有數學。" * 4


def decode(data: bytes, declared: str = "") -> str:
    """The text alone."""
    return decoded(data, declared)[0]


@pytest.mark.parametrize(
    ("text", "charset"),
    [
        (FRENCH, "utf-8"),
        (FRENCH, "windows-1252"),
        (CHINESE, "gb18030"),
        (CHINESE, "gb2312"),
        (TRADITIONAL, "big5"),
        ("日本語の文章です。" * 9, "shift_jis"),
        ("日本語の文章です。" * 9, "euc-jp"),
        ("Привет, мир. Как дела?" * 9, "koi8-r"),
    ],
)
@pytest.mark.parametrize("told", ["header", "meta", "detect"])
def test_each_way_of_telling(text, charset, told):
    html = f"<html><head><title>x</title></head><body>{text}</body></html>"
    if told == "meta":
        html = f'<meta http-equiv="Content-Type" content="text/html; charset={charset}">' + html
    data = html.encode(charset)
    assert decode(data, charset if told == "header" else "") == html


@pytest.mark.parametrize(
    ("mark", "charset"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_a_byte_order_mark_beats_every_claim(mark, charset):
    assert decode(mark + FRENCH.encode(charset), "gb2312") == FRENCH


def test_utf8_that_claims_latin1_is_utf8():
    assert decode(FRENCH.encode(), "iso-8859-1") == FRENCH


def test_latin1_is_read_as_browsers_read_it():
    assert decode(b'<meta charset="iso-8859-1">\x93caf\xe9\x94') == (
        '<meta charset="iso-8859-1">\u201ccaf\xe9\u201d'
    )


def test_a_character_cut_in_half_costs_that_character():
    data = CHINESE.encode()[:-1]
    assert decode(data) == CHINESE[:-1] + "\ufffd"
    data = CHINESE.encode("gb18030")[:-1]
    assert decode(data, "gbk") == CHINESE[:-1] + "\ufffd"


def test_no_bytes_and_no_claim_raise_or_give_what_utf8_cannot_hold():
    for data in (b"", b"\xff", b"\xff\xfe\x00\xd8", bytes(range(256)), b"<meta charset=foo>\x80"):
        for claim in ("", "no-such", "utf-7", "utf-16", "base64", "idna", "\x00"):
            text = decode(data, claim)
            assert text.encode("utf-8").decode("utf-8") == text, (data, claim)
