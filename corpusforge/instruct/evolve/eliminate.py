"""The eliminator of Evol-Instruct (Xu et al. 2023): four ways in which evolving a task fails.

1. The new task says no more than its parent: equal letters here, else the model is asked.
2. The answer is a short apology: below 80 words, the paper's bound; 126 tokens in Chinese, by the 1.58
   of the language profile.
3. The answer is nothing but marks and stop words.
4. The new task copies words of the prompt that evolved it, or a sentence of any (`echo`).
Limit: 2 to 4 are lists of words, and an excuse in other words passes.
"""

from __future__ import annotations

import re

from corpusforge.instruct.echo import copied
from corpusforge.instruct.profile import Finding, profile
from corpusforge.instruct.tokens import unicode_tokens

__all__ = ["RULES", "check_answer", "check_task"]

RULES: dict[str, str] = {
    "no_gain": "the new task says no more than its parent (rule 1)",
    "apology": "the answer is a short apology: too hard for the model (rule 2)",
    "stop_words": "the answer is nothing but marks and stop words (rule 3)",
    "copied_prompt": "the new task copies words of the evolving prompt (rule 4)",
}

_SORRY = re.compile(r"\bsorry\b|\bapologi[sz]e\b|抱歉|对不起|很遗憾", re.IGNORECASE)
_SHORT = {"en": 80, "zh": 126}
_COPIED = re.compile(
    r"\b(?:given|original|rewritten|new|evolved|created) (?:task|prompt|instruction)\b"
    r"|(?:给定|原来|原|新|改写后|进化后)的?(?:任务|提示|指令)",
    re.IGNORECASE,
)
_STOP_ENGLISH = (
    "a,an,and,are,as,at,be,but,by,for,from,has,have,he,i,in,is,it,its,me,my,no,not,of,on,or,she,so,"
    "that,the,their,then,there,they,this,to,was,we,were,will,with,yes,you,your"
)
_STOP = frozenset(
    (*_STOP_ENGLISH.split(","), *"的了是在和与也就都我你他她它们这那不有个吗呢吧啊好")
)


def check_task(parent: str, task: str, language: str) -> Finding | None:
    """Return why an evolved task is eliminated before anyone is asked, or None."""
    if _letters(parent) == _letters(task):
        return "no_gain", task[:80], "other words than its parent's"
    for found in _COPIED.finditer(task):
        if found[0].casefold() not in parent.casefold():
            return "copied_prompt", found[0], "no words of the prompt"
    return copied(task, language, parent)


def check_answer(answer: str, language: str) -> Finding | None:
    """Return why an answer eliminates its task, or None."""
    tokens = unicode_tokens(answer)
    if not [token for token in tokens if token.casefold() not in _STOP]:
        return "stop_words", answer[:80], "a word that is no stop word"
    found = _SORRY.search(answer)
    length = profile(language).length(answer)
    if found and length < _SHORT[language]:
        return "apology", f"{found[0]}, {length}", f">= {_SHORT[language]} where it apologises"
    return None


def _letters(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
