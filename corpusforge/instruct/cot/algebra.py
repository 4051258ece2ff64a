r"""Expressions in one form: sums of products of numbers, square roots, π and letters, multiplied out.

"2\sqrt{3}" is "\sqrt{12}", "(x+1)(x+2)" is "x^2 + 3x + 2", "y = 2x + 1" is "y = 1 + 2x". The form is
exact (fractions, roots of numbers without square divisors), so two expressions that share it are equal
for every value of their letters. i is a letter like others. Limits: one letter is one variable, a letter
before a bracket is a function and not read; no division by a sum, no root of an expression, no
functions; plain figures with signs between them ("3-2") may be a score or a range and are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from corpusforge.instruct.cot.plain import plain

__all__ = ["algebra_key", "power", "value"]

_TOKEN = re.compile(r"(\d+(?:\.\d+)?|\.\d+)|(sqrt|√)|([a-zπ])|([-+*/^()])")
_WHOLE = re.compile(r"[\d\sa-zπ√.+*/^()-]+")
_WORDS = re.compile(r"(?!sqrt)[a-z]{3,}|[a-zπ](?:\d|\s*\()|[\d.]\s+[\d.]")
_ALGEBRA = re.compile(r"[a-zπ√^]")
_SIGNS = re.compile(r"[-+*/^(√]|\d\s*[a-zπ]|sqrt")
_MOST_TERMS = 100
_MOST_POWER = 12
_MOST_ROOT = 10**6
_MOST_BITS = 200

Term = tuple[int, tuple[tuple[str, int], ...]]
"""(what stands under the root, the letters with their powers)."""

Sum = dict[Term, Fraction]

_ONE: Term = (1, ())


def algebra_key(text: str) -> str:
    """Return what equal expressions, or equations side by side, share; "" where the text is neither."""
    sides = _sides(text)
    if not sides or not all(_SIGNS.search(one) or "=" in text for one in sides):
        return ""
    if not any(_ALGEBRA.search(one) for one in sides):
        return ""
    forms = [_read(one) for one in sides]
    return "=".join(_shown(one) for one in forms if one is not None) if None not in forms else ""


def power(text: str) -> Fraction | None:
    """Return the number that a product or power without letters comes to: 2^5, 3·10^4, √49; else None."""
    sides = _sides(text)
    if len(sides) != 1 or not re.search(r"[\^*√]|sqrt", sides[0]):
        return None
    bare = re.sub(r"\^\s*-", "^", sides[0]).lstrip("- ")
    if re.search(r"[-+]|(?!sqrt)[a-zπ]", bare.replace("sqrt", "√")):
        return None
    return _figure(_read(sides[0]))


def value(tokens: Sequence[str], *, below: bool = False) -> Fraction | None:
    """Return what figures, signs, roots and brackets come to, None where they are no expression or one
    with a root left. `below`: all that a "/" is followed by stands below the line (6 / 2 * 3 is 1)."""
    return _figure(_sum(tokens, below=below))


def _sides(text: str) -> list[str]:
    """The sides of an equation, or the expression alone; [] where it cannot be one."""
    bare = plain(text).casefold().replace("×", "*").replace("·", "*")
    sides = [one.strip() for one in bare.split("=")]
    if len(text) > 200 or len(sides) > 2:
        return []
    fit = all(
        _WHOLE.fullmatch(one) and not _WORDS.search(one.replace("sqrt", "√")) for one in sides
    )
    return sides if fit else []


def _read(text: str) -> Sum | None:
    """The sum of an expression, or None where it is none."""
    tokens = [next(filter(None, found)) for found in _TOKEN.findall(text)]
    if _TOKEN.sub("", text).strip():
        return None
    return _sum(["√" if one == "sqrt" else one for one in tokens])


def _figure(made: Sum | None) -> Fraction | None:
    """The number that a sum is, None where it has letters or roots."""
    return made.get(_ONE, Fraction(0)) if made is not None and set(made) <= {_ONE} else None


def _sum(tokens: Sequence[str], *, below: bool = False) -> Sum | None:
    reader = _Reader(tokens, below)
    try:
        made = reader.sum()
    except (ValueError, IndexError, ZeroDivisionError, RecursionError):
        return None
    return made if reader.place == len(tokens) else None


def _shown(made: Sum) -> str:
    parts = []
    for (root, letters), value in sorted(made.items()):
        names = "".join(f"{name}^{times}" if times != 1 else name for name, times in letters)
        under = (f"√{root}" if root > 1 else "") + names
        figure = str(value)
        parts.append({"1": "", "-1": "-"}.get(figure, figure) + under if under else figure)
    return "+".join(parts).replace("+-", "-") or "0"


def _add(left: Sum, right: Sum, sign: int = 1) -> Sum:
    made = dict(left)
    for term, value in right.items():
        made[term] = made.get(term, Fraction(0)) + sign * value
    return _held({term: value for term, value in made.items() if value})


def _times(left: Sum, right: Sum) -> Sum:
    if len(left) * len(right) > _MOST_TERMS:
        raise ValueError
    made: Sum = {}
    for (root, letters), value in left.items():
        for (other, more), factor in right.items():
            outside, under = _drawn(root * other)
            term = (under, _merged(letters, more))
            made[term] = made.get(term, Fraction(0)) + value * factor * outside
    return _held({term: value for term, value in made.items() if value})


def _held(made: Sum) -> Sum:
    """The sum, where its figures are such as answers have."""
    figures = (number for value in made.values() for number in value.as_integer_ratio())
    if len(made) > _MOST_TERMS or any(number.bit_length() > _MOST_BITS for number in figures):
        raise ValueError
    return made


def _merged(
    left: tuple[tuple[str, int], ...], right: tuple[tuple[str, int], ...]
) -> tuple[tuple[str, int], ...]:
    powers = dict(left)
    for name, times in right:
        powers[name] = powers.get(name, 0) + times
    return tuple(sorted((name, times) for name, times in powers.items() if times))


def _drawn(under: int) -> tuple[int, int]:
    """(outside, under) of a root, with no square left under it."""
    if under > _MOST_ROOT:
        raise ValueError
    outside, divisor = 1, 2
    while divisor * divisor <= under:
        while under % (divisor * divisor) == 0:
            under //= divisor * divisor
            outside *= divisor
        divisor += 1
    return outside, under


def _root(made: Sum) -> Sum:
    """The square root of a number."""
    if set(made) != {_ONE} or made[_ONE] < 0:
        raise ValueError
    value = made[_ONE]
    outside, under = _drawn(value.numerator * value.denominator)
    return {(under, ()): Fraction(outside, value.denominator)}


def _inverse(made: Sum) -> Sum:
    if len(made) != 1:
        raise ValueError
    (((root, letters), value),) = made.items()
    return {(root, tuple((name, -times) for name, times in letters)): 1 / (value * root)}


class _Reader:
    """Sums, products, powers and roots by the school's order; products may leave out their sign."""

    def __init__(self, tokens: Sequence[str], below: bool) -> None:
        self.tokens, self.below = tokens, below
        self.place = self.depth = 0

    def sum(self) -> Sum:
        value = self.product()
        while self._at("+-"):
            sign = 1 if self._take() == "+" else -1
            value = _add(value, self.product(), sign)
        return value

    def product(self) -> Sum:
        value = self.signed()
        while self.place < len(self.tokens) and self.tokens[self.place] not in "+-)^":
            sign = self._take() if self._at("*/") else "*"
            factor = self.product() if self.below and sign == "/" else self.signed()
            value = _times(value, _inverse(factor) if sign == "/" else factor)
        return value

    def signed(self) -> Sum:
        if self._at("+-"):
            return _times({_ONE: Fraction(1 if self._take() == "+" else -1)}, self.signed())
        return self.power()

    def power(self) -> Sum:
        base = self.one()
        if not self._at("^"):
            return base
        self._take()
        exponent = self.signed()
        if set(exponent) - {_ONE}:
            raise ValueError
        times = exponent.get(_ONE, Fraction(0))
        if times.denominator != 1 or abs(times) > _MOST_POWER:
            raise ValueError
        made: Sum = {_ONE: Fraction(1)}
        for _ in range(abs(int(times))):
            made = _times(made, base)
        return made if times >= 0 else _inverse(made)

    def one(self) -> Sum:
        piece = self._take()
        if piece == "√":
            return _root(self.one())
        if piece == "(":
            return self._bracket()
        if piece[0].isdigit() or piece[0] == ".":
            if len(piece) > 30:
                raise ValueError
            number = Fraction(piece)
            return {_ONE: number} if number else {}
        if piece.isalpha():
            return {(1, ((piece, 1),)): Fraction(1)}
        raise ValueError

    def _bracket(self) -> Sum:
        if self.depth > 10:
            raise ValueError
        self.depth += 1
        value = self.sum()
        self.depth -= 1
        if self._take() != ")":
            raise ValueError
        return value

    def _at(self, signs: str) -> bool:
        return self.place < len(self.tokens) and self.tokens[self.place] in signs

    def _take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1]
