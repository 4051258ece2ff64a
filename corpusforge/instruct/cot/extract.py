r"""Finding the answer in a reply: `\boxed{}`, `#### 18`, "the answer is", 答案是, or the last fit thing.

The marks are those of GSM8K (Cobbe et al. 2021), MATH, few-shot chain of thought (Wei et al. 2022:
"The answer is"), and their Chinese forms; the last one counts, since a reply may correct itself. What
stands after a few-shot model's next "Q:" is not read. Without a mark, the last number or the last
choice in brackets counts and the row says so (`by`). Limits: a mark in other words is missed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from corpusforge.instruct import parse
from corpusforge.instruct.cot import quantity as quantities
from corpusforge.instruct.cot.algebra import algebra_key
from corpusforge.instruct.cot.answers import Answer, match, read
from corpusforge.instruct.cot.plain import boxed, text_key
from corpusforge.instruct.cot.several import several_key
from corpusforge.instruct.cot.tails import names_mathematics
from corpusforge.instruct.tokens import unicode_tokens

__all__ = ["Found", "find", "states_first", "without_answer"]

_ON = re.compile(
    r"(?<!\s)([^\S\n]*+)\n\s*+(?:Q|Question|Human|User|问|问题)\s*+[:：]", re.IGNORECASE
)
_BLANK = re.compile(r"[^\S\n]{200,}")  # patterns that pass over spaces take quadratic time in them
_HASHES = re.compile(r"####\s*([^\n#]+)")
_TEXT_END = re.compile(r"\n|[。！!；]|(?<=[^\d])\.(?=\s|$)|(?<=\d)\.(?=\s|$)")
_MARK = re.compile(
    r"(?:(?:final\s++|correct\s++)?\bans(?:wer)?\b\.?\s*+(?:(?:is|was|=|:)\s*+:?|(?=['\"(]*[A-J]\b))"
    r"|(?:correct\s++)?\b(?:option|choice)\s*+(?:is|:)?\s*+(?=['\"(]*[A-J]\b)"
    r"|(?:最终)?(?:答案|正确选项|正确答案|应选|故选|选择|选项)"
    r"\s*+(?:应该|应)?\s*+(?:(?:是|为|等于)\s*+[：:]?|[：:])"
    r"|答\s*+[：:]|(?<![可挑])选\s*+(?=[(（]?[A-J]))",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?:(?<![\w)）%])[-−])?(?:\\?[$€£¥￥]\s?)?(?:\d[\d,，]*(?:\.\d+)?|\.\d+)"
    r"(?:\s?[/⁄]\s?\d[\d,]*)?(?:\s?(?:%|％|万|亿))?"
)
_SENTENCE = re.compile(r"\n|(?<=[.!?])\s+|[。！？]")
_MATHEMATICS = re.compile(r"[\\<>≤≥≠^_√π{}|±\[\]]|^\(|\d\s*[-+*/×]|\d[A-Za-z](?![A-Za-z])")
_PROSE = re.compile(r"[A-Za-z]{2}|[\u3400-\u9fff]")
_ON_IN_WORDS = re.compile(
    r"(?:\s*[,;:.(（，；：。、!—]\s*|\s+(?:-+\s+)?)?(?P<word>[A-Za-z]{2,}|[\u3400-\u9fff])"
)
_JOINED = re.compile(r"\d\s+(?:or|to|and)\s+\d|\d\s*[或到至和与]\s*\d")
_JOINS = re.compile(r"[\s,，]*(?:or|to|and|或|到|至|和|与)\s*+[-$\\(]*+(?:\d|[A-Za-z]\b)")
_VARIABLE = re.compile(
    r"[b-fijknp-rt-vx-z](?![A-Za-z.'&])|a(?![A-Za-z.'&])"  # 3x; not 3 a week, 12m, 240A
    r"|\s[b-fijknp-rt-vx-z](?![A-Za-z.'&])"
    r"|\s?(?:\\(?:sin|cos|tan|ln|log|sqrt|pi|alpha|beta|theta)\b|[πα-ω√^])"
)
_WORD = re.compile(r"[\s,，.。!！:：;；]")
_AROUND = re.compile(r"(?:(?<!\s)\s++)?([-+*/=^()])\s*+")
_OPTION = re.compile(r"[(（\[]\s*([A-J])\s*[)）\]]")
_OPENER = re.compile(
    r"[^\d]{0,40}[:：]|(?:sure|okay|ok|certainly|of course|solution|answer|解|解答)\W*"
    r"|(?:let['’]?s|let us|we) (?:think|solve|work|break)[^\d]{0,60}|(?:好的|让我们|我们来)[^\d]{0,20}",
    re.IGNORECASE,
)
_COMPUTES = re.compile(r"[-+*/×÷=]\s*[$(]?\d")
_BEFORE_MARK = 2  # words: "So the answer is", "Final"
_SPEAKS = re.compile(
    r"(?:so|thus|therefore|hence|and|所以|因此|综上|故|于是|(?<![\s,，:：]))[\s,，:：]*+(?:the|my)?\s*+$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Found:
    """The answer of a reply as it was read, its text, how it was found, and where its mark begins."""

    answer: Answer | None
    text: str = ""
    by: str = ""
    start: int = -1


def find(reply: str, kind: str, choices: Sequence[str] = ()) -> Found:
    """Return the answer of a reply; `by` is boxed, hashes, phrase, equation, option, first, last or ""."""
    text = body(reply)
    for by, start, content in _marked(text):
        piece, answer = _within(content, by, kind, choices)
        if answer is not None:
            return Found(answer, piece, by, start)
    return _unmarked(text, kind, choices)


def body(reply: str) -> str:
    """Return the part of a reply that answers the question: no thinking block, nothing after a
    next question, no bold marks."""
    text = _BLANK.sub(" ", parse.answer(reply))
    next_question = _ON.search(text)
    text = text[: next_question.end(1)] if next_question else text
    return text.replace("**", "").replace("__", "")


def without_answer(reply: str, kind: str, choices: Sequence[str] = ()) -> str:
    """Return the reasoning alone: what stands before the answer's mark, or all where there is none.

    A reply that begins with its answer keeps its words, unless they say no more than the answer.
    """
    text = body(reply).strip()
    found = find(text, kind, choices)
    if found.by not in {"boxed", "hashes", "phrase"}:
        return text
    before = _SPEAKS.sub("", text[: found.start].rstrip(" $"))
    if found.by == "boxed" and not _ends_a_sentence(before):
        return text
    if before.strip():
        return before.strip()
    after = _MARK.sub("", text[found.start :], count=1).replace(found.text, "", 1)
    return text if len(unicode_tokens(after)) > 2 else ""


def states_first(
    reasoning: str, answer: Answer | None, kind: str, choices: Sequence[str] = ()
) -> str:
    """Return the first sentence of a reasoning where it states `answer` and no step leads to it, else "".

    Headings and openers ("Solution:", "Let's think step by step.") are passed over.
    """
    parts = (one.strip(" #>*-\t") for one in _SENTENCE.split(body(reasoning)))
    first = next((one for one in parts if one and not _OPENER.fullmatch(one)), "")
    if answer is None or not first or _COMPUTES.search(first):
        return ""
    if match(read(first, kind, choices), answer):
        return first
    for by, start, content in _marked(first):
        before = _SPEAKS.sub("", first[:start]).strip(" :，,$")
        if len(unicode_tokens(before)) <= _BEFORE_MARK:
            stated = _within(content, by, kind, choices)[1]
            if match(stated, answer):
                return first
    return ""


def _ends_a_sentence(text: str) -> bool:
    """Whether nothing but white space follows the last sentence or line."""
    bare = text.rstrip()
    return bare.endswith((".", "。", "!", "！")) or "\n" in text[len(bare) :]


def _marked(text: str) -> list[tuple[str, int, str]]:
    """(how, where the mark begins, what it announces), the surest first."""
    found: list[tuple[str, int, str]] = []
    inside = boxed(text)
    if inside is not None:
        found.append(("boxed", text.rfind("\\boxed{"), inside))
    for by, pattern in (("hashes", _HASHES), ("phrase", _MARK)):
        for mark in reversed(list(pattern.finditer(text))):
            content = mark[1] if by == "hashes" else text[mark.end() :].lstrip(" \n")
            found.append((by, mark.start(), content.split("\n", 1)[0]))
    return found


def _within(content: str, by: str, kind: str, choices: Sequence[str]) -> tuple[str, Answer | None]:
    """Return what a mark announces: the whole clause, its beginning, or the last number in it."""
    clause = _TEXT_END.split(content.strip(), maxsplit=1)[0].strip()
    for piece in (clause, content.strip()):
        if piece and (answer := read(piece, kind, choices)):
            return piece, answer
    if kind != "number":
        return _bracketed(clause, kind, choices)
    return _number_in(clause, by)


def _number_in(clause: str, by: str) -> tuple[str, Answer | None]:
    """Return the number of a clause that is more than a number; mathematics is an answer of its own.

    A box or a hash line holds the answer alone, so of several numbers there none is it.
    """
    found = quantities.leading(clause)
    if found and _speaks_on(found[1]):
        return clause.removesuffix(found[1]), Answer("number", found[0])
    _, sign, result = clause.rpartition("=")
    if sign and (answer := read(result, "number")):
        return result.strip(), answer
    numbers = _numbers(clause)
    expression = found or _MATHEMATICS.search(clause) or not _PROSE.search(clause)
    alone = len(numbers) == 1 or not _JOINED.search(clause)
    if numbers and not expression and (alone if by == "phrase" else len(numbers) == 1):
        return numbers[-1]
    key = several_key(clause) or algebra_key(clause) or text_key(clause)
    return clause, Answer("text", key) if key and any(map(str.isdigit, clause)) else None


def _speaks_on(rest: str) -> bool:
    """Whether what follows a number is a sentence and not more of an expression or of a list."""
    found = _ON_IN_WORDS.match(rest)
    if found is None:
        return not rest.strip(" .,:;!?)$")
    if _JOINS.match(rest):
        return False  # 5 or 6, 5 to x
    return not found["word"].isascii() or not names_mathematics(found["word"])


def _bracketed(clause: str, kind: str, choices: Sequence[str]) -> tuple[str, Answer | None]:
    options = _OPTION.findall(clause) if kind == "choice" else []
    return (options[-1], read(options[-1], kind, choices)) if options else (clause, None)


def _numbers(text: str) -> list[tuple[str, Answer]]:
    found = []
    for one in _NUMBER.finditer(text):
        piece = one[0].rstrip(",，")
        number = quantities.quantity(piece)
        if number is not None:
            found.append((piece, Answer("number", number)))
    return found


def _unmarked(text: str, kind: str, choices: Sequence[str]) -> Found:
    """The answer of a reply without a mark, by the weaker signs of its kind."""
    if kind == "number":
        return _last_number(text)
    if kind == "choice":
        piece, answer = _bracketed(text, kind, choices)
        return Found(answer, piece, "last") if answer else _mentioned(text, choices)
    if kind == "yesno" and (answer := read(text, kind)):
        return Found(answer, _WORD.split(text, maxsplit=1)[0], "first")
    return Found(None)


def _last_number(text: str) -> Found:
    """What the last sentence's last equation comes to, or the last number of all."""
    last = next((one for one in reversed(_SENTENCE.split(text)) if one.strip()), "")
    _, sign, result = last.rpartition("=")
    if sign and (numbers := _numbers(result[:40])):
        first = _NUMBER.search(result)
        if first and _VARIABLE.match(result, first.end()):
            return Found(None)
        return Found(numbers[0][1], numbers[0][0], "equation")
    numbers = _numbers(text)
    *_, end = (0, *(one.end() for one in _NUMBER.finditer(text)))
    if _VARIABLE.match(text, end):
        return Found(None)  # what was found last is 3x, so 3 is not it
    return Found(numbers[-1][1], numbers[-1][0], "last") if numbers else Found(None)


def _mentioned(text: str, choices: Sequence[str]) -> Found:
    """The one option that the last sentence names, or whose number the last equation comes to."""
    sentences = [part for part in _SENTENCE.split(text) if part.strip()]
    last = _tight(sentences[-1]) if sentences else ""
    named = [option for option in choices if _names(last, _tight(option))]
    longest = max(named, key=len, default="")
    if longest and all(one in longest for one in named):
        return Found(read(longest, "choice", choices), longest, "option")
    number = _last_number(text)
    answer = read(number.text, "choice", choices) if number.by == "equation" else None
    return Found(answer, number.text, "option") if answer else Found(None)


def _tight(text: str) -> str:
    return _AROUND.sub(r"\1", text.casefold())


def _names(sentence: str, option: str) -> bool:
    if not re.search(r"[^\W\d_]", option):
        return False  # a bare number stands in too many sentences
    edges = (r"(?<![\w+\-*/^.])", r"(?![\w+\-*/^]|\.\d)") if option.isascii() else ("", "")
    return re.search(re.escape(option).join(edges), sentence) is not None
