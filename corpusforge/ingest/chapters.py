"""Where the chapters of a plain-text book begin.

A heading stands on its own line after a blank one and names a chapter: in Latin scripts a word
for chapter with a number (or BOOK, PART…), in Chinese 第…章/回/卷/篇. A table of contents, where
headings follow one another without prose, is no chapter. Bare numerals count where they run from
one without a gap. Limit: other unnumbered headings are not seen; such a book stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from corpusforge.records import RawDocument

__all__ = ["cut", "headings"]

_NUMBER = r"(?:\d{1,3}|[ivxlcdm]{1,8}|[a-z]+(?:-[a-z]+)?)"
_LATIN = re.compile(
    rf"\s*+[=#*_]*+\s*+(?:chapter|chapitre|cap[íi]tulo|capitolo|kapitel|hoofdstuk|luku|kapitola|rozdzia[łl]|"
    rf"book|livre|buch|libro|livro|part|partie|teil|act|acte|akt|canto|letter|stave)\s+(?:the\s+)?{_NUMBER}"
    r"(?:[.:—–-]|\s*$|\s+\S.{0,70}$)",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"\s*(?:第[0-9〇零一二三四五六七八九十百千两]{1,6}[章回卷篇节節部集折幕]|[^\s。，、：]{1,6}第[一二三四五六七八九十]{1,3}$)"
)
_NUMERAL = re.compile(r"\s*([IVXLC]{1,8}|[0-9]{1,3})[.]?\s*")
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_LONGEST = 90
_PROSE = 200  # characters between two headings that make the first one a chapter


def headings(lines: Sequence[str]) -> list[int]:
    """Return the line numbers of the chapter headings, in order, contents pages left out."""
    alone = [
        number
        for number, line in enumerate(lines)
        if line.strip() and len(line) <= _LONGEST and (number == 0 or not lines[number - 1].strip())
    ]
    named = [n for n in alone if _LATIN.match(lines[n]) or _CHINESE.match(lines[n])]
    found = named or _counted(lines, alone)
    return [
        number
        for number, following in pairwise([*found, len(lines)])
        if sum(len(line.strip()) for line in lines[number + 1 : following]) >= _PROSE
    ]


def _counted(lines: Sequence[str], alone: Sequence[int]) -> list[int]:
    """Bare numerals as headings, where they count up from one without a gap to three at least."""
    found: list[int] = []
    decimal = False
    for number in alone:
        numeral = _NUMERAL.fullmatch(lines[number])
        after = lines[number + 1].strip() if number + 1 < len(lines) else ""
        kind = numeral is not None and numeral[1].isdecimal()
        if (
            numeral
            and (kind == decimal or not found)
            and not after
            and _value(numeral[1]) == len(found) + 1
        ):
            found.append(number)
            decimal = kind
    return found if len(found) >= 3 else []


def _value(numeral: str) -> int:
    """The value of an Arabic or Roman numeral; malformed Roman ones give some number."""
    if numeral.isdecimal():
        return int(numeral)
    digits = [_ROMAN[letter] for letter in numeral]
    return sum(-a if a < b else a for a, b in pairwise([*digits, 0]))


def cut(book: RawDocument) -> Iterator[RawDocument]:
    """Yield the chapters of a text book as `locator#1`…; one without headings stays whole.

    What stands before the first heading goes with the first chapter.
    """
    lines = str(book.content).split("\n")
    starts = headings(lines)
    if len(starts) < 2:
        yield book
        return
    bounds = [0, *starts[1:], len(lines)]
    for number, (begin, end) in enumerate(pairwise(bounds), 1):
        heading = lines[starts[number - 1]].strip(" =#*_")
        text = "\n".join(lines[begin:end]).strip("\n") + "\n"
        yield replace(
            book,
            locator=f"{book.locator}#{number}",
            content=text,
            meta={**book.meta, "chapter": heading},
        )
