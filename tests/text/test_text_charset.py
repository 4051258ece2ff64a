"""Bytes to text: sixty pairs of language and legacy encoding, with and without true and false claims.

The texts are the declarations of human rights (Unicode's collection); what is encoded must come back.
"""

from __future__ import annotations

import codecs
import functools
import unicodedata
import zipfile
from pathlib import Path

import pytest

from corpusforge.text import charset

PAIRS = """
cmn_hans gbk gb2312 gb18030
cmn_hant big5 big5hkscs gb18030 cp950
jpn shift_jis cp932 euc_jp iso2022_jp
kor euc_kr cp949
rus cp1251 koi8_r iso8859_5 cp866 mac_cyrillic
ukr cp1251 koi8_u
bul cp1251 koi8_r
bel cp1251
mkd cp1251
srp_cyrl cp1251
ell_monotonic cp1253 iso8859_7
tur cp1254 iso8859_9
heb cp1255 iso8859_8
arb cp1256 iso8859_6
tha cp874 tis_620
pol cp1250 iso8859_2
ces cp1250 iso8859_2
slk cp1250 iso8859_2
hun cp1250 iso8859_2
slv cp1250 iso8859_2
bos_latn cp1250 iso8859_2
ron_1993 cp1250 iso8859_2
lit cp1257 iso8859_13
lav cp1257 iso8859_13
est cp1257 iso8859_15
fra cp1252 iso8859_15 mac_roman
deu cp1252
spa cp1252
por_PT cp1252
ita cp1252
swe cp1252
dan cp1252
nob cp1252
fin cp1252
isl cp1252
nld cp1252
cat cp1252
glg cp1252
fao cp1252
"""
CASES = [(row.split()[0], codec) for row in PAIRS.strip().split("\n") for codec in row.split()[1:]]
PAGE = "<html><head><title>x</title>{}</head><body class='a'>\n<p>{}</p>\n</body></html>"


@functools.cache
def declaration(data: Path, language: str, codec: str) -> str:
    """Return a declaration, without what the codec cannot hold."""
    with zipfile.ZipFile(data / "langid" / "udhr2.zip") as archive:
        name = next(n for n in archive.namelist() if n.endswith(f"/{language}.txt"))
        text = archive.read(name).decode("utf-8")
    text = unicodedata.normalize("NFC", " ".join(text.split())).replace("\ufeff", "")
    if language.startswith("ron"):
        text = text.translate(str.maketrans("șțȘȚ", "şţŞŢ"))
    held = text.encode(codec, "ignore").decode(codec)
    assert len(held) > 0.97 * len(text), "the codec cannot hold this language"
    return held


def sample(data: Path, language: str, codec: str, start: int, length: int) -> str:
    return declaration(data, language, codec)[start : start + length]


def test_there_are_sixty_pairs():
    assert len(CASES) >= 60


@pytest.mark.parametrize(("language", "codec"), CASES)
def test_without_a_claim(data, language, codec):
    wrong = []
    for start, length in ((400, 300), (1500, 300), (400, 1000), (400, 3000)):
        text = sample(data, language, codec, start, length)
        for bare in (text, PAGE.format("", text)):
            found = charset.decode(bare.encode(codec))
            if found[0] != bare:
                wrong.append((start, length, found[1], found[0][-80:]))
    assert not wrong


@pytest.mark.parametrize(
    "claim", ["iso-8859-1", "windows-1252", "utf-8", "us-ascii", "punycode", "x"]
)
@pytest.mark.parametrize(("language", "codec"), CASES)
def test_with_a_false_claim(data, language, codec, claim):
    text = PAGE.format(f'<meta charset="{claim}">', sample(data, language, codec, 400, 1000))
    assert charset.decode(text.encode(codec), claim)[0] == text


@pytest.mark.parametrize(("language", "codec"), CASES)
def test_with_a_true_claim_in_one_place(data, language, codec):
    label = {
        "cp949": "windows-949",
        "cp932": "windows-31j",
        "cp950": "big5",
        "cp874": "windows-874",
    }.get(codec, codec.replace("_", "-").replace("iso8859", "iso-8859"))
    label = {"mac-cyrillic": "x-mac-cyrillic", "mac-roman": "macintosh", "euc-kr": "euc-kr"}.get(
        label,
        label.replace("cp125", "windows-125")
        .replace("iso2022", "iso-2022")
        .replace("tis-", "tis-"),
    ).replace("big5hkscs", "big5-hkscs")
    text = sample(data, language, codec, 400, 60)
    for html, header in (
        (PAGE.format("", text), label),
        (PAGE.format(f'<meta charset="{label}">', text), ""),
        (PAGE.format(f'<meta charset="{label}">', text), "ISO-8859-1"),
        (PAGE.format('<meta charset="iso-8859-1">', text), label),
        (
            PAGE.format(
                f'<meta content="text/html; charset={label}" http-equiv=Content-Type>', text
            ),
            "utf-8",
        ),
    ):
        assert charset.decode(html.encode(codec), header)[0] == html, (label, header)


@pytest.mark.parametrize(
    ("head", "claims"),
    [
        ('<meta charset="koi8-r">', ["koi8-r"]),
        ("<META HTTP-EQUIV=content-type CONTENT='text/html;charset=GB2312'>", ["gb18030"]),
        ('<meta content="text/html; charset = big5 ">', []),
        ('<meta http-equiv="Content-Type" content="text/html; charset = big5 ">', ["big5hkscs"]),
        ('<?xml version="1.0" encoding="Shift_JIS"?>', ["cp932"]),
        ('<!-- <meta charset="koi8-r"> --><meta charset="windows-1251">', ["cp1251"]),
        ('<!-- <meta charset="koi8-r"> ', []),
        ('<!--><meta charset="windows-1251">', ["cp1251"]),
        ("<script>var a = '<meta charset=\"koi8-r\">';</script>", []),
        ("<style>/*<meta charset=koi8-r>*/</style><meta charset=euc-kr>", ["cp949"]),
        ("<title><meta charset=koi8-r></title>", []),
        ('<a title=\'<meta charset="koi8-r">\'>', []),
        ('<meta name="charset" content="charset=koi8-r">', []),
        ('<meta data-charset="koi8-r">', []),
        ('<meta charset="utf-16">', ["utf-8"]),
        ('<meta charset="x-user-defined">', ["cp1252"]),
        *((f'<meta charset="{name}">', []) for name in
          ("punycode", "idna", "utf-7", "unicode_escape", "raw_unicode_escape", "base64", "rot13", "hex",
           "mbcs", "undefined", "cp037", "iso-2022-kr", "hz-gb-2312", "")),
        (f"{'<link>' * 900}<meta charset=koi8-r>", ["koi8-r"]),
        ("<body><meta charset=koi8-r>", []),
    ],
)  # fmt: skip
def test_what_is_a_claim_and_what_is_none(head, claims):
    assert (
        charset.claims(b"<!doctype html><html><head>" * (head[:2] != "<?") + head.encode())
        == claims
    )


SHAPES = {
    "cp932": "①㈱髙﨑の文章です。" * 9,
    "cp949": "뷁햏똠방각하는 것은 한국어입니다. " * 9,
    "big5hkscs": "佢哋喺度嘅嘢係我哋嘅，你話呢？" * 9,
    "gb18030": "㐀镕是人民的字，這裡也有々。" * 9,
}


@pytest.mark.parametrize(
    ("codec", "label"),
    [("cp932", "shift_jis"), ("cp949", "euc-kr"), ("big5hkscs", "big5"), ("gb18030", "gb2312")],
)
def test_labels_mean_the_wider_sets_of_the_vendors(codec, label):
    assert charset.decode(SHAPES[codec].encode(codec), label)[0] == SHAPES[codec]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    "language", ["eng", "fra", "rus", "cmn_hans", "jpn", "kor", "arb", "tha", "ell_monotonic"]
)
def test_utf16_without_a_mark(data, language, codec):
    for length in (300, 3000):
        text = sample(data, language, "utf-16-le", 400, length)
        for bare in (text, PAGE.format("", text)):
            assert charset.decode(bare.encode(codec), "utf-8")[0] == bare


@pytest.mark.parametrize("stray", [b"\x92", b"\xe9", b"\xff", b"\xa9 \x80", b"\xc3"])
@pytest.mark.parametrize("language", ["fra", "rus", "cmn_hans", "pol"])
@pytest.mark.parametrize("claim", ["", "utf-8", "iso-8859-1", "gb2312"])
def test_stray_bytes_in_utf8_cost_themselves_alone(data, language, stray, claim):
    text = sample(data, language, "utf-8", 400, 2000)
    blank = text.index(" ", 900) + 1 if " " in text[900:] else 900
    bytes_ = text[:blank].encode() + stray + b" " + text[blank:].encode()
    found, name = charset.decode(bytes_, claim)
    assert name == "utf-8"
    assert found.startswith(text[:blank]) and found.endswith(text[blank:])


@pytest.mark.parametrize("claim", ["", "iso-8859-1"])
@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Где ты?", "cp1251"),
        ("你好", "gbk"),
        ("안녕하세요", "euc_kr"),
        ("こんにちは", "shift_jis"),
        ("こんにちは", "euc_jp"),
        ("été", "cp1252"),
        ("Łódź", "iso8859_2"),
    ],
)
def test_a_few_words_on_a_page(text, codec, claim):
    page = PAGE.format("", text)
    assert charset.decode(page.encode(codec), claim)[0] == page


def test_the_euro_sign_of_gbk():
    page = PAGE.format("<meta charset=gbk>", "价格是€100，中国。")
    data = page.encode("gb18030").replace("€".encode("gb18030"), b"\x80")
    assert charset.decode(data)[0] == page


def test_windows_1252_takes_every_byte():
    assert charset.decode(b"caf\xe9 \x81", "latin1") == ("caf\xe9 \x81", "cp1252")


def test_quotes_of_windows_in_english_are_windows_1252():
    text = "“It’s here,” she said — for €5 … and left. " * 4
    assert charset.decode(text.encode("cp1252"))[0] == text
    assert charset.decode(text.encode("cp1252"), "utf-8")[0] == text


@pytest.mark.parametrize(
    ("mark", "codec"),
    [(codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
     (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")],
)  # fmt: skip
def test_a_mark_beats_every_claim(mark, codec):
    assert charset.decode(mark + "Où, 中文".encode(codec), "gbk") == ("Où, 中文", codec)


@pytest.mark.parametrize(
    "unit",
    [b"<meta ", b"<!--", b"<meta charset=", b"<script>", b"\xff", b"\x81\x40", b"<a title='", b"\x1b$B",
     b"\x00a", b"\xc3", b"\xe9 ", b"<meta charset=gbk \xe9", b"<", b"=\"", b"&"],
)  # fmt: skip
def test_any_bytes_give_text_that_utf8_can_hold(unit):
    for claim in ("", "utf-8", "gbk", "latin1", "iso-2022-jp", "\x00", "é"):
        text, name = charset.decode(unit * 5_000, claim)
        assert text.encode("utf-8").decode("utf-8") == text
        assert codecs.lookup(name)
