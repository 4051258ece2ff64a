"""Material that an instruction announces and that is not there: "Summarize the following article:".

Such a row teaches a model to invent what it was not given. A task announces material where it points
to a text, a number or a list ("the following", "given", 下面的) and holds none itself: no quotation, no
text after a colon or on a further line, no figures. Limits: lists of words, English and Chinese; a
pointer in other words passes, and so does material that is there but is not what was announced.
"""

from __future__ import annotations

import re

__all__ = ["announced", "says_none"]

_THINGS_EN = (
    "articles?|texts?|passages?|paragraphs?|sentences?|e-?mails?|letters?|messages?|reviews?|comments?"
    "|lists?|tables?|code|snippets?|programs?|data|dataset|data set|numbers|story|stories|poem|dialogue"
    "|conversation|recipe|words|statements?|equations?|expressions?|descriptions?|documents?|reports?"
    "|quotes?|excerpts?|tweets?|headlines?|phrases?|strings?|arrays?|essay|abstract|scenario"
    "|lyrics|inputs?|facts|claims?|jokes?|notes?|clauses?|requests?|arguments?|outline|values|gaps"
    "|ingredients|pairs|opening|tickets?|diary entry|xml|csv data|json|transcript|pseudocode"
    "|book|novel|author|narrator|main character|protagonist|speaker|movie|film|song|play|character"
    "|figures|settings|options|items|products?|puzzle|riddle|proverb|idiom|verse|stanza|lines|posts?"
)
_TOLD = "book|novel|author|narrator|main character|protagonist|character|letter|story|passage|movie|film"
"""What only a text that is not there can be about: pointed to whatever follows, but for "the book of"."""
_GOES_ON = (
    r"(?=(?:['’]s)?\s*+(?:[.,;:?!)]|$)|['’]s\s+\w+|\s+(?:and|or|so|in|into|is|are|as|with|below|above|from|to|using|by|on|at|if"
    r"|has|have|had|live|lives|lived|write|wrote|written|published|does|do|belongs?|contains?|was|were|should|most|correctly|sound|more|without|while|but)\b)"
)
_ENGLISH = re.compile(
    # the given film comment, the following two sentences, each of the provided names
    r"\b(?:the|this|these|those|each|a|an|for|of)\s+(?:following|given|provided|attached)\s+(?!is\b|are\b)\w+"
    rf"|\A\W*(?:you are )?given\s+(?:a|an|the|two|three|some|this|these)\s+\w+"
    r"|\b(?:you(?: are| were|'re) given|I (?:will )?give you|provided (?:below|above))\b"
    rf"|\b(?:{_THINGS_EN})\s+(?:(?:is|are)\s+)?(?:below|above|that follows?|provided|given|attached)\b"
    rf"|\b(?:below|above)\s+(?:{_THINGS_EN})\b"
    rf"|\b(?:the|this|these|those)\s+(?:[\w-]+\s+){{0,2}}?(?P<thing>{_THINGS_EN})\b{_GOES_ON}"
    rf"|\bthe (?P<told>{_TOLD})\b(?! (?:of|about|that|which|for|between|in which)\b)",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"(?:下面|以下|下列|下述|给定|给出的|所给)的?(?![几]点|要求|格式|方面|步骤|规则|方式)[\u3400-\u9fff“]"
    r"|(?:上面|上述|以上|这|该)(?:[一二两三几]?(?:[条段篇句则首封份张组]|道题)|个(?P<thing>句子|故事|词|数|段落|列表|方程|函数|单词|成语|字)|些(?!年|天|人))(?!话说)"
    r"|(?:句中|文中|段落[里中]|根据(?:所给)?(?:信息|材料|事实|日程|条件|短文|上下文))"
)
_QUOTED = re.compile(r"[\"“”「」『』《»«`]|(?<!\w)['‘][^'’‘\n]{2,200}['’](?!\w)")
_AFTER_COLON = re.compile(r"[:：]\s*\S+")
_FIGURES = re.compile(r"\d[\d,.]*")
_ENOUGH = 2  # "given the numbers 3 and 5": figures are the material; "in 3 sentences" is one figure


def announced(instruction: str) -> str:
    """Return the words that announce material the instruction does not hold, "" where all is there."""
    for pointed in (*_ENGLISH.finditer(instruction), *_CHINESE.finditer(instruction)):
        if _holds(instruction, pointed.end()):
            return ""
        named = pointed.groupdict()
        thing = named.get("thing") or named.get("told") or ""
        if not _brought_in(instruction[: pointed.start()], thing):
            return pointed[0].strip()
    return ""


def _brought_in(before: str, thing: str) -> bool:
    """Whether the words before a pointer speak of the thing already: "Write a story … the story"."""
    stem = thing.lower().removesuffix("s")
    return bool(stem) and stem in before.lower()


def _holds(instruction: str, end: int) -> bool:
    """Whether the instruction holds material of its own."""
    text = instruction.strip()
    return (
        "\n" in text
        or _QUOTED.search(text) is not None
        or _AFTER_COLON.search(text, end) is not None
        or len(_FIGURES.findall(text)) >= _ENOUGH
    )


_OBJECT_EN = r"(?:inputs?|materials?|context|text|data|information)"
_STATE_EN = r"(?:needed|required|necessary|given|provided|available|applicable|specified|present)"
_TASK_EN = r"(?:\s+(?:for|in|by|to)\s+(?:this|the)\s+(?:\w+\s+){0,2}?(?:task|example|instruction|question))?"
_OBJECT_ZH = r"(?:输入|材料|内容|文字|数据|信息)"
_NOTHING = re.compile(
    r"none|nothing|n/?a|nil|null|empty|blank|-+|—+"
    rf"|(?:there (?:is|are)\s+)?(?:no|none|not)\s+(?:\w+\s+)?"
    rf"(?:{_OBJECT_EN}(?:\s+(?:is|are))?(?:\s+{_STATE_EN})?|{_STATE_EN})"
    rf"{_TASK_EN}|no_?input|none\s+(?:is\s+)?{_STATE_EN}{_TASK_EN}"
    rf"|(?:(?:this|the)\s+)?(?:input|task)(?:\s*+:|\s+(?:is|does|requires|needs))?\s+"
    rf"(?:none|empty|no\s+(?:\w+\s+)?{_OBJECT_EN}"
    rf"|not\s+(?:{_STATE_EN}|(?:need|require)(?:\s+\w+){{0,2}}))"
    rf"|(?:本|该|此|这个)?(?:任务|题目|示例)?(?:并|均)?(?:不需要?|不用|无需|无须|不必|没有|没|无)"
    rf"(?:提供|给出)?(?:任何|额外|具体|其[他它])?的?{_OBJECT_ZH}"
    r"|无|空|空白|没有|不需要|无需|不适用|不用",
    re.IGNORECASE,
)


def says_none(text: str) -> bool:
    """Whether a field says in words that there is nothing: "No input needed.", 无需输入, N/A."""
    bare = text.strip().strip("()（）[]【】<>{}.。!！*_\"' ").strip()
    if not bare:
        return bool(text.strip())  # brackets around nothing
    return len(bare) <= 60 and _NOTHING.fullmatch(bare) is not None
