"""Where the chapters of a plain-text book begin.

A heading stands on its own line after a blank one and names a chapter: in Latin scripts a word
for chapter with a number (or BOOK, PART…), in Chinese 第…章/回/卷/篇. A table of contents, where
headings follow one another without prose, is no chapter. Limit: books with bare
numerals as headings stay whole.
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
    rf"\s*[=#*_]*\s*(?:chapter|chapitre|cap[íi]tulo|capitolo|kapitel|hoofdstuk|luku|kapitola|rozdzia[łl]|"
    rf"book|livre|buch|libro|livro|part|partie|teil|act|acte|akt|canto|letter|stave)\s+(?:the\s+)?{_NUMBER}"
    r"(?:[.:—–-]|\s*$|\s+\S.{0,70}$)",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"\s*(?:第[0-9〇零一二三四五六七八九十百千两]{1,6}[章回卷篇节節部集折幕]|[^\s。，、：]{1,6}第[一二三四五六七八九十]{1,3}$)"
)
_LONGEST = 90
_PROSE = 200  # characters between two headings that make the first one a chapter


def headings(lines: Sequence[str]) -> list[int]:
    """Return the line numbers of the chapter headings, in order, contents pages left out."""
    found = [
        number
        for number, line in enumerate(lines)
        if len(line) <= _LONGEST
        and (number == 0 or not lines[number - 1].strip())
        and (_LATIN.match(line) or _CHINESE.match(line))
    ]
    kept = []
    for number, following in zip(found, [*found[1:], len(lines)], strict=True):
        if sum(len(line.strip()) for line in lines[number + 1 : following]) >= _PROSE:
            kept.append(number)
    return kept


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
