"""Turns the replies beside this file, written by hand, into a journal that can be replayed.

    python -m examples.code_tests.make_journal        (in the root of the repository)

Needed again whenever a prompt, a reply or an option of `journal.args` changes: they are part of a
request's key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.instruct.code.make import TOPICS
from corpusforge.instruct.code.run import job
from corpusforge.models.records import Completion, Request
from examples.journals import play
from pipelines import code_tests

__all__ = ["OPTIONS", "Written", "make"]

HERE = Path(__file__).parent
OPTIONS = (HERE / "journal.args").read_text(encoding="utf-8").split()
"""Options of the demonstration; a replay of the journal takes them from there."""
_BLOCK = re.compile(r"^=== (\w+ \d+) / (write|solve \d+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)


class Written:
    """Answers with what is written for the problem and the step."""

    name = "hand-written"
    model = "hand-written"
    context = 0

    def __init__(self) -> None:
        text = (HERE / "replies.txt").read_text(encoding="utf-8")
        self._replies = {
            (name, step): body.strip("\n") for name, step, body in _BLOCK.findall(text)
        }
        self._topics = {
            topic: f"{language} {number}"
            for language, topics in TOPICS.items() for number, topic in enumerate(topics, 1)
        }  # fmt: skip

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield the written reply to each request; raises InputError where none was written."""
        for request in requests:
            text = request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]
            if request.purpose == "code_tests.write":
                key = self._topics[text], "write"
            else:
                name = next(name for (name, step), body in self._replies.items()
                            if step == "write" and text in body)  # fmt: skip
                key = name, f"solve {request.repeat + 1}"
            if key not in self._replies:
                raise InputError(f"replies.txt: no reply for {key}")
            yield Completion(
                key=request.key, text=self._replies[key], finish_reason="stop", model=self.model
            )


def make(path: Path) -> None:
    """Write the journal to `path`."""
    play(path, Written(), code_tests, job, OPTIONS)


if __name__ == "__main__":
    make(HERE / "journal.jsonl")
