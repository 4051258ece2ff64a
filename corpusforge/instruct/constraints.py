"""What an instruction says about the size and form of its answer, and whether an answer has it.

"List three …" and one is listed; "in one sentence" and there are four; 不少于一千字 and there are ninety.
Such a row teaches a model to pass over what it was told. Only what can be counted is looked at: items, words,
characters, sentences, lines of a haiku, and letters (a few of the verifiable instructions of Zhou et al.
2023, "Instruction-Following Evaluation for Large Language Models"; the patterns are our own). A text can
be counted in more than one way, and a row is refused where every way misses the bound.
Limits: lists of words, English and Chinese; a bound in other words, or on a part of the answer ("each",
每), is not looked at; nothing here knows whether three items are three good ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from corpusforge.instruct.cot.numerals import NUMERAL, chinese, english

__all__ = ["Constraint", "constraints", "missed"]

_MANY = 10**9
_MOST_ITEMS = 60
_ABOUT = (0.5, 2.0)  # "about 80 words": people's own answers lie between .6 and 1.5 times


@dataclass(frozen=True, slots=True)
class Constraint:
    """At least `least` and at most `most` of a unit; `said` are the instruction's words.

    Units are words, characters, sentences, items, lines, and of a `letter`: "strays" (words that do not
    begin with it) and "uses".
    """

    unit: str
    least: int
    most: int
    said: str
    letter: str = ""


_N = (
    r"(?:\d{1,5}|an?(?= single)|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen"
    r"|fourteen|fifteen|twenty|thirty|forty|fifty|sixty|eighty|(?:a|one|two|three|five) hundred|a dozen)"
)
_UPPER = r"at most|no more than|not more than|under|less than|fewer than|within|up to|a maximum of|maximum"
_LOWER = r"at least|no fewer than|no less than|not less than|more than|over|a minimum of|minimum"
_ABOUT_EN = r"about|around|approximately|roughly|some|nearly"
_SIZE_EN = re.compile(
    rf"\b(?:(?P<how>{_UPPER}|{_LOWER}|{_ABOUT_EN}|exactly)"
    r"|(?<!which )(?<!one )(?<!each )(?<!both )(?<!any )(?<!either )(?<!set )(?<!list )(?<!group )(?<!pair )"
    r"(?<!sequence )(?<!series )(?<!first )(?<!last )(?P<plain>in|of|use|using|to|with))"
    rf"(?: just| only| about| around| approximately| between)? (?P<low>{_N})"
    rf"(?:(?: to | or |[-–]| and )(?P<high>{_N}))?(?:[- ]| single )(?P<unit>word|sentence|character)s?\b"
    r"(?P<after> or (?:less|fewer|more)| at most| at least| max)?",
    re.IGNORECASE,
)
_ASKS = (
    r"(?:list|name|give|provide|suggest|write|come up with|generate|recommend|propose|create|mention"
    r"|think of|brainstorm|tell me|offer|choose|pick|select)"
)
_ITEMS_EN = re.compile(
    rf"(?:\A\W*|[.?!:;]\s+|\b(?:please|then|you)\s+)(?:{_ASKS}(?: me| us)?(?: a list of)?)"
    rf"(?P<how> at least| exactly| up to)? (?:the |your )?(?:top |best |other )?(?P<number>{_N})"
    r"(?P<or> or more)?"
    r" (?!(?:to|or|and|hours?|days?|minutes?|weeks?|months?|years?|dollars|percent|points|stars|degrees"
    r"|hundred|thousand|million|more|words?|sentences?|characters?|lines?|paragraphs?|people|friends)\b)[a-z]",
    re.IGNORECASE,
)
_PARTS_EN = re.compile(
    r"\b(?:each|every|per|apiece|respectively|title|subject|headings?|both)\b", re.IGNORECASE
)

_N_ZH = rf"(?:\d{{1,5}}|{NUMERAL})"
_UPPER_ZH = "不超过|不多于|最多|至多|少于|不到|控制在|压缩到|缩短到|缩写到"
_LOWER_ZH = "不少于|不低于|不得少于|至少|超过|多于"
_SIZE_ZH = re.compile(
    rf"(?:(?P<how>{_UPPER_ZH}|{_LOWER_ZH})|(?P<plain>用|写|的|，|、|：|\A|以|。|大?约|成|为|[篇段则个条首份句]))"
    rf"(?P<low>{_N_ZH})(?:(?:到|至|-|—|~|～)(?P<high>{_N_ZH}))?个?(?:汉)?(?P<unit>字(?!母|典|段|符串)|句话)"
    r"(?P<after>以内|之内|以上|左右|上下)?"
)
_ITEMS_ZH = re.compile(
    r"(?:列出|列举|列举出|写出|给出|提供|说出|举出|提出|推荐|想出?|拟定?|准备|起|取|介绍|写)"
    rf"(?P<how>至少|不少于|最多)?(?P<number>{_N_ZH})(?P<unit>个|条|种|项|点|本|部|首|款|道|件|位|名|组|类|则|句)(?!月|星期|小时|字|半)"
)
_PARTS_ZH = re.compile("[每各]|分别|其中|标题|题目")
_ANOTHER = re.compile(rf"\b(?:{_N}|and|each|every|with)\b|{NUMERAL}|[和与及并每各]", re.IGNORECASE)

_POEMS = {"haiku": 3, "limerick": 5, "sonnet": 14, "俳句": 3}
_POEM = re.compile(
    r"\b(?:write|compose|create|craft)(?: me)? an? (?:\w+ ){0,2}?(?P<en>haiku|limerick|sonnet)\b"
    r"|(?:写|作|创作)一?首[^，。]{0,8}?(?P<zh>俳句)",
    re.IGNORECASE,
)
_LETTERS = re.compile(
    r"(?:\b(?:only|all)\b[^.?!]{0,30}\bwords? (?:that |which )?(?:all )?|\b(?:each|every) word )"
    r"(?:start|begin)(?:s|ning)? with (?:the )?(?:letter )?[\"'“‘]?(?P<first>[a-z])\b"
    r"|\bwithout (?:using )?(?:the |any )?letter [\"'“‘]?(?P<never>[a-z])\b",
    re.IGNORECASE,
)


def constraints(instruction: str) -> tuple[Constraint, ...]:
    """Return what an instruction says of its answer's size and form, in the order of its words by kind."""
    return tuple(
        found
        for read in (_sizes, _items, _poems, _letters)
        for found in read(instruction)
        if found.least <= found.most
    )


def missed(instruction: str, output: str) -> tuple[str, str] | None:
    """Return (what the output has, what was asked for) of the first constraint it misses, or None."""
    for asked in constraints(instruction):
        counts = _COUNTS[asked.unit](output.strip(), asked)
        if not any(asked.least <= count <= asked.most for count in counts):
            return f"{max(counts)} {asked.unit} {asked.letter}".strip(), asked.said
    return None


def _value(text: str) -> int | None:
    word = text.strip().lower()
    if word.isdecimal():
        return int(word)
    if word in ("a", "an"):
        return 1
    if word.endswith("dozen"):
        return 12
    value = english(word.replace("a ", "one ")) if word.isascii() else chinese(word)
    return None if value is None or value.denominator != 1 else int(value)


def _bounds(low: int, high: int | None, how: str, about: bool) -> tuple[int, int]:
    how = how.strip().lower()
    if high is not None:
        return low, high
    if how in _UPPERS or how.endswith(("less", "fewer", "at most", "max")):
        return 0, low
    if how in _LOWERS or how.endswith(("more", "at least")):
        return low, _MANY
    if about:
        return int(low * _ABOUT[0]), int(low * _ABOUT[1])
    return low, low


_UPPERS = frozenset((*_UPPER.split("|"), *_UPPER_ZH.split("|"), "以内", "之内"))
_LOWERS = frozenset((*_LOWER.split("|"), *_LOWER_ZH.split("|"), "以上"))
_UNITS = {"word": "words", "sentence": "sentences", "character": "characters", "字": "characters",
          "句话": "sentences"}  # fmt: skip


def _sizes(instruction: str) -> Iterator[Constraint]:
    for pattern, parts in ((_SIZE_EN, _PARTS_EN), (_SIZE_ZH, _PARTS_ZH)):
        for match in pattern.finditer(instruction):
            low, high = _value(match["low"]), match["high"] and _value(match["high"])
            if low is None or (match["high"] and not high) or _of_a_part(instruction, match, parts):
                continue
            unit = _UNITS[match["unit"].lower()]
            about = unit != "sentences" and (match["how"] or "").lower() != "exactly"
            least, most = _bounds(low, high or None, match["after"] or match["how"] or "", about)
            yield Constraint(unit, least, most, match[0].strip("，、：。 "))


def _of_a_part(instruction: str, match: re.Match[str], parts: re.Pattern[str]) -> bool:
    """Whether the sentence around a match speaks of a part of the answer."""
    begin = max(instruction.rfind(mark, 0, match.start()) for mark in ".?!\n。？！；") + 1
    ends = [at for mark in ".?!\n。？！；" if (at := instruction.find(mark, match.end())) >= 0]
    return parts.search(instruction, begin, min(ends, default=len(instruction))) is not None


def _items(instruction: str) -> Iterator[Constraint]:
    for pattern in (_ITEMS_EN, _ITEMS_ZH):
        for match in pattern.finditer(instruction):
            number = _value(match["number"])
            if number is None or not 2 <= number <= _MOST_ITEMS:
                continue
            how = match["how"] or match.groupdict().get("or") or ""
            least, most = _bounds(number, None, how, about=False)
            if _ANOTHER.search(instruction, match.end()):
                most = _MANY  # "two arguments for and two against", 各写两条
            yield Constraint("items", least, most, match[0][:-1].strip())


def _poems(instruction: str) -> Iterator[Constraint]:
    for match in _POEM.finditer(instruction):
        lines = _POEMS[(match["en"] or match["zh"]).lower()]
        yield Constraint("lines", lines, lines, match[0])


def _letters(instruction: str) -> Iterator[Constraint]:
    for match in _LETTERS.finditer(instruction):
        unit = "strays" if match["first"] else "uses"
        yield Constraint(unit, 0, 0, match[0], (match["first"] or match["never"]).lower())


_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*+")
_HAN_OR_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
_ENDS = re.compile(r"(?<![.!?。！？…])[.!?。！？…]++[\"'”’」』)）]*+(?=\s|\Z|[\u3400-\u9fff“「『])")
_SHORT = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Prof|Jr|Sr|vs|etc|e\.g|i\.e|[A-Z])\.(?=\s\S)")
_NUMBERED = re.compile(
    rf"^[^\S\n]*+(?:[*_#]{{1,3}} ?)?[(（]?"
    rf"(?:\d{{1,2}}[.)）:、]|[①-⑳]|{NUMERAL}[、.)）]|第{NUMERAL}|[A-Za-z][.)] )",
    re.MULTILINE,
)
_BULLETS = re.compile(r"^[^\S\n]*+[-*•·–—+]\s", re.MULTILINE)
_INLINE = re.compile(r"(?:^|[\s:;,.，。；：、(（])(?:\d{1,2}[.)）、]|[①-⑳])(?!\d)")
_PIECES = re.compile(r"[,;，；、/\n]|\band\b|\bor\b|[和与及或]|[.!?。！？]\s?")


def _words(text: str, _: Constraint) -> list[int]:
    return [len(text.split()), len(_WORD.findall(text)), len(_HAN_OR_WORD.findall(text))]


def _characters(text: str, _: Constraint) -> list[int]:
    return [len(text), len("".join(text.split())), len(_HAN_OR_WORD.findall(text))]


def _sentences(text: str, _: Constraint) -> list[int]:
    """Full stops; those that end no abbreviation; and each line by itself, so that a heading is one."""
    ends = len(_ENDS.findall(text))
    short = len(_SHORT.findall(text))
    by_line = sum(max(1, len(_ENDS.findall(line))) for line in text.split("\n") if line.strip())
    return [max(1, ends), max(1, ends - short), by_line, by_line - short]


def _listed(text: str, asked: Constraint) -> list[int]:
    """Ways to count items: the marks of a list alone where it is one, else all up to the finest."""
    lines = [line for line in text.split("\n") if line.strip()]
    marked = {len(_NUMBERED.findall(text)), len(_BULLETS.findall(text))} - {0, 1}
    if len(marked) == 1 and len(lines) - max(marked) <= 1:
        return sorted(marked)
    blocks = re.split(r"\n\s*\n", text)
    pieces = sum(map(bool, map(str.strip, _PIECES.split(text))))
    finest = max(len(lines), len(blocks), pieces, len(_INLINE.findall(text)))
    return list(range(1, finest + 1))


def _lines(text: str, _: Constraint) -> list[int]:
    lines = [line for line in re.split(r"\n| / ", text) if line.strip()]
    return [len(lines), len(lines) - 1]  # with and without a title


def _strays(text: str, asked: Constraint) -> list[int]:
    return [sum(not word.lower().startswith(asked.letter) for word in _WORD.findall(text))]


def _uses(text: str, asked: Constraint) -> list[int]:
    return [text.lower().count(asked.letter)]


_COUNTS: dict[str, Callable[[str, Constraint], list[int]]] = {
    "words": _words, "characters": _characters, "sentences": _sentences, "items": _listed,
    "lines": _lines, "strays": _strays, "uses": _uses,
}  # fmt: skip
