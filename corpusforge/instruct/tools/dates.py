"""The calendar: weekdays, days between two dates, a date some days or weeks away.

Today is what the run says (`--today`) and never the clock, so that a row can be made again. Limits: the
Gregorian calendar of the years 1 to 9999, backwards too; months and years are not added, since their lengths
differ.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from corpusforge.instruct.tools.errors import ToolError

__all__ = ["calendar", "read_day"]

_DAY = r"(\d{4})(?:-|/|\s?年\s?)(\d{1,2})(?:-|/|\s?月\s?)(\d{1,2})(?:\s?[日号])?"
_ONE = re.compile(rf"(?:{_DAY}|(today|今天))", re.IGNORECASE)
_WAY = re.compile(
    r"\s*([+\-−＋－]|加|减)\s*(\d{1,6})\s*(days?|weeks?|天|日|周|星期|个星期)\Z", re.IGNORECASE
)
_SINCE = re.compile(r"\s*(?:-|−|－|–|减|to|until|到|至|,|，)\s*", re.IGNORECASE)
_WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期日"),
}
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip


def read_day(text: str) -> date:
    """Return the day of YYYY-MM-DD or 2024年2月29日. Raises ToolError."""
    found = re.fullmatch(_DAY, text.strip())
    if not found:
        raise ToolError(f"{text[:40]!r} is no date; write YYYY-MM-DD")
    return _day(*found.groups())


def calendar(query: str, language: str, today: str = "") -> str:
    """Return what the calendar says of "", "DAY", "DAY + 30 days" or "DAY - DAY". Raises ToolError."""
    text = query.strip() or "today"
    found = _ONE.match(text)
    if not found:
        raise ToolError("a date comes first; write YYYY-MM-DD")
    first = _of(found, today)
    rest = text[found.end() :]
    if not rest.strip():
        return _shown(first, language)
    if way := _WAY.match(rest):
        size = int(way[2]) * (1 if way[3].lower() in {"day", "days", "天", "日"} else 7)
        return _shown(_moved(first, -size if way[1] in "-−－减" else size), language)
    between = _SINCE.match(rest)
    second = _ONE.fullmatch(rest[between.end() :].strip()) if between else None
    if second is None:
        raise ToolError(
            "behind a date stands nothing, + or - a number of days or weeks, or a second date"
        )
    days = abs((first - _of(second, today)).days)
    return f"{days}天" if language == "zh" else f"{days} day{'s' * (days != 1)}"


def _of(found: re.Match[str], today: str) -> date:
    if found[4]:
        if not today:
            raise ToolError("no day is today here; --today gives one")
        return read_day(today)
    return _day(found[1], found[2], found[3])


def _day(year: str, month: str, day: str) -> date:
    try:
        return date(int(year), int(month), int(day))
    except ValueError as error:
        raise ToolError(f"{year}-{month}-{day} is no day of the calendar") from error


def _moved(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError as error:
        raise ToolError("beyond the years 1 to 9999") from error


def _shown(day: date, language: str) -> str:
    weekday = _WEEKDAYS[language][day.weekday()]
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日，{weekday}"
    return f"{weekday}, {day.day} {_MONTHS[day.month - 1]} {day.year}"
