"""The records of the annotation journey: prompts, candidates, tasks, answers, rankings.

A ranking is a list of tiers (ties share a tier) plus the candidates that could not be ranked;
together they hold each candidate exactly once. Candidate ids are opaque ("c_" and hex), because
labelling tools show integer-like ids in their own order and a telling id unblinds the rater.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from corpusforge.models.records import Message

__all__ = ["Candidate", "JobKind", "Prompt", "Ranking", "Rating", "Refused", "Task"]

JobKind = Literal["ranking", "pairwise", "rating", "demonstration", "dialogue", "red_team"]
Target = Literal["label-studio", "argilla", "csv", "html"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt of a pool. `origin`: labeler, user or instruct; `user` is a pseudonym ("u_" and hex)."""

    id: str
    messages: tuple[Message, ...]
    origin: str
    user: str = ""
    language: str = ""
    use_case: str = ""
    split: str = "train"
    pool: str = ""
    consent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One answer to a prompt. `params` is the sampling as JSON text; `request` its journal key."""

    id: str
    text: str
    model: str
    params: str = ""
    finish_reason: str = "stop"
    request: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One unit of work for one rater.

    `presented_order` lists candidate ids as shown. `gold` holds the expected tiers of a known item
    (empty for ordinary ones). `rater` is a pseudonym ("r_" and hex), `batch` names the file or
    project it goes to.
    """

    id: str
    job: str
    kind: JobKind
    prompt: Prompt
    candidates: tuple[Candidate, ...]
    presented_order: tuple[str, ...]
    rater: str
    batch: str
    gold: tuple[tuple[str, ...], ...] = ()
    qualification: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """Ratings of one candidate: values by scale name, flags set, a comment."""

    candidate: str
    scores: tuple[tuple[str, float], ...] = ()
    flags: tuple[str, ...] = ()
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """One rater's answer to one task.

    `tiers` is best first; ids in one tier are tied. `confirmed` is False where a tool cannot tell an
    untouched order from a chosen one. `text` is the written answer of a demonstration.
    """

    task: str
    prompt: str
    rater: str
    tiers: tuple[tuple[str, ...], ...] = ()
    unrankable: tuple[str, ...] = ()
    ratings: tuple[Rating, ...] = ()
    text: str = ""
    confirmed: bool = True
    cannot_rank: bool = False
    annotator_kind: Literal["human", "model"] = "human"
    lead_time: float = 0.0
    created: str = ""
    tool: str = ""
    annotation: str = ""
    flags: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An answer row that could not be used: where it stood, the rule, and what was found."""

    locator: str
    rule: str
    value: str = ""
    task: str = ""
    rater: str = ""
