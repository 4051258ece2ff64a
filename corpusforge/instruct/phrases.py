"""Phrases that the quality rules look for, English and Chinese, as compiled patterns.

Ours, from chat templates in use and from complaints about published instruction sets (leaked
"<noinput>", "N/A" outputs, answers that begin "As an AI language model"). Limit: lists.
"""

from __future__ import annotations

import re

from corpusforge.models.thoughts import MARKS

__all__ = ["EVASIONS", "LANGUAGES_NAMED", "LEAKS", "PLACEHOLDERS"]

PLACEHOLDERS = frozenset(
    {
        *(
            "n/a",
            "na",
            "<nooutput>",
            "<no output>",
            "<noinput>",
            "no output",
            "[output]",
            "<output>",
        ),
        *("example 1", "example 2", "example 3", "示例 1", "示例1", "示例 2", "示例2"),
        *("not applicable", "to be filled", "...", "…", "……", "输出", "[输出]", "<输出>", "无输出"),
        *("不适用", "略", "（略）", "(略)", "暂无"),
    }
)
"""Outputs, in lower case without a full stop, that stand for nothing. "none" and "无" are answers."""

LEAKS = re.compile(
    r"<\|[a-z0-9_▁ ]{2,30}\|>"  # <|endoftext|>, <|im_start|>, <|eot_id|>, <|user|>
    r"|<｜[^｜\n]{2,40}｜>"  # the full-width bars of some templates
    r"|</?s>\s*\Z|\A\s*<s>(?!.*</s>)"  # a lone end mark; <s>…</s> in HTML strikes text out
    r"|\[/?INST\]|<</?SYS>>|</?start_of_turn>|<end_of_turn>|\[gMASK\]"
    r"|<no_?input>|<no_?output>"
    r"|^[^\S\n]*+#{2,4}\s*+(?:Instruction|Input|Response|Output|指令|输入|输出|回答|回复)\s*+[:：]"
    r"|^[^\S\n]*+(?:Class label|Is it classification\?|Is it classification|Task \d+|类别标签|是否为分类任务)"
    r"\s*+[:：?？]"
    r"|\bBEGIN_TEXT\b|\bEND_TEXT\b"
    r"|" + MARKS,
    re.IGNORECASE | re.MULTILINE,
)
"""Template and end-of-text marks, and headings of the prompts' own formats at the head of a line."""

_SELF_EN = r"(?:an?|your)\s+(?:\w+\s+)?(?:AI|artificial intelligence|(?:large )?language model)\b"
_SELF_ZH = r"(?:一个|一名|一款|一种)?(?:大型|大)?(?:AI|人工智能|语言模型|智能助手|聊天机器人)"

EVASIONS = re.compile(
    r"\bas " + _SELF_EN + r"|\bI(?:'|’)?\s?a?m (?:just |only |merely )?" + _SELF_EN +
    r"|\bI (?:do not|don(?:'|’)t|cannot|can(?:'|’)t) have (?:personal|access to|the ability|feelings)"
    r"|\A\W*(?:I(?:'|’)m |I am |we are )?(?:very |really |truly )?sorry,? (?:but )?(?:I|as)\b"
    r"|\A\W*(?:I )?apologi[sz]e\b.{0,40}\bI\b"
    r"|\A\W*Unfortunately,? I (?:cannot|can(?:'|’)t|am unable|am not able|do not|don(?:'|’)t)\b"
    r"|\A\W*I(?: am|(?:'|’)m)? (?:cannot|can(?:'|’)t|unable to|not able to)\s+(?:\w+\s+){0,2}"
    r"(?:answer|provide|help|assist|fulfil|fulfill|complete|generate|access|perform|browse|comply)\b"
    r"|\bmy (?:knowledge cut-?off|training data)\b"
    r"|作为" + _SELF_ZH + r"|我(?:只)?是" + _SELF_ZH +
    r"|\A\W*(?:很|非常|十分|真的)?(?:抱歉|对不起|不好意思)[，,。！! ]?.{0,12}?(?:我|作为|无法|不能)"
    r"|\A\W*我(?:无法|不能|没有办法)(?:回答|提供|帮助|协助|完成|生成|访问|执行)"
    r"|\A\W*我没有(?:个人|感情|情感|能力|权限)",
    re.IGNORECASE,
)  # fmt: skip
"""A model that speaks of itself instead of answering: "as an AI …", apologies, refusals."""

LANGUAGES_NAMED = re.compile(
    r"\b(?:translat\w*|languages?|English|Chinese|Mandarin|Cantonese|French|German|Spanish|Italian"
    r"|Portuguese|Russian|Japanese|Korean|Arabic|Hindi|Latin|Greek|Dutch|Swedish|Polish|Turkish"
    r"|Vietnamese|Thai|Hebrew|Pinyin|bilingual)\b"
    r"|翻译|译[成为文]|英译|汉译|语言|[英中汉法德日俄韩][文语]|西班牙语|葡萄牙语|意大利语|阿拉伯语"
    r"|拉丁语|粤语|泰语|越南语|拼音|双语",
    re.IGNORECASE,
)
"""Words that show a row to be about languages, so that its output may be in any."""
