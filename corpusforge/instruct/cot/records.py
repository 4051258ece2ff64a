"""The records of chain-of-thought data: a question, one sampled answer to it, and its vote.

Kept reasoning becomes a `Row` of kind "cot" and everything refused a `Reject`, as in the loop; these
three hold what those have no place for. `k` right of `n` is a question's pass rate.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Question", "Sample", "Vote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its gold answer, if it has one. `kind`: number, choice, yesno, text, code.

    `choices` are the options A, B, C … `tests` is Python code that raises where an answer is wrong.
    `source` is "file name:line".
    """

    id: str
    question: str
    answer: str = ""
    kind: str = "text"
    language: str = "en"
    rationale: str = ""
    choices: tuple[str, ...] = ()
    tests: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One reply to a question. `right` is None where there is no gold answer.

    `found_by` says how the answer was found; `step` is sample, hint or direct. `path` names the
    equal reasoning paths of one question; `repeat` and `temperature` tell its samples apart.
    """

    id: str
    question: str
    step: str
    trigger: str
    temperature: float
    repeat: int
    answer: str
    found_by: str
    right: bool | None
    path: str
    finish_reason: str
    reasoning: str
    text: str
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A question's account: its samples, the answer most of them give, and how many are right.

    `samples` counts the finished ones, `cut` those that ended at the token limit and so have no say.
    `extracted` of `samples` had an answer, `votes` of these gave `answer`, and `share` is votes /
    extracted (0 where none had one). `status`: right, wrong, unknown (no gold answer), none (no
    answer was found). `hinted`: the model was asked with the answer. `kept` counts paths.
    """

    question: str
    source: str
    kind: str
    language: str
    gold: str
    samples: int
    cut: int
    extracted: int
    right: int
    answer: str
    votes: int
    share: float
    status: str
    hinted: bool
    kept: int
