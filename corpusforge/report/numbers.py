"""How figures are written for people: one place, so that page, card and terminal agree."""

from __future__ import annotations

__all__ = ["count", "duration", "percent", "short", "size"]

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def count(value: float) -> str:
    """Return 1234567 as "1,234,567"."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """Return 1234567 as "1.23M": three significant digits."""
    for unit, factor in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{unit}"
    return f"{value:.3g}"


def size(value: float) -> str:
    """Return bytes with a decimal unit: 1234567 as "1.23 MB"."""
    place = 0
    while abs(value) >= 1000 and place < len(_UNITS) - 1:
        value /= 1000
        place += 1
    return f"{value:.0f} B" if place == 0 else f"{value:.3g} {_UNITS[place]}"


def percent(part: float, whole: float = 1.0) -> str:
    """Return "12.3 %", or a dash where there is no whole; tiny shares show as "< 0.1 %"."""
    if not whole:
        return "–"
    value = 100.0 * part / whole
    if 0 < value < 0.1:
        return "< 0.1 %"
    return f"{value:.1f} %" if value != 100.0 else "100 %"


def duration(seconds: float) -> str:
    """Return 3725 as "1 h 2 min", 75 as "1 min 15 s", 4.2 as "4.2 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
