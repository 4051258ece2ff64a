"""What an instruction asks for, by its words: one of a few labels, or code.

A classification task names its labels or makes them plain: it asks yes or no, offers a choice, or speaks
of a kind, a topic, a mood. Where nothing of that stands in it nobody is asked: a small model says "Yes" to
"How many days has a week?" and then writes labels that are none. Of 71 classification tasks that people
wrote (English and Chinese) 70 have such words, of 379 others 47 (the words were chosen on these;
`tests/instruct/test_instruct_material.py` holds both); what has them is still put to the model. Limit:
lists of words.
"""

from __future__ import annotations

import re

__all__ = ["asks_for_code", "may_classify"]

_KINDS = (
    "language|type|kind|topic|genre|category|class|tone|mood|emotion|feeling|style|season|month"
)
_ENGLISH = re.compile(
    r"\b(?:whether|classif\w*|categori\w*|labels?|sentiment|part of speech|intent|choose|select"
    r"|pick (?:the|one)"
    rf"|(?:which|what)(?: \w+){{0,2}} (?:{_KINDS}|continent|department|label)|the (?:{_KINDS}) of"
    r"|which (?:of|one|word|sentence|option)|(?:to|belongs? to) (?:one|which)"
    r"|decide|determine|judge|detect|spam|assign|rate|rank|verify|fact[- ]check\w*|entail\w*|contradict\w*"
    r"|similar|toxic|offensive|stance|appropriate|grammatical\w*|identify|predict"
    r"|(?:tell|say|check|see)(?: me)? if|would be suitable)\b"
    r"|\A\W*(?:is|are|was|were|does|do|did|should|has|have|had|am|(?:can|could|will|would)(?! you))\b"
    r"|[:,]\s?(?:is|are|does|do|can|did|was)\b[^.?]{0,200}\?|\S or \S",
    re.IGNORECASE,
)
_CHINESE = re.compile(
    r"是否|是不是|有没有|会不会|能不能|判断|分类|归入|归为|归类|属于|哪[一种类个项]|选出|选择|还是|对错|正误|标签|类别|类型"
    r"|种类|情感|情绪|态度|语气|立场|主题|体裁|文体|词性|意图|吗[？?]|或|挑出|评级|等级|[：:][^。、：:]{0,40}、"
)
_VERBS = (
    "write|design|create|list|describe|explain|compose|generate|translate|invent|draft|rewrite|summari[sz]e"
    "|plan|propose|suggest|give|convert|calculate|compute"
)
_MAKES = re.compile(
    rf"\A\W*(?:please )?(?:{_VERBS}|(?:can|could|will|would) you (?:tell|{_VERBS}))\b"
    r"|\A(?:请)?(?:写|设计|列出|描述|解释|编|翻译|改写|总结|计算|提出|给出)",
    re.IGNORECASE,
)
"""Something is to be made or worked out, whatever choice stands in it: "Design … to test whether …"."""
_REASONS = re.compile(
    r"\b(?:explain|justify|give (?:\w+ )?reasons|say why|tell (?:me )?why|why (?:it|they|you|this|that)\b)"
    r"|\b(?:choose|select|pick|identify)"
    r" (?:two|three|four|five|six|seven|eight|nine|ten|several|some|a few)\b"
    r"|(?:说明|解释|阐述|给出|说出)[^。]{0,6}(?:理由|原因|为什么)|并(?:说明|解释)",
    re.IGNORECASE,
)
"""More than one label is wanted: a reason beside it, or several of many."""


def may_classify(instruction: str) -> bool:
    """Whether the instruction names labels or implies them, and wants nothing made and no reason given."""
    if _MAKES.search(instruction) or _REASONS.search(instruction):
        return False
    return bool(_ENGLISH.search(instruction) or _CHINESE.search(instruction))


_CODE = re.compile(
    r"\b(?:write|create|implement|define|develop|code|build)\s+(?:\w+\s+){0,3}?"
    r"(?:function|method|program|script|class|query|regex|regular expression|css|html|sql)\b"
    r"(?! (?:of|that explains|names?)\b)"
    r"|\brefactor\b"
    r"|(?:编写|写|实现|定义)(?:出)?(?:一个|一段|一条|个|段|条)?.{0,12}?"
    r"(?:函数|程序|脚本|代码|查询语句|正则表达式)",
    re.IGNORECASE,
)


def asks_for_code(instruction: str) -> bool:
    """Whether a task asks for a function, a program or a query to be written."""
    return _CODE.search(instruction) is not None
