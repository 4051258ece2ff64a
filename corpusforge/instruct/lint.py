"""A linter for seed tasks: schema, the loop's own filters, near-duplicates, balance.

A bootstrap inherits the faults of its seeds: of Self-Instruct's 175 three break its own instruction
filter. Errors are what the loop would refuse in a task of its own making; warnings are lopsided
shares over a whole set, with bounds of half and double the original seeds' shares. Limit: whether
an answer is right, a linter cannot see.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpusforge.errors import InputError
from corpusforge.instruct import rules
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import PROFILES, profile
from corpusforge.instruct.records import Task
from corpusforge.instruct.seeds import parse_task

__all__ = ["Balance", "Finding", "balances", "form", "lint", "lint_rows"]

BALANCE_FROM = 20
"""Tasks of one language from which on shares are judged."""

_SHARES = {
    # Self-Instruct's seeds: 26 of 175 are classification, 50 of 175 have no input.
    "classification": (0.07, 0.30),
    "empty_input": (0.14, 0.57),
    # the largest share that one opening word ("write") or one form of answer should have
    "opening": (0.0, 0.20),
    "form": (0.0, 0.50),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong: `level` error or warning, the rule, where, value against bound.

    `task` is the task's id, "row N" where the row could not be read, or the language for a
    warning about a whole set. `nearest` names the task that a near-duplicate resembles.
    """

    level: str
    rule: str
    task: str
    value: str = ""
    bound: str = ""
    nearest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """The make-up of one language's tasks. Shares lie in [0, 1]; lengths are in the profile's unit.

    `classification` is the share among the `labelled` tasks, those that say whether they are.
    `lengths`: shortest, median, longest instruction. `openings` and `forms`: counts, commonest
    first.
    """

    language: str
    tasks: int
    instances: int
    labelled: int
    classification: float
    empty_input: float
    unit: str
    lengths: tuple[int, int, int]
    openings: tuple[tuple[str, int], ...]
    forms: tuple[tuple[str, int], ...]


def lint(tasks: Sequence[Task]) -> list[Finding]:
    """Return the findings on tasks that could be read: errors in order, then warnings."""
    findings: list[Finding] = []
    gates: dict[str, Gate] = {}
    for task in tasks:
        if task.language not in PROFILES:
            findings.append(_error("language", task, task.language, ", ".join(PROFILES)))
            continue
        findings += _instruction(task) + _instances(task)
        gate = gates.setdefault(task.language, Gate(profile(task.language)))
        findings += _near(task, gate)
    return findings + [found for balance in balances(tasks) for found in _lopsided(balance)]


def lint_rows(
    rows: Iterable[Mapping[str, Any]], language: str = ""
) -> tuple[list[Finding], list[Task]]:
    """Return the findings on raw rows, schema errors first, and the tasks that could be read."""
    findings: list[Finding] = []
    tasks: dict[str, Task] = {}
    for number, row in enumerate(rows, 1):
        where = f"row {number}"
        try:
            task = parse_task(row, where, language)
        except InputError as error:
            message = str(error).removeprefix(f"{where}: ")
            findings.append(Finding(level="error", rule="schema", task=where, value=message))
            continue
        if task.id in tasks:
            findings.append(Finding(level="error", rule="same_id", task=where, value=task.id))
        else:
            tasks[task.id] = task
    return findings + lint([*tasks.values()]), [*tasks.values()]


def _error(rule: str, task: Task, value: str, bound: str, nearest: str = "") -> Finding:
    return Finding(
        level="error", rule=rule, task=task.id, value=value, bound=bound, nearest=nearest
    )


def _instruction(task: Task) -> list[Finding]:
    found = profile(task.language).check_instruction(task.instruction)
    return [_error(f"instruction.{found[0]}", task, found[1], found[2])] if found else []


def _instances(task: Task) -> list[Finding]:
    most = len(task.instances)
    settled = rules.settle(task.id, task.instruction, task.instances, task.language, most=most)
    found = [finding for _, finding in settled.refused]
    for one in settled.kept:
        text = (task.instruction, one.input, one.output)
        checks = (rules.check_language(*text, task.language), rules.check_personal(*text))
        found += [finding for finding in checks if finding]
    return [_error(f"instance.{rule}", task, value, bound) for rule, value, bound in found]


def _near(task: Task, gate: Gate) -> list[Finding]:
    verdict = gate.judge(task.instruction)
    gate.add(task.id, task.instruction)
    if verdict.accepted:
        return []
    other = verdict.nearest[0]
    bound = f"<= {2 * gate.numerator / gate.denominator:.2f}"
    return [_error("near_duplicate", task, f"{other.f1:.3f}", bound, other.id)]


def balances(tasks: Sequence[Task]) -> tuple[Balance, ...]:
    """Return the make-up of each known language's tasks, by language."""
    languages = sorted({task.language for task in tasks} & PROFILES.keys())
    return tuple(_balance(one, [t for t in tasks if t.language == one]) for one in languages)


def _balance(language: str, tasks: Sequence[Task]) -> Balance:
    lengths = sorted(profile(language).length(task.instruction) for task in tasks)
    labels = [t.is_classification for t in tasks if t.is_classification is not None]
    instances = [instance for task in tasks for instance in task.instances]
    openings = Counter(_opening(task) for task in tasks)
    forms = Counter(form(instance.output) for instance in instances)
    return Balance(
        language=language,
        tasks=len(tasks),
        instances=len(instances),
        labelled=len(labels),
        classification=sum(labels) / max(len(labels), 1),
        empty_input=sum(not one.input for one in instances) / max(len(instances), 1),
        unit=profile(language).unit,
        lengths=(lengths[0], lengths[(len(lengths) - 1) // 2], lengths[-1]),
        openings=_commonest(openings),
        forms=_commonest(forms),
    )


def _commonest(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _opening(task: Task) -> str:
    """The first word of an instruction; in Chinese the first two characters."""
    text = task.instruction.strip()
    if task.language == "zh":
        return text.removeprefix("请")[:2]
    return re.split(r"[\s,:;]", text, maxsplit=1)[0].lower()


_CODE = re.compile(
    r"^(?:def |class |import |function |SELECT |void |#include|<!?\w++[^<>]*+>|```|\.?\w+ \{$)",
    re.MULTILINE,
)
_ITEM = re.compile(r"^(?:[-*•]|\d+[.、)])\s", re.MULTILINE)


def form(output: str) -> str:
    """Name the form of an answer: code, data, table, list, lines, label, sentence or text.

    Decided by its outside alone: `label` is at most four words or eight characters without white
    space, `data` is JSON, `lines` has line breaks but no list marks.
    """
    text = output.strip()
    if text.startswith(("{", "[")) and text.endswith(("}", "]")):
        return "data"
    if text.startswith("|") and "\n|" in text:
        return "table"
    if _CODE.search(text):
        return "code"
    if len(_ITEM.findall(text)) > 1:
        return "list"
    if "\n" in text:
        return "lines"
    words = text.split()
    if len(words) <= 4 and (len(text) <= 8 or text.isascii()):
        return "label"
    return "sentence" if len(re.findall(r"[.!?](?:\s|$)|[。！？]", text)) <= 1 else "text"


def _lopsided(balance: Balance) -> list[Finding]:
    if balance.tasks < BALANCE_FROM:
        return []
    values = {
        "classification": ("", balance.classification),
        "empty_input": ("", balance.empty_input),
        "opening": (balance.openings[0][0], balance.openings[0][1] / balance.tasks),
        "form": (balance.forms[0][0], balance.forms[0][1] / balance.instances),
    }
    return [
        Finding(
            level="warning",
            rule=f"balance.{rule}",
            task=balance.language,
            value=f"{name} {share:.3f}".strip(),
            bound=f"{_SHARES[rule][0]} to {_SHARES[rule][1]}",
        )
        for rule, (name, share) in values.items()
        if not _SHARES[rule][0] <= share <= _SHARES[rule][1]
        and (rule != "classification" or balance.labelled)
    ]
