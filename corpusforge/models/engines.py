"""From settings to an engine and a client; each engine is imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from corpusforge.errors import InputError, InternalError
from corpusforge.io.files import is_remote
from corpusforge.models.budget import Budget
from corpusforge.models.client import Client
from corpusforge.models.progress import Progress
from corpusforge.models.records import Completion, Engine, Request
from corpusforge.models.replay import ReplayEngine
from corpusforge.models.settings import Settings

__all__ = ["no_client", "open_client", "open_engine"]


def open_engine(settings: Settings) -> Engine:
    """Return the engine that the settings name. Raises InputError where it cannot be had."""
    if settings.engine == "replay":
        if not settings.journal:
            raise InputError("engine replay answers from a file: give --journal FILE.")
        return ReplayEngine(settings.journal, settings.model)
    if settings.engine == "openai":
        from corpusforge.models.openai_engine import OpenAIEngine

        return _with_echo(OpenAIEngine(settings), settings)
    from corpusforge.models.local import LocalEngine

    return _with_echo(LocalEngine(settings), settings)


def _with_echo(engine: Engine, settings: Settings) -> Engine:
    """The engine, with the model beside it that says how likely texts are, where one is named."""
    if not settings.echo_model:
        return engine
    from corpusforge.models.local import LocalEngine

    own = replace(settings, engine="local", model=settings.echo_model, context=0)
    return TwoEngines(engine, LocalEngine(own))


class TwoEngines:
    """One engine answers, another one tells how likely texts are; name and model are those of the first."""

    def __init__(self, answers: Engine, echoes: Engine) -> None:
        self._answers, self._echoes = answers, echoes
        self.name, self.context = answers.name, answers.context

    @property
    def model(self) -> str:
        """The model that answers."""
        return self._answers.model

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield one reply a request, each from its engine."""
        for engine, echo in ((self._answers, False), (self._echoes, True)):
            if own := [request for request in requests if request.echo == echo]:
                yield from engine.complete(own)

    def close(self) -> None:
        """Close both."""
        for engine in (self._answers, self._echoes):
            if end := getattr(engine, "close", None):
                end()


def open_client(settings: Settings, directory: str | Path) -> Client:
    """Return a client whose journal is `settings.journal`, or `journal.jsonl` in `directory`.

    With the engine `replay` nothing is written: its answers are in a journal already. Raises
    InputError for a directory in an object store.
    """
    if is_remote(str(directory)):
        raise InputError(
            f"--output {str(directory)!r}: the journal needs a local directory; copy it afterwards."
        )
    engine = open_engine(settings)
    journal = settings.journal or str(Path(directory) / "journal.jsonl")
    replays = settings.engine == "replay"
    budget = Budget() if replays else settings.budget  # a replay costs nothing
    return Client(
        engine,
        None if replays else journal,
        budget,
        retries=settings.retries,
        progress=Progress(budget),
    )


class _NoEngine:
    """Stands where nothing is asked."""

    name = "none"
    model = ""
    context = 0

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Raise InternalError: a job that asks nothing has asked."""
        raise InternalError(f"{len(requests)} requests of a job that asks no model")


def no_client() -> Client:
    """Return a client for a job that asks no model: no engine, no journal."""
    return Client(_NoEngine(), None)
