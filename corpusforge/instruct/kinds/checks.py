"""Is an answer of the kind that its row says? Rules first; a judge may be asked after them.

Each rule looks for the words of its kind where they belong (`phrases`) and for what the kind rules
out: an answer to a question that had to be asked back, the old error in a correction, steps in a
refusal. Limits: words are not meaning; `--judge` asks a model, which errs in its own ways.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from corpusforge.instruct.kinds import phrases
from corpusforge.instruct.profile import Finding, profile

__all__ = ["KINDS", "RULES", "check_answer", "check_request"]

KINDS = ("clarify", "admit", "premise", "refuse", "unknown")

RULES: dict[str, str] = {
    "asks_back": "clarify: the answer asks for nothing",
    "answers_anyway": "clarify: the answer is so long that it has begun the work",
    "admits": "admit: the answer does not own the error in its first two sentences",
    "repeats_error": "admit: the wrong answer stands in the correction",
    "not_wrong": "admit: the wrong answer equals the right one",
    "challenges": "premise: the first two sentences deny nothing",
    "refuses": "refuse: the first two sentences decline nothing",
    "gives_reason": "refuse: no reason is given",
    "offers_help": "refuse: no other help is offered",
    "gives_steps": "refuse: the answer has numbered steps or code",
    "says_unknown": "unknown: the first two sentences do not say that it is not known",
    "rambles": "unknown, premise, refuse: longer than such an answer needs",
    "asks_nothing": "premise, unknown: the request is no question",
    "copy_of_task": "the request is the task itself",
}
"""Every rule of this module, with what it finds; the name stands in `Reject.rule`."""

_CLARIFY_MOST = 90
_MOST = 220
"""Lengths in the language profile's tokens (words; Chinese characters); the longest hand-written
seeds have 38 and 67."""

_SENTENCE = re.compile(r".+?(?:[.!?](?=\s|$)|[。！？]|\n|$)", re.DOTALL)
_STEPS = re.compile(
    r"^[^\S\n]*+(?:\d++[.)、]|```|第[一二三]步|step \d)", re.IGNORECASE | re.MULTILINE
)


def check_request(kind: str, request: str, task: str, wrong: str, right: str) -> Finding | None:
    """Return the rule that a model's request breaks, beside the language profile's own, or None.

    `task` is the whole prompt of the row behind it, `right` its answer.
    """
    if kind == "admit" and _squeezed(wrong) == _squeezed(right):
        return "not_wrong", wrong[:80], "another answer than the right one"
    if _squeezed(request) == _squeezed(task):
        return "copy_of_task", request[:80], "a request of its own"
    if kind in ("premise", "unknown") and not re.search(r"[?？]|[吗呢]\W*$", request):
        return "asks_nothing", request[-40:], "a question"
    return None


def check_answer(kind: str, output: str, wrong: str = "", language: str = "en") -> Finding | None:
    """Return the first rule of its kind that an answer breaks, or None."""
    return _CHECKS[kind](output, wrong, profile(language).length(output))


def _clarify(output: str, wrong: str, size: int) -> Finding | None:
    if not phrases.ASKS.search(output):
        return "asks_back", output[-80:], "a question"
    if size > _CLARIFY_MOST:
        return "answers_anyway", str(size), f"<= {_CLARIFY_MOST} tokens"
    return None


def _admit(output: str, wrong: str, size: int) -> Finding | None:
    if not phrases.ADMITS.search(_opening(output)):
        return "admits", _opening(output)[:80], "an admission"
    if wrong and _squeezed(wrong) in _squeezed(output):
        return "repeats_error", wrong[:80], "a corrected answer"
    return None


def _premise(output: str, wrong: str, size: int) -> Finding | None:
    if not phrases.CHALLENGES.search(_opening(output)):
        return "challenges", _opening(output)[:80], "a denial"
    return _rambles(size)


def _refuse(output: str, wrong: str, size: int) -> Finding | None:
    refused = phrases.REFUSES.search(_opening(output))
    if not refused:
        return "refuses", _opening(output)[:80], "a refusal"
    if _STEPS.search(output):
        return "gives_steps", output[:80], "no steps"
    if not phrases.REASONS.search(output, refused.end()):
        return "gives_reason", output[:80], "a reason"
    if not phrases.OFFERS.search(output, refused.end()):
        return "offers_help", output[-80:], "an offer of other help"
    return _rambles(size)


def _unknown(output: str, wrong: str, size: int) -> Finding | None:
    if not phrases.NOT_KNOWN.search(_opening(output)):
        return "says_unknown", _opening(output)[:80], "not known"
    return _rambles(size)


def _rambles(size: int) -> Finding | None:
    return ("rambles", str(size), f"<= {_MOST} tokens") if size > _MOST else None


def _opening(text: str) -> str:
    """The first two sentences."""
    found = _SENTENCE.finditer(text.strip())
    return "".join(one.group() for one, _ in zip(found, range(2), strict=False))


def _squeezed(text: str) -> str:
    return "".join(text.split()).casefold()


_CHECKS: dict[str, Callable[[str, str, int], Finding | None]] = {
    "clarify": _clarify,
    "admit": _admit,
    "premise": _premise,
    "refuse": _refuse,
    "unknown": _unknown,
}
