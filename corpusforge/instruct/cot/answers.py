"""What an answer is, and when two are equal: numbers, choices, yes or no, plain text.

The truth is a table of labelled pairs in the tests, written before this code. Equality is exact: no
rounding, no paraphrase. An answer that cannot be read in its question's kind equals nothing. Limits:
those of `quantity` and `plain`; text answers match by letters alone, so an alias is another answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from corpusforge.instruct.cot import quantity as quantities
from corpusforge.instruct.cot.algebra import algebra_key, power
from corpusforge.instruct.cot.plain import plain, text_key
from corpusforge.instruct.cot.quantity import Quantity
from corpusforge.instruct.cot.several import several_key

__all__ = ["KINDS", "Answer", "equal", "kind_of", "match", "read"]

KINDS = ("number", "choice", "yesno", "text", "code")

_LETTER = re.compile(
    r"(?:(?:the\s++)?(?:correct\s++)?(?:option|choice|answer)(?:\s++is)?|正确选项|选项|选择|选|答案)?"
    r"\s*+[为是:]?\s*+"
    r"(?:[(\[](?P<wrapped>[A-Ja-j])[)\]]|(?P<bare>[A-J])(?=[).:,。、\s]|$)(?!\s+[a-z])|(?P<small>[a-j])(?=[).:]|$))",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"\(?[A-J]\)?(?:\s*+(?:(?:,|、|;|/|and|&|和|与)\s*+)?\(?[A-J]\)?)+")
_YES = frozenset(
    ("yes", "yeah", "yep", "true", "correct", "right", "是", "是的", "对", "对的", "正确", "会", "会的",
     "能", "可以", "真", "有", "成立", "没错")
)  # fmt: skip
_NO = frozenset(
    ("no", "nope", "false", "incorrect", "wrong", "否", "不", "不是", "不对", "不正确", "错", "错误",
     "不会", "不能", "不可以", "假", "没有", "不成立")
)  # fmt: skip
_FIRST = re.compile(r"[A-Za-z]+|[\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that was read: its kind and what decides equality in it."""

    kind: str
    value: Quantity | str

    @property
    def label(self) -> str:
        """A short form for files: "7/2", "A", "yes", or the text without case and spaces."""
        return str(self.value.figure) if isinstance(self.value, Quantity) else self.value


def read(text: str, kind: str, choices: Sequence[str] = ()) -> Answer | None:
    """Return the answer that a whole text states in this kind, or None. `choices` are A, B, C …"""
    if kind == "number":
        found = quantities.quantity(text)
        if found is None and (value := power(text)) is not None:
            found = Quantity(value)
        return Answer(kind, found) if found else None
    if kind == "choice":
        letters = _choice(text, choices)
        return Answer(kind, letters) if letters else None
    if kind == "yesno":
        word = _yes_or_no(text)
        return Answer(kind, word) if word else None
    key = several_key(text) or algebra_key(text) or _figure(text) or text_key(text)
    return Answer("text", key) if key else None


def kind_of(text: str) -> str:
    """Return the kind of answer that a gold answer is, without its question."""
    bare = plain(text)
    if _LETTER.fullmatch(bare) or re.fullmatch(r"[A-J]", bare):
        return "choice"
    if bare.lower() in _YES | _NO:
        return "yesno"
    return "number" if quantities.quantity(text) else "text"


def match(left: Answer | None, right: Answer | None) -> bool:
    """Whether two answers are equal; one that is missing equals nothing."""
    if left is None or right is None:
        return False
    if isinstance(left.value, Quantity) and isinstance(right.value, Quantity):
        return quantities.same(left.value, right.value)
    return left == right


def equal(left: str, right: str, kind: str = "auto", choices: Sequence[str] = ()) -> bool:
    """Whether two texts state the same answer; with `auto`, each is read in its own kind."""
    if kind == "auto":
        return match(read(left, kind_of(left)), read(right, kind_of(right)))
    return match(read(left, kind, choices), read(right, kind, choices))


def _figure(text: str) -> str:
    """A number in the form of `algebra_key`, so that 10^{-2} is 0.01; "" where there is more than one."""
    found = quantities.quantity(text)
    alone = found is not None and not (found.dimension or found.counted or found.variable)
    return str(found.value) if found is not None and alone else ""


def _choice(text: str, choices: Sequence[str]) -> str:
    bare = plain(text)
    if _LETTERS.fullmatch(bare):
        return "".join(sorted(set(re.findall(r"[A-J](?![a-z])", bare))))
    if found := _LETTER.match(bare):
        letter = (found["wrapped"] or found["bare"] or found["small"]).upper()
        if not choices or ord(letter) - ord("A") < len(choices):
            return letter
    return _by_text(text, choices)


def _by_text(text: str, choices: Sequence[str]) -> str:
    """The letter of the one option whose text or number this is."""
    key = text_key(text)
    places = [place for place, option in enumerate(choices) if key and text_key(option) == key]
    if not places and (number := quantities.quantity(text)):
        numbers = [quantities.quantity(option) for option in choices]
        places = [k for k, other in enumerate(numbers) if other and quantities.same(number, other)]
    return chr(ord("A") + places[0]) if len(places) == 1 else ""


def _yes_or_no(text: str) -> str:
    found = _FIRST.match(plain(text))
    word = found[0].lower() if found else ""
    if word in _YES:
        return "yes"
    return "no" if word in _NO else ""
