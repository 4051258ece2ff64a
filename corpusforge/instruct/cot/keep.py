"""Which samples become rows: the first rule that a sample breaks refuses it.

With a gold answer the right ones stay (STaR, Zelikman et al. 2022; rejection sampling, Yuan et al.
2023), without one those of the majority (Huang et al. 2022). Equal paths are merged. Hinted reasoning
must not speak of its hint, begin with its answer, or hold a false equation. Limits: a right answer may
come of steps that are wrong in words; the hint check is a list of phrases.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from corpusforge.hashing import id_keys, uniform
from corpusforge.instruct.cot.answers import match
from corpusforge.instruct.cot.arithmetic import false_equation
from corpusforge.instruct.cot.extract import states_first
from corpusforge.instruct.cot.judge import Judged
from corpusforge.instruct.cot.plain import text_key
from corpusforge.instruct.cot.records import Vote
from corpusforge.instruct.cot.settings import Settings
from corpusforge.instruct.echo import copied
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.rules import check_language, check_text

__all__ = ["RULES", "check_thought", "leak", "refusals", "surplus"]

RULES = {
    "cut": "the reply ended at the token limit (and does not vote)",
    "no_answer": "no answer was found in the reply",
    "code_not_run": "code is only judged with run_code",
    "wrong": "the answer is not the gold answer",
    "minority": "no gold answer, and the samples' majority has another",
    "low_share": "no gold answer, and the majority is too small",
    "too_easy": "every sample of the question is right (drop_easy)",
    "no_reasoning": "an answer without a reason before it",
    "answer_first": "the reasoning begins with its answer",
    "false_equation": "an equation of the reasoning is false",
    "hint_leak": "the reasoning speaks of the answer that it was given",
    "duplicate_path": "an equal reasoning path of the question came before",
    "surplus": "more paths than a question may have",
}
"""The rules of this module; those of `instruct.rules` come on top."""

_LEAK = re.compile(
    r"\bhint|\b(?:given|provided|known|expected|stated|supplied|target|reference) (?:final )?answer"
    r"|\banswer (?:is|was|has been|that was|we were|you) (?:already )?"
    r"(?:given|provided|told|supplied|known|gave)"
    r"|\b(?:since|because|given that|knowing that|as) the (?:correct |right |final )?answer"
    r" (?:is|must be|should be)"
    r"|\b(?:match|matches|reach|get|arrive at|lead to|agrees? with) the (?:correct|right) answer"
    r"|提示|(?:给定|给出|已知|预期|标准|参考|提供)的?答案|答案(?:已知|已经给|已给|给出)"
    r"|(?:因为|既然|由于)(?:正确)?答案是|与答案(?:一致|相符|吻合)",
    re.IGNORECASE,
)
_NOT_WORDS = re.compile(r"[^\w\s'.,!?，。！？、]|[\d_]")


def refusals(
    samples: Sequence[Judged], votes: Vote, majority: Judged | None, settings: Settings
) -> list[Finding | None]:
    """Return one finding or None a sample of one question, in order.

    `majority` is a sample that has the vote's answer.
    """
    seen: set[str] = set()
    findings: list[Finding | None] = []
    for one in samples:
        finding = _answer(one, votes, majority, settings) or _thought(one, settings)
        if finding is None and one.sample.path in seen:
            finding = ("duplicate_path", one.sample.path, "distinct paths")
        if finding is None:
            seen.add(one.sample.path)
        findings.append(finding)
    return findings


def _answer(
    one: Judged, votes: Vote, majority: Judged | None, settings: Settings
) -> Finding | None:
    sample, question = one.sample, one.question
    if sample.finish_reason == "length":
        return "cut", sample.finish_reason, "a finished reply"
    if one.answer is None:
        return "no_answer", sample.text[-80:], question.kind
    if question.kind == "code" and sample.right is None:
        return "code_not_run", "run_code = false", "run_code = true"
    if sample.right is False and not (settings.keep_wrong and sample.step == "sample"):
        return "wrong", sample.answer[:80], question.answer or "its tests"
    if sample.right is None:
        if votes.share < settings.share:
            return "low_share", f"{votes.votes}/{votes.extracted}", f">= {settings.share:g}"
        if majority is None or not match(one.answer, majority.answer):
            return "minority", sample.answer[:80], votes.answer[:80]
    if settings.drop_easy and sample.right and votes.right == votes.samples:
        return "too_easy", f"{votes.right}/{votes.samples}", "a sample that is not right"
    return None


def _thought(one: Judged, settings: Settings) -> Finding | None:
    """The rules that look at the reasoning alone."""
    reasoning = one.sample.reasoning
    key = text_key(reasoning)
    bare = not key or key in {one.sample.answer.casefold(), text_key(one.stated)}
    if bare and "no_reasoning" not in settings.allow:
        return "no_reasoning", reasoning[:80], "a reasoning"
    if one.sample.step == "hint" and "hint_leak" not in settings.allow:
        found = leak(reasoning)
        if found:
            return "hint_leak", found, "none"
    finding = check_text(reasoning, settings.allow)
    if finding is None and "copied_prompt" not in settings.allow:
        finding = copied(reasoning, one.question.language, one.question.question)
    if finding is None:
        finding = _steps(one, settings)
    if finding is None and "language" not in settings.allow:
        finding = check_thought(one.question.question, reasoning, one.question.language)
    return finding


def _steps(one: Judged, settings: Settings) -> Finding | None:
    """The rules of what leads to an answer; code has no such steps, a wrong sample is kept for them."""
    question, reasoning = one.question, one.sample.reasoning
    if question.kind == "code" or one.sample.right is False:
        return None
    if "answer_first" not in settings.allow:
        begun = states_first(reasoning, one.answer, question.kind, question.choices)
        if begun:
            return "answer_first", begun[:80], "a step before the answer"
    if "false_equation" not in settings.allow:
        false = false_equation(reasoning)
        if false:
            return "false_equation", false[:80], "true equations"
    return None


def leak(reasoning: str) -> str:
    """Return the words in which a reasoning speaks of a given answer, or ""."""
    found = _LEAK.search(reasoning)
    return found[0] if found else ""


def check_thought(question: str, reasoning: str, language: str) -> Finding | None:
    """Return a finding where the reasoning's words are in another language than the question's.

    Equations count as no language: figures and signs are taken out first.
    """
    words = " ".join(_NOT_WORDS.sub(" ", reasoning).split())
    return check_language(question, "", words, language)


def surplus(samples: Sequence[Judged], settings: Settings) -> list[Finding | None]:
    """Return a finding for the paths of one question beyond `most`, drawn by seed and sample."""
    if not settings.most or len(samples) <= settings.most:
        return [None] * len(samples)
    draws = uniform(id_keys(one.sample.id for one in samples), settings.seed, "cot.most")
    chosen = set(np.argsort(draws, kind="stable")[: settings.most].tolist())
    finding = ("surplus", str(len(samples)), f"<= {settings.most}")
    return [None if place in chosen else finding for place in range(len(samples))]
