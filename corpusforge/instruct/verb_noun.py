"""The main verb of an instruction and its object, by an offline rule.

Wang et al. 2023 take the verb nearest the root of a parse and its first direct noun object. Here,
without a parser: the first verb of a list that stands where an instruction's verb can stand, and the
last noun of the phrase that follows; Chinese without a word segmenter, by characters. Agreement with
110 instructions labelled by hand beforehand stands in `docs/instruct_novelty.md`. Limits: a verb that
is not listed is not seen, and the head of a Chinese noun phrase is a guess where it has no 的.
"""

from __future__ import annotations

import re

__all__ = ["verb_object"]

_VERBS_TEXT = """
act add adjust advise analyse analyze answer argue arrange ask assess assign assume brainstorm
break build calculate categorize change check choose cite clarify classify combine come compare
complete compose compress compute consider construct contrast convert correct count create
critique debate debug decide define delete demonstrate describe design detect determine develop
devise differentiate discuss distinguish divide do draft edit elaborate estimate evaluate examine
expand explain explore express extend extract fill find fix formulate generate give greet group
guess help highlight identify illustrate imagine implement improve infer insert interpret invent
judge justify label list locate look make mark match mention merge modify name narrate negate
offer order organize outline paraphrase perform pick plan play predict prepare present pretend
print produce prompt pronounce propose prove provide punctuate put rank rate read rearrange
recite recommend reduce refactor remove rename rephrase replace reply report represent research
respond restate reverse review revise rewrite rhyme round say schedule score search select
separate share shorten show simplify sketch solve sort speak specify spell split state structure
submit substitute suggest summarise summarize support switch take teach tell test think transcribe
transform translate turn unscramble update use validate verify visualize write
"""
_VERBS = frozenset(_VERBS_TEXT.split())
_STOPS_TEXT = """
about above according across after against all along among and around as at based because
before behind being below beside between beyond but by can containing could describing do does
during each explaining following for from given having how if in including inside instead into is
it like near of off on onto or out over per since so such than that there these they through to
toward under until up upon using was were what when where whether which while who whom whose why
will with within without would you
"""
_STOPS = frozenset(_STOPS_TEXT.split())
_SKIPPED_TEXT = """
a an the this that these those my your our his her its their me us him them some any every all
each both following below given one two three four five six seven eight nine ten several few
many more another other just only i you
"""
_SKIPPED = frozenset(_SKIPPED_TEXT.split())
_PARTICLES = {"come": ("up", "with"), "look": ("for",), "search": ("for",)}
_LEADS_TEXT = "please kindly then now and to must should can could would i you me us we"
_LEADS = frozenset(_LEADS_TEXT.split())
_TOKEN = re.compile(r"[a-z][a-z'’-]*|\d+|[.,;:?!\n]")
_ASKED = re.compile(r"\A(?:is|are|was|were|what|who|which|where|when)\b")

_LEADS_ZH = re.compile(
    r"\A(?:请你|请|麻烦你?|你能|你可以|能否|能不能|可以|如何|怎样|怎么|为我|帮我|帮忙|给我|替我|我想要?|我需要)+"
)
_VERBS_ZH_TEXT = """
制定 翻译 改写 解释 列出 列举 给出 概括 判断 回答 推荐 比较 去除 描述 找出 找到
分析 设计 计算 排列 提供 总结 介绍 分类 告诉 生成 扮演 检查 补全 完成 说明 修改
提取 讨论 采访 预测 撰写 编写 创作 创建 制作 规划 计划 提出 建议 识别 辨别 区分
确定 评价 评估 评论 转换 替换 删除 添加 填写 选择 挑选 排序 归纳 归类 缩写 扩写
续写 润色 纠正 改正 简化 估算 求解 证明 验证 实现 构造 构思 想象 模拟 阐述 论述
说出 写出 指出 举出 拟定 整理 搜索 查找 朗读 讲述 起草 写 编 起 讲 做 列 答 算
说
"""
_VERB_ZH = re.compile("|".join(_VERBS_ZH_TEXT.split()))  # longer verbs stand first
_MOVED_ZH = re.compile(
    rf"(?:把|将|对)(?P<object>[^，。！？]+?)(?:(?:进行|按|用)[^，。！？]{{0,8}}?)?(?P<verb>{_VERB_ZH.pattern})"
)
_END_ZH = re.compile(r"[，。！？：；、,.!?:;\n]|(?:并且?|或者|以便|使其|来自|[吗呢吧]\Z)")
_CLAUSE_ZH = re.compile(r"什么|怎样|怎么|如何|为何|是否")
_NUMBER_ZH = r"[一两二三四五六七八九十几多每各某这那该\d]+"
_UNIT_ZH = r"[首封份篇个条句种本名位段些道张则组套件部项点下]"
_COUNT_ZH = re.compile(
    rf"\A(?:一下|了|出|成|为)?(?:下面|以下|下列|上述)?的?(?:{_NUMBER_ZH}{_UNIT_ZH}?|{_UNIT_ZH}(?=[^，。]{{2}}))?"
)


def verb_object(text: str, language: str) -> tuple[str, str]:
    """Return (verb, head noun of its object), each "" where none is found; lower case."""
    return _chinese(text) if language == "zh" else _english(text.lower())


def _english(text: str) -> tuple[str, str]:
    tokens = _TOKEN.findall(text)
    place = _english_verb(tokens, bool(_ASKED.match(text.strip())))
    if place < 0:
        return "", ""
    verb, rest = tokens[place], tokens[place + 1 :]
    particles = _PARTICLES.get(verb, ())
    if tuple(rest[: len(particles)]) == particles:
        rest = rest[len(particles) :]
    return verb, _singular(_head(rest))


def _english_verb(tokens: list[str], asked: bool) -> int:
    """Return the place of the main verb, -1 if none: a listed verb where a clause begins."""
    opens = True
    for place, word in enumerate(tokens):
        if word in ".,;:?!\n":
            opens, asked = True, asked and word not in ".?!\n"
        elif word in _VERBS and opens and not asked:
            # "help me plan", "how do I remove": the verb that follows is meant
            following = tokens[place + 1 : place + 4]
            if word not in ("help", "do") or not any(other in _VERBS for other in following):
                return place
        elif word not in _LEADS and word not in ("help", "how", "want", "let's", "do"):
            opens = False
    return -1


def _head(tokens: list[str]) -> str:
    head = ""
    for word in tokens:
        relative = head and word in ("that", "this", "you")
        if word in ".,;:?!\n" or relative or (word in _STOPS and word not in _SKIPPED):
            break
        if word not in _SKIPPED and not word.isdigit():
            head = word
    return head


def _singular(noun: str) -> str:
    if noun.endswith(("ss", "us", "is")) or len(noun) < 4:
        return noun
    if noun.endswith("ies"):
        return noun[:-3] + "y"
    if noun.endswith(("ses", "xes", "ches", "shes")) and not noun.endswith(("ases", "uses")):
        return noun[:-2]
    return noun[:-1] if noun.endswith("s") else noun


def _chinese(text: str) -> tuple[str, str]:
    for clause in re.split(r"[，。！？；：\n]", text.strip()):
        bare = _LEADS_ZH.sub("", clause.strip())
        moved = _MOVED_ZH.match(bare)
        if moved:
            return moved["verb"], _head_zh(moved["object"])
        found = _VERB_ZH.search(bare)
        if found:
            return found[0], _head_zh(bare[found.end() :])
    return "", ""


def _head_zh(phrase: str) -> str:
    """Return the head of a noun phrase: what follows the last 的, else its last two characters."""
    phrase = _END_ZH.split(_COUNT_ZH.sub("", phrase, count=1), maxsplit=1)[0]
    if _CLAUSE_ZH.search(phrase):
        return ""
    head = _COUNT_ZH.sub("", phrase.rsplit("的", 1)[-1].strip(), count=1)
    return head if len(head) <= 3 else head[-2:]
