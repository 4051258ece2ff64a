"""Language profiles: all that the instruction filter knows of a language, in one place.

The English profile holds Self-Instruct's filter settings (Wang et al. 2023, read from their code).
The words that Alpaca added ("video", "music" …) are left out: of the original's own 175 seeds and
252 expert tasks they would refuse 3 more, all of them about text. The Chinese profile is ours: there
the original counts a sentence as one word and drops every instruction. Limits: word lists catch
wishes for pictures and files, not every task a text model cannot do; other languages need a profile.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from corpusforge.errors import RecipeError, nearest
from corpusforge.filter.tables import SIMPLIFIED, TRADITIONAL, property_table
from corpusforge.instruct.tokens import TOKENIZERS
from corpusforge.text.classes import HAN, LIMIT, class_table

__all__ = ["PROFILES", "Finding", "Profile", "han_share", "language_of", "profile", "script_share"]

Finding = tuple[str, str, str]
"""(rule, value found, bound): why something was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is a token, a fitting length and a forbidden word in one language.

    `blacklist` is matched in lower case: as whole words where the language has spaces, anywhere in
    the text otherwise. An instruction has more than `shortest` and at most `longest` units.
    """

    language: str
    mode: str
    """Key of `tokens.TOKENIZERS`."""
    unit: str
    """Unit of length: "word" (between white space) or "token" (one Han character or one word)."""
    shortest: int
    """An instruction of this many units is too short."""
    longest: int
    blacklist: tuple[str, ...]
    spaced: bool
    prefixes: tuple[str, ...]
    """Instructions may not begin so (lower case)."""
    openers: str
    """Marks that may stand first; otherwise a letter or digit must."""
    han: tuple[float, float]
    """Least and largest share of Han characters among the units of an instruction."""
    script: str
    """"simplified", "traditional" or "": which standard Han characters should follow."""
    enders: tuple[str, ...]
    """A text that ends so announces something that does not come."""
    stops: tuple[str, ...]
    """Stop strings of a numbered list; {n} is the first number that nobody asked for."""

    def tokens(self, text: str) -> list[str]:
        """Return the tokens that novelty compares."""
        return TOKENIZERS[self.mode](text)

    def length(self, text: str) -> int:
        """Return the length of `text` in the profile's unit."""
        return len(text.split()) if self.unit == "word" else len(TOKENIZERS["unicode"](text))

    def stop_strings(self, number: int) -> tuple[str, ...]:
        """Return the stop strings for a list that must end before `number`.

        Each begins with a line break: a bare "16." would also cut "$16.50" inside a text.
        """
        return tuple(stop.format(n=number) for stop in self.stops)

    def check_instruction(self, text: str) -> Finding | None:
        """Return (rule, value, bound) of the first rule that `text` breaks, None if it breaks none.

        Rules in order: empty, too_short, too_long, blacklist, asks_the_model, prefix,
        first_character, han_share, script.
        """
        text = text.strip()
        if not text:
            return "empty", "0", "> 0"
        size = self.length(text)
        if size <= self.shortest:
            return "too_short", str(size), f"> {self.shortest} {self.unit}s"
        if size > self.longest:
            return "too_long", str(size), f"<= {self.longest} {self.unit}s"
        word = self._forbidden(text.lower())
        if word:
            return "blacklist", word, "none"
        lowered = text.lower()
        person = _PERSON.search(text)
        if person:
            return "asks_the_model", person[0], "nothing of the assistant's own life"
        begun = next((start for start in self.prefixes if lowered.startswith(start)), "")
        if begun:
            return "prefix", begun, "none"
        return self._check_script(text)

    def _forbidden(self, lowered: str) -> str:
        if not self.spaced:
            return next((word for word in self.blacklist if word in lowered), "")
        pattern = r"\b(?:" + "|".join(map(re.escape, self.blacklist)) + r")\b"
        match = re.search(pattern, lowered)
        return match[0] if match else ""

    def _check_script(self, text: str) -> Finding | None:
        first = text[0]
        if not (self._begins(first) or first in self.openers):
            return "first_character", first, self._expected()
        share = han_share(text)
        low, high = self.han
        if not low <= share <= high:
            return "han_share", f"{share:.3f}", f"{low} to {high}"
        if self.script:
            found = script_share(text, self.script)
            if found < 0.5:
                return "script", f"{found:.3f}", f">= 0.5 {self.script}"
        return None

    def _begins(self, first: str) -> bool:
        if first.isascii():
            return first.isalnum()
        point = ord(first)
        return self.han[0] > 0 and point < LIMIT and bool(class_table()[point] & HAN)

    def _expected(self) -> str:
        han = "Han character, " if self.han[0] > 0 else ""
        marks = f", or one of {self.openers}" if self.openers else ""
        return f"{han}ASCII letter or digit{marks}"


_CHINESE = 0.3


def language_of(text: str) -> str:
    """Return "zh" for a text of which 0.3 of the words or more are Han characters, else "en"."""
    return "zh" if han_share(text) >= _CHINESE else "en"


def han_share(text: str) -> float:
    """Return the share of Han characters among the words of `text` (a Han character is one word)."""
    classes = class_table()
    units = TOKENIZERS["unicode"](text)
    han = sum(ord(unit[0]) < LIMIT and bool(classes[ord(unit[0])] & HAN) for unit in units)
    return han / len(units) if units else 0.0


def script_share(text: str, script: str) -> float:
    """Return how much of the characters that only one standard has belong to `script`.

    1.0 where there are none. The standards are GB 2312 and Big5, as in `filter.tables`.
    """
    table = property_table()
    bits = [int(table[ord(c)]) for c in text if ord(c) < LIMIT]
    simplified = sum(bool(b & SIMPLIFIED) for b in bits)
    traditional = sum(bool(b & TRADITIONAL) for b in bits)
    wanted = simplified if script == "simplified" else traditional
    return wanted / (simplified + traditional) if simplified + traditional else 1.0


_ENGLISH_BLACKLIST = (
    *("image", "images", "graph", "graphs", "picture", "pictures", "file", "files", "map", "maps"),
    *("draw", "plot", "go to"),
)
# The same wishes. A single character such as 画 stands inside too many words (画家, 计划) to be listed;
# 文件 is listed for "file" although it also means an official paper.
_CHINESE_BLACKLIST = (
    *("图片", "图像", "照片", "图表", "地图", "插图", "示意图", "流程图", "柱状图", "折线图", "饼图"),
    *("下图", "上图", "如图", "图中", "图示", "附图"),
    *("绘制", "画出", "画一", "画个", "文件", "前往"),
)  # fmt: skip

_OWN_EN = (
    "favou?rite|hometown|home town|country|city|town|neighbou?rhood|life|childhood|family|parents|mother"
    "|father|friends?|best friend|hobb(?:y|ies)|job(?! description)|boss|workplace|pet|dreams?|school"
    "|bedroom|house|garden|kitchen|street|classroom|daily routine"
    "|last (?:holiday|vacation|weekend|trip|meal)"
)
_PERSON = re.compile(
    rf"\byour (?:own )?(?:{_OWN_EN})\b"
    r"|\b(?:things?|something|foods?|books?|movies?|activities) (?:that )?you (?:really )?"
    r"(?:like|love|enjoy|hate|fear)\b"
    r"|\bif you (?:could (?:have|be|travel|go|live|meet|visit|change|choose)|were|had)\b"
    r"|\b(?:books?|movies?|films?) you(?:['’]ve| have) (?:\w+ )?(?:read|seen|watched)\b"
    r"|\byou(?:['’]ve| have) (?:\w+ )?(?:seen|visited|been(?! given)|eaten|watched|met|experienced)\b"
    r"|\bdid you (?:learn|study|go|see|eat|do)\b|\bhave you ever\b"
    r"|\bwhat do you (?:like|love|enjoy|usually|do)\b|\bdo you (?:like|love|enjoy|have|live|own)\b"
    r"|你(?:自己)?(?:最)?(?:喜欢|喜爱|爱吃|讨厌|害怕)的"
    r"|你的(?:家乡|童年|父母|妈妈|爸爸|家人|朋友|爱好|工作|老师|学校|宠物|梦想|生活|一天)"
    r"|你(?:曾经|有没有(?:去|吃|见|遇)过|去过|住在|小时候)",
    re.IGNORECASE,
)
"""Questions about a life that a model does not have; its answer would be made up."""

PROFILES: dict[str, Profile] = {
    "en": Profile(
        language="en",
        mode="unicode",
        unit="word",
        shortest=3,
        longest=150,
        blacklist=_ENGLISH_BLACKLIST,
        spaced=True,
        prefixes=("write a program",),
        openers="",
        han=(0.0, 0.6),
        script="",
        enders=(":",),
        stops=("\n{n}.",),
    ),
    # Length: 1.58 units stand for one English word (186 pairs of messages of translated interfaces,
    # quartiles 1.38 and 1.83), so that 3 and 150 words become 4.7 and 237 units. By the same figure
    # a text is half Chinese when 0.61 of its units are Han: the English profile's largest share. The
    # Chinese one allows more of the other script, since names and code stay in it.
    "zh": Profile(
        language="zh",
        mode="unicode",
        unit="token",
        shortest=4,
        longest=240,
        blacklist=_CHINESE_BLACKLIST,
        spaced=False,
        prefixes=("编写一个程序", "写一个程序", "编写程序", "写一段程序"),
        openers="“‘「『《〈【（",
        han=(0.5, 1.0),
        script="simplified",
        enders=(":", "："),
        stops=("\n{n}.", "\n{n}、", "\n{n}．"),
    ),
}


def profile(language: str, mode: str = "", script: str | None = None) -> Profile:
    """Return the profile of a language, with other tokens (`mode`) or another Han standard if given.

    Raises RecipeError for an unknown language, mode or script.
    """
    if language not in PROFILES:
        raise RecipeError(f"no profile of language {language!r}.{nearest(language, PROFILES)}")
    if mode and mode not in TOKENIZERS:
        raise RecipeError(f"token mode {mode!r} is unknown.{nearest(mode, TOKENIZERS)}")
    if script not in (None, "", "simplified", "traditional"):
        raise RecipeError(f"script is {script!r}; use 'simplified', 'traditional' or ''")
    found = PROFILES[language]
    return replace(
        found, mode=mode or found.mode, script=found.script if script is None else script
    )
