"""What a prompt asks for, in InstructGPT's ten use cases, guessed from its words.

The names and the shares of real use are table 1 of Ouyang et al. (2022); the keywords are ours,
English and Chinese. Limit: rules, not a classifier; a row's own label wins, and what no rule names
is `generation` when it asks to write, otherwise `open_qa` for a question, otherwise `other`.
"""

from __future__ import annotations

import re

from corpusforge.annotate.records import Prompt

__all__ = ["INSTRUCTGPT_SHARES", "USE_CASES", "use_case"]

INSTRUCTGPT_SHARES = {
    "generation": 0.456, "open_qa": 0.124, "brainstorming": 0.112, "chat": 0.084,
    "rewrite": 0.066, "summarization": 0.042, "classification": 0.035, "other": 0.035,
    "closed_qa": 0.026, "extract": 0.019,
}  # fmt: skip
"""Share of each use case among InstructGPT's prompts from its interface (table 1)."""

USE_CASES = tuple(INSTRUCTGPT_SHARES)

_RULES = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        (
            "summarization",
            r"\b(summari[sz]e|summary|tl;?dr|in (one|a) sentence)\b|总结|概括|摘要|归纳",
        ),
        (
            "extract",
            r"\b(extract|list all the|find all|pull out|identify the names)\b|提取|抽取|找出",
        ),
        (
            "classification",
            r"\b(classify|categori[sz]e|label (the|this|each)|sentiment|is (this|it) (positive|spam))\b"
            r"|分类|归类|情感|属于哪",
        ),
        (
            "rewrite",
            r"\b(rewrite|rephrase|paraphrase|translate|correct (the|this)|proofread|edit (the|this)"
            r"|make (this|it) (shorter|more))\b|改写|重写|翻译|润色|改正|译成",
        ),
        (
            "brainstorming",
            r"\b(brainstorm|ideas?|suggest(ions?)?|ways to|tips)\b|点子|建议|想法|创意|主意",
        ),
        (
            "closed_qa",
            r"\b(based on|according to|given) the (following|text|passage|article)\b"
            r"|根据(以下|下面|上文|材料)",
        ),
        (
            "generation",
            r"\b(write|compose|create|generate|draft|make up)\b|写|创作|生成|编(写|一)|起草|拟",
        ),
        (
            "open_qa",
            r"^\W*(who|what|when|where|why|how|which|is|are|do|does|did|can|could|should|will)\b|\?\s*$"
            r"|[？吗呢]\s*$|什么|为什么|怎么|如何|哪(里|个|些)|谁|多少|几",
        ),
    )
)


def use_case(prompt: Prompt) -> str:
    """Return the use case of a prompt; more than one user turn is `chat`."""
    if sum(message.role == "user" for message in prompt.messages) > 1:
        return "chat"
    text = prompt.messages[-1].content[:2000] if prompt.messages else ""
    for name, pattern in _RULES:
        if pattern.search(text):
            return name
    return "other"
