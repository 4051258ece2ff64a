"""Our own training files that hold more than a comparison: K-way rows with every rater's ranks.

Ids, raters, models, times and scores' makers come back as they were written, so that the same method
gives the same row again. Not in the file, and so not back: ratings, flags, the order shown, rounds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from corpusforge.annotate.imports.answers import by_rank
from corpusforge.annotate.imports.ranked import Ranked, check_answers, guarded
from corpusforge.annotate.jobs import task_id
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Refused, Task
from corpusforge.annotate.split import SIDES
from corpusforge.models.records import Message

__all__ = ["is_kway", "kway_rankings"]

_KEYS = {"prompt_id", "messages", "candidates", "ranks", "rankings"}


def is_kway(row: Mapping[str, Any]) -> bool:
    """Whether a row is one of the format `kway`."""
    return row.keys() >= _KEYS


def kway_rankings(row: Mapping[str, Any], where: str, job: str) -> Iterator[Ranked | Refused]:
    """Yield one task and ranking per rater of a K-way row; a rater who cannot be read is refused alone."""
    candidates = tuple(Candidate(**_texts(one, Candidate)) for one in row["candidates"])
    names = tuple(one.id for one in candidates)
    if len(set(names)) != len(names):
        raise ValueError("two answers have the same id")
    check_answers([(one.text, one.model) for one in candidates])
    if not row["rankings"]:
        raise ValueError("no rater's ranks: rankings is empty")
    split = str(row.get("split") or "train")
    prompt = Prompt(
        id=str(row["prompt_id"]),
        messages=tuple(Message(one["role"], one["content"]) for one in row["messages"]),
        origin=str(row.get("origin") or "user"),
        language=str(row.get("language") or ""),
        use_case=str(row.get("use_case") or ""),
        split=split if split in SIDES else "train",
    )
    for place, one in enumerate(row["rankings"]):
        spot = f"{where}/{place}"
        read = partial(_one, where=spot, job=job, prompt=prompt, candidates=candidates, names=names)
        yield guarded(spot, one, read)


def _texts(one: Mapping[str, Any], kind: type[Candidate]) -> dict[str, str]:
    """The fields of a candidate that are text in the file; raises KeyError, TypeError."""
    found = {name: one[name] for name in ("id", "text", "model", "params", "finish_reason")}
    if not all(isinstance(value, str) for value in found.values()):
        raise TypeError("an answer whose id, text, model, params or finish_reason is no text")
    return found


def _one(
    one: Mapping[str, Any], where: str, job: str, prompt: Prompt,
    candidates: tuple[Candidate, ...], names: Sequence[str],
) -> Ranked:  # fmt: skip
    rater, ranks = str(one["rater"]), one["ranks"]
    if len(ranks) != len(names) or not all(type(rank) is int and rank >= 0 for rank in ranks):
        raise ValueError(
            f"ranks {str(ranks)[:60]}: expected {len(names)} whole numbers from 0 (not ranked)"
        )
    task = Task(
        id=task_id(job, prompt.id, names, rater), job=job, kind="ranking", prompt=prompt,
        candidates=candidates, presented_order=tuple(sorted(names)), rater=rater, batch="kway",
    )  # fmt: skip
    placed = [(name, float(rank)) for name, rank in zip(names, ranks, strict=True) if rank]
    ranking = Ranking(
        task=task.id, prompt=prompt.id, rater=rater, tiers=by_rank(placed),
        unrankable=tuple(name for name, rank in zip(names, ranks, strict=True) if not rank),
        annotator_kind="model" if one.get("kind") == "model" else "human",
        lead_time=float(one.get("seconds") or 0.0), tool="kway", annotation=where,
    )  # fmt: skip
    return task, ranking
