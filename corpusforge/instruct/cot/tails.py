"""What stands behind a number: the name of what is counted, or mathematics that makes it another value.

"5 eggs" and "12个苹果" state 5 and 12; "3x", "5i", "6 sin x", "3-x" do not state 3, 5, 6, 3. A tail is
a counted thing only where it is words of three letters and more, or Han words, none of them the name
of a function, a Greek letter or an operation. Two tails agree where one holds the other's words
(eggs, duck eggs; 1 box, 2 boxes); "loss" and "gain" do not. Limits: synonyms (girls, children) and two
languages are two answers: a miss is cheaper than a false right, which is a wrong label.
"""

from __future__ import annotations

import re

__all__ = ["agree", "counted", "fraction_word", "names_mathematics"]

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_DOTTED = re.compile(r"(?<=\b[A-Za-z])\.")  # p.m.
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_MATHEMATICS = frozenset(
    ("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh",
     "log", "exp", "lim", "mod", "gcd", "lcm", "det", "sqrt", "root", "roots", "squared", "cubed",
     "factorial", "plus", "minus", "times", "over", "divided", "multiplied", "choose", "modulo",
     "infinity", "least", "most", "minimum", "maximum", "max", "min", "alpha", "beta", "gamma",
     "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "sigma", "tau", "upsilon",
     "phi", "chi", "psi", "omega", "rho", "平方", "立方", "次方", "阶乘", "倍根号", "以上", "以下", "以内",
     "左右", "余", "多")
)  # fmt: skip
_REFUSED_FIRST = frozenset(("or", "to", "and", "out", "at", "或", "到", "至", "和", "与"))
_SHORT = frozenset(
    ("a", "an", "as", "at", "by", "am", "pm", "cc", "cm", "cu", "ft", "gb", "ha", "he", "hz", "in", "is",
     "it", "kb", "kg", "kj", "km", "kw", "lb", "ma", "mb", "mg", "mi", "ml", "mm", "ms", "mv", "my", "nd",
     "nm", "no", "of", "on", "or", "oz", "pa", "pc", "pt", "qt", "rd", "rs", "so", "sq", "st", "tb", "th",
     "to", "up", "us", "we", "yd")
)  # fmt: skip
"""Words and units of two letters, the article among them; other short words are products of variables."""

_EMPTY = frozenset(
    ("a", "an", "the", "of", "in", "as", "is", "st", "nd", "rd", "th", "total", "whole")
)
_MEASURES = "个名位只条本张件头匹辆支枝块朵颗根台双人份种间座棵把瓶杯袋箱包盒"
_EMPTY_HAN = "的了共"
_PARTS = {
    "half": 2, "halve": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6,
    "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10, "twelfth": 12, "hundredth": 100,
    "thousandth": 1000,
}  # fmt: skip
_PART = re.compile(r"[\s-]*(" + "|".join(_PARTS) + r")s?(?![A-Za-z])", re.IGNORECASE)


def counted(rest: str) -> str | None:
    """Return the words of a tail in one form, "" where it says nothing, None where it is mathematics."""
    if len(rest) > 60 or rest.startswith("!"):
        return None
    rest = _DOTTED.sub("", rest)
    words = _WORD.findall(rest)
    left = _WORD.sub(" ", rest)
    if "\\" in left or re.search(r"[^\s.'\"()（）。!！?？:：%]", left) or len(words) > 6:
        return None
    lower = [word.lower().replace("'s", "") for word in words]
    if lower and lower[0] in _REFUSED_FIRST:
        return None
    powers = [(word in {"sq", "cu", "square", "cubic"}) for word in ["", *lower]]
    if not all(_names(word) or before for word, before in zip(lower, powers, strict=False)):
        return None
    if rest[:1].isalpha() and lower[0] not in _SHORT and len(lower[0]) < 3 and rest[0].isascii():
        return None
    return " ".join(_one(word) for word in lower if word not in _EMPTY)


def names_mathematics(word: str) -> bool:
    """Whether a word behind a number goes on with the expression: sin, squared, plus."""
    return word.lower() in _MATHEMATICS


def _names(word: str) -> bool:
    """Whether a word can be part of a thing's name."""
    if word in _MATHEMATICS:
        return False
    if _HAN.search(word):
        return all(_HAN.match(one) or _LATIN.match(one) for one in word)
    if not _LATIN.match(word):
        return False  # Greek and other letters are variables
    return word in _SHORT or any(len(part) >= 3 for part in re.split("['-]", word))


def _one(word: str) -> str:
    """The singular of an English noun, near enough to compare two of them."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def agree(left: str, right: str) -> bool:
    """Whether two tails name one thing: either says nothing, or the longer holds the shorter's words."""
    if not left or not right or left == right:
        return True
    if _HAN.search(left) or _HAN.search(right):
        mine, other = sorted((_bare(left), _bare(right)), key=len)
        return not mine or other.endswith(mine) or other.startswith(mine)
    mine_words, other_words = sorted((left.split(), right.split()), key=len)
    others = iter(other_words)
    return all(word in others for word in mine_words)


def _bare(tail: str) -> str:
    """A Han tail without its measure word and particles."""
    tail = tail.replace(" ", "").strip(_EMPTY_HAN)
    return tail[1:] if tail[:1] and tail[0] in _MEASURES else tail


def fraction_word(rest: str, in_words: bool) -> tuple[int, int] | None:
    """Return the part that "thirds" of "two thirds" names and where it ends, else None.

    Behind figures "quarters" are coins or periods, as good a counted thing as any.
    """
    found = _PART.match(rest)
    if found is None or (not in_words and found[1].lower() == "quarter"):
        return None
    return _PARTS[found[1].lower()], found.end()
