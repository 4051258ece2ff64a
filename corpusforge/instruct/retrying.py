"""Asking a client for a whole step, and remembering what the engine gave up on.

A failed request is no answer and is in no journal, yet the rounds after it are built without what it
would have given. So it is written to `failures.jsonl` and never asked again in that directory.
Limit: to ask such requests after all, delete the file; the rounds after the first of them change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from corpusforge.errors import CorpusforgeError, InputError
from corpusforge.io.decoding import DecodingError, decode_json
from corpusforge.models.client import Client, failure
from corpusforge.models.records import Completion, Request

__all__ = ["Failed", "NothingAnswered", "Patient"]


class NothingAnswered(CorpusforgeError):
    """The engine answered no request of a step: it is down, or the journal does not fit."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A request that was given up, and why."""

    key: str
    error: str


class Patient:
    """Answers steps out of a client, and gives up on a failed request once for all.

    Raises NothingAnswered where not one request of a step is answered, unless `give_up`: an engine
    that is down must not be written down as so many refusals.
    """

    def __init__(self, client: Client, path: str, *, give_up: bool = False) -> None:
        self._client, self._path, self._give_up = client, path, give_up
        self._failed = _read(path)
        self._left_out: dict[str, set[str]] = {}

    def __call__(self, requests: Sequence[Request]) -> list[Completion]:
        """Return one completion a request, in order."""
        model = self._client.engine.model
        filled = [one if one.model else replace(one, model=model) for one in requests]
        keys = [one.key for one in filled]
        open_ = [one for one, key in zip(filled, keys, strict=True) if key not in self._failed]
        got = {one.key: one for one in self._client.complete(open_)}
        for one in filled:
            if (reply := got.get(one.key)) and reply.left_out:
                names = reply.left_out.split(",")
                self._left_out.setdefault(one.purpose, set()).update(names)
        failed = [one for one in got.values() if one.finish_reason == "error"]
        if failed and len(failed) == len(got) and not self._give_up:
            raise NothingAnswered(
                f"none of {len(failed)} requests was answered; the first: {failed[0].error}. When the "
                "engine answers, run the same command again: nothing is lost. To go on without "
                "these requests, add --give-up."
            )
        self._remember(failed)
        return [
            got.get(key) or failure(one, self._failed[key])
            for one, key in zip(filled, keys, strict=True)
        ]

    def left_out(self) -> dict[str, list[str]]:
        """Return, by the requests' purpose, the parameters that the server refused."""
        return {name: sorted(found) for name, found in sorted(self._left_out.items())}

    def _remember(self, failed: Sequence[Completion]) -> None:
        if not failed:
            return
        lines = [msgspec.json.encode(Failed(one.key, one.error)) + b"\n" for one in failed]
        with Path(self._path).open("ab", buffering=0) as stream:
            stream.write(b"".join(lines))
        self._failed |= {one.key: one.error for one in failed}


def _read(path: str) -> dict[str, str]:
    """The failures written so far; a line torn by a kill is cut away, and asked again."""
    file = Path(path)
    if not file.is_file():
        return {}
    data = file.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) != len(data):
        file.write_bytes(whole)
    try:
        rows = [decode_json(line, Failed) for line in whole.splitlines()]
    except DecodingError as error:
        raise InputError(f"{path}: not a list of failed requests ({error}); delete it.") from error
    return {row.key: row.error for row in rows}
