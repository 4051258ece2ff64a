"""Turns the hand-written replies beside this file into a journal that the pipeline can replay.

    python -m examples.cot.make_journal

Plays the run once with an engine that answers out of `replies.txt`, in the order in which samples
are asked, and keeps what the run wrote down. Needed again whenever a prompt, a question or a default
setting changes: they are part of a request's key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.instruct.cot.run import job
from corpusforge.models.records import Completion, FinishReason, Request
from examples.journals import play
from pipelines import bootstrap_cot

__all__ = ["make"]

HERE = Path(__file__).parent

_BLOCK = re.compile(r"^=== (.+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)
_REPLY = re.compile(r"^--- (sample|hint)( cut)?\n((?:(?!---).*\n)*)", re.MULTILINE)


class Scripted:
    """Answers each question's samples and hints from the file, in its order."""

    name = "hand-written"
    model = "hand-written"
    context = 0

    def __init__(self, path: Path) -> None:
        self._left: dict[tuple[str, str], list[tuple[str, FinishReason]]] = {}
        for opening, body in _BLOCK.findall(path.read_text(encoding="utf-8")):
            for step, cut, text in _REPLY.findall(body):
                finish: FinishReason = "length" if cut else "stop"
                self._left.setdefault((opening, step), []).append((text.strip("\n"), finish))

    @property
    def unused(self) -> list[tuple[str, str]]:
        """(question, step) of replies that nobody asked for."""
        return [key for key, replies in self._left.items() if replies]

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield the next written reply to each question; raises InputError where none is left."""
        for request in requests:
            step = request.purpose.removeprefix("cot.")
            asked = request.messages[-1].content.split("<data>\n")[1]
            key = next(
                (one for one in self._left if asked.startswith(one[0]) and one[1] == step), None
            )
            if key is None or not self._left[key]:
                raise InputError(f"replies.txt: no {step} reply is left for {asked[:60]!r}")
            text, finish = self._left[key].pop(0)
            yield Completion(key=request.key, text=text, finish_reason=finish, model=self.model)


def make(path: Path) -> Scripted:
    """Write the journal to `path`; return the engine, which knows what it did not use."""
    engine = Scripted(HERE / "replies.txt")
    play(path, engine, bootstrap_cot, job, ["--questions", str(HERE / "questions.jsonl")])
    return engine


def main() -> int:
    """Write `journal.jsonl` beside this file."""
    for question, step in make(HERE / "journal.jsonl").unused:
        print(f"never asked: {step} of {question}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
