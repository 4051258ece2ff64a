"""One answer row, whatever tool it came from, judged against the task it answers.

Every row of an export becomes one `Answer` (or is refused while it is read), and `judge` turns it
into exactly one `Ranking` or `Refused`. Nothing is repaired: an answer that is not a partition of the
task's candidates is refused with what was found. Limit: a tool that stores the displayed order when
nothing was touched (Label Studio's plain Ranker) can only be caught by order, confirmation and time.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from corpusforge.annotate.imports.settings import Settings
from corpusforge.annotate.jobs import Job
from corpusforge.annotate.records import Ranking, Rating, Refused, Task

__all__ = ["RULES", "Answer", "LeftOut", "by_rank", "judge", "judge_all", "moment", "refused", "seconds",
           "whole_rank"]  # fmt: skip

RULES = {
    "malformed": "The row is not what the tool writes.",
    "wrong_job": "The row belongs to another job or batch, or to an export whose checksum is not this job's.",
    "unknown_task": "No task of the job has this id.",
    "unknown_rater": "The tool's user is not in the table of raters.",
    "other_rater": "Somebody other than the task's rater answered.",
    "text_changed": "The prompt or an answer that came back is not the task's (white space aside).",
    "unanswered": "The row holds no answer yet.",
    "draft": "The answer was not submitted.",
    "skipped": "The rater skipped or discarded the task.",
    "ranks_lost": "The tool dropped the ranks; only the order of its options is left.",
    "unknown_candidate": "An id that is not among the task's candidates.",
    "duplicate_candidate": "A candidate stands in two places.",
    "partial": "A candidate was not placed, or a required rating is missing.",
    "tie_not_allowed": "The job asks for an order without ties.",
    "bad_rating": "A rating on an unknown scale, outside its bounds, or an unknown flag.",
    "empty_answer": "A demonstration, or an answer of a public file, without text.",
    "more_turns": "A public file's answer goes on with further turns, so there are no two answers.",
    "roles": "User and assistant do not take turns in a public file's prompt.",
    "empty_turn": "A turn without text in a public file's prompt.",
    "one_sided": "All answers of an unpaired prompt are good, or all are bad: there is nothing to compare.",
    "untouched": "The presented order, not confirmed or given too fast (setting `untouched`).",
    "superseded": "A newer answer of the same rater to the same task was kept.",
}


class LeftOut(ValueError):
    """A row of a public file that is left out by a rule of RULES; `value` is what was found."""

    def __init__(self, rule: str, value: str) -> None:
        """Keep rule and value."""
        super().__init__(f"{rule}: {value}")
        self.rule, self.value = rule, value


_WRITTEN = ("demonstration", "dialogue", "red_team")
_RANKED = ("ranking", "pairwise")
_SHOWN = 200
_WHOLE = re.compile(r"(\d{1,6})(?:\.0*)?")
"""Digits of any script, and the point that a table puts behind whole numbers of a column with gaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one row says, before it is believed.

    `tiers` is best first; `unplaced` are candidates the rater left where they lay. `batch` is "" where
    the row does not say it, `changed` names a text that came back other than it went out. `users` are
    the tool's names of who answered and are compared, never stored.
    """

    locator: str
    task: str
    job: str
    checksum: str
    tool: str
    batch: str = ""
    changed: str = ""
    tiers: tuple[tuple[str, ...], ...] = ()
    unrankable: tuple[str, ...] = ()
    unplaced: tuple[str, ...] = ()
    ratings: tuple[Rating, ...] = ()
    text: str = ""
    state: Literal["submitted", "draft", "skipped", "unanswered"] = "submitted"
    cannot_rank: bool = False
    confirmed: bool = False
    lead_time: float = 0.0
    created: str = ""
    annotation: str = ""
    users: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def judge_all(
    rows: Iterable[Answer | Refused], tasks: Mapping[str, Task], job: Job, settings: Settings
) -> Iterator[Ranking | Refused]:
    """Judge each row in order; rows already refused by a reader pass through."""
    for row in rows:
        yield row if isinstance(row, Refused) else judge(row, tasks, job, settings)


def judge(
    answer: Answer, tasks: Mapping[str, Task], job: Job, settings: Settings
) -> Ranking | Refused:
    """Return the ranking this answer is, or the first rule it breaks."""
    if answer.job != job.id or not job.accepts(answer.checksum):
        return refused(answer, "wrong_job", f"job {answer.job}, checksum {answer.checksum}")
    if answer.task not in tasks:
        return refused(answer, "unknown_task", answer.task)
    task = tasks[answer.task]
    if answer.batch and answer.batch != task.batch:
        return refused(answer, "wrong_job", f"batch {answer.batch}", rater=task.rater)
    broken = (
        _wrong_rater(answer, task, settings)
        or _not_submitted(answer)
        or _wrong_texts(answer)
        or _wrong_places(answer, task, job)
        or _wrong_ratings(answer, task, job)
    )
    if broken:
        return refused(answer, *broken, rater=task.rater)
    untouched = _untouched(answer, task, settings)
    if untouched and settings.untouched == "refuse":
        found = f"confirmed: {answer.confirmed}, {answer.lead_time:g} s"
        return refused(answer, "untouched", found, rater=task.rater)
    return _ranking(answer, task, untouched)


def _wrong_rater(answer: Answer, task: Task, settings: Settings) -> tuple[str, str] | None:
    if not settings.raters:
        return None
    known = [settings.raters[user] for user in answer.users if user in settings.raters]
    if not known:
        return "unknown_rater", ""
    return None if known[0] == task.rater else ("other_rater", known[0])


def _not_submitted(answer: Answer) -> tuple[str, str] | None:
    return None if answer.state == "submitted" else (answer.state, "")


def _wrong_texts(answer: Answer) -> tuple[str, str] | None:
    return ("text_changed", answer.changed) if answer.changed else None


def _wrong_places(answer: Answer, task: Task, job: Job) -> tuple[str, str] | None:
    """Check that tiers, unrankable and unplaced hold each candidate exactly once."""
    if task.kind in _WRITTEN:
        return None if answer.text.strip() else ("empty_answer", "")
    placed = [name for tier in answer.tiers for name in tier] + list(answer.unrankable)
    counts = Counter([*placed, *answer.unplaced])
    known = set(task.presented_order)
    if strange := [name for name in counts if name not in known]:
        return "unknown_candidate", strange[0]
    if twice := [name for name, count in counts.items() if count > 1]:
        return "duplicate_candidate", twice[0]
    if task.kind not in _RANKED or answer.cannot_rank:
        return None
    if missing := [name for name in task.presented_order if name not in set(placed)]:
        return "partial", f"{len(missing)} of {len(known)} not placed, first {missing[0]}"
    if not job.ties and any(len(tier) > 1 for tier in answer.tiers):
        return "tie_not_allowed", " ".join(next(tier for tier in answer.tiers if len(tier) > 1))
    return None


def _wrong_ratings(answer: Answer, task: Task, job: Job) -> tuple[str, str] | None:
    scales = {scale.name: scale for scale in job.scales}
    flags = {flag.name for flag in job.flags}
    seen: set[str] = set()
    for rating in answer.ratings:
        if rating.candidate not in task.presented_order:
            return "unknown_candidate", rating.candidate
        if rating.candidate in seen:
            return "duplicate_candidate", rating.candidate
        seen.add(rating.candidate)
        for name, value in rating.scores:
            scale = scales.get(name)
            if scale is None or not scale.low <= value <= scale.high or value != int(value):
                return "bad_rating", f"{name} = {value:g}"
        if strange := [name for name in rating.flags if name not in flags]:
            return "bad_rating", f"flag {strange[0]}"
    if task.kind == "rating" and not answer.cannot_rank:
        given = {(one.candidate, name) for one in answer.ratings for name, _ in one.scores}
        for candidate in task.presented_order:
            if lacking := [name for name in scales if (candidate, name) not in given]:
                return "partial", f"{candidate} has no {lacking[0]}"
    return None


def _untouched(answer: Answer, task: Task, settings: Settings) -> bool:
    if task.kind not in _RANKED or answer.cannot_rank or answer.unrankable:
        return False
    if answer.tiers != tuple((name,) for name in task.presented_order):
        return False
    return not answer.confirmed or 0 < answer.lead_time < settings.seconds


def _ranking(answer: Answer, task: Task, untouched: bool) -> Ranking:
    place = {name: index for index, name in enumerate(task.presented_order)}

    def ordered(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(names, key=place.__getitem__))

    ranked = task.kind in _RANKED
    kept = answer.tiers if ranked and not answer.cannot_rank else ()
    left = place if ranked and answer.cannot_rank else answer.unrankable if ranked else ()
    return Ranking(
        task=task.id,
        prompt=task.prompt.id,
        rater=task.rater,
        tiers=tuple(ordered(tier) for tier in kept if tier),
        unrankable=ordered(left),
        ratings=tuple(sorted(answer.ratings, key=lambda rating: place[rating.candidate])),
        text=answer.text,
        confirmed=answer.confirmed and not untouched,
        cannot_rank=answer.cannot_rank,
        lead_time=answer.lead_time,
        created=answer.created,
        tool=answer.tool,
        annotation=answer.annotation,
        flags=tuple(sorted({*answer.flags, *(("untouched",) if untouched else ())})),
    )


def refused(answer: Answer, rule: str, value: str, rater: str = "") -> Refused:
    """Return the row as refused by `rule`; the value is cut to 200 characters."""
    assert rule in RULES, rule
    return Refused(
        locator=answer.locator, rule=rule, value=value[:_SHOWN], task=answer.task[:64], rater=rater
    )


def by_rank(ranks: Iterable[tuple[str, float]]) -> tuple[tuple[str, ...], ...]:
    """Return tiers from (id, rank), lowest rank first; equal ranks tie, gaps mean nothing."""
    tiers: dict[float, list[str]] = {}
    for name, rank in ranks:
        tiers.setdefault(rank, []).append(name)
    return tuple(tuple(tiers[rank]) for rank in sorted(tiers))


def whole_rank(value: object, k: int) -> int:
    """Return a rank, a whole number from 1 (best) to `k`, of a number or a cell's text.

    `k` 0 is the K of a task that is not known: no upper bound then. Raises ValueError.
    """
    rank = 0
    if isinstance(value, str):
        rank = int(match[1]) if (match := _WHOLE.fullmatch(value.strip())) else 0
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and value == value // 1:
        rank = int(value)
    if not 1 <= rank <= (k or rank):
        bound = f"from 1 to {k}" if k else "above 0"
        raise ValueError(f"rank {str(value)[:40]!r}: expected a whole number {bound}")
    return rank


def moment(value: object) -> str:
    """Return an ISO 8601 time as UTC with microseconds and "Z", so that text order is time order.

    Anything that is not such a time gives "", which is older than every time.
    """
    try:
        when = datetime.fromisoformat(str(value))
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds(value: object) -> float:
    """Return a lead time in seconds; 0.0 where none, or no finite positive number, was told."""
    try:
        number = float(str(value))
    except ValueError:
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0
