"""What every method that makes rows shares: accounts, the asking of steps, and what a part has made.

A step fixes all its requests before any of
its replies is used, and replies are used in the order of their requests, so rows depend on settings,
inputs and replies alone. Every candidate of a step is accepted or becomes one `Reject`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from corpusforge.errors import InternalError
from corpusforge.hashing import make_id, word64
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Lineage, Reject, Row
from corpusforge.models.records import Completion, Request, Sampling

__all__ = [
    "CHUNK",
    "Account",
    "Ask",
    "Check",
    "Made",
    "Origin",
    "Question",
    "Trail",
    "asked",
    "checked",
    "lineage",
    "sampling_text",
    "seeded",
    "unanswered",
]

Subject = TypeVar("Subject")

CHUNK = 64
"""Rows whose requests are asked together where a method has no rounds: a part of what is made."""

Ask = Callable[[Sequence[Request]], Sequence[Completion]]
"""Answers requests in their order; what was answered once is answered the same for ever."""

Check = Callable[[Sequence[Row]], Sequence[Finding | None]]
"""Looks at finished rows: language, personal data, evaluation text; one finding or None a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who answers: goes into every row's lineage."""

    engine: str
    model: str
    model_licence: str = ""


@dataclass(slots=True)
class Account:
    """One step's candidates: seen = accepted + rejected, by language."""

    seen: int = 0
    accepted: int = 0
    rejected: dict[str, int] = field(default_factory=dict)

    def check(self, where: str) -> None:
        """Raise InternalError where the account does not balance."""
        if self.seen != self.accepted + sum(self.rejected.values()):
            raise InternalError(f"the account of {where} does not balance: {self}")

    def ranked(self) -> list[tuple[str, int]]:
        """Return (rule, count) of the refusals, most first."""
        return sorted(self.rejected.items(), key=lambda item: (-item[1], item[0]))


Trail = tuple[tuple[str, str], ...]
"""(journal key, prompt version) of each step behind a row, in order."""


@dataclass(frozen=True, slots=True)
class Question(Generic[Subject]):
    """A request, the version of its prompt, and what it is about."""

    request: Request
    prompt_version: str
    subject: Subject


@dataclass(slots=True)
class Made:
    """What a part of a run made: rows, rejects, the account of each step, and tables by file name."""

    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    steps: dict[tuple[str, str], Account] = field(default_factory=dict)
    """By (language, step); the language is "" where a method keeps one account for all."""
    tables: dict[str, list[Any]] = field(default_factory=dict)

    def see(self, language: str, step: str, count: int = 1) -> None:
        """Count candidates that a step is given or finds."""
        self.steps.setdefault((language, step), Account()).seen += count

    def accept(self, language: str, step: str, count: int = 1) -> None:
        """Count candidates that a step lets through."""
        self.steps[language, step].accepted += count

    def refuse(
        self, language: str, step: str, text: str, finding: Finding, *,
        key: str, nearest: str = "", number: int = 0,
    ) -> None:  # fmt: skip
        """Write down why a candidate is refused; `key` tells it from all others of its step."""
        rule, value, bound = finding
        self.book(
            language,
            Reject(
                id=make_id(f"instruct.{step}", key), step=step, rule=rule, language=language,
                text=text, value=value, bound=bound, nearest=nearest, request=key.partition(":")[0],
                round=number,
            ),
        )  # fmt: skip

    def decide(
        self, language: str, step: str, text: str, finding: Finding | None, *,
        key: str, nearest: str = "", number: int = 0,
    ) -> bool:  # fmt: skip
        """Count one candidate, and write down why it is refused where there is a finding; return whether
        it is accepted."""
        self.see(language, step)
        if finding is None:
            self.accept(language, step)
            return True
        self.refuse(language, step, text, finding, key=key, nearest=nearest, number=number)
        return False

    def book(self, language: str, reject: Reject) -> None:
        """Take up one reject in the account of its step."""
        rejected = self.steps[language, reject.step].rejected
        rejected[reject.rule] = rejected.get(reject.rule, 0) + 1
        self.rejects.append(reject)

    def accounts(self, language: str) -> dict[str, Account]:
        """Return the accounts of one language by step."""
        return {step: account for (own, step), account in self.steps.items() if own == language}

    def merge(self, other: Made) -> None:
        """Add what a later part made; each of its accounts must balance."""
        self.rows += other.rows
        self.rejects += other.rejects
        for name, table in other.tables.items():
            self.tables.setdefault(name, []).extend(table)
        for (language, step), account in other.steps.items():
            account.check(f"{language}, step {step}")
            total = self.steps.setdefault((language, step), Account())
            total.seen += account.seen
            total.accepted += account.accepted
            for rule, count in account.rejected.items():
                total.rejected[rule] = total.rejected.get(rule, 0) + count


def asked(
    ask: Ask, questions: Sequence[Question[Subject]]
) -> Iterator[tuple[Question[Subject], Completion]]:
    """Ask a whole step; yield the answers in the order of the questions."""
    if questions:
        completions = ask([one.request for one in questions])
        yield from zip(questions, completions, strict=True)


def unanswered(completion: Completion, *, cut: bool = True) -> Finding | None:
    """Return why a reply cannot be used, as far as its end says; `cut`: a cut reply is no use."""
    if completion.finish_reason == "error":
        return "request_failed", completion.error, "an answer"
    if completion.finish_reason == "content_filter":
        return "content_filter", "content_filter", "stop"
    if cut and completion.finish_reason == "length":
        return "cut", "length", "a finished reply"
    return _only_reasoning(completion)


def _only_reasoning(completion: Completion) -> Finding | None:
    """Return why a reply that was finished and holds a thought alone cannot be used."""
    if completion.text.strip() or not completion.reasoning or completion.finish_reason == "length":
        return None
    told = "the server's reasoning parser put the whole reply into reasoning"
    return "only_reasoning", told, "an answer beside the thought"


def seeded(sampling: Sampling, *key: object) -> Sampling:
    """Return the sampling with a seed of its own, unless it is greedy or has one."""
    if sampling.temperature == 0 or sampling.seed is not None:
        return sampling
    return replace(sampling, seed=word64("request", *key) >> 33)


def sampling_text(step: str, sampling: Sampling, left_out: str = "") -> str:
    """Return the sampling values that differ from greedy decoding, as "step: name=value ...".

    `left_out`: what the server refused, so that it answered without (`Completion.left_out`).
    """
    plain = Sampling()
    values = [
        f"{name}={getattr(sampling, name)}"
        for name in Sampling.__slots__
        if name == "max_tokens" or getattr(sampling, name) != getattr(plain, name)
    ]
    values += [f"left_out={left_out}"] if left_out else []
    return f"{step}: " + " ".join(values)


def lineage(
    trail: Trail, origin: Origin, sampling: Sequence[str], parents: Sequence[str],
    seeds: Sequence[str] = (), model: str = "",
) -> Lineage:  # fmt: skip
    """Return where a row comes from: `parents` are rows or documents, `seeds` the examples shown."""
    return Lineage(
        seeds=tuple(seeds), parents=tuple(parents),
        prompt_version=" ".join(version for _, version in trail),
        engine=origin.engine, model=model or origin.model, model_licence=origin.model_licence,
        sampling="; ".join(sampling), requests=tuple(key for key, _ in trail),
    )  # fmt: skip


def checked(made: Made, rows: Sequence[Row], check: Check, step: str = "row") -> None:
    """Take into `made` the rows that `check` finds nothing in; the others become rejects.

    A dialogue is looked at whole: what its users say as instruction, what its assistants say as
    output.
    """
    findings = check([_spread(row) for row in rows])
    for row, finding in zip(rows, findings, strict=True):
        key = row.lineage.requests[-1] if row.lineage.requests else ""
        if made.decide(row.language, step, _shown(row), finding, key=f"{key}:{row.id}"):
            made.rows.append(row)


def _spread(row: Row) -> Row:
    if not row.turns:
        return row
    said = {
        role: "\n\n".join(text for one, text in row.turns if one == role)
        for role in ("user", "assistant")
    }
    return replace(row, instruction=said["user"], input="", output=said["assistant"])


def _shown(row: Row) -> str:
    if row.turns:
        return "\n".join(f"{role}: {text}" for role, text in row.turns)
    return f"{row.instruction}\n→ {row.output}"
