"""Quantities: a number with its unit, read from text as an exact fraction.

"2 hours 30 minutes", "$5.50", "12.5%", "一个半小时", "3.5万元", "1 1/2", "1.5 × 10^3". Two quantities
are equal when they are so in the same dimension; one without a unit is equal to one with a unit when
the figure is the same (50 = 50%), and 50% is also 0.5. No rounding: 0.33 is not 1/3. Limits: decimal
points only ("1.234,5" is no number); ranges and lists are no numbers. What stands behind the number is
judged by `tails`: a counted thing, or mathematics, with which the text states no number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from math import factorial

from corpusforge.instruct.cot.numerals import NUMERAL, WORDS, chinese, english
from corpusforge.instruct.cot.plain import plain
from corpusforge.instruct.cot.tails import agree, counted, fraction_word
from corpusforge.instruct.cot.units import CURRENCIES, SCALES, UNITS

__all__ = ["Quantity", "leading", "quantity", "same"]

_BODY = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+|\.(?!\d))?|\.\d+"
_ARABIC = re.compile(
    rf"(?P<whole>{_BODY})"
    r"(?:\s*+(?:×|x|\*)\s*+10\s*+\^?\s*+\(?(?P<power>-?\d+)\)?|e(?P<exponent>[+-]?\d+))?",
    re.IGNORECASE,
)
_OVER = re.compile(rf"\s*/\s*(?P<below>-?{_BODY})")
_MIXED = re.compile(r"(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])")
_HAN = re.compile(
    rf"一半|{NUMERAL}又{NUMERAL}分之{NUMERAL}|{NUMERAL}分之{NUMERAL}|{NUMERAL}(?:点{NUMERAL})?"
)
_PERCENT = re.compile(rf"百分之(?:(?P<han>{NUMERAL}(?:点{NUMERAL})?)|(?P<arabic>{_BODY}))")
_ENGLISH = re.compile(WORDS, re.IGNORECASE)
_SIGN = re.compile(r"[-+]|minus\s+|negative\s+|负", re.IGNORECASE)
_DEBT = re.compile(r"^([$€£¥])-(?=[\d.])")  # $-10
_FACTORIAL = re.compile(r"(\d{1,3})!")
_VARIABLE = re.compile(r"([a-z])\s*=\s*", re.IGNORECASE)
_LEAD = re.compile(
    r"(?:[a-z]\s*)?=\s*|≈\s*|(?:about|approximately|around|exactly|only|a total of|total of)\s+"
    r"|(?:大约|约|一共|总共|共|共计|只有|等于)\s*",
    re.IGNORECASE,
)
_SCALE = re.compile(r"\s*(" + "|".join(sorted(SCALES, key=len, reverse=True)) + r")(?![a-z])", re.I)
_UNIT = re.compile(
    r"(?:\s*+|-(?=[a-z]{2}))("  # 3-m is a difference, 12-inch a length
    + "|".join(re.escape(u) for u in sorted(UNITS, key=len, reverse=True))
    + r")(?![a-z])",
    re.IGNORECASE,
)
_SPACES = "\u00a0\u2009\u202f"
_HALF_HOUR = re.compile(r"个半(?=[小月])")
_WORD_RATE = re.compile(r"per\b|an? (?:hour|minute|second|day)\b|每")


@dataclass(frozen=True, slots=True)
class Quantity:
    """`value` in the dimension's base unit; `sizes` are the units it was or may be stated in.

    `counted` names what is counted, `variable` what is said to be equal to it. `needs_unit`: the unit
    is one letter that may as well be a variable (3m), so that it is not left out.
    """

    value: Fraction
    dimension: str = ""
    sizes: tuple[Fraction, ...] = (Fraction(1),)
    counted: str = ""
    variable: str = ""
    needs_unit: bool = False

    @property
    def figure(self) -> Fraction:
        """The number as it was written, in its first unit."""
        return self.value / self.sizes[0]


def same(left: Quantity, right: Quantity) -> bool:
    """Whether two quantities are equal; a missing unit, thing or variable fits any."""
    if left.variable and right.variable and left.variable != right.variable:
        return False
    if left.dimension == right.dimension:
        return left.value == right.value and _things_agree(left, right)
    if left.dimension and right.dimension:
        return False
    bare, full = (right, left) if left.dimension else (left, right)
    if full.needs_unit or (bare.counted and not _is_unit(bare.counted, full.dimension)):
        return False
    return any(bare.value * size == full.value for size in full.sizes)


def _things_agree(left: Quantity, right: Quantity) -> bool:
    if left.dimension and not left.dimension.startswith("money"):
        # 15 miles an hour are not 15 miles
        rates = [bool(_WORD_RATE.match(one.counted)) for one in (left, right)]
        if rates[0] != rates[1]:
            return False
    return agree(left.counted, right.counted)


def _is_unit(thing: str, dimension: str) -> bool:
    """Whether a counted thing may be the unit that the other side states: pounds are two."""
    return thing.split(maxsplit=1)[0] == "pound" and dimension in {"money:GBP", "mass"}


def quantity(text: str) -> Quantity | None:
    """Return the quantity that the whole text states, or None. Words for what is counted may follow."""
    found = leading(text)
    if found is None:
        return None
    value, rest = found
    thing = counted(rest)
    return None if thing is None else replace(value, counted=thing)


def leading(text: str) -> tuple[Quantity, str] | None:
    """Return the quantity at the beginning of the text and what follows it, or None."""
    text = _DEBT.sub(r"-\1", plain(_digits(text)))
    variable = ""
    while found := _LEAD.match(text):
        if named := _VARIABLE.match(text):
            variable = named[1]
        text = text[found.end() :]
    negative = False
    if found := _SIGN.match(text):
        negative, text = found[0] != "+", text[found.end() :]
    first = _single(text)
    if first is None:
        return None
    total, rest = first
    sizes = list(total.sizes)
    while total.dimension and (more := _single(re.sub(r"^\s*(?:and|,|零|又)?\s*", "", rest))):
        part, left = more
        if part.dimension != total.dimension or part.sizes[0] >= sizes[-1]:
            break
        total = Quantity(total.value + part.value, total.dimension)
        sizes.append(part.sizes[0])
        rest = left
    value = -total.value if negative else total.value
    whole = replace(total, value=value, sizes=tuple(sizes), variable=variable)
    return whole, rest


def _digits(text: str) -> str:
    """Join groups of three digits that narrow or hard spaces part."""
    return re.sub(rf"(?<=\d)[{_SPACES}](?=\d{{3}})", "", text)


def _single(text: str) -> tuple[Quantity, str] | None:
    """Read sign of money, number, multiplier and unit from the beginning."""
    if found := _PERCENT.match(text):
        face = chinese(found["han"]) if found["han"] else _fraction(found["arabic"])
        return (_percent(face), text[found.end() :]) if face is not None else None
    money = next((s for s in sorted(CURRENCIES, key=len)[::-1] if text.lower().startswith(s)), "")
    text = text[len(money) :].lstrip()
    read = _number(text)
    if read is None:
        return None
    value, rest = read
    unit = "" if money else _named(rest)
    if not unit.strip() and (found := _SCALE.match(rest)):
        value, rest = value * SCALES[found[1].lower()], rest[found.end() :]
        unit = "" if money else _named(rest)
    name = CURRENCIES[money] if money else unit.strip().lstrip("-").lower()
    if not name:
        return Quantity(value), rest
    dimension, size = UNITS[name]
    rest = rest[len(unit) :]
    if dimension == "percent":
        return _percent(value), rest
    attached = len(unit) == 1 and unit.isascii() and unit.isalpha()
    return Quantity(value * size, dimension, (size,), needs_unit=attached), rest


def _percent(face: Fraction) -> Quantity:
    return Quantity(face / 100, "percent", (Fraction(1, 100), Fraction(1)))


def _named(rest: str) -> str:
    found = _UNIT.match(rest)
    return found[0] if found else ""


def _fraction(text: str) -> Fraction | None:
    try:
        return Fraction(re.sub(r"[, ]", "", text).rstrip("."))
    except (ValueError, ZeroDivisionError):
        return None


def _number(text: str) -> tuple[Fraction, str] | None:
    """Return the number at the beginning and what follows; "半" halves the unit after it."""
    if found := _MIXED.match(text):
        whole, above, below = (int(part) for part in found.groups())
        return (whole + Fraction(above, below), text[found.end() :]) if below else None
    if (
        (found := _FACTORIAL.match(text))
        and int(found[1]) <= 100
        and text[found.end() :][:1] != "!"
    ):
        return Fraction(factorial(int(found[1]))), text[found.end() :]
    if found := _ARABIC.match(text):
        read = _written(text, found)
        return read and _of_parts(*read, in_words=False)
    if found := _ENGLISH.match(text):
        value = english(found[0])
        return None if value is None else _of_parts(value, text[found.end() :], in_words=True)
    if text.startswith("半"):
        return (Fraction(1, 2), text[1:])
    if found := _HAN.match(text):
        value, rest = chinese(found[0]), text[found.end() :]
        return None if value is None else _and_a_half(value, rest)
    return None


def _of_parts(value: Fraction, rest: str, *, in_words: bool) -> tuple[Fraction, str]:
    """Two thirds are a fraction, not two things."""
    part = fraction_word(rest, in_words)
    return (value / part[0], rest[part[1] :]) if part else (value, rest)


def _and_a_half(value: Fraction, rest: str) -> tuple[Fraction, str]:
    found = _HALF_HOUR.match(rest)
    return (value + Fraction(1, 2), rest[found.end() :]) if found else (value, rest)


def _written(text: str, found: re.Match[str]) -> tuple[Fraction, str] | None:
    value, end = _fraction(found["whole"]), found.end()
    if value is None:
        return None
    power = int(found["power"] or found["exponent"] or 0)
    if abs(power) > 400:  # more is no answer, and would fill the memory
        return None
    value *= Fraction(10) ** power
    if over := _OVER.match(text, end):
        below = _fraction(over["below"])
        if not below:
            return None
        value, end = value / below, over.end()
    return _and_a_half(value, text[end:])
