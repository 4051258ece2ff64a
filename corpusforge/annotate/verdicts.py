"""Labels that are no ranking, each kind in a file of its own: rule verdicts, and attacks.

Sparrow (Glaese et al. 2022) trains a preference model and a rule model from two kinds of label; a
`Verdict` is the second kind: whether one answer keeps one rule, with the evidence. An `Attack` is a
red-team record: kind, reply, verdict, rule, round, and the round in which it was fixed. Rows come as
JSON lines; each becomes one record or one `Refused`. Limit: evidence is text, not checked here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from corpusforge.annotate.jobs import Job
from corpusforge.annotate.records import Refused, Task
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.io.jsonl import read_lines
from corpusforge.models.records import Message

__all__ = ["ATTACKS", "Attack", "Verdict", "attack_table", "read_attacks", "read_verdicts", "todo"]

ATTACKS = ("role_play", "hypnosis", "override", "injection", "leak", "indirect", "other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One rater's verdict on one answer and one rule; a broken rule needs `evidence` (a quotation,
    a source, or a reason).
    """

    task: str
    prompt: str
    candidate: str
    rule: str
    verdict: Literal["keeps", "breaks", "unsure"]
    rater: str
    evidence: str = ""
    annotator_kind: Literal["human", "model"] = "human"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One red-team attempt. `failed` is whether the assistant gave way; `fixed_in` the round whose
    model no longer does (0: not yet).
    """

    id: str
    attack: Literal["role_play", "hypnosis", "override", "injection", "leak", "indirect", "other"]
    messages: tuple[Message, ...]
    reply: str
    failed: bool
    rule: str = ""
    model: str = ""
    round: int = 0
    fixed_in: int = 0
    rater: str = ""
    note: str = ""


def todo(tasks: Iterable[Task], job: Job) -> Iterator[dict[str, str]]:
    """Yield one row to fill in for each task, answer (as presented) and rule: `verdict`, `evidence`."""
    for task in tasks:
        for candidate in task.presented_order:
            for rule in job.rules:
                yield {
                    "task": task.id, "prompt": task.prompt.id, "candidate": candidate,
                    "rule": rule.name, "rater": task.rater, "verdict": "", "evidence": "",
                }  # fmt: skip


def read_verdicts(
    paths: Sequence[str], tasks: Mapping[str, Task], job: Job
) -> Iterator[Verdict | Refused]:
    """Yield one Verdict or Refused for each row; rows not filled in yet are refused as `empty`."""
    rules = {rule.name for rule in job.rules}
    seen: set[tuple[str, str, str]] = set()
    for where, row in _rows(paths):
        problem = _wrong_verdict(row, tasks, rules, seen)
        found = None if problem else _as(Verdict, row)
        if isinstance(found, Verdict):
            seen.add((found.task, found.candidate, found.rule))
            yield found
        else:
            rule, value = problem or ("malformed", str(found))
            yield Refused(locator=where, rule=rule, value=value[:200])


def _wrong_verdict(
    row: Any, tasks: Mapping[str, Task], rules: set[str], seen: set[tuple[str, str, str]]
) -> tuple[str, str] | None:
    if not isinstance(row, dict):
        return "malformed", "not an object"
    if row.get("verdict") == "":
        return "empty", ""
    task = tasks.get(str(row.get("task")))
    if task is None:
        return "unknown_task", str(row.get("task"))
    if row.get("candidate") not in task.presented_order:
        return "unknown_candidate", str(row.get("candidate"))
    if str(row.get("rule")) not in rules:
        return "unknown_rule", str(row.get("rule"))
    if row.get("rater") != task.rater:
        return "wrong_rater", str(row.get("rater"))
    if row.get("verdict") == "breaks" and not str(row.get("evidence", "")).strip():
        return "no_evidence", str(row.get("rule"))
    if (task.id, str(row["candidate"]), str(row["rule"])) in seen:
        return "repeated", str(row.get("rule"))
    return None


def read_attacks(paths: Sequence[str], rules: Iterable[str] = ()) -> Iterator[Attack | Refused]:
    """Yield one Attack or Refused for each row; with `rules`, a broken rule must be one of them."""
    known, seen = set(rules), set[str]()
    for where, row in _rows(paths):
        found = _as(Attack, row)
        if not isinstance(found, Attack):
            yield Refused(locator=where, rule="malformed", value=str(found)[:200])
        elif found.id in seen:
            yield Refused(locator=where, rule="repeated", value=found.id)
        elif known and found.rule and found.rule not in known:
            yield Refused(locator=where, rule="unknown_rule", value=found.rule)
        elif found.fixed_in and (not found.failed or found.fixed_in <= found.round):
            yield Refused(locator=where, rule="fixed_before_it_failed", value=str(found.fixed_in))
        else:
            seen.add(found.id)
            yield found


def attack_table(attacks: Iterable[Attack]) -> list[dict[str, str | int]]:
    """Return, by kind of attack and round: attempts, how many got through, how many are fixed."""
    tried: Counter[tuple[str, int]] = Counter()
    through, fixed = tried.copy(), tried.copy()
    for found in attacks:
        key = (found.attack, found.round)
        tried[key] += 1
        through[key] += found.failed
        fixed[key] += found.fixed_in > 0
    return [
        {"attack": key[0], "round": key[1], "tried": tried[key], "through": through[key],
         "fixed": fixed[key], "open": through[key] - fixed[key]}
        for key in sorted(tried)
    ]  # fmt: skip


def _rows(paths: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for path in paths:
        for number, line in read_lines(path):
            if line.strip():
                where = f"{path.rsplit('/', 1)[-1]}:{number}"
                try:
                    yield where, decode_json(line)
                except DecodingError:
                    yield where, None


def _as(kind: Any, row: Any) -> Any:
    """Return the row as a record, or the sentence that says why it is none."""
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        return str(error)
