"""One comparison of a public file as the task and ranking that it would have been, or why it is refused.

Limit: raters of such files are not known and get one pseudonym per column.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from corpusforge.annotate.candidates import candidate_id
from corpusforge.annotate.imports.answers import LeftOut, by_rank
from corpusforge.annotate.jobs import task_id
from corpusforge.annotate.prompts import prompt_id
from corpusforge.annotate.records import Candidate, Prompt, Ranking, Rating, Refused, Task
from corpusforge.annotate.understand import NotUnderstood
from corpusforge.models.records import Message

__all__ = ["Answers", "Ranked", "check_answers", "check_turns", "guarded", "number", "ranked"]

Ranked = tuple[Task, Ranking]
Answers = Sequence[tuple[str, str]]
"""(text, model) of each answer."""

Made = TypeVar("Made")

_NO_NUMBER = frozenset(("n/a", "na", "nan", "none", "null"))
"""What judges and tables write where they give no number; one of them does not cost the others' order."""


def number(value: Any) -> float | None:
    """Return a score or rank, None where there is none; raises ValueError for what is no finite number."""
    if value is None or str(value).strip().lower() in _NO_NUMBER:
        return None
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{str(value)[:40]!r} is no finite number")
    return found


def guarded(
    where: str, row: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Made]
) -> Made | Refused:
    """Return what is read of a row, or the one line that says why it is refused."""
    try:
        return read(row)
    except LeftOut as error:
        rule, told = error.rule, error.value
    except NotUnderstood as error:
        rule = error.rule if error.rule in ("roles", "empty_turn") else "malformed"
        told = f"the prompt is not understood ({error})"
    except KeyError as error:
        rule, told = "malformed", f"no field {error}; the row has {', '.join(map(str, row))}"
    except (ValueError, TypeError, RecursionError, OverflowError, AttributeError) as error:
        rule, told = "malformed", str(error)
    return Refused(locator=where, rule=rule, value=told[:200])


def _rater(name: str) -> str:
    return "r_" + hashlib.blake2b(name.encode(), digest_size=6).hexdigest()


def _candidates(prompt: str, answers: Answers) -> tuple[Candidate, ...]:
    """Return candidates in order; equal texts of one model are two samples with ids of their own."""
    made: list[Candidate] = []
    seen: dict[tuple[str, str], int] = {}
    for text, model in answers:
        copy = seen[text, model] = seen.get((text, model), 0) + 1
        params = f'{{"copy":{copy}}}' if copy > 1 else ""
        name = candidate_id(prompt, model, params, text)
        made.append(Candidate(id=name, text=text, model=model, params=params))
    return tuple(made)


def check_answers(answers: Answers) -> None:
    """Raise LeftOut where an answer says nothing."""
    for place, (text, _) in enumerate(answers, 1):
        if not text.strip():
            raise LeftOut("empty_answer", f"answer {place} of {len(answers)}")


def check_turns(messages: Sequence[Message]) -> None:
    """Raise LeftOut where user and assistant do not take turns up to a user's turn, or one is empty."""
    if not messages:
        raise ValueError("no prompt")
    if not all(message.content.strip() for message in messages):
        raise LeftOut("empty_turn", "a turn of the prompt")
    roles = [message.role for message in messages]
    spoken = roles[1:] if roles[0] == "system" else roles
    if spoken != (["user", "assistant"] * len(spoken))[: len(spoken)] or len(spoken) % 2 == 0:
        raise LeftOut("roles", " ".join(roles))


def ranked(
    where: str,
    job: str,
    source: str,
    messages: tuple[Message, ...],
    answers: Answers,
    ranks: Sequence[float | None],
    scores: Sequence[float] = (),
    language: str = "",
    by_model: bool = False,
) -> Ranked:
    """Return the task and ranking of answers with rank numbers; None is not ranked.

    Raises LeftOut for an empty answer and for turns that do not alternate, ValueError for one rank.
    """
    check_turns(messages)
    check_answers(answers)
    if sum(rank is not None for rank in ranks) < 2:
        raise ValueError("fewer than two answers with a rank or score")
    name = prompt_id(messages)
    candidates = _candidates(name, answers)
    order = tuple(candidate.id for candidate in candidates)
    rater = _rater(source)
    task = Task(
        id=task_id(job, name, order, rater),
        job=job,
        kind="pairwise" if len(order) == 2 else "ranking",
        prompt=Prompt(id=name, messages=messages, origin="user", language=language),
        candidates=candidates,
        # how these were shown is not known; an order by id says nothing about the ranking
        presented_order=tuple(sorted(order)),
        rater=rater,
        batch=source,
    )
    placed = [(one, rank) for one, rank in zip(order, ranks, strict=True) if rank is not None]
    ranking = Ranking(
        task=task.id,
        prompt=name,
        rater=rater,
        tiers=by_rank(placed),
        unrankable=tuple(one for one, rank in zip(order, ranks, strict=True) if rank is None),
        ratings=tuple(
            Rating(candidate=one, scores=(("score", score),))
            for one, score in zip(order, scores, strict=bool(scores))
        ),
        annotator_kind="model" if by_model else "human",
        tool=source,
        annotation=where,
    )
    return task, ranking
