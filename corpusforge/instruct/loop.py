"""The loop: rounds of generate, classify and instances, until something says stop.

Method: Self-Instruct (Wang et al. 2023), or Alpaca's single request (`triples`). The requests of a
step are fixed before any of its replies is used, and replies are used in the order of their
requests, so neither the engine's concurrency nor the order of arrival can change a row. Languages
share a step's batch and nothing else. Limit: a round is kept whole or not at all; what a stopped
round had paid for is in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from corpusforge.errors import InternalError
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Lineage, Machine, Reject, Row
from corpusforge.instruct.rounds import Asked, Pool, ask_classify, ask_generate, ask_instances
from corpusforge.instruct.settings import Settings
from corpusforge.instruct.take import (
    Taken,
    sampling_text,
    take_checked,
    take_classify,
    take_generate,
    take_instances,
)
from corpusforge.instruct.triples import ask_triples, take_triples
from corpusforge.models.records import Completion, Request

__all__ = ["Account", "Ask", "Check", "Origin", "State", "play"]

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


@dataclass(slots=True)
class State:
    """One language: its pool, what it has made in whole rounds, and why it stopped."""

    pool: Pool
    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    steps: dict[str, Account] = field(default_factory=dict)
    yields: list[tuple[int, int]] = field(default_factory=list)
    """(rows, candidate instructions) of each round."""
    stopped: str = ""


@dataclass(slots=True)
class _Round:
    """What one language's round makes, before it is kept."""

    state: State
    machine: dict[str, Machine] = field(default_factory=dict)
    waiting: list[Machine] = field(default_factory=list)
    """Instructions that go into the next step."""
    trails: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """(request, prompt version) of the steps behind an instruction."""
    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    seen: dict[str, int] = field(default_factory=dict)
    accepted: dict[str, int] = field(default_factory=dict)

    def book(self, step: str, asked: Asked, completion: Completion, taken: Taken) -> None:
        """Take up what one reply of a step gave."""
        self.seen[step] = self.seen.get(step, 0) + taken.seen
        got = len(taken.rows) if step == "instances" else len(taken.machine)
        self.accepted[step] = self.accepted.get(step, 0) + got
        for task in taken.machine:
            self.machine[task.id] = task
            self.trails.setdefault(task.id, []).append((completion.key, asked.prompt_version))
        self.waiting += taken.machine
        self.rows += taken.rows
        self.rejects += taken.rejects

    def keep(self) -> None:
        """Make the round part of its language's state."""
        state = self.state
        state.pool.machine += self.machine.values()
        state.rows += self.rows
        state.rejects += self.rejects
        for step, seen in self.seen.items():
            account = state.steps.setdefault(step, Account())
            account.seen += seen
            account.accepted += self.accepted[step]
        for reject in self.rejects:
            rejected = state.steps[reject.step].rejected
            rejected[reject.rule] = rejected.get(reject.rule, 0) + 1
        for step, account in state.steps.items():
            account.check(f"{state.pool.language}, step {step}")
        state.yields.append((len(self.rows), self.seen["generate"]))


def play(
    states: Sequence[State],
    settings: Settings,
    origin: Origin,
    ask: Ask,
    check: Check,
    after: Callable[[int, Sequence[State]], None],
) -> None:
    """Play rounds until every language has stopped; `after` is called after each whole round.

    `check` is the last word on rows. Whatever `ask` raises passes through; the states then hold the
    whole rounds before.
    """
    for number in range(settings.max_rounds):
        active = [state for state in states if not state.stopped]
        if not active:
            return
        rounds = [_Round(state) for state in active]
        _play_round(rounds, number, settings, origin, ask, check)
        for played in rounds:
            played.keep()
            played.state.stopped = _stop(played.state, settings)
        after(number, states)
    for state in states:
        state.stopped = state.stopped or f"{settings.max_rounds} rounds played (max_rounds)"


def _stop(state: State, settings: Settings) -> str:
    """Why a language stops after its latest round, "" where it goes on."""
    if len(state.rows) >= settings.target:
        return "target reached"
    last = state.yields[-settings.yield_rounds :]
    if len(last) == settings.yield_rounds:
        rows, candidates = (sum(column) for column in zip(*last, strict=True))
        # the floor as it is written: as a double, 0.1 of 30 candidates would be above 3
        if rows < Fraction(str(settings.yield_floor)) * candidates:
            return (
                f"the yield has fallen: {rows} rows from {candidates} candidates in the last "
                f"{len(last)} rounds, below {settings.yield_floor:g} a candidate (yield_floor)"
            )
    return ""


def _play_round(
    rounds: Sequence[_Round],
    number: int,
    settings: Settings,
    origin: Origin,
    ask: Ask,
    check: Check,
) -> None:
    """Play one round of every active language; `check` has the last word on its rows."""
    if settings.method == "alpaca":
        _play_triples(rounds, number, settings, origin, ask)
    else:
        _play_steps(rounds, number, settings, origin, ask)
    for one in rounds:
        one.rows, rejects = take_checked(one.rows, check(one.rows), number)
        one.rejects += rejects
        one.accepted["instances"] = len(one.rows)
        one.seen.setdefault("instances", 0)


def _play_steps(
    rounds: Sequence[_Round], number: int, settings: Settings, origin: Origin, ask: Ask
) -> None:
    """Self-Instruct's steps: three batches of requests, or two."""
    batch = [ask_generate(one.state.pool, number, settings) for one in rounds]
    for one, asked, completion in _answered(rounds, batch, ask):
        taken = take_generate(one.state.pool, asked, completion, number, settings)
        one.book("generate", asked, completion, taken)
    if settings.kind != "classification":
        batch = [ask_classify(_drained(one), settings) for one in rounds]
        for one, asked, completion in _answered(rounds, batch, ask):
            one.book("classify", asked, completion, take_classify(asked, completion, number))
    batch = [ask_instances(_drained(one), settings) for one in rounds]
    for one, asked, completion in _answered(rounds, batch, ask):
        lineage = _lineage(one, asked, completion, settings, origin)
        taken = take_instances(asked, completion, number, lineage, settings)
        one.book("instances", asked, completion, taken)


def _play_triples(
    rounds: Sequence[_Round], number: int, settings: Settings, origin: Origin, ask: Ask
) -> None:
    """Alpaca's step: one batch, in which each reply holds whole examples."""
    batch = [ask_triples(one.state.pool, number, settings) for one in rounds]
    for one, asked, completion in _answered(rounds, batch, ask):
        lineage = Lineage(
            prompt_version=asked.prompt_version, engine=origin.engine,
            model=completion.model or origin.model, model_licence=origin.model_licence,
            sampling=sampling_text("generate", settings.generate), round=number,
            requests=(completion.key,),
        )  # fmt: skip
        tasks, rows = take_triples(one.state.pool, asked, completion, number, lineage, settings)
        one.book("generate", asked, completion, tasks)
        one.book("instances", asked, completion, rows)


def _drained(one: _Round) -> list[Machine]:
    waiting, one.waiting = one.waiting, []
    return waiting


def _answered(
    rounds: Sequence[_Round], batch: Sequence[Sequence[Asked]], ask: Ask
) -> Iterator[tuple[_Round, Asked, Completion]]:
    """Ask every language's requests at once and yield the answers in the order of the requests."""
    pairs = [(one, asked) for one, given in zip(rounds, batch, strict=True) for asked in given]
    completions = ask([asked.request for _, asked in pairs])
    for (one, asked), completion in zip(pairs, completions, strict=True):
        yield one, asked, completion


def _lineage(
    one: _Round, asked: Asked, completion: Completion, settings: Settings, origin: Origin
) -> Lineage:
    """Where the rows of an instance reply come from, all steps included."""
    task = asked.subject
    assert task is not None
    trail = [*one.trails[task.id], (completion.key, asked.prompt_version)]
    return Lineage(
        seeds=task.seeds, parents=task.parents,
        prompt_version=" ".join(version for _, version in trail),
        engine=origin.engine, model=completion.model or origin.model,
        model_licence=origin.model_licence,
        sampling="; ".join(
            (sampling_text("generate", settings.generate),
             sampling_text("instances", settings.instances))
        ),
        round=task.round, requests=tuple(key for key, _ in trail),
    )  # fmt: skip
