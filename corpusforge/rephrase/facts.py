"""The facts of a text that can be looked up: numbers, dates, names, quotations; English and Chinese.

A rewrite should hold none that its passage lacks, and most that it has. Numbers are compared by value (1,250,
"three million", 三百万, 20 %), dates by what both say (5 May 1931, May 5, 1931年5月), English names as words
that begin with a capital inside a sentence, Chinese names as titles in 《》, words in Latin letters and
names with a middle dot. Limits: whole numbers to ten without a unit are not looked up (lists are counted,
things summed up); marks of lists are no numbers; a Chinese name in plain characters is not seen; a name at
the head of a sentence only if it comes elsewhere, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from corpusforge.instruct.cot.numerals import DIGITS, NUMERAL, WORDS, chinese, english
from corpusforge.instruct.ground.quotes import normal
from corpusforge.instruct.tokens import unicode_tokens

__all__ = ["Facts", "facts", "foreign", "kept"]

Day = tuple[int, int, int]
"""(year, month, day); 0 where the text does not say."""

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
           "october", "november", "december")  # fmt: skip
_MONTH = "|".join(f"{name.capitalize()}|{name[:3].capitalize()}\\.?" for name in _MONTHS)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = tuple(map(re.compile, (
    r"(?<!\d)(?P<year>\d{4})-(?P<number>\d{1,2})-(?P<day>\d{1,2})(?!\d)",
    rf"(?<!\d){_DAY}(?: of)? (?P<month>{_MONTH})\b(?:,? (?P<year>\d{{4}})(?!\d))?",
    rf"\b(?P<month>{_MONTH}) {_DAY}\b(?:,? (?P<year>\d{{4}})(?!\d))?",
    rf"\b(?P<month>{_MONTH}),? (?P<year>\d{{4}})(?!\d)",
    r"(?<!\d)(?P<year>\d{4}) ?年 ?(?P<number>\d{1,2}) ?月(?: ?(?P<day>\d{1,2}) ?[日号])?",
    r"(?<!\d)(?P<number>\d{1,2}) ?月 ?(?P<day>\d{1,2}) ?[日号]",
)))  # fmt: skip

_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
           "万": 10**4, "亿": 10**8, "千": 10**3, "百": 100, "百万": 10**6, "千万": 10**7}  # fmt: skip
_NUMBER = re.compile(
    r"(?<![\d.])(?P<digits>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?P<scale>[ -]?(?:thousand|million|billion|trillion)\b| ?(?:百万|千万|[万亿千百]))?"
    r"(?P<unit> ?[%％‰]|°|(?=[A-Za-z]))?"
)
_ENGLISH = re.compile(rf"(?<!\d[ -]){WORDS}", re.IGNORECASE)
_CHINESE = re.compile(rf"(?:百分之)?{NUMERAL}(?:点{NUMERAL})?")
_PLACES = frozenset("十百千万亿")
_LIST = re.compile(
    r"^[ \t>|*#-]*(?:(?:step|question|answer|part|section|chapter|q|a) ?\d{1,2}\b[.:)]?"
    r"|\(?\d{1,3}[.)、．:：](?!\d)|(?:步骤|问题|问|答|部分) ?\d{1,2}[.:：、]?"
    r"|第[一二三四五六七八九十\d]{1,3}(?:步|部分|章|节)|[一二三四五六七八九十]{1,3}、)",
    re.IGNORECASE | re.MULTILINE,
)
_SMALL = 10

_LABEL = re.compile(
    r"^\W*(?:q|a|question|answer|problem|solution|learner|expert|step|title|summary|note)\b[^:\n]{0,12}:",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^\s*(?:#|\*\*[^*]+\*\*:?\s*$|\|(?=[^\n]*\|\s*$))")
_WORD = re.compile(r"[A-Za-z][\w’'-]*")
_INSIDE = re.compile(r"[^\s.!?:;|“”\"'‘’()\[\]*_—–-][”\"’')\]]{0,2},? {1,4}\Z")
_NO_NAMES = frozenset(
    ("i", "i'm", "i've", "i'd", "i'll", "faq", "ok", "mr", "mrs", "ms", "dr", "st", "am", "pm")
)
_TITLE = re.compile(r"《([^《》\n]{1,40})》")
_DOTTED = re.compile(r"[\u4e00-\u9fff]{1,8}(?:[·・][\u4e00-\u9fff]{1,8})+")
_LATIN = re.compile(r"[A-Za-z][A-Za-z0-9+-]+")
_QUOTES = re.compile(
    r"“([^“”\n]{4,400})”|\"([^\"\n]{4,400})\"|「([^「」\n]{4,400})」|『([^『』\n]{4,400})』"
)
_EDGE = " ,.，。;；!！?？…"
_LEAST = 5  # tokens from which words in quotation marks are a quotation, and no term


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one text. Names are in lower case; `vocabulary` is all that can hold one."""

    numbers: frozenset[Fraction]
    dates: frozenset[Day]
    names: frozenset[str]
    quotes: tuple[str, ...]
    vocabulary: frozenset[str]
    """Every word of the text in lower case, without a possessive's ending, and every name."""
    text: str
    """The whole text with its white space normalised, in lower case."""
    all_numbers: frozenset[Fraction]
    """Numbers with those of dates, of words and small ones: what another text's numbers are looked up in."""


def facts(text: str, language: str) -> Facts:
    """Return the facts of a text in English (`en`) or Chinese (`zh`)."""
    plain = _LIST.sub(" ", text)
    dates, rest = _dates(plain)
    stated = frozenset(_stated(rest))
    names = frozenset(_chinese_names(rest) if language == "zh" else _english_names(rest))
    return Facts(
        numbers=stated, dates=dates, names=names, quotes=tuple(_quotations(text)),
        vocabulary=frozenset(map(_bare, _WORD.findall(text))) | names,
        text=_folded(text), all_numbers=stated | frozenset(_values(text)),
    )  # fmt: skip


def foreign(found: Facts, passage: Facts) -> dict[str, list[str]]:
    """Return what a rewrite says and its passage does not, by kind: numbers, dates, names, quotes."""
    return {
        "numbers": sorted(str(float(n)) for n in found.numbers - passage.all_numbers),
        "dates": [_shown(day) for day in sorted(found.dates) if not _has(passage.dates, day)],
        "names": sorted(
            name for name in found.names - passage.vocabulary
            if _singular(name) not in passage.vocabulary and not (_cjk(name) and name in passage.text)
        ),
        "quotes": [text for text in found.quotes if _folded(text).strip(_EDGE) not in passage.text],
    }  # fmt: skip


def kept(found: Facts, passage: Facts) -> tuple[int, int]:
    """Return how many of the passage's numbers, dates and names a rewrite has, and how many there are."""
    numbers = len(passage.numbers & found.all_numbers)
    dates = sum(_has(found.dates, day) for day in passage.dates)
    names = sum(
        name in found.vocabulary or (_cjk(name) and name in found.text) for name in passage.names
    )
    return numbers + dates + names, len(passage.numbers) + len(passage.dates) + len(passage.names)


def _dates(text: str) -> tuple[frozenset[Day], str]:
    """The dates of a text, and the text without them."""
    found: set[Day] = set()
    for pattern in _DATES:
        for match in pattern.finditer(text):
            said = match.groupdict()
            month = said.get("number") or _MONTHS_BY_HEAD[said["month"][:3].lower()]
            found.add((int(said.get("year") or 0), int(month), int(said.get("day") or 0)))
        text = pattern.sub(" ; ", text)
    return frozenset(found), text


_MONTHS_BY_HEAD = {name[:3]: number for number, name in enumerate(_MONTHS, 1)}


def _has(days: frozenset[Day], day: Day) -> bool:
    """Whether one of the days says nothing else than this one, and all that it says."""
    return any(all(a in (0, b) for a, b in zip(day, other, strict=True)) for other in days)


def _shown(day: Day) -> str:
    return "-".join(str(part) for part in day if part)


def _stated(text: str) -> Iterator[Fraction]:
    """The numbers in figures that are looked up."""
    for found in _NUMBER.finditer(text):
        exact = _of_digits(found["digits"], found["scale"])
        small = exact.denominator == 1 and exact <= _SMALL
        if not small or found["unit"] is not None or found["scale"]:
            yield exact
    for found in _ENGLISH.finditer(text):
        value = english(found[0])
        if value is not None and value > _SMALL:
            yield value
    for found in _CHINESE.finditer(text):
        if _PLACES & set(found[0]) and set(DIGITS) & set(found[0]):
            value = _of_chinese(found[0])
            if value is not None and value > _SMALL:
                yield value


def _values(text: str) -> Iterator[Fraction]:
    """Every number that a text may be said to hold."""
    for found in _NUMBER.finditer(text):
        yield _of_digits(found["digits"], found["scale"])
        yield _of_digits(found["digits"], None)
    for found in _ENGLISH.finditer(text):
        if (value := english(found[0])) is not None:
            yield value
    for found in _CHINESE.finditer(text):
        if (value := _of_chinese(found[0])) is not None:
            yield value


def _of_digits(digits: str, scale: str | None) -> Fraction:
    return Fraction(digits.replace(",", "")) * _SCALES.get((scale or "").strip(" -"), 1)


def _of_chinese(text: str) -> Fraction | None:
    """The value of Chinese numerals, that of 百分之二十 as 20."""
    return chinese(text.removeprefix("百分之"))


def _english_names(text: str) -> Iterator[str]:
    for labelled in text.splitlines():
        line = _LABEL.sub("", labelled)
        words = _WORD.findall(line)
        capitals = sum(word[0].isupper() for word in words)
        titled = len(words) > 1 and 2 * capitals > len(words)
        if titled or (_HEADING.match(line) and "." not in line):
            continue
        for found in _WORD.finditer(line):
            word = found[0]
            inside = _INSIDE.search(line[max(0, found.start() - 12) : found.start()])
            if word[0].isupper() and inside and _bare(word) not in _NO_NAMES and len(word) > 1:
                yield _bare(word)


def _bare(word: str) -> str:
    word = word.casefold().replace("’", "'")
    return word.removesuffix("'s").rstrip("'-")


def _singular(name: str) -> str:
    return name[:-1] if name.endswith("s") else name


def _chinese_names(text: str) -> Iterator[str]:
    for found in _TITLE.finditer(text):
        yield found[1].casefold()
    for found in _DOTTED.finditer(text):
        yield found[0].rpartition("·")[2] if "·" in found[0] else found[0]
    for found in _LATIN.finditer(text):
        if (name := _bare(found[0])) not in _NO_NAMES:
            yield name


def _cjk(name: str) -> bool:
    return not name.isascii()


def _quotations(text: str) -> Iterator[str]:
    for found in _QUOTES.finditer(text):
        quote = next(filter(None, found.groups()))
        if len(unicode_tokens(quote)) >= _LEAST:
            yield quote


def _folded(text: str) -> str:
    return normal(text).casefold().replace("’", "'").replace("‘", "'")
