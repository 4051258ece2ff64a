"""Small engines and runs in memory, for the tests of the instruction loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from corpusforge.instruct.accounts import Account, Made, Origin
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import profile
from corpusforge.instruct.records import Instance, Machine, Reject, Row, Task
from corpusforge.instruct.replies import take_generate
from corpusforge.instruct.requests import Asked, Pool, open_pool
from corpusforge.instruct.retrying import Patient
from corpusforge.instruct.run import job
from corpusforge.instruct.settings import Settings
from corpusforge.models.client import Client
from corpusforge.models.records import Completion, Request, Usage

Reply = Callable[[Request], Completion | str]


def completion(request: Request, text: str, finish: str = "stop") -> Completion:
    used = Usage(prompt_tokens=10, completion_tokens=10)
    return Completion(
        key=request.key, text=text, finish_reason=finish, model=request.model, usage=used
    )


class Told:
    """An engine that answers by a function; it remembers every request it was sent."""

    name = "told"
    context = 0

    def __init__(self, reply: Reply, model: str = "told-1") -> None:
        self.reply, self.model = reply, model
        self.sent: list[Request] = []

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in requests:
            self.sent.append(request)
            got = self.reply(request)
            yield completion(request, got) if isinstance(got, str) else got


@dataclass
class Language:
    """One language: what its whole rounds have made, and why it stopped."""

    pool: Pool
    rows: list[Row]
    rejects: list[Reject]
    steps: dict[str, Account]
    yields: list[tuple[int, int]]
    stopped: str


def states_of(settings: Settings, engine: object, path: Path) -> list[Language]:
    """Play a run in memory (failures at `path`) and return what every language holds."""
    work, made = job(settings), Made()
    with Client(engine) as client:
        origin = Origin(engine=engine.name, model=engine.model)
        for part in work.make(Patient(client, str(path / "failures.jsonl")), origin):
            made.merge(part)
    return [
        Language(
            state.pool,
            [row for row in made.rows if row.language == state.pool.language],
            [one for one in made.rejects if one.language == state.pool.language],
            made.accounts(state.pool.language),
            state.yields,
            state.stopped,
        )
        for state in work.states
    ]


def small_pool(language: str = "en", *instructions: str) -> Pool:
    """A pool of one seed, with machine instructions as given."""
    seeds = {"en": "Name the capital of every country in Europe.", "zh": "列出欧洲各国的首都。"}
    seed = Task(
        id="s", instruction=seeds[language], instances=(Instance("", "x"),), language=language
    )
    pool = open_pool(profile(language), Gate(profile(language)), [seed], Settings())
    for number, text in enumerate(instructions):
        pool.machine.append(machine(text, language, f"m{number}"))
    return pool


def machine(text: str, language: str = "en", name: str = "m", **values: object) -> Machine:
    made = Machine(
        id=name, instruction=text, language=language, round=0, request="", prompt_version=""
    )
    return replace(made, **values)


@dataclass
class Taken:
    """What one reply gave."""

    seen: int
    machine: list[Machine]
    rejects: list[Reject]


def taken(text: str, language: str = "en", finish: str = "stop", pool: Pool | None = None) -> Taken:
    """What a generation reply gives."""
    request = Request(prompt="p")
    asked = Asked(request=request, prompt_version="generate.v1@0", first=9)
    pool = pool or small_pool(language)
    made, reply = Made(), completion(request, text, finish)
    machine = take_generate(pool, asked, reply, 0, Settings(similar=0), made)
    return Taken(made.steps[language, "generate"].seen, machine, made.rejects)
