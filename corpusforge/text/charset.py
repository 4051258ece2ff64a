"""Bytes to text for pages, books and every other file: one set of rules.

In this order: byte-order mark; UTF-16 without one; ISO-2022-JP; sound UTF-8 (a few stray bytes in it cost
themselves); what the transport and the page claim; what the bytes look like. Labels mean what the WHATWG
Encoding Standard says they mean, vendors' supersets included, and no other name is looked up: Python's
`punycode` and `unicode_escape` are no character sets. A multi-byte claim that decodes cleanly is believed.
A single-byte one always decodes, so it is weighed: servers send ISO-8859-1 by default, so the letters it
gives must form some language's alphabet (`alphabets.tsv`), nearly as well as the best other reading does.
Limits: languages whose letters no row holds are read as claimed or as Windows-1252; codecs that give the
same letters are told apart by uchardet's guess; ISO-2022-KR and HZ are not read.
"""

from __future__ import annotations

import codecs
import functools
import html
import re
from collections import Counter
from importlib import resources
from typing import NamedTuple

__all__ = ["claims", "codec", "controls", "decode", "to_utf8"]

_SAMPLE = 1 << 16
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDER = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
"""Python's name of a set → the superset that browsers, and pages, mean by it."""
_MORE_LABELS = {
    "cp932": "cp932",
    "ms932": "cp932",
    "cp936": "gb18030",
    "cp949": "cp949",
    "uhc": "cp949",
    "cp950": "big5hkscs",
    "x-mac-cyrillic": "mac-cyrillic",
    "x-mac-ukrainian": "mac-cyrillic",
    "x-user-defined": "cp1252",
    "big5hkscs": "big5hkscs",
    "cp874": "cp874",
    "mac-cyrillic": "mac-cyrillic",
}
"""Labels of the standard that resiliparse's table lacks, vendors' names that servers do send, and what
`codec` itself returns."""
_MULTIBYTE = frozenset(("gb18030", "big5hkscs", "euc_jp", "cp932", "cp949", "iso2022_jp"))
_ALSO = {
    "big5hkscs": ("cp950",),
    "euc_jp": ("euc_jis_2004",),
    "cp932": ("shift_jis_2004",),
    "iso2022_jp": ("iso2022_jp_ext", "iso2022_jp_2004"),
}
"""Relatives that hold signs which Python's codec of the first name lacks."""
_LOOK, _HEAD = 1 << 16, 1 << 16
_ASCII, _HIGH = bytes(range(128)), bytes(range(128, 256))
_HIGH_BYTE = re.compile(b"[\x80-\xff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LATIN = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256))
_GOOD, _NEAR, _FAIR = 0.9, 0.1, 0.5
_DEFAULT_GOOD, _DEFAULT_NEAR = 0.99, 0.02
"""How plausible a claimed reading must be, and how near to the best other one; the second pair is for
Windows-1252, which servers claim by default."""


def codec(label: str) -> str:
    """Return Python's name for a character set label as browsers read it, or "" where it is none."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    label = label.strip().lower()
    if not label.isascii() or not 0 < len(label) <= 40:
        return ""
    name = _MORE_LABELS.get(label) or map_encoding_to_html5(label, False) or ""
    return _WIDER.get(name, name)


_MARKUP = re.compile(
    rb"<!--|<(script|style|title|textarea|noscript|xmp|body)\b|<(meta)\b|<[a-z/!?]", re.I
)
_XML = re.compile(rb"\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
_ATTRIBUTE = re.compile(
    rb"[\s/]*+([^\s/>=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"']*+)))?+"
)
_IN_CONTENT = re.compile(r"charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([^\s\"';,]{1,40})", re.I)


def _attributes(data: bytes, place: int) -> tuple[dict[str, str], int]:
    """Return the attributes of a tag from behind its name, and the place where they end."""
    found: dict[str, str] = {}
    while match := _ATTRIBUTE.match(data, place):
        place = match.end()
        value = match[2] or match[3] or match[4] or b""
        found.setdefault(match[1].decode("latin-1").lower(), html.unescape(value.decode("latin-1")))
    return found, place


def _meta(data: bytes, place: int) -> tuple[str, int]:
    """Return the label that a <meta> tag claims, "" for none, and the place behind its attributes."""
    known, place = _attributes(data, place)
    label = known.get("charset", "")
    if not label and known.get("http-equiv", "").strip().lower() == "content-type":
        match = _IN_CONTENT.search(known.get("content", ""))
        label = match[1] if match else ""
    return label, place


def claims(data: bytes) -> list[str]:
    """Return the codecs that a page's own bytes claim: XML declaration, then the first <meta> that does.

    The standard's prescan, over the page's head (64 KB at most): comments, scripts, styles and titles
    claim nothing, nor do attributes of other tags.
    """
    head = data[:_HEAD]
    lowered = head.lower()
    found = [codec(match[1].decode("ascii"))] if (match := _XML.match(head)) else []
    place = 0
    while match := _MARKUP.search(head, place):
        place = match.end()
        if match[0] == b"<!--":
            end = head.find(b"-->", place - 2)
            place = end + 3 if end >= 0 else len(head)
        elif match[2]:
            label, place = _meta(head, place)
            if name := codec(label):
                # A tag that is readable as ASCII stands in no UTF-16.
                found.append("utf-8" if name.startswith("utf-16") else name)
                break
        elif match[1]:
            if match[1].lower() == b"body":
                break
            closing = lowered.find(b"</" + match[1].lower(), place)
            place = closing + 2 if closing >= 0 else len(head)
        else:
            _, place = _attributes(head, place)
    return [name for name in dict.fromkeys(found) if name]


class _Script(NamedTuple):
    """One language's letters beyond ASCII, and the commonest of them where its script is its own."""

    codecs: tuple[str, ...]
    letters: frozenset[str]
    common: frozenset[str]


def _rows(name: str) -> list[list[str]]:
    text = resources.files(__package__).joinpath(name).read_text("utf-8")
    return [row.split("\t") for row in text.split("\n") if row and not row.startswith("#")]


@functools.cache
def _scripts() -> dict[str, list[_Script]]:
    """Return the alphabets that each single-byte codec may write, by codec, in order of likelihood."""
    found: dict[str, list[_Script]] = {}
    for names, letters, *more in _rows("alphabets.tsv"):
        both = frozenset(letters + letters.upper())
        common = frozenset(more[0] + more[0].upper()) if more else frozenset()
        script = _Script(tuple(names.split()), both, common)
        for name in script.codecs:
            found.setdefault(name, []).append(script)
    return found


@functools.cache
def _common() -> list[tuple[tuple[str, ...], frozenset[str]]]:
    return [
        (tuple(names.split()), frozenset(signs)) for names, signs in _rows("common_characters.tsv")
    ]


_PUNCTUATION = frozenset("’‘“”„‚‹›«»–—…·•\xa0\xad\u200b\u200c\u200d\u200e\u200f،؛؟№†‡")
_JOINERS = frozenset("’‘·–—…\xad\u200b\u200c\u200d\u200e\u200f")
_SYMBOLS = frozenset("£€¢¥§©®°±²³¹ºª½¼¾¿¡×÷™µ¬¶¦¤¨¯´¸ªº")
_BEHIND_WORDS = frozenset("²³°ªº¹®™©")
_BETWEEN = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f](?=[^\W\d_])")
_BEHIND = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f](?![^\W\d_])")
_MIXED = re.compile(r"[a-zA-Z][^\x00-\x7f\W\d_]|[^\x00-\x7f\W\d_][a-zA-Z]|ς[^\x00-\x7f\W\d_]")
_INSIDE = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f\W\d_]")
_MIXED = re.compile(r"[a-zA-Z][^\x00-\x7f\W\d_]|[^\x00-\x7f\W\d_][a-zA-Z]|ς[^\x00-\x7f\W\d_]")
_INSIDE = re.compile(r"(?<=[^\W\d_])[^\x00-\x7f\W\d_]")


@functools.cache
def _signs(name: str) -> tuple[str, ...]:
    """Return what a single-byte codec reads each byte from 128 on as."""
    return tuple(_read(bytes([byte]), name) for byte in range(128, 256))


def _fit(counts: Counter[int], name: str, *, claimed: bool = False) -> float:
    """Return how much of a sample's bytes above 127 a codec reads as letters of one alphabet (to 1.0).

    `counts` is how often each such byte occurs. Punctuation fits any language, symbols nearly; letters
    outside the alphabet count nothing, control characters against it, letters of another frequency than the
    language's less. One or two letters prove little unless `claimed`.
    """
    total = counts.total()
    if not total:
        return 1.0
    signs = _signs(name)
    high: Counter[str] = Counter()
    for byte, n in counts.items():
        high[signs[byte - 128]] += n
    fixed = 0.0
    for sign, n in high.items():
        if "\x80" <= sign <= "\x9f" or sign == "\ufffd":
            fixed -= 2 * n
        elif sign in _PUNCTUATION:
            fixed += n
        elif sign in _SYMBOLS:
            fixed += 0.9 * n
    best = 0.0
    for script in _scripts()[name]:
        held = {sign: n for sign, n in high.items() if sign in script.letters}
        worth: float = sum(held.values())
        if script.common and held:
            share = sum(n for sign, n in held.items() if sign in script.common) / worth
            worth *= min(1.0, share / 0.6)
        if len(held) < 3 and name != "cp1252" and not claimed:
            worth *= 0.85
        best = max(best, worth)
    return (best + fixed) / total


def _oddity(text: str, name: str) -> float:
    """Return what speaks against a reading, a count: symbols inside words, capitals behind small letters,
    words of two scripts."""
    odd = 0.0
    for sign in _BETWEEN.findall(text):
        odd += 2 * ((not sign.isalpha() and sign not in _JOINERS) or sign in "ªº")
    odd += 0.9 * sum(sign in _SYMBOLS - _BEHIND_WORDS for sign in _BEHIND.findall(text))
    for found in _INSIDE.finditer(text):
        odd += 4 * (found[0].isupper() and text[found.start() - 1].islower())
    if _scripts()[name][0].common:
        odd += len(_MIXED.findall(text))
    return odd


def _plausible(sample: bytes, counts: Counter[int], name: str, *, claimed: bool = False) -> float:
    """Return how well a codec's reading of a sample fits some language (to 1.0, well below 0 at worst)."""
    fit = _fit(counts, name, claimed=claimed)
    return fit - _oddity(_read(sample, name), name) / max(1, counts.total())


def _sample(data: bytes) -> bytes:
    """Return up to 8 KB of the data around bytes above 127, cut where no character can be cut."""
    pieces: list[bytes] = []
    place = 0
    while len(pieces) < 8 and (found := _HIGH_BYTE.search(data, place)):
        start = found.start()
        first = start
        while first > place and start - first < 24 and data[first - 1] > 0x2F:
            first -= 1
        end = min(len(data), start + 1024)
        while end < len(data) and end - start < 1200 and data[end] > 0x2F:
            end += 1
        pieces.append(data[first:end])
        place = end
    return b"\n".join(pieces)


def _euro(error: UnicodeError) -> tuple[str, int]:
    """Read byte 0x80 as "€", as browsers do in GBK; any other fault is U+FFFD."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.object[error.start] == 0x80:
        return "€", error.start + 1
    return "\ufffd", error.end


codecs.register_error("corpusforge.euro", _euro)


def _read(data: bytes, name: str) -> str:
    """Decode with U+FFFD for what the codec lacks; Windows-1252 takes every byte, as in browsers."""
    if name == "cp1252":
        return codecs.charmap_decode(data, "strict", _LATIN)[0]
    if name == "gb18030":
        return data.decode(name, "corpusforge.euro")
    text = data.decode(name, "replace")
    return text if name.startswith("utf-8") else _SURROGATE.sub("\ufffd", text)


def _clean(data: bytes, name: str) -> str | None:
    """Return the text if hardly a byte is wrong: a cut last character, a stray byte."""
    text = _read(data, name)
    wrong = text.count("\ufffd")
    for other in _ALSO.get(name, ()) if wrong else ():
        second = _read(data, other)
        if (errors := second.count("\ufffd")) < wrong:
            text, wrong = second, errors
    foreign = len(data) - len(data.translate(None, _HIGH))
    return text if wrong <= 1 or wrong * 50 <= foreign else None


def _multibyte(sample: bytes) -> str:
    """Return the multi-byte codec whose commonest characters make up much of the sample, or ""."""
    best, most = "", 0.0
    for names, common in _common():
        for name in names:
            high = Counter(sign for sign in sample.decode(name, "replace") if sign > "\x7f")
            total = high.total()
            if not total or high["\ufffd"] > min(2 + total // 50, total // 8):
                continue
            share = sum(n for sign, n in high.items() if sign in common) / total
            if share > most:
                best, most = name, share
    return best if most >= 0.2 else ""


def _detected(sample: bytes, counts: Counter[int]) -> tuple[str, float]:
    """Return the codec that the bytes look most like, and how much."""
    neighbours = len(re.findall(b"[\x80-\xff]{2}", sample))
    if neighbours * 2 >= 0.4 * counts.total() and (name := _multibyte(sample)):
        return name, 1.0
    fits = {name: _fit(counts, name) for name in _scripts()}
    scores: dict[str, float] = {}
    for name in sorted(fits, key=fits.__getitem__, reverse=True):
        if fits[name] < max(scores.values(), default=-9.0):
            break
        scores[name] = _plausible(sample, counts, name)
    most = max(scores.values())
    near = [name for name, score in scores.items() if score >= most - 0.005]
    near.sort(key=list(_scripts()).index)
    guess = _guessed(sample) if len(near) > 1 else ""
    return guess if guess in near else near[0], most


def _guessed(data: bytes) -> str:
    """Return uchardet's guess, for what no table here knows."""
    from resiliparse.parse.encoding import detect_encoding

    name = codec(detect_encoding(data, max_len=_LOOK, html5_compatible=False) or "")
    return name if name and not name.startswith("utf") else "cp1252"


_COMMON_SIGNS = re.compile("[\\n ，。、\u3000]")


def _wide(sample: bytes) -> str:
    """Return UTF-16's name if as such the sample has the blanks, line feeds and commas of a text.

    Or where the bytes at every second place are hardly more than two: the upper halves of one script.
    """
    even = sample[: len(sample) // 2 * 2]
    found = {
        name: len(_COMMON_SIGNS.findall(even.decode(name, "replace")))
        for name in ("utf-16-le", "utf-16-be")
    }
    name = max(found, key=found.__getitem__)
    if found[name] * 100 > len(even) and found[name] > 4 * min(found.values()):
        return name
    first, second = (_of_two(even[place::2]) for place in (0, 1))
    if max(first, second) < 0.9 or min(first, second) > 0.6 or b"\x00" not in even:
        return ""
    return "utf-16-be" if first > second else "utf-16-le"


def _of_two(data: bytes) -> float:
    """Return the share of the two commonest bytes."""
    return sum(n for _, n in Counter(data).most_common(2)) / max(1, len(data))


def _by_claims(data: bytes, claimed: list[str]) -> tuple[str, str]:
    """Return text and codec of bytes that are no UTF-8, from claims and from what they look like."""
    for name in claimed:
        if name in _MULTIBYTE and (text := _clean(data, name)) is not None:
            return text, name
    sample = _sample(data)
    counts = Counter(sample.translate(None, _ASCII))
    best, most, near = "", -9.0, _NEAR
    single = [name for name in claimed if name not in _MULTIBYTE and not name.startswith("utf")]
    for claim in sorted(single, key=lambda name: name == "cp1252"):
        default = claim == "cp1252"
        for name in (claim, "koi8-u") if claim == "koi8-r" else (claim,):
            score = _plausible(sample, counts, name, claimed=not default)
            if score > most:
                best, most, near = name, score, _DEFAULT_NEAR if default else _NEAR
        if most >= (_DEFAULT_GOOD if default else _GOOD):
            return _read(data, best), best
    name, score = _detected(sample, counts)
    if best and (most >= score - near or score < _FAIR):
        name = best
    elif score < _FAIR:
        name = _guessed(data)
    if name in _MULTIBYTE and (text := _clean(data, name)) is not None:
        return text, name
    return _read(data, name), name


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """Return (text without a byte-order mark, Python's name of the character set); never raises.

    `declared` is what the transport, or the file's own header, calls the set; "" if nothing.
    Undecodable bytes become U+FFFD.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _read(data[len(mark) :], name), name
    if b"\x00" in data[:_LOOK] and (name := _wide(data[:_LOOK])):
        return _read(data, name), name
    if (
        b"\x1b$" in data[:_LOOK]
        and data.isascii()
        and (text := _clean(data, "iso2022_jp")) is not None
    ):
        return text, "iso2022_jp"
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    text = data.decode("utf-8", "replace")
    wrong = text.count("\ufffd")
    if len(text) - len(text.encode("ascii", "ignore")) >= 5 * wrong:
        return text, "utf-8"
    if name := _wide(data[:_LOOK]):
        return _read(data, name), name
    return _by_claims(data, list(dict.fromkeys(filter(None, (codec(declared), *claims(data))))))


def to_utf8(data: bytes, declared: str = "") -> bytes:
    """Return what `decode` reads as UTF-8 bytes; sound UTF-8 comes back as it is."""
    head = data[:_LOOK]
    if b"\x00" not in head and b"\x1b" not in head:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            return data.removeprefix(codecs.BOM_UTF8)
    return decode(data, declared)[0].encode("utf-8")


def controls(text: str) -> float:
    """Return the share (0..1) of control and replacement characters in the first 65,536.

    Text has none, or a stray few; bytes that are no text have 10 % and more in any character set.
    """
    sample = text[:_SAMPLE]
    return len(_CONTROLS.findall(sample)) / max(1, len(sample))
