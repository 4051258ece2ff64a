"""Turns the judgements beside this file, written by hand, into a journal that can be replayed.

    python -m examples.judged.make_journal        (in the root of the repository)

Needed again whenever a rubric, a document or an option of `journal.args` changes: they are part of a
request's key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from classifiers.judged.train import parser
from corpusforge.errors import InputError
from corpusforge.io.jsonl import read_jsonl
from corpusforge.judged.judge import judge
from corpusforge.judged.sample import draw
from corpusforge.judged.settings import Settings
from corpusforge.models.records import Completion, Request
from corpusforge.options import settings_of
from corpusforge.rephrase.sources import find_sources, read_source
from examples.journals import keep

__all__ = ["OPTIONS", "Written", "make"]

HERE = Path(__file__).parent
OPTIONS = (HERE / "journal.args").read_text(encoding="utf-8").split()
"""Options of the demonstration; a replay of the journal takes them from there."""
_BLOCK = re.compile(r"^=== (\d+) / (\d+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)


class Written:
    """Answers with what is written for the document and the sample."""

    name = "hand-written"
    model = "hand-written"
    context = 0

    def __init__(self) -> None:
        text = (HERE / "replies.txt").read_text(encoding="utf-8")
        self._replies = {
            (int(one), int(sample) - 1): body.strip("\n")
            for one, sample, body in _BLOCK.findall(text)
        }
        rows = read_jsonl(str(HERE / "documents.jsonl"))
        self._numbers = {row["text"]: number for number, row in enumerate(rows, 1)}

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield the written reply to each request; raises InputError where none was written."""
        for request in requests:
            text = request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]
            key = self._numbers[text], request.repeat
            if key not in self._replies:
                raise InputError(f"replies.txt: no reply for {key}")
            yield Completion(
                key=request.key, text=self._replies[key], finish_reason="stop", model=self.model
            )


def make(path: Path) -> None:
    """Write the journal to `path`."""
    options = parser().parse_args([*OPTIONS, "--output", "unused"])
    settings = settings_of(options, Settings)
    documents = (one for source in find_sources(options.input) for one in read_source(source))
    drawn = draw(documents, settings, frozenset())
    keep(path, Written(), lambda ask: judge(drawn, settings, ask))


if __name__ == "__main__":
    make(HERE / "journal.jsonl")
