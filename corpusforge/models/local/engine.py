"""The engine itself: prompts to tokens here, answers from one batch or from worker processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from corpusforge.errors import InputError
from corpusforge.models.client import failure
from corpusforge.models.local.batch import Batch, Row
from corpusforge.models.local.echo import echo
from corpusforge.models.local.estimate import describe, probe
from corpusforge.models.local.load import (
    context_of,
    devices,
    load_config,
    load_model,
    load_tokenizer,
)
from corpusforge.models.local.name import model_name
from corpusforge.models.local.prompts import BadPrompt, Prompts
from corpusforge.models.local.sample import Chance
from corpusforge.models.local.workers import Workers
from corpusforge.models.records import Completion, Request
from corpusforge.models.settings import Settings
from corpusforge.printing import say
from corpusforge.startup import torch_threads

__all__ = ["LocalEngine"]

ROWS = 32
"""Rows that are taken to run together before the device is known."""


class _Queue:
    """A feed out of a list."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = deque(rows)

    def take(self, count: int, *, block: bool) -> list[Row]:
        """Return the next rows; `block` changes nothing, all are here."""
        return [self._rows.popleft() for _ in range(min(count, len(self._rows)))]


class LocalEngine:
    """A model on this machine's devices; it is loaded when the first answer is needed.

    Requests that a journal answers therefore cost neither memory nor a start.
    """

    name = "local"

    def __init__(self, settings: Settings) -> None:
        """Read the model's name and configuration. Raises InputError."""
        if not settings.model:
            raise InputError("engine local needs --model: a directory or a hub id.")
        self.settings = settings
        self.together = settings.batch_rows or ROWS
        self.model = model_name(settings.model)
        self.context = context_of(load_config(settings.model), settings.context)

    @cached_property
    def prompts(self) -> Prompts:
        """The tokenizer's side of the model."""
        return Prompts(load_tokenizer(self.settings.model))

    @cached_property
    def _devices(self) -> list[str]:
        return devices(self.settings)

    @cached_property
    def _batch(self) -> Batch:
        if self.settings.threads:
            torch_threads(self.settings.threads)
        return Batch(load_model(self.settings, self._devices[0]), self.prompts)

    @cached_property
    def _workers(self) -> Workers:
        return Workers(self.settings, self._devices)

    def count(self, requests: Sequence[Request]) -> list[int]:
        """Return the prompt tokens of each request; 0 for one that cannot be asked."""
        return [len(self._row(request).prompt) for request in requests]

    def _row(self, request: Request) -> Row:
        try:
            prompt = self.prompts.encode(request)
        except BadPrompt as error:
            return Row(request, [], Chance(request.key), (str(error),))
        return Row(request, prompt, Chance(request.key), self.prompts.stops(request))

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield one answer per request, as rows finish."""
        scored = [request for request in requests if request.echo]
        if scored:
            yield from self._echo(scored)
        rows = []
        for request in requests:
            if request.echo:
                continue
            row = self._row(request)
            if not row.prompt:
                yield failure(request, row.stops[0])
            elif 0 < self.context < row.most:
                yield failure(
                    request, f"{row.most} tokens are more than the context {self.context}"
                )
            else:
                rows.append(row)
        # the longest first: memory is known early, and short rows fill the end
        rows.sort(key=lambda row: (-row.most, row.request.key))
        if not rows:
            return
        if len(self._devices) > 1:
            yield from self._workers.run(rows)
            return
        self._announce(rows)
        yield from self._batch.run(_Queue(rows))

    def _echo(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield how likely each request's text is; on the first device."""
        rows = []
        for request in requests:
            row = self._row(request)
            try:
                places = self.prompts.ends(request.prompt) if row.prompt else []
            except BadPrompt as error:
                row.prompt, row.stops = [], (str(error),)
            if not row.prompt:
                yield failure(request, row.stops[0])
            elif 0 < self.context < len(row.prompt):
                told = f"{len(row.prompt)} tokens are more than the context {self.context}"
                yield failure(request, told)
            else:
                rows.append((row, places))
        if rows:
            yield from echo(self._batch.loaded, rows)

    def _announce(self, rows: list[Row]) -> None:
        """Say before long work what it will take."""
        if len(rows) > self._batch.row_limit:
            speed = probe(self._batch, rows)
            text = describe(self._batch.loaded, rows, self._batch.row_limit, speed)
            say(f"{self.model}: {text}", error=True)

    def close(self) -> None:
        """End worker processes, if there are any."""
        held: dict[str, Any] = self.__dict__
        if "_workers" in held:
            held.pop("_workers").close()
