"""Numbers with check sums: all that hold are found, none that does not; anchors against a twin."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusforge.filter import anchors as an
from corpusforge.filter.pii import _email, _numbers, iban_holds, luhn_holds, resident_id_holds
from corpusforge.filter.redact import redact, redact_names
from corpusforge.filter.secrets import _token, _url_password
from corpusforge.hashing import word64

N = 400
CONTEXTS = ("My number is {}.", "号码：{}。", "{}", "a,{};b", "请记下{}谢谢", "({})\n")


def digits(name, count):
    return str(word64("pii", name) % 10**count).zfill(count)


def resident_id(n):
    """GB 11643: weights and check characters as the standard prints them."""
    province = ("11", "31", "44", "51", "65", "82")[n % 6]
    day = f"{1930 + n % 90}{1 + n % 12:02d}{1 + n % 28:02d}"
    body = province + digits(f"r{n}", 4) + day + digits(f"s{n}", 3)
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(d) * w for d, w in zip(body, weights, strict=True))
    return body + "10X98765432"[total % 11]


def card(n):
    """Luhn's sum digit by digit: doubled digits add their own digits."""
    prefix, length = (("4", 16), ("51", 16), ("37", 15), ("6011", 16), ("621", 19), ("35", 16))[
        n % 6
    ]
    prefix = prefix + "28" if prefix == "35" else prefix
    body = prefix + digits(f"c{n}", length - len(prefix) - 1)
    total = sum(
        sum(map(int, str(int(d) * 2))) if k % 2 == 0 else int(d)
        for k, d in enumerate(reversed(body))
    )
    return body + str(-total % 10)


def iban(n):
    """ISO 13616: letters are 10 to 35, the country and "00" moved to the end, 98 minus the rest."""
    country, shape = (("DE", "18"), ("GB", "WEST14"), ("FR", "23"), ("NL", "ABNA10"), ("NO", "11"))[
        n % 5
    ]
    bank = re.sub(r"\d", "", shape)
    body = bank + digits(f"i{n}", int(re.sub(r"\D", "", shape)))
    number = "".join(str(int(c, 36)) for c in body + country + "00")
    return f"{country}{98 - int(number) % 97:02d}{body}"


def grouped(text, n):
    return " ".join(text[k : k + 4] for k in range(0, len(text), 4)) if n % 2 else text


@pytest.mark.parametrize(
    ("make", "label"),
    [
        (resident_id, "<RESIDENT_ID>"),
        (lambda n: grouped(card(n), n) if n % 6 in (0, 1, 3, 5) else card(n), "<CARD>"),
        (lambda n: grouped(iban(n), n), "<IBAN>"),
        (lambda n: "1" + "3456789"[n % 7] + digits(f"m{n}", 9), "<PHONE>"),
        (lambda n: f"+49 30 {digits(f'p{n}', 7)}", "<PHONE>"),
        (lambda n: f"user{n}.x@mail{n}.{('com', 'de', 'cn', 'co.uk')[n % 4]}", "<EMAIL>"),
        (
            lambda n: f"{11 + n % 80}.{n % 256}.{digits(f'q{n}', 2).lstrip('0') or '0'}.{n % 250}",
            "<IP>",
        ),
    ],
    ids=["resident", "card", "iban", "mobile", "abroad", "email", "ip"],
)
def test_recall_on_generated(make, label):
    for n in range(N):
        value = make(n)
        for context in CONTEXTS[:2] if label == "<IP>" else CONTEXTS:
            text = context.format(value)
            found = redact(text, ("pii.v1",))
            assert (found.text, found.counts) == (context.format(label), {label: 1}), text


@pytest.mark.parametrize(
    ("make", "label"), [(resident_id, "<RESIDENT_ID>"), (card, "<CARD>"), (iban, "<IBAN>")]
)
def test_one_wrong_digit_is_no_id(make, label):
    for n in range(N):
        value = make(n)
        place = 7 + n % 5
        wrong = value[:place] + str((int(value[place]) + 1) % 10) + value[place + 1 :]
        assert label not in redact(f"nr {wrong} x", ("pii.v1",)).counts


def test_published_examples_of_the_standards():
    assert resident_id_holds(b"11010519491231002X")
    assert resident_id_holds(b"440524188001010014")
    assert luhn_holds(b"79927398713") and not luhn_holds(b"79927398714")
    assert iban_holds(b"GB82WEST12345698765432") and not iban_holds(b"GB82WEST12345698765431")


def twin(data: bytes) -> set[tuple[int, int, int]]:
    out = set()
    for m in re.finditer(rb"@|[(\[][aA][tT][)\]]", data):
        out.add((an.AT, *m.span()))
    for m in re.finditer(rb"\xef\xbc[\x90-\x99\xa0]", data):
        out.add((an.WIDE, *m.span()))
    for m in re.finditer(rb"[A-Za-z0-9_+/.\-]{16,}", data):
        if re.search(rb"[0-9]", m[0]) or len(re.findall(rb"[A-Z]", m[0])) >= 8:
            out.add((an.TOKEN, *m.span()))
    for m in re.finditer(rb"[0-9A-Fa-f:]+", data):
        if m[0].count(b":") >= 3:
            out.add((an.IPV6, *m.span()))
    for m in re.finditer(rb"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}", data):
        if m.start() + 14 < len(data):
            out.add((an.IBAN, *m.span()))
    for m in re.finditer(rb"\d(?:[ \t.()+/\-\xef\xbc\x88\x89]{0,3}\d)*", data):
        dots = len(re.findall(rb"(?<=\d)\.(?=\d)", m[0]))
        if len(re.findall(rb"\d", m[0])) >= 7 or dots >= 3:
            out.add((an.NUMBER, *m.span()))
    for m in re.finditer(b"[=:]|\xef\xbc\x9a", data):
        before = re.sub(rb"[ \t\"'\]]{1,4}\Z", b"", data[: m.start()])
        name = re.search(rb"[A-Za-z0-9._\-]{0,48}\Z", before)[0].lower()
        secret = re.search(rb"key|pass|pwd|secret|token|cred|auth", name)
        if secret or before.endswith(("密码".encode(), "密钥".encode(), "口令".encode())):
            out.add((an.ASSIGN, *m.span()))
    return out


PIECES = st.sampled_from(
    ["a@b.cc", "138", "1", "0", ".", "-", " ", "(", "）", "＠", "１", "：", ":", "=", "key", "密码",
     "口令 ", "x", "Token", "GB29", "ABCDEFGH12345678", "::", "fe80:", "[at]", "\"", "朋友", "é", "👋",
     "\n", "pass_word", "1389", "+", "Tel. ", "télé", "MOBILE:", "手机", "联系方式", "://u:pw", "'", "/"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=25))
def test_anchors_equal_the_twin(pieces):
    data = "".join(pieces).encode()
    found, wanted = set(an.anchors(data)), twin(data)
    assert found <= wanted
    for kind, start, end in wanted - found:
        assert kind in (an.TOKEN, an.AT, an.NUMBER)
        assert _taken(data, kind, start, end) == [], "what is passed over holds nothing"
    assert an.anchored([data, b"", data[:7]]) == [
        bool(an.anchors(part)) for part in (data, b"", data[:7])
    ]


def _taken(data: bytes, kind: int, start: int, end: int) -> list:
    """What the patterns would take at an anchor."""
    if kind == an.TOKEN:
        return list(_token(data, start, end))
    if kind == an.NUMBER:
        return list(_numbers(data, start, end))
    return [*_email(data, start, end), *_url_password(data, start)]


KEYS = st.sampled_from(
    ["AKIA", "ghp_", "xoxb-", "hooks.slack.com/services/", "sk-", "eyJ", "-us12", "AC", "SG.", "pypi-AgE",
     "bearer ", "Authorization: Basic ", "token\t", "=", ":", '"', " ", "T0", "B0", "aZ9", "0123456789abcdef",
     "ABCDEFGH12345678", "q8Zr5tYx3WvU", "/", ".", "-", "_", "key", "中"]
)  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(st.lists(KEYS, max_size=12))
def test_no_token_that_holds_a_secret_is_passed_over(pieces):
    data = "".join(pieces).encode()
    found = set(an.anchors(data))
    for kind, start, end in twin(data):
        if kind == an.TOKEN and list(_token(data, start, end)):
            assert (kind, start, end) in found


@settings(max_examples=300, deadline=None)
@example([".", "a@b.cc", ".", "a@b.cc"])
@given(st.lists(PIECES, max_size=25))
def test_redaction_is_stable_and_keeps_the_rest(pieces):
    text = "".join(pieces)
    once = redact(text)
    assert redact(once.text).text == once.text
    assert sum(once.counts.values()) == sum(once.text.count(label) for label in once.counts)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.one_of(PIECES, KEYS), max_size=12).map("".join), max_size=8))
def test_names_are_redacted_as_texts_are(names):
    names += ["QQ:12345678", "/home/ann/x", "x" * 500, "x" * 500 + " 微信号 abcdefg"]
    assert redact_names(names) == [redact(name).text for name in names]


def test_clean_text_is_returned_as_it_is(data):
    import gzip

    text = gzip.decompress((data / "books" / "zh-23864-0.txt.gz").read_bytes()).decode()
    chapter = text[2000:5000]
    assert redact(chapter).text is chapter
