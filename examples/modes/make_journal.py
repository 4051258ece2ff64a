"""Turns the hand-written replies beside this file into a journal that the pipeline can replay.

    python -m examples.modes.make_journal        (in the root of the repository)

Plays the run once with an engine that answers out of `replies.txt`, in the order in which each step asks.
Needed again whenever a prompt, a set, an example or an option of `journal.args` changes: they are part of
a request's key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.instruct.modes.run import job
from corpusforge.models.records import Completion, Request
from examples.journals import play
from pipelines import modes

__all__ = ["make"]

HERE = Path(__file__).parent
_BLOCK = re.compile(r"^=== (\S+) (\S+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)
_REPLY = re.compile(r"^--- *\n((?:(?!---).*\n)*)", re.MULTILINE)


class Written:
    """Answers the requests of each step and language with what is written for it, one after another."""

    name = "hand-written"
    model = "hand-written"
    context = 0

    def __init__(self) -> None:
        text = (HERE / "replies.txt").read_text(encoding="utf-8")
        self.left = {
            (step, language): [reply.strip("\n") for reply in _REPLY.findall(body)]
            for step, language, body in _BLOCK.findall(text)
        }

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield the next written reply of each request's step; raises InputError where none is left."""
        for request in requests:
            texts = "".join(one.content for one in request.messages)
            language = "zh" if re.search("[\u4e00-\u9fff]", texts) else "en"
            key = request.purpose.removeprefix("instruct."), language
            if not self.left.get(key):
                raise InputError(f"replies.txt: no reply is left for {key}")
            text = self.left[key].pop(0)
            yield Completion(key=request.key, text=text, finish_reason="stop", model=self.model)


def make(path: Path) -> Written:
    """Write the journal to `path`; return the engine, which knows what it did not use."""
    engine = Written()
    options = (HERE / "journal.args").read_text(encoding="utf-8").split()
    play(path, engine, modes, job, options)
    return engine


def main() -> int:
    """Write `journal.jsonl` beside this file."""
    for key, texts in make(HERE / "journal.jsonl").left.items():
        if texts:
            print(f"never asked: {len(texts)} of {key}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
