"""The engine `replay`: answers from a journal and from nothing else.

Used by the offline demonstration, by tests and to look at a finished run again. Limits: it knows
only the very requests that were asked; another prompt version or sampling value is another key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.models.client import failure
from corpusforge.models.journal import Journal
from corpusforge.models.records import Completion, Request

__all__ = ["ReplayEngine"]


class ReplayEngine:
    """Answers out of a journal; a request that it does not hold gets an error that names it.

    `model` fills requests that name none; by default it is the one model of the journal.
    """

    name = "replay"
    context = 0

    def __init__(self, journal: str | Path, model: str = "") -> None:
        """Open the journal. Raises InputError where it is missing, or holds several models."""
        self._journal = Journal(journal, write=False)
        models = sorted({entry.request.model for entry in self._journal.entries()})
        if not model and len(models) > 1:
            self.close()
            raise InputError(
                f"journal {str(journal)!r} holds answers of {', '.join(models)}. Say which by --model."
            )
        self.model = model or (models[0] if models else "")

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield the journal's answers in order."""
        for request in requests:
            yield self._journal.get(request.key) or failure(
                request,
                f"the journal {self._journal.path} holds no answer to this request of "
                f"{request.purpose or 'no purpose'} (key {request.key}); it was recorded with other "
                "prompts, settings or seeds, or is not complete",
            )

    def close(self) -> None:
        """Release the journal."""
        self._journal.close()
