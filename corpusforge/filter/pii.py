"""Personal data in a text: addresses, numbers and names that point at one person (`pii.v1`).

Patterns are ours; the check sums are those of ISO 13616 (IBAN), ISO/IEC 7812 (Luhn) and
GB 11643 (Chinese resident id). Everything works on UTF-8 bytes around the anchors of `anchors`.
Limits: no names of people, no postal addresses, no national phone form without a label other than
the North American and Chinese ones, no 15-digit resident ids (they carry no check sum), no social security
number without hyphens or a label.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator

from corpusforge.filter.anchors import AT, IBAN, IPV6, NUMBER

__all__ = ["Span", "find_pii", "iban_holds", "luhn_holds", "resident_id_holds"]

Span = tuple[int, int, int, str]
"""(priority, start, end, placeholder): where two overlap the lower priority number wins."""

_LOCAL = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}$")
_DOMAIN = re.compile(rb"((?:[A-Za-z0-9-]{1,63}\.)+)([A-Za-z]{2,18})(?![A-Za-z0-9-])")
_SPOKEN = re.compile(
    rb" ?([A-Za-z0-9-]{2,63}(?: ?(?:\.|[\[(](?:dot|DOT)[\])]) ?[A-Za-z0-9-]{1,63}){0,3}?)"
    rb" ?(?:\.|[\[(](?:dot|DOT)[\])]) ?([A-Za-z]{2,18})(?![A-Za-z0-9-])"
)
# Two-letter ends are countries'. Others: the generic ones people have mailboxes under.
_ENDS = frozenset(
    b"com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel cat tel asia "
    b"xyz top site online club shop app dev cloud tech store live email mail news blog art design "
    b"studio agency company group team work space world life today link website fun vip wang "
    b"academy center company digital global guru network solutions systems school health care law "
    b"london berlin paris nyc eus gal bzh scot wien swiss africa science media social chat zone".split()
)

_RESIDENT = re.compile(
    rb"(?<![0-9A-Za-z])[1-8]\d{5}(?:18|19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}"
    rb"[0-9Xx](?![0-9A-Za-z])"
)
_PROVINCES = frozenset(
    b"11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "
    b"71 81 82 83".split()
)
_CARD = re.compile(
    rb"(?<![0-9A-Za-z_.])(?:\d{12,19}|\d{4}([ -])\d{4}\1\d{4}(?:\1\d{4}(?:\1\d{3})?)?"
    rb"|(?:3[47]\d\d|2131|1800)([ -])\d{6}\2\d{5})(?![0-9A-Za-z_]|[.-]\d)"
)
_ISSUERS = re.compile(
    rb"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:2[2-9]|[3-6]\d|7[01])\d{13}|3[47]\d{13}"
    rb"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}|(?:2131|1800)\d{11}"
    rb"|6(?:011|5\d\d|4[4-9]\d)\d{12}|62\d{14,17}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}"
)
_AREA = rb"(?!000|666)[0-8]\d\d"
_SOCIAL = re.compile(rb"(?<![\w.-])" + _AREA + rb"-(?!00)\d\d-(?!0000)\d{4}(?![0-9A-Za-z_]|[.-]\d)")
"""As the Social Security Administration gives them since 2011, and gave them before: no area 000, 666 or from
900 on, no group 00, no serial 0000."""
_SOCIAL_LABELLED = re.compile(
    rb"\b(?:SSN|social security(?: (?:number|no|nr))?)(?: (?:number|no|nr|is))?[.:#]?\s?#? ?"
    rb"(" + _AREA + rb"([ -]?)(?!00)\d\d\2(?!0000)\d{4})(?![0-9A-Za-z_]|[.-]\d)",
    re.IGNORECASE,
)
_IPV4 = re.compile(rb"(?<![\w.-])(?<![A-Za-z]/)\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\w|-[A-Za-z0-9])")
_VERSION = re.compile(
    r"(?:\bv|ver|version|release|rev|driver|firmware|build|chapter|section|版本|第)[\s:=.]*$".encode(),
    re.IGNORECASE,
)
_QUIET_NETS = tuple(
    ipaddress.ip_network(net)
    for net in (  # noqa: SIM905
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 "
        "192.168.0.0/16 224.0.0.0/3 ::/127 fe80::/10 fc00::/7 ff00::/8"
    ).split()
)

_COUNTRY_CODES = frozenset(
    b"1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 "
    b"64 65 66 81 82 84 86 90 91 92 93 94 95 98 211 212 213 216 218 220 221 222 223 224 225 226 227 "
    b"228 229 230 231 232 233 234 235 236 237 238 239 240 241 242 243 244 245 246 247 248 249 250 251 "
    b"252 253 254 255 256 257 258 260 261 262 263 264 265 266 267 268 269 290 291 297 298 299 350 351 "
    b"352 353 354 355 356 357 358 359 370 371 372 373 374 375 376 377 378 380 381 382 383 385 386 387 "
    b"389 420 421 423 500 501 502 503 504 505 506 507 508 509 590 591 592 593 594 595 596 597 598 599 "
    b"670 672 673 674 675 676 677 678 679 680 681 682 683 685 686 687 688 689 690 691 692 850 852 853 "
    b"855 856 880 886 960 961 962 963 964 965 966 967 968 970 971 972 973 974 975 976 977 992 993 994 "
    b"995 996 998".split()
)
_END = rb"(?![0-9A-DF-WYZa-df-wyz_]|[.-]\d)"
"""No digit or letter goes on; an "e" or "x" may begin an extension, which `_extended` looks at."""
_EXTENSION = re.compile(
    "[ ,;]{0,2}(?:ext(?:ension|n)?[.:=]?|x|(?:分机|转)(?:号)?(?::|：)?) ?(\\d{1,6})(?![0-9A-Za-z_])".encode(),
    re.IGNORECASE,
)
_LEFT, _RIGHT = "(?:\\(|（)".encode(), "(?:\\)|）)".encode()
_PHONES = (
    re.compile(
        rb"(?<![\w+.])(?:\+|00)?86[ -]?1[3-9]\d([ -]?)\d{4}\1\d{4}"
        + _END
        + rb"|(?<![\w+.-])1[3-9]\d([ -]?)\d{4}\2\d{4}"
        + _END
    ),
    re.compile(
        rb"(?<![\w.-])"
        + _LEFT
        + rb"0\d{2,3}"
        + _RIGHT
        + rb" ?\d{7,8}"
        + _END
        + rb"|(?<![\w.+-])0\d{2,3}-\d{7,8}(?:-\d{1,5})?"
        + _END
    ),
    re.compile(
        rb"(?<![\w.+/=-])(?:\+?1[ .-])?(?:\([2-9]\d\d\)[ -]?[2-9]\d\d[ .-]\d{4}"
        rb"|(?!400)[2-9]\d\d([.-])[2-9]\d\d\1\d{4})" + _END
    ),
)
_ABROAD = re.compile(rb"(?<![\w+.])\+[1-9]\d{0,14}(?:[ .\-/]{0,2}(?:\(\d{1,5}\)|\d{1,14})){0,7}")
_LABELLED = re.compile(
    (
        r"(?:\b(?:tel(?:ephone)?|tél|phone|fax|mobile|mob|cell|whatsapp|call us(?: at| on)?)"
        r"(?:(?: no\.?| number)? ?(?:[.:]|：){1,2}\s?| ?(?=[+(0]))"
        r"|(?:电话|手机|号码|传真|座机|热线|联系方式)(?:号(?:码)?)?\s?(?:(?::|：|是|为)\s?)?)"
        r"(\+?\(?\d(?:[ \-./]{0,2}[()]?\d){6,14})"
    ).encode(),
    re.IGNORECASE,
)

_LABELS = re.compile(
    "(?:tel|tél|phone|fax|mob|cell|whatsapp|call|电话|手机|号码|传真|座机|热线|联系方式)".encode(),
    re.IGNORECASE,
)
"""What every label of `_LABELLED` holds; a look for these is cheaper than the pattern."""

_IBAN = re.compile(rb"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}", re.IGNORECASE)
_IBAN_SMALL = re.compile(
    rb"[A-Z]{2}\d\d(?:[A-Z0-9]+|(?: [A-Z0-9]{4})+(?: [A-Z0-9]{1,4})?)", re.IGNORECASE
)
"""In small letters, where words are: no spaces, or groups of four."""
_SMALL_DIGITS = 8
"""The fewest digits of an IBAN in small letters; every country's have more."""
_IBAN_LENGTHS = {
    code[:2].encode(): int(code[2:])
    for code in (  # noqa: SIM905
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
        "EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 "
        "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 "
        "NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 "
        "TN24 TR26 UA29 VA22 VG24 XK20"
    ).split()
}
_MESSENGER = re.compile(
    (
        r"(?:QQ(?:号码|号|群号|群)?|微信(?:号|ID)?|WeChat(?: ?ID)?)\s?(?:(?::|：)\s?|(?<=号)\s?)"
        r"([A-Za-z][A-Za-z0-9_-]{4,19}|[1-9]\d{4,11})(?![A-Za-z0-9_])"
    ).encode()
)
_PATH = re.compile(
    rb"(?:(?<![\w.~/-])|(?<=file://))(?:/home/|/Users/)([A-Za-z0-9][\w.-]*)(?=/)"
    rb"|(?<![A-Za-z])[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)([A-Za-z0-9][\w. -]{0,30}?)(?=\\|/)"
)
_NO_ONE = frozenset(
    b"user username users yourname your_username you me name root admin administrator public default "
    b"shared guest runner ubuntu debian vagrant travis circleci jenkins git www www-data app node "
    b"docker pi ec2-user linuxbrew jovyan build all example foo bar baz".split()
)


def luhn_holds(digits: bytes) -> bool:
    """Whether the Luhn sum of ASCII digits is a multiple of ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = (digit - 48) << (place & 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban_holds(compact: bytes) -> bool:
    """Whether an IBAN without spaces has its country's length and check sum."""
    if _IBAN_LENGTHS.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(chr(c), 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def resident_id_holds(number: bytes) -> bool:
    """Whether an 18-character Chinese resident id has a province and its check character."""
    weighted = sum((c - 48) * (2 ** (17 - i) % 11) for i, c in enumerate(number[:17]))
    return number[:2] in _PROVINCES and b"10X98765432"[weighted % 11] == number.upper()[17]


def _email(data: bytes, start: int, end: int) -> Iterator[Span]:
    spoken = end - start > 1
    space = spoken and data[start - 1 : start] == b" "
    low = max(0, start - space - 64)
    local = _LOCAL.search(data[low : start - space])
    domain = (_SPOKEN if spoken else _DOMAIN).match(data, end, end + 255)
    if local is None or domain is None:
        return
    top = domain[2].lower()
    if len(top) > 2 and top not in _ENDS:
        return
    # git@host:path names a repository; user:pass@host is a credential, which `secrets` takes.
    before = data[max(0, low + local.start() - 1) : low + local.start()]
    if domain[0] in (b"openssh.com", b"libssh.org"):  # names of algorithms: umac-64@openssh.com
        return
    if (local[0] == b"git" and data[domain.end() : domain.end() + 1] in b":/") or (
        before == b":" and b"://" in data[max(0, low + local.start() - 64) : start]
    ):
        return
    yield 3, low + local.start(), domain.end(), "<EMAIL>"


def _quiet(address: str) -> bool:
    """Whether an address is malformed, or names no host on the public network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return True
    return any(parsed.version == net.version and parsed in net for net in _QUIET_NETS)


def _ipv4(data: bytes, start: int, end: int) -> Iterator[Span]:
    for match in _IPV4.finditer(data, max(0, start - 1), end + 4):
        version = _VERSION.search(data[max(0, match.start() - 12) : match.start()])
        # Four single digits are a section or version number, or a well-known resolver.
        if len(match[0]) > 7 and not version and not _quiet(match[0].decode()):
            yield 3, match.start(), match.end(), "<IP>"


def _ipv6(data: bytes, start: int, end: int) -> Iterator[Span]:
    text = data[start:end].rstrip(b":") if not data[start:end].endswith(b"::") else data[start:end]
    edges = data[max(0, start - 1) : start] + data[end : end + 1]
    bare = not any(chr(c).isalnum() or c == 95 for c in edges if c < 128)
    if bare and any(48 <= c <= 57 for c in text) and not _quiet(text.decode()):
        yield 3, start, start + len(text), "<IP>"


def _iban(data: bytes, start: int) -> Iterator[Span]:
    match = _IBAN.match(data, start, start + 48)
    country = data[start : start + 2].upper()
    if match is None or country not in _IBAN_LENGTHS:
        return
    need, end = _IBAN_LENGTHS[country], start
    while need and end < match.end():
        need -= data[end] != 32
        end += 1
    written = data[start:end]
    if not written.isupper():
        digits = sum(48 <= c <= 57 for c in written)
        if digits < _SMALL_DIGITS or not _IBAN_SMALL.fullmatch(written):
            return
    compact = written.replace(b" ", b"").upper()
    if need == 0 and not data[end : end + 1].isalnum() and iban_holds(compact):
        yield 0, start, end, "<IBAN>"


def _plain_digits(found: bytes) -> bytes:
    return bytes(c for c in found if 48 <= c <= 57)


def _extended(data: bytes, end: int) -> int:
    """Return where a telephone number ends with its extension; -1 where a word goes on."""
    if match := _EXTENSION.match(data, end, end + 24):
        return match.end()
    follows = data[end : end + 1]
    return -1 if follows.isalnum() or follows == b"_" else end


def _abroad(data: bytes, start: int, end: int) -> Iterator[Span]:
    for match in _ABROAD.finditer(data, max(0, start - 2), end):
        digits = _plain_digits(match[0])
        known = any(digits[:k] in _COUNTRY_CODES for k in (1, 2, 3))
        stop = _extended(data, match.end())
        if known and 8 <= len(digits) <= 15 and stop >= 0:
            yield 4, match.start(), stop, "<PHONE>"


def _numbers(data: bytes, start: int, end: int) -> Iterator[Span]:
    low, high = max(0, start - 3), end + 4
    run = data[start:end]
    digits = len(run) - len(run.translate(None, b"0123456789"))  # all digits of a match lie in it
    if digits >= 9:
        yield from _social(data, start, high)
    if digits >= 12:
        yield from _long_numbers(data, start, high)
    if run.count(b".") >= 3:
        yield from _ipv4(data, start, end)
    if digits >= 10:
        for pattern in _PHONES:
            for match in pattern.finditer(data, low, high):
                if (stop := _extended(data, match.end())) >= 0:
                    yield 4, match.start(), stop, "<PHONE>"
    if b"+" in data[max(0, start - 2) : end]:
        yield from _abroad(data, start, end)
    if _LABELS.search(data, max(0, start - 40), start):
        yield from _labelled(data, start, high)


def _long_numbers(data: bytes, start: int, high: int) -> Iterator[Span]:
    for match in _RESIDENT.finditer(data, start, high):
        if resident_id_holds(match[0]):
            yield 0, match.start(), match.end(), "<RESIDENT_ID>"
    for match in _CARD.finditer(data, start, high):
        digits = _plain_digits(match[0])
        if _ISSUERS.fullmatch(digits) and luhn_holds(digits):
            yield 1, match.start(), match.end(), "<CARD>"


def _social(data: bytes, start: int, high: int) -> Iterator[Span]:
    for match in _SOCIAL.finditer(data, start, high):
        yield 1, *match.span(), "<SSN>"
    for match in _SOCIAL_LABELLED.finditer(data, max(0, start - 40), high):
        yield 1, *match.span(1), "<SSN>"


def _labelled(data: bytes, start: int, high: int) -> Iterator[Span]:
    for match in _LABELLED.finditer(data, max(0, start - 40), high):
        if (stop := _extended(data, match.end())) >= 0:
            yield 5, match.start(1), stop, "<PHONE>"


def find_pii(data: bytes, anchors: Iterable[tuple[int, int, int]]) -> Iterator[Span]:
    """Yield the spans of personal data in a UTF-8 text, in bytes; they may overlap."""
    for kind, start, end in anchors:
        if kind == AT:
            yield from _email(data, start, end)
        elif kind == NUMBER:
            yield from _numbers(data, start, end)
        elif kind == IPV6:
            yield from _ipv6(data, start, end)
        elif kind == IBAN:
            yield from _iban(data, start)
    if b"QQ" in data or "微信".encode() in data or b"WeChat" in data:
        for match in _MESSENGER.finditer(data):
            yield 2, *match.span(1), "<MESSENGER_ID>"
    if b"/home/" in data or b"Users" in data:
        for match in _PATH.finditer(data):
            group = 1 if match[1] is not None else 2
            if match[group].lower() not in _NO_ONE:
                yield 6, *match.span(group), "<USER>"
