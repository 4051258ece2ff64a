"""The rows of the training files, declared: what the JSON Schemas are made from.

The functions of `formats` build rows as dicts, since they are written and forgotten; a test holds
them to these records. String formats differ from the chat ones in the type of their texts only.
"""

from __future__ import annotations

from dataclasses import dataclass

from corpusforge.models.records import Message

__all__ = ["Answer", "KWay", "PairIds", "Preference", "RaterOrder", "Supervised", "Unpaired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a K-way row."""

    id: str
    text: str
    model: str
    params: str
    finish_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterOrder:
    """One rater's ranks, aligned with the answers: tier from 1, 0 not ranked."""

    rater: str
    kind: str
    round: int
    seconds: float
    ranks: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class KWay:
    """One prompt with all its answers. `ranks`, `scores` and `errors` are aligned with `candidates`."""

    prompt_id: str
    split: str
    messages: list[Message]
    language: str
    use_case: str
    origin: str
    k: int
    candidates: list[Answer]
    method: str
    ranks: list[int]
    scores: list[float]
    errors: list[float]
    ties: int
    n_rankings: int
    rankings: list[RaterOrder]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairIds:
    """One pair across tiers, by id."""

    chosen_id: str
    rejected_id: str
    margin: float
    group_id: str
    weight: float
    agreement: float
    n_annotators: int
    score_margin: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One pair as messages; `prompt` is there where it is explicit."""

    prompt: list[Message] | None = None
    chosen: list[Message]
    rejected: list[Message]
    margin: float
    group_id: str
    weight: float
    agreement: float
    n_annotators: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaired:
    """One answer that is good or bad."""

    prompt: list[Message]
    completion: list[Message]
    label: bool
    group_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervised:
    """One example to imitate; `source` is "demonstration" or "ranking"."""

    messages: list[Message]
    prompt_id: str
    source: str
    rater: str
    model: str
    candidate: str
