"""US social security numbers, Maestro and JCB cards, IBANs in small letters, extensions of telephones.

Sources of what is expected: SSA, "Social Security Number Randomization" (no area 000, 666, 900 to 999; no
group 00, no serial 0000); ISO/IEC 7812 ranges of Maestro (5018, 5020, 5038, 5893, 6304, 6759, 6761 to 6763;
12 to 19 digits) and JCB (2131, 1800; 15 digits); ISO 13616; RFC 3966 (`ext`). Check digits are made here,
by their standards.
"""

from __future__ import annotations

import pytest

from corpusforge.filter.redact import redact
from corpusforge.hashing import word64

N = 200
MAESTRO = ("5018", "5020", "5038", "5893", "6304", "6759", "6761", "6762", "6763")


def digits(name: str, count: int) -> str:
    return str(word64("numbers", name) % 10**count).zfill(count)


def luhn(body: str) -> str:
    """The body with its check digit: of the digits from the right, every first is doubled, digit by digit."""
    total = sum(
        sum(map(int, str(int(d) * 2))) if k % 2 == 0 else int(d)
        for k, d in enumerate(reversed(body))
    )
    return body + str(-total % 10)


def maestro(n: int) -> str:
    prefix, size = MAESTRO[n % 9], (12, 13, 16, 18, 19)[n % 5]
    return luhn(prefix + digits(f"m{n}", size - 5))


def jcb(n: int) -> str:
    return luhn(("2131", "1800")[n % 2] + digits(f"j{n}", 10))


def iban(n: int) -> str:
    country, size = (("DE", 18), ("FR", 23), ("NO", 11), ("AT", 16), ("ES", 20))[n % 5]
    body = digits(f"i{n}", size)
    number = "".join(str(int(c, 36)) for c in body + country + "00")
    return f"{country}{98 - int(number) % 97:02d}{body}"


def fours(text: str) -> str:
    return " ".join(text[k : k + 4] for k in range(0, len(text), 4))


def found(text: str) -> str:
    return redact(text, ("pii.v1",)).text


@pytest.mark.parametrize("context", ["{}", "My number is {}.", "({})\n", "号码为{}。", "a,{};b"])
def test_what_is_found_in_any_context(context: str) -> None:
    for n in range(N):
        area = 1 + word64("area", n) % 899
        area += area == 666
        ssn = f"{area:03d}-{1 + n % 99:02d}-{1 + n:04d}"
        assert found(context.format(ssn)) == context.format("<SSN>")
        for card in (maestro(n), jcb(n)):
            assert found(context.format(card)) == context.format("<CARD>")
        for number in (iban(n).lower(), fours(iban(n).lower()), iban(n).capitalize()):
            assert found(context.format(number)) == context.format("<IBAN>")


@pytest.mark.parametrize(
    "ssn",
    [
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "999-12-3456",
        "123-00-4567",
        "123-45-0000",
        "123-456-789",
        "1123-45-6789",
        "123-45-67890",
        "123-45-6789-1",
        "v123-45-6789",
        "123-45-6789.5",
        "123 45 6789",
        "123456789",
        "1-123-45-6789",
    ],
)
def test_what_is_no_social_security_number(ssn: str) -> None:
    assert found(f"part {ssn} here") == f"part {ssn} here"


@pytest.mark.parametrize(
    "label",
    [
        "SSN: {}",
        "SSN {}",
        "ssn#{}",
        "Social Security Number: {}",
        "social security no. {}",
        "Social Security # {}",
        "SSN is {}",
    ],
)
@pytest.mark.parametrize("ssn", ["123456789", "123 45 6789", "123-45-6789"])
def test_a_label_says_what_nine_digits_are(label: str, ssn: str) -> None:
    assert found(label.format(ssn)) == label.format("<SSN>")
    wrong = ssn.replace("123", "000", 1)
    assert found(label.format(wrong)) == label.format(wrong)


def test_one_wrong_digit_is_no_card_and_no_iban() -> None:
    for n in range(N):
        for number in (maestro(n), jcb(n), iban(n).lower()):
            place = 7 + n % 4
            wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
            assert found(f"nr {wrong} x") == f"nr {wrong} x"


def test_groups_of_cards() -> None:
    for n in range(0, N, 10):
        twelve = luhn(MAESTRO[n % 9] + digits(f"g{n}", 7))
        assert found(f"card {fours(twelve)} ok") == "card <CARD> ok"
        card = jcb(n)
        assert found(f"{card[:4]}-{card[4:10]}-{card[10:]}") == "<CARD>"


@pytest.mark.parametrize(
    "text",
    [
        "no12 the cat sat on the mat",
        "in de89 we met",
        "be68 5390 0754 703 and more",
        "at61abcdefghijklmnop",
        "https://a.example/de89370400440532013001",
        "xde89370400440532013000",
        "se46 5000 0000 0583 9825 7466",
    ],
)
def test_what_is_no_iban_in_small_letters(text: str) -> None:
    """Words, check sums that do not hold (the registry's example is SE45…), parts of words."""
    assert found(text) == text


def test_the_registrys_examples_in_small_letters() -> None:
    """IBAN registry of SWIFT, one example a country."""
    for number in (
        "de89370400440532013000",
        "gb29nwbk60161331926819",
        "fr1420041010050500013m02606",
        "mt84malt011000012345mtlcast001s",
        "no9386011117947",
        "se45 5000 0000 0583 9825 7466",
        "nl91 abna 0417 1643 00",
    ):
        assert found(f"iban {number}, please") == "iban <IBAN>, please"


@pytest.mark.parametrize(
    "number",
    [
        "(415) 555-2671",
        "415-555-2671",
        "+1 415 555 2671",
        "+49 30 1234567",
        "010-62781234",
        "+86 138 1234 5678",
    ],
)
@pytest.mark.parametrize(
    "extension",
    [
        " ext. 123",
        " ext 123",
        ", ext. 4567",
        " extension 12",
        " x123",
        "x123",
        " x 12",
        ";ext=99",
        " Ext: 7",
        "转8012",
        " 分机 8012",
        "分机号8012",
    ],
)
def test_an_extension_goes_with_its_number(number: str, extension: str) -> None:
    assert found(f"Call {number}{extension}.") == "Call <PHONE>."
    assert found(f"Tel. {number}{extension} today") == "Tel. <PHONE> today"


def test_an_extension_of_a_chinese_landline() -> None:
    assert found("电话：010-62781234-8012。") == "电话：<PHONE>。"
    assert found("见 010-62781234-80123456 号") == "见 010-62781234-80123456 号"


@pytest.mark.parametrize(
    "text",
    [
        "415-555-2671 extra 12 words",
        "415-555-2671 x-ray 12",
        "415-555-2671 extension cord",
        "415-555-2671 xylophone",
    ],
)
def test_words_that_begin_like_one_stay(text: str) -> None:
    assert found(text) == text.replace("415-555-2671", "<PHONE>")


def test_a_number_that_a_word_goes_on_is_none() -> None:
    for text in ("415-555-2671extra", "415-555-2671xyz", "415-555-2671x12y"):
        assert found(text) == text


def test_twice_changes_nothing_more() -> None:
    text = "SSN: 123-45-6789, 415-555-2671 ext. 12, de89370400440532013000, 010-62781234转8012"
    once = found(text)
    assert once == "SSN: <SSN>, <PHONE>, <IBAN>, <PHONE>"
    assert found(once) == once
