"""Dates of records as ISO 8601 text, and the window a recipe keeps."""

from __future__ import annotations

import re

from corpusforge.ingest.settings import Settings
from corpusforge.records import RawDocument, Skipped

__all__ = ["from_digits", "in_words", "window"]

_MONTHS = {
    name: number
    for number, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
        1,
    )
}
_WORDS = re.compile(r"([A-Z][a-z]{2,8})[.,]?\s+(?:(\d{1,2})(?:st|nd|rd|th)?,?\s+)?(\d{4})\b")


def from_digits(digits: str) -> str:
    """Return "2014-02-16T05:02:21Z" for an archive's "20140216050221…", or "" for anything else."""
    d = digits[:14]
    if len(d) < 14 or not d.isdecimal() or not d.isascii():
        return ""
    return f"{d[:4]}-{d[4:6]}-{d[6:8]}T{d[8:10]}:{d[10:12]}:{d[12:14]}Z"


def in_words(text: str) -> str:
    """Return the ISO date of an English "June 25, 2008" or "March, 1994", or ""."""
    found = _WORDS.search(text)
    if not found or (month := _MONTHS.get(found[1][:3].lower())) is None:
        return ""
    day = f"-{int(found[2]):02d}" if found[2] else ""
    return f"{found[3]}-{month:02d}{day}"


def window(document: RawDocument, settings: Settings) -> RawDocument | Skipped:
    """Return the document, or why its date keeps it out; a document without a date stays."""
    date = document.date
    if not date or not (settings.after or settings.before):
        return document
    early = bool(settings.after) and date < settings.after[: len(date)]
    late = bool(settings.before) and date >= settings.before
    if not early and not late:
        return document
    bound = f"{settings.after}..{settings.before}"
    return Skipped(document.locator, "date_window", date, bound, document.url)
