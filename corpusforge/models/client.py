"""Asking a model: the journal first, then the engine, within the budget.

Requests go out in waves, each as large as the budget's reservations allow (without limits, one
wave), so no engine needs to know of money and nothing in flight can overspend. A failed try that
may have been billed (`Completion.wasted`) is journalled as a cost, never as an answer, and asked
again. Limits: a wave ends with its slowest answer; replies in flight when the process is killed
are lost, at most as many as the engine sends at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from corpusforge.models.budget import Bill, Budget, BudgetSpent, Usages, prompt_bound
from corpusforge.models.journal import Entry, Journal, Memory, Store
from corpusforge.models.progress import Progress
from corpusforge.models.records import Completion, Engine, Request

__all__ = ["Client", "Counting"]


@runtime_checkable
class Counting(Protocol):
    """An engine that knows how many tokens a prompt is."""

    def count(self, requests: Sequence[Request]) -> list[int] | None:
        """Return the prompt tokens of each request, the template's included; None: not known."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that waits for its answer, its highest bill, and how often it was tried."""

    request: Request
    bill: Bill
    tries: int = 0


class Client:
    """A model with a memory and a purse; used from one thread.

    Args:
        engine: what answers.
        journal: path of the journal, written under a lock; None keeps replies in memory.
        budget: the most that may be spent, earlier runs on the same journal included.
        retries: how often a request is asked again after a try that may have been billed.
        progress: lines on stderr for long work; None for silence.
        shared: the engine goes on to serve others when this client is closed.

    """

    def __init__(
        self,
        engine: Engine,
        journal: str | Path | None = None,
        budget: Budget | None = None,
        *,
        retries: int = 2,
        progress: Progress | None = None,
        shared: bool = False,
    ) -> None:
        self.engine = engine
        self._shared = shared
        self.budget = budget or Budget()
        self.usage = Usages()
        self.retries = retries
        self.progress = progress
        self._store: Store = Memory() if journal is None else Journal(journal)
        for entry in self._store.entries():
            self.usage.carry(entry)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the journal, and the engine's worker processes where it has some."""
        self._store.close()
        end = getattr(self.engine, "close", None)
        if end is not None and not self._shared:
            end()

    def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return one completion a request, in order; equal requests are asked once.

        Every answer is in the journal before it is returned. A request that gets none has
        finish_reason "error" and the reason in `error`; nothing is raised for it. Raises
        BudgetSpent where the next request could not be paid, after everything in flight has been
        journalled; InputError where no request can succeed (a wrong key, no such model).
        """
        filled = [
            request if request.model else replace(request, model=self.engine.model)
            for request in requests
        ]
        keys = [request.key for request in filled]
        done: dict[str, Completion] = {}
        fresh: dict[str, Request] = {}
        for key, request in zip(keys, filled, strict=True):
            if key in done or key in fresh:
                continue
            kept = self._store.get(key)
            if kept is not None:
                done[key] = kept
                self._count(request, kept, replayed=True)
            else:
                fresh[key] = request
        self._ask(self._admit(fresh, done), done)
        return [done[key] for key in keys]

    def _count(self, request: Request, completion: Completion, *, replayed: bool) -> None:
        limit = request.sampling.max_tokens
        self.usage.count(request.purpose, completion, replayed=replayed, limit=limit)

    def _admit(self, fresh: dict[str, Request], done: dict[str, Completion]) -> list[_Asked]:
        """Return what may be asked; requests that cannot be answered get their error at once."""
        requests = list(fresh.values())
        counts = self.engine.count(requests) if isinstance(self.engine, Counting) else None
        bounds = counts if counts is not None else [prompt_bound(request) for request in requests]
        waiting = []
        for (key, request), tokens in zip(fresh.items(), bounds, strict=True):
            answer = request.sampling.max_tokens
            problem = _unsendable(request)
            if not problem and counts is not None and 0 < self.engine.context < tokens + answer:
                problem = (
                    f"prompt of {tokens} tokens + max_tokens {answer} is more than the context of "
                    f"{self.engine.context}; shorten the prompt or lower max_tokens"
                )
            if problem:
                done[key] = failure(request, problem)
                self._count(request, done[key], replayed=False)
            else:
                waiting.append(_Asked(request, Bill(1, tokens, answer)))
        return waiting

    def _ask(self, waiting: list[_Asked], done: dict[str, Completion]) -> None:
        if self.progress is not None:
            # an engine that asks one after another need not say so
            together = int(getattr(self.engine, "together", 1))
            self.progress.begin(len(waiting), self.usage.spent, together)
        while waiting:
            wave = self._affordable(waiting)
            waiting = self._send(wave, done) + waiting[len(wave) :]
        if self.progress is not None:
            self.progress.end(self.usage.spent)

    def _affordable(self, waiting: list[_Asked]) -> list[_Asked]:
        """Return the longest beginning of the queue that is surely paid for."""
        reserved = self.usage.spent
        for count, asked in enumerate(waiting):
            reserved += asked.bill
            excess = self.budget.excess(reserved)
            if excess and not count:
                raise BudgetSpent(self._stopped(excess, asked, len(waiting)))
            if excess:
                return waiting[:count]
        return waiting

    def _stopped(self, excess: str, asked: _Asked, left: int) -> str:
        spent = self.usage.spent
        return (
            f"the budget of {excess} does not cover the next request "
            f"({asked.request.purpose or 'no purpose'}: up to {asked.bill.tokens} tokens); spent: "
            f"{spent.requests} requests, {spent.tokens} tokens, {self.budget.cost(spent):.4g} of "
            f"money; {left} requests are not answered yet. Raise the limit and run the same command "
            "again: what was answered is in the journal and is not paid twice."
        )

    def _send(self, wave: list[_Asked], done: dict[str, Completion]) -> list[_Asked]:
        """Ask one wave; return what must be asked again."""
        pending = {asked.request.key: asked for asked in wave}
        again = []
        for reply in self.engine.complete([asked.request for asked in wave]):
            asked = pending.pop(reply.key, None)
            if asked is None:
                continue  # a second reply to one request, or one to none
            completion = _clean(reply)
            self._book(asked.request, completion)
            if asked.tries < self.retries and _may_be_asked_again(completion):
                again.append(replace(asked, tries=asked.tries + 1))
                continue
            self._settle(asked.request, completion, done)
        for asked in pending.values():
            self._settle(asked.request, failure(asked.request, "the engine gave no reply"), done)
        return again

    def _book(self, request: Request, completion: Completion) -> None:
        """Put a reply that was or may have been billed into the journal."""
        if Bill.of(completion).requests:
            entry = Entry(request=request, completion=completion, engine=self.engine.name)
            self._store.append(entry)
            self.usage.pay(request.purpose, completion)

    def _settle(
        self, request: Request, completion: Completion, done: dict[str, Completion]
    ) -> None:
        done[completion.key] = completion
        self._count(request, completion, replayed=False)
        if self.progress is not None:
            self.progress.step(self.usage.spent)


def failure(request: Request, problem: str) -> Completion:
    """Return the completion of a request that got no answer."""
    return Completion(
        key=request.key, text="", finish_reason="error", model=request.model, error=problem
    )


def _may_be_asked_again(completion: Completion) -> bool:
    """Whether a try failed on the way; an answer that came but cannot be used would come again."""
    failed = completion.finish_reason == "error" and not completion.usage.completion_tokens
    return failed and Bill.of(completion).requests > 0


def _unsendable(request: Request) -> str:
    texts: Iterable[str] = (request.prompt, *(message.content for message in request.messages))
    if any(_broken(text) for text in texts):
        return "the prompt holds half a surrogate pair, which is no text; clean it first"
    if bool(request.messages) == bool(request.prompt):
        return "a request has either messages or a prompt, and neither may be empty"
    if request.sampling.max_tokens < 1 or not math.isfinite(request.sampling.temperature):
        return f"sampling values {request.sampling} make no sense"
    return ""


def _broken(text: str) -> bool:
    return (
        any("\ud800" <= character <= "\udfff" for character in text)
        if not text.isascii()
        else False
    )


def _clean(completion: Completion) -> Completion:
    """Replace what no UTF-8 file can hold, so that a replayed answer equals the first one."""
    if not any(map(_broken, (completion.text, completion.error, completion.reasoning))):
        return completion
    return replace(
        completion,
        reasoning=completion.reasoning.encode("utf-16", "surrogatepass").decode(
            "utf-16", "replace"
        ),
        text=completion.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        error=completion.error.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
    )
