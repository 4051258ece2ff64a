r"""Are the equations of a reasoning true? Each side computed exactly, as fractions.

STaR (Zelikman et al. 2022) keeps whatever ends in the right answer, also where its sums are false. An
equation is read where figures and signs stand together, with the names of units between them at most:
"3 * 4 = 12", "2 boxes * 80 eggs/box = 160 eggs", LaTeX alike. Each pair of sides must be equal, so the
run-on chain "3 * 4 = 12 + 5 = 17" is false. A side may be rounded or cut to the figures that it shows;
"%" is a hundredth or a bare figure. A side that cannot be read, or that may be a part of something
longer (2x, 3/4 of 20), is not looked at. Limits: sums in words, with variables, or between two units
("90 minutes = 1.5 hours") are not looked at; a bound of one unit of the last figure passes some errors.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from corpusforge.instruct.cot.algebra import value
from corpusforge.instruct.cot.plain import CALCULATOR, unlatex
from corpusforge.instruct.cot.units import UNITS

__all__ = ["false_equation"]

_SIGNS = str.maketrans("×÷−–·∗", "*/--**")
_DRESS = re.compile(r"[$€£¥]|__")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_TIMES = re.compile(r"(?<=[\d)%])(\s*)[xX](\s*)(?=[(\d.])")
_MIXED = re.compile(r"(?<![\d./^])(\d+) (\d+)/(\d+)(?![\d./])")
_MIXED_LATEX = re.compile(r"(?<![\d./^_])(\d+)\(\((\d+)\)/\((\d+)\)\)")  # 2\frac{1}{2}
_TIGHT = re.compile(r"(?<=[-+*/(] )(\d+)/(\d+)(?![\d.]|/\d)")  # 3 / 1/2
_CUBED = re.compile(r"(?<=[A-Za-z])(?:[²³]|\^\{?[23]\}?)")  # cm²
_CLOCK = re.compile(
    r"(?<!\d)\d++(?:[:：]|,(?=\d))[\d,:]*+|(?<![\d.])\d++(?:\.\d++)?(?:\.{2,}+|…)"
    r"|(?<![\d.])0\d++(?!\.\d)"
)
# 7:50, 16,0000, 8.333…, 0900
_BULLET = re.compile(r"^\s*(?:[-*•+]\s+|\(?\d{1,2}[.)]\s+)+")
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?|\.\d+)(?P<percent>\s?%)?"
    r"|(?P<equals>(?<![<>!=~:])=(?!=))|(?P<sign>[-+*/^()])"
    r"|(?P<word>[A-Za-z][A-Za-z'’]*(?:-[A-Za-z]+)*|[\u3400-\u9fff]+)|(?P<other>\S)"
)
_OPERATIONS = frozenset(
    ("of", "times", "plus", "minus", "by", "over", "divided", "multiplied", "half", "twice", "than",
     "sqrt", "log", "ln", "sin", "cos", "tan", "mod", "remainder", "r", "frac", "hundred", "thousand",
     "million", "billion", "dozen", "percent", "cents", "cent", "squared", "cubed")
)  # fmt: skip
_STOPS = _OPERATIONS | frozenset(
    ("and", "so", "then", "is", "are", "was", "were", "has", "have", "had", "or", "for", "at", "in",
     "on", "to", "with", "from", "that", "which", "since", "because", "if", "when", "but", "we",
     "he", "she", "they", "it", "i", "gives", "makes", "costs", "more", "less", "equals")
)  # fmt: skip
_GOES_ON = _OPERATIONS | frozenset(
    ("day", "days", "week", "weeks", "month", "months", "year", "years", "step", "steps", "part",
     "question", "problem", "case", "number", "grade", "chapter", "page", "pages", "level", "stage",
     "room", "option")
)  # fmt: skip
"""Words that make the figures beside them part of something longer, or their name (day 1)."""
_HAN_GOES_ON = re.compile(r"[的乘加减除以倍分之又余万亿千百]$|^[万亿千百余又]")
_PARTS_CLAUSES = frozenset(",.;()[]{}\"'→⇒，。；、：:!?！？#|")
_UNITS = {
    **UNITS,
    **dict.fromkeys(("pound", "pounds", "lb", "lbs"), ("pounds", Fraction(16))),
    **dict.fromkeys(("ounce", "ounces", "oz"), ("pounds", Fraction(1))),
}
"""Pounds may be money, and are no unit of an answer; beside ounces they are none."""
_MOST_UNITS = 3


@dataclass(frozen=True, slots=True)
class _Token:
    """kind: number, sign, equals, unit, word, other."""

    kind: str
    text: str
    percent: bool = False
    spaced: bool = False


@dataclass(frozen=True, slots=True)
class _Side:
    """One side: its tokens without units, and the unit behind its last figure."""

    tokens: tuple[_Token, ...]
    unit: str = ""

    @property
    def text(self) -> str:
        return "".join(one.text + "%" * one.percent for one in self.tokens)

    @property
    def computes(self) -> bool:
        return any(one.kind == "sign" and one.text not in "()" for one in self.tokens[1:])


def false_equation(reasoning: str) -> str:
    """Return the first false equation of a reasoning, as it was read, or ""."""
    for line in _plain(reasoning).split("\n"):
        if "=" not in line:
            continue
        tokens = _tokens(line)
        for place, token in enumerate(tokens):
            if token.kind != "equals":
                continue
            left, right = _before(tokens, place), _after(tokens, place)
            if left and right and _false(left, right):
                return f"{left.text}={right.text}"
    return ""


def _plain(text: str) -> str:
    text = _CUBED.sub("", CALCULATOR.sub("", text)).replace("²", "^2").replace("³", "^3")
    text = unlatex(text, lambda above, below: f"(({above})/({below}))")
    text = _MIXED_LATEX.sub(r"(\1+\2/\3)", text)
    text = unicodedata.normalize("NFKC", text.replace("，", " ； ")).translate(_SIGNS)
    text = _CLOCK.sub("@", _THOUSANDS.sub("", _DRESS.sub("", text)))
    text = "\n".join(_BULLET.sub("", line) for line in text.split("\n"))
    text = _MIXED.sub(r"(\1+\2/\3)", _TIMES.sub(r"\1*\2", text))
    return _TIGHT.sub(r"(\1/\2)", text)


def _tokens(line: str) -> list[_Token]:
    """The tokens of a line; words behind a figure, three at most, are its unit."""
    made: list[_Token] = []
    units = end = 0
    for found in _TOKEN.finditer(line):
        attached, end = found.start() == end and bool(made), found.end()
        kind = found.lastgroup or "other"
        if found["number"]:
            made.append(_Token("number", found["number"], bool(found["percent"])))
            units = _MOST_UNITS
        elif kind == "word":
            if attached and (len(found["word"]) == 1 or made[-1].text == ")"):
                kind = "other"  # 2x, 5A, (1/2)workers
                made.append(_Token(kind, found["word"]))
                continue
            kind = _word(found["word"], made[-1] if made else None, units)
            made.append(_Token(kind, found["word"]))
            units = units - 1 if kind == "unit" else 0
        else:
            made.append(_Token(kind, found[kind], spaced=not attached))
            units = _MOST_UNITS if found[kind] in {"/", ")"} and units else 0
    return made


def _word(word: str, before: _Token | None, units: int) -> str:
    """Whether a word is a unit, a variable ("other") or any other word."""
    if len(word) == 1 and word.isascii() and word != "a":
        return "other"
    han = not word.isascii()
    stops = len(word) > 2 or _HAN_GOES_ON.search(word) if han else word.lower() in _STOPS
    if stops or not units or before is None:
        return "word"
    return "unit" if before.kind in {"number", "unit"} or before.text in {"/", ")"} else "word"


def _before(tokens: Sequence[_Token], place: int) -> _Side | None:
    """The side that ends before an equals sign: back to words, or to where two things stand side by
    side."""
    start = place
    while start and tokens[start - 1].kind in {"number", "sign", "unit"}:
        start -= 1
        if start + 1 < place and _apart(tokens[start], tokens[start + 1]):
            if tokens[start].kind == "number":
                return None
            start += 1
            break
    side = tokens[start:place]
    before = tokens[start - 1] if start else None
    if not side or (before and not _parts(before)):
        return None
    if start > 1 and before and before.text == "and" and tokens[start - 2].kind == "number":
        return None  # 1 and 1/4
    if side[0].kind == "sign" and side[0].text != "(":
        return None  # the end of something longer, or a dash
    made = _side(side)
    if made and not made.computes and not (before and before.kind == "equals"):
        return None  # "8 batches = 5.5 * 8" explains a number
    return made


def _apart(left: _Token, right: _Token) -> bool:
    """Whether an expression ends between two tokens: "5 apples 3 * 4", "4 (15 minutes)"."""
    if left.kind == "number":
        return right.text == "(" and right.spaced
    return left.kind == "unit" and (right.kind == "number" or right.text == "(")


def _parts(token: _Token) -> bool:
    """Whether what stands before an expression leaves it whole."""
    if token.kind == "word":
        if token.text.isascii():
            return token.text.lower() not in _GOES_ON
        return not _HAN_GOES_ON.search(token.text)
    if token.kind == "other":
        return token.text in _PARTS_CLAUSES
    return token.kind in {"equals", "unit"}


def _after(tokens: Sequence[_Token], place: int) -> _Side | None:
    """The side that begins behind an equals sign."""
    end = place + 1
    while end < len(tokens) and tokens[end].kind in {"number", "sign", "unit"}:
        if end > place + 1 and _apart(tokens[end - 1], tokens[end]):
            break
        end += 1
    side = list(tokens[place + 1 : end])
    after = tokens[end] if end < len(tokens) else None
    if after is not None and after.kind in {"other", "word"} and not _parts(after):
        return None
    depth = sum((one.text == "(") - (one.text == ")") for one in side if one.kind == "sign")
    if side and depth == -1 and side[-1].text == ")":
        side.pop()  # the bracket that the whole equation stands in
    return _side(side) if side else None


def _side(tokens: Sequence[_Token]) -> _Side | None:
    """A side without its units; "/" before a unit goes with it."""
    kept: list[_Token] = []
    unit = ""
    for token in tokens:
        if token.kind == "unit":
            unit = unit or token.text.lower()
            if kept and kept[-1].text == "/":
                kept.pop()
            continue
        if token.kind == "number":
            unit = ""
        kept.append(token)
    if not any(one.kind == "number" for one in kept) or _mixed(tokens):
        return None
    return _Side(tuple(kept), unit)


def _mixed(tokens: Sequence[_Token]) -> bool:
    """Whether a side has two units of one dimension: 4 feet - 6 inches."""
    names = (one.text.lower() for one in tokens if one.kind == "unit")
    known = {_UNITS[name] for name in names if name in _UNITS}
    return len({dimension for dimension, _ in known}) < len(known)


def _false(left: _Side, right: _Side) -> bool:
    """Whether two sides are surely not equal."""
    signs = {one.text for one in left.tokens if one.kind == "sign"}
    explained = bool(left.unit) and signs <= {"/"}  # 16 quarters = 16 * 0.25
    if explained or not (left.computes or right.computes) or _converts(left.unit, right.unit):
        return False
    mine, others = _values(left), _values(right)
    bound = max(_last_figure(left), _last_figure(right))
    return bool(mine and others) and not any(
        _near(one, other, bound) for one in mine for other in others
    )


def _near(left: Fraction, right: Fraction, bound: Fraction) -> bool:
    if left.denominator == right.denominator == 1:
        return left == right
    return abs(left - right) < bound or left == right


def _last_figure(side: _Side) -> Fraction:
    """One unit of the last figure that a side without signs shows; 0 for a side that computes."""
    if side.computes:
        return Fraction(0)
    (number,) = [one for one in side.tokens if one.kind == "number"][:1]
    places = len(number.text.partition(".")[2])
    return Fraction(1, 10**places)


def _converts(left: str, right: str) -> bool:
    """Whether two different units stand on the sides: one may be converted into the other."""
    return bool(left and right) and left.rstrip("s") != right.rstrip("s")


def _values(side: _Side) -> set[Fraction]:
    """What a side may mean, {} where it cannot be computed: "%" as a hundredth or as nothing, and
    5 / 1 / 3 and 6 / 2 * 3 by the school's order or with all that follows below the line."""
    tokens = side.tokens
    if any(
        right.kind == "number" and (left.kind == "number" or left.text == ")")
        for left, right in itertools.pairwise(tokens)
    ):
        return set()  # 5 3 is no product
    percents = (True, False) if any(one.percent for one in tokens) else (False,)
    belows = (True, False) if any(one.text == "/" for one in tokens) else (False,)
    found = {
        value(_written(tokens, hundredth=percent), below=below)
        for percent in percents
        for below in belows
    }
    return {one for one in found if one is not None} if None not in found else set()


def _written(tokens: Sequence[_Token], *, hundredth: bool) -> list[str]:
    """The tokens as `algebra` reads them, "%" a hundredth or nothing."""
    made: list[str] = []
    for one in tokens:
        made += ["(", one.text, "/", "100", ")"] if hundredth and one.percent else [one.text]
    return made
