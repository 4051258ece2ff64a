"""The loop: rounds of generate, classify and instances, until something says stop.

Method: Self-Instruct (Wang et al. 2023), or Alpaca's single request (`triples`). The requests of a
step are fixed before any of its replies is used, and replies are used in the order of their
requests, so neither the engine's concurrency nor the order of arrival can change a row. Languages
share a step's batch and nothing else. Limit: a round is kept whole or not at all; what a stopped
round had paid for is in the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from corpusforge.instruct.accounts import Ask, Check, Made, Origin, lineage, sampling_text
from corpusforge.instruct.intent import may_classify
from corpusforge.instruct.records import Lineage, Machine, Row
from corpusforge.instruct.replies import take_checked, take_classify, take_generate, take_instances
from corpusforge.instruct.requests import Asked, Pool, ask_classify, ask_generate, ask_instances
from corpusforge.instruct.settings import Settings
from corpusforge.instruct.triples import ask_triples, take_triples
from corpusforge.instruct.verify import verify
from corpusforge.models.records import Completion

__all__ = ["State", "play"]


@dataclass(slots=True)
class State:
    """One language: its pool, what its whole rounds have given, and why it stopped."""

    pool: Pool
    yields: list[tuple[int, int]] = field(default_factory=list)
    """(rows, candidate instructions) of each round."""
    stopped: str = ""

    @property
    def rows(self) -> int:
        """Rows of all rounds."""
        return sum(rows for rows, _ in self.yields)


@dataclass(slots=True)
class _Round:
    """What one language's round makes, before it is kept."""

    state: State
    made: Made = field(default_factory=Made)
    machine: dict[str, Machine] = field(default_factory=dict)
    waiting: list[Machine] = field(default_factory=list)
    """Instructions that go into the next step."""
    trails: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """(request, prompt version) of the steps behind an instruction."""
    left_out: dict[str, str] = field(default_factory=dict)
    """What the server refused of the request that an instruction came of."""
    rows: list[Row] = field(default_factory=list)
    """Rows that nobody has checked yet."""

    def join(self, asked: Asked, completion: Completion, tasks: Sequence[Machine]) -> None:
        """Take up the instructions that a reply gave, or gave a verdict on."""
        for task in tasks:
            self.machine[task.id] = task
            self.trails.setdefault(task.id, []).append((completion.key, asked.prompt_version))
            self.left_out.setdefault(task.id, completion.left_out)
        self.waiting += tasks

    def keep(self) -> None:
        """Make the round part of its language's state."""
        state = self.state
        state.pool.machine += self.machine.values()
        candidates = self.made.steps[state.pool.language, "generate"].seen
        state.yields.append((len(self.made.rows), candidates))


def play(
    states: Sequence[State], settings: Settings, origin: Origin, ask: Ask, check: Check
) -> Iterator[Made]:
    """Yield whole rounds until every language has stopped; `check` is the last word on rows.

    Whatever `ask` raises passes through; the states then hold the whole rounds before.
    """
    for number in range(settings.max_rounds):
        active = [state for state in states if not state.stopped]
        if not active:
            return
        rounds = [_Round(state) for state in active]
        _play_round(rounds, number, settings, origin, ask, check)
        whole = Made()
        for played in rounds:
            played.keep()
            played.state.stopped = _stop(played.state, settings)
            whole.merge(played.made)
        yield whole
    for state in states:
        state.stopped = state.stopped or f"{settings.max_rounds} rounds played (max_rounds)"


def _stop(state: State, settings: Settings) -> str:
    """Why a language stops after its latest round, "" where it goes on."""
    if state.rows >= settings.target:
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
    # one batch for all languages; rows that the model does not stand by are not looked at again
    verified = iter(verify([row for one in rounds for row in one.rows], settings, ask))
    for one in rounds:
        one.made.see(one.state.pool.language, "instances", 0)
        said = [next(verified) for _ in one.rows]
        standing = [row for row, finding in said if finding is None]
        others = iter(check(standing))
        findings = [finding or next(others) for _, finding in said]
        take_checked([row for row, _ in said], findings, number, one.made)


def _play_steps(
    rounds: Sequence[_Round], number: int, settings: Settings, origin: Origin, ask: Ask
) -> None:
    """Self-Instruct's steps: three batches of requests, or two."""
    batch = [ask_generate(one.state.pool, number, settings) for one in rounds]
    for one, asked, completion in _answered(rounds, batch, ask):
        new = take_generate(one.state.pool, asked, completion, number, settings, one.made)
        one.join(asked, completion, new)
    if settings.kind != "classification":
        _classify(rounds, number, settings, ask)
    batch = [ask_instances(_drained(one), settings) for one in rounds]
    for one, asked, completion in _answered(rounds, batch, ask):
        source = _lineage(one, asked, completion, settings, origin)
        one.rows += take_instances(asked, completion, number, source, settings, one.made)


def _classify(rounds: Sequence[_Round], number: int, settings: Settings, ask: Ask) -> None:
    """Ask what is a classification task where the words allow it; the others are none, unasked."""
    drained = [_drained(one) for one in rounds]
    batch = [
        ask_classify([task for task in tasks if may_classify(task.instruction)], settings)
        for tasks in drained
    ]
    for one, asked, completion in _answered(rounds, batch, ask):
        one.join(asked, completion, take_classify(asked, completion, number, one.made))
    for one, tasks in zip(rounds, drained, strict=True):
        told = {task.id: task for task in one.waiting}
        for task in tasks:
            if not may_classify(task.instruction):
                one.made.decide(task.language, "classify", task.instruction, None, key=task.id)
                told[task.id] = one.machine[task.id] = replace(task, is_classification=False)
        one.waiting = [told[task.id] for task in tasks if task.id in told]


def _play_triples(
    rounds: Sequence[_Round], number: int, settings: Settings, origin: Origin, ask: Ask
) -> None:
    """Alpaca's step: one batch, in which each reply holds whole examples."""
    batch = [ask_triples(one.state.pool, number, settings) for one in rounds]
    for one, asked, completion in _answered(rounds, batch, ask):
        source = lineage(
            ((completion.key, asked.prompt_version),), origin,
            (sampling_text("generate", settings.generate, completion.left_out),), (), (), completion.model,
        )  # fmt: skip
        tasks, rows = take_triples(
            one.state.pool, asked, completion, number, replace(source, round=number), settings,
            one.made,
        )  # fmt: skip
        one.join(asked, completion, tasks)
        one.rows += rows


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
    trail = (*one.trails[task.id], (completion.key, asked.prompt_version))
    steps = (sampling_text("generate", settings.generate, one.left_out[task.id]),
             sampling_text("instances", settings.instances, completion.left_out))  # fmt: skip
    source = lineage(trail, origin, steps, task.parents, task.seeds, completion.model)
    return replace(source, round=task.round)
