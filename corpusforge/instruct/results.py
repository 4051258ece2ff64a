"""The result of an answer, where it has one: a number, a verdict, a label, a name; and when two agree.

For rows that nobody has solved: answers to one question are compared with each other, since there is no
gold answer (`cot` has one). Read by the parts of `cot` (Wei et al. 2022; Minerva, Lewkowycz et al. 2022).
Limits: lists of words decide what counts and what asks; a name in other words is another name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from corpusforge.instruct.cot import extract
from corpusforge.instruct.cot.answers import Answer, kind_of, match, read
from corpusforge.instruct.cot.quantity import Quantity
from corpusforge.instruct.intent import asks_for_code
from corpusforge.instruct.tokens import unicode_tokens

__all__ = ["Result", "agrees", "result_of", "same"]

_SENTENCE = 40  # tokens of the longest output whose last number is taken for its result
_NAME = 8  # tokens of the longest output that is a result as it stands
_COUNTS = re.compile(
    r"\bhow (?:many|much|long|old|far|tall|often|fast|big)\b|\b(?:calculate|compute|count|sum|total|average"
    r"|mean|median|product|difference|percent(?:age)?|number of|convert|solve|value of|area|perimeter"
    r"|volume|cost|price|distance|remainder|factorial)\b"
    r"|多少|几[个只本人天块条次岁元米里位]|计算|求|算[出一]|总和|平均|百分|换算|面积|体积|周长",
    re.IGNORECASE,
)
_ASKS = re.compile(r"[?？]\s*\Z|\A\W*(?:what|which|who|whose|when|where|is|are|does|do|did|can|was|were)\b"
                   r"|\b(?:identify|determine|decide|name the|find the|tell whether|say whether)\b"
                   r"|判断|哪|谁|是否|找出", re.IGNORECASE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What of an output can be compared: its kind (`cot.answers.KINDS`), the answer read, and its text."""

    kind: str
    answer: Answer
    text: str


def result_of(instruction: str, given: str, output: str, *, label: bool = False) -> Result | None:
    """Return the result of an output, None where it is free text that only a reader can judge.

    A result is a short output that answers a question, counts, or is a label (`label`: the task is one of
    classification), or the number at the end of a calculation. A short output of an order without input
    ("Suggest a name") has no one right answer, and code is no result.
    """
    if asks_for_code(instruction) or "```" in output:
        return None
    kind = kind_of(output)
    size = len(unicode_tokens(output))
    if kind == "text" and _COUNTS.search(f"{instruction}\n{given}"):
        found = extract.find(output, "number")
        sure = found.by != "last" or size <= _SENTENCE
        if sure and found.answer is not None and found.answer.kind == "number":
            return Result("number", found.answer, found.text)
    definite = label or given or _ASKS.search(instruction)
    if "\n" in output.strip() or size > _NAME or (kind == "text" and not definite):
        return None
    answer = read(output, kind)
    return Result(kind, answer, output) if answer else None


def same(left: Result, right: Result) -> bool:
    """Whether two results are one.

    A number also where it rounds to the other at the decimals of the coarser of the two, one at least; a
    name also where it is the other with some words more.
    """
    return match(left.answer, right.answer) or _rounds(left, right) or _within(left, right)


def agrees(result: Result, reply: str) -> bool:
    """Whether a new answer, which ends with "Answer:" and its result, comes to the same."""
    found = extract.find(reply, result.kind)
    return found.answer is not None and same(result, Result(result.kind, found.answer, found.text))


def _rounds(left: Result, right: Result) -> bool:
    one, other = left.answer.value, right.answer.value
    if not (isinstance(one, Quantity) and isinstance(other, Quantity)):
        return False
    places = min(_places(left.text), _places(right.text))
    return places > 0 and 2 * abs(one.figure - other.figure) <= Fraction(1, 10**places)


def _places(text: str) -> int:
    """Decimals of the last number of a text."""
    found = re.findall(r"\d(?:\.(\d+))?(?!\d|\.\d)", text)
    return len(found[-1]) if found else 0


def _within(left: Result, right: Result) -> bool:
    """Whether one name stands in the other with some words more: "Paris", "the capital … is Paris"."""
    if {left.kind, right.kind} != {"text"}:
        return False
    shorter, longer = sorted((str(left.answer.value), str(right.answer.value)), key=len)
    least = 3 if shorter.isascii() else 2
    return len(shorter) >= least and shorter in longer and len(longer) <= 8 * len(shorter)
