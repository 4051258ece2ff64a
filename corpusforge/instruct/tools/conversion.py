"""Unit conversion, exact: the units of `cot.units`, and those that lie in another system of measures.

Factors are the definitions (international yard and pound of 1959; US gallon; 1 mu is 2000/3 m²). Limits: US
gallons and pints, never imperial ones; no currencies; months and years are not turned into days.
"""

from __future__ import annotations

import re
from fractions import Fraction

from corpusforge.instruct.cot.units import UNITS
from corpusforge.instruct.tools.calculator import shown
from corpusforge.instruct.tools.errors import ToolError

__all__ = ["convert"]

F = Fraction
_POUND, _FOOT, _GALLON = F("0.45359237"), F("0.3048"), F("3.785411784")
_BRIDGES = {"feet": ("length", _FOOT), "speed:mph": ("speed:km/h", F("1.609344"))}
"""Dimensions that `cot.units` keeps apart, since an answer in miles is another answer."""
_MORE: dict[str, tuple[str, Fraction]] = {
    name: (dimension, size)
    for dimension, size, names in (
        ("mass", _POUND, "lb lbs pound pounds 磅"),
        ("mass", _POUND / 16, "oz ounce ounces 盎司"),
        ("length", _FOOT * 5280, "英里"),
        ("length", _FOOT, "英尺"),
        ("length", _FOOT / 12, "英寸 in"),
        ("length", F(500), "里"),
        ("volume", _GALLON, "gallon gallons gal 加仑"),
        ("volume", _GALLON / 8, "pint pints 品脱"),
        ("area", F(10000), "hectare hectares ha 公顷"),
        ("area", F(2000, 3), "亩"),
        ("area", F(10**6), "km2 km² 平方公里 平方千米"),
        ("area", _FOOT * _FOOT * 43560, "acre acres 英亩"),
        ("speed:km/h", F("3.6"), "m/s 米/秒"),
    )
    for name in names.split()
}
_DEGREES = {"celsius": "C", "°c": "C", "c": "C", "摄氏度": "C", "degrees celsius": "C",
            "fahrenheit": "F", "°f": "F", "f": "F", "华氏度": "F", "degrees fahrenheit": "F",
            "kelvin": "K", "k": "K", "开尔文": "K"}  # fmt: skip
_LEFT_OUT = ("money", "percent", "angle")
_ASKED = re.compile(
    r"\s*(-?\d{1,15}(?:,\d{3})*(?:\.\d{1,15})?)\s*([^\d\s,，=][^\d,，=]{0,30}?[²2]?)"
    r"(?:\s+(?:to|in|into|as)\s+|\s*(?:,|，|=|->|→|换算成|换算为|转换为|转为|等于多少|是多少)\s*)([^\d\s][^\d,，]{0,30}?[²2]?)\s*\Z",
    re.IGNORECASE,
)


def convert(query: str) -> str:
    """Return the amount of "5 miles to km" in the unit asked for, with it. Raises ToolError."""
    found = _ASKED.match(query[:120])
    if not found or len(query) > 120:
        raise ToolError("write an amount with its unit, and the other unit: 5 miles to km")
    amount = F(found[1].replace(",", ""))
    left, right = found[2].strip(), found[3].strip()
    gap = "" if "\u4e00" <= right[0] <= "\u9fff" else " "
    if left.lower() in _DEGREES and right.lower() in _DEGREES:
        return (
            f"{shown(_heat(amount, _DEGREES[left.lower()], _DEGREES[right.lower()]))}{gap}{right}"
        )
    (kind, size), (other, unit) = _unit(left), _unit(right)
    if kind != other:
        raise ToolError(f"{left!r} is {kind} and {right!r} is {other}")
    return f"{shown(amount * size / unit)}{gap}{right}"


def _unit(name: str) -> tuple[str, Fraction]:
    found = _MORE.get(name.lower()) or UNITS.get(name.lower())
    if found is None or found[0].startswith(_LEFT_OUT):
        raise ToolError(f"{name!r} is no unit that is known")
    dimension, size = found
    bridge, factor = _BRIDGES.get(dimension, (dimension, F(1)))
    return bridge, size * factor


def _heat(amount: Fraction, start: str, end: str) -> Fraction:
    celsius = {"C": amount, "F": (amount - 32) * F(5, 9), "K": amount - F("273.15")}[start]
    return {"C": celsius, "F": celsius * F(9, 5) + 32, "K": celsius + F("273.15")}[end]
