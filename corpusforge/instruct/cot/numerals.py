"""Numbers written as words: English and Chinese, as exact fractions.

Chinese by place value (十百千万亿), by digits (二〇二四), with 点, 分之, 又, 半, and the spoken short
form in which the last digit stands one place below (一百二 is 120, 一百零二 is 102). Limits: English
up to trillions and without ordinals; two bare Chinese digits (五六) are an estimate, no number.
"""

from __future__ import annotations

import re
from fractions import Fraction

__all__ = ["DIGITS", "NUMERAL", "WORDS", "chinese", "english"]

DIGITS = {character: value for value, characters in enumerate(
    ("零〇", "一壹", "二两贰兩", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
) for character in characters}  # fmt: skip
_SMALL = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_LARGE = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}

NUMERAL = "[" + "".join(DIGITS) + "".join(_SMALL) + "".join(_LARGE) + "]+"
"""A run of Chinese numeral characters."""

_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: value for value, word in enumerate(_ONES)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}

_WORD = "(?:" + "|".join(sorted((*_VALUES, *_SCALES, "hundred"), key=len, reverse=True)) + ")"
WORDS = rf"\b{_WORD}(?:[ -]+(?:and +)?{_WORD})*\b"
"""An English number in words."""


def english(text: str) -> Fraction | None:
    """Return the value of number words, or None where they make no number ("five six")."""
    total = group = last = 0
    for word in re.findall(r"[a-z]+", text.lower()):
        if word == "and":
            continue
        if word == "hundred":
            group = (group or 1) * 100
        elif word in _SCALES:
            total, group = total + (group or 1) * _SCALES[word], 0
        else:
            value = _VALUES.get(word)
            tail = group % 100
            if value is None or (tail and not (last >= 20 and 0 < value < 10)):
                return None
            group += value
        last = _VALUES.get(word, 0)
    return Fraction(total + group)


def chinese(text: str) -> Fraction | None:
    """Return the value of Chinese numerals (百分之 apart), or None where they make no number."""
    if text.startswith("负"):
        value = chinese(text[1:])
        return None if value is None else -value
    if text == "一半":
        return Fraction(1, 2)
    if "又" in text:
        whole, _, rest = text.partition("又")
        parts = chinese(whole), chinese(rest)
        return None if None in parts else sum((p for p in parts if p is not None), Fraction())
    if "分之" in text:
        below, _, above = text.partition("分之")
        bottom, top = chinese(below), chinese(above)
        return None if top is None or not bottom else top / bottom
    if "点" in text:
        return _decimal(text)
    return _whole(text)


def _decimal(text: str) -> Fraction | None:
    head, _, tail = text.partition("点")
    whole = _whole(head)
    if whole is None or not tail or any(c not in DIGITS for c in tail):
        return None
    digits = "".join(str(DIGITS[c]) for c in tail)
    return whole + Fraction(int(digits), 10 ** len(digits))


def _whole(text: str) -> Fraction | None:
    if not text or not re.fullmatch(NUMERAL, text):
        return None
    if all(character in DIGITS for character in text):
        if len(text) == 2:
            return None
        return Fraction(int("".join(str(DIGITS[c]) for c in text)))
    if text[0] in _LARGE:
        return None
    total = section = digit = 0
    place = 0  # of the character before, for the spoken short form
    for character in text:
        if character in DIGITS:
            if digit:
                return None
            digit = DIGITS[character]
            place = 1 if not digit else place
        elif character in _SMALL:
            place = _SMALL[character]
            section += (digit or 1) * place
            digit = 0
        else:
            place = _LARGE[character]
            total = (
                (total + section + digit) * place
                if place >= 10**8
                else total + (section + digit) * place
            )
            section = digit = 0
    return Fraction(total + section + digit * max(1, place // 10))
