"""A second look at a rewrite that passed the gate: does the passage say each of its statements?

The gate sees numbers, dates, names and quotations; a reason that was made up, or a role that was turned
round, it does not. So the model is shown passage and rewrite, and names the worst statement that the passage
does not hold, or none (entailment as a question, as in Honovich et al. 2022, "TRUE"; the words are our own).
Several readings are drawn at temperature 0.7, one at 0. A reply that was cut, failed or says neither has no
vote. Limit: a model too weak to write soundly is too weak to see it; what readings are worth is measured by
labels (`benchmarks.rephrase_sound`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from corpusforge.instruct import parse
from corpusforge.instruct.accounts import seeded, unanswered
from corpusforge.instruct.labels import labelled
from corpusforge.instruct.profile import Finding
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Completion, Request, Sampling

__all__ = ["Readings", "decide", "read", "requests"]

_LABELS = {"statement": ("Statement", "陈述"), "verdict": ("Verdict", "结论")}
_SUPPORTED = ("supported", "有依据")
_UNSUPPORTED = ("unsupported", "not supported", "无依据", "没有依据")
_ONE = Sampling(max_tokens=200)
_SEVERAL = Sampling(temperature=0.7, top_p=0.95, max_tokens=200)
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Votes on one rewrite, those that found nothing, and the first statement that was named."""

    readings: int = 0
    supported: int = 0
    unsupported: str = ""


def requests(
    passage: str, rewrite: str, language: str, count: int, seed: int, name: str
) -> list[Request]:
    """Return the requests of `count` readings; `name` is the rewrite's, for their seeds."""
    messages = prompt("verify_rewrite", language).render(passage=passage, rewrite=rewrite)
    sampling = _ONE if count == 1 else _SEVERAL
    return [
        Request(messages=messages, sampling=seeded(sampling, seed, "readings", name, number),
                purpose="rephrase.readings", repeat=number)
        for number in range(count)
    ]  # fmt: skip


def read(replies: Sequence[Completion]) -> Readings:
    """Return what the replies to one rewrite's readings say."""
    votes = [vote for reply in replies if (vote := _vote(reply)) is not None]
    named = [statement for supported, statement in votes if not supported]
    return Readings(
        readings=len(votes), supported=len(votes) - len(named),
        unsupported=named[0][:_SHOWN] if named else "",
    )  # fmt: skip


def _vote(reply: Completion) -> tuple[bool, str] | None:
    """(whether all is supported, the statement named), None where a reply says neither."""
    if unanswered(reply, cut=False):
        return None
    said: dict[str, str] = {}
    for block in labelled(parse.answer(reply.text), _LABELS):
        said |= block
    verdict = said.get("verdict", "").strip(" *.。\"'“”").casefold()
    if verdict.startswith(_UNSUPPORTED):
        return False, said.get("statement", "")
    return (True, "") if verdict.startswith(_SUPPORTED) else None


def decide(found: Readings, low: float) -> Finding | None:
    """Return (rule, value, bound) where too few readings find every statement supported, or None."""
    if not found.readings or found.supported >= low * found.readings:
        return None
    return "unsupported", f"{found.supported}/{found.readings}: {found.unsupported}", f">= {low:g}"
