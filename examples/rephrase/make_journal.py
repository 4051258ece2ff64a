"""Turns the hand-written replies beside this file into journals that `pipelines.rephrase` can replay.

    python -m examples.rephrase.make_journal        (in the root of the repository)

Plays the run once with an engine that answers out of `replies.txt`, and keeps what it wrote down. Needed
again whenever a prompt, a document or an option below changes: they are part of a request's key.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copyfile

from corpusforge.errors import InputError
from corpusforge.io.jsonl import read_jsonl
from corpusforge.models.options import settings_from
from corpusforge.models.records import Completion, Request
from corpusforge.rephrase.run import rephrase
from corpusforge.rephrase.sources import find_sources
from pipelines.rephrase import parser, plan_of

__all__ = ["OPTIONS", "Written", "make", "replies"]

HERE = Path(__file__).parent
OPTIONS = (HERE / "journal.args").read_text(encoding="utf-8").split()
"""Options of the demonstration; a replay of the journal takes them from there."""
_BLOCK = re.compile(r"^=== (.+) / (\w+) / (\w+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)


def replies() -> dict[tuple[str, str], tuple[str, str]]:
    """Return by (title, style) the reply and what a reader said of it: sound, or the rule it breaks."""
    text = (HERE / "replies.txt").read_text(encoding="utf-8")
    return {
        (title, style): (body.strip("\n"), said)
        for title, style, said, body in _BLOCK.findall(text)
    }


class Written:
    """Answers with what is written for the document and the style."""

    name = "hand-written"
    model = "hand-written"
    context = 0

    def __init__(self, *, anything: bool = False) -> None:
        """`anything`: answers also what nothing is written for, with the document itself."""
        self._replies, self._anything = replies(), anything
        self._titles = {
            row["text"]: row["title"]
            for path in sorted((HERE / "documents").glob("*.jsonl"))
            for row in read_jsonl(str(path))
        }

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield the written reply to each request; raises InputError where none was written."""
        for request in requests:
            text = request.messages[-1].content.split("<data>\n")[1].split("\n</data>")[0]
            key = self._titles[text], request.purpose.removeprefix("rephrase.")
            if key not in self._replies and self._anything:
                self._replies[key] = text, "copied"
            if key not in self._replies:
                raise InputError(f"replies.txt: no reply for {key}")
            reply, said = self._replies[key]
            finish = "length" if said == "cut" else "stop"
            yield Completion(key=request.key, text=reply, finish_reason=finish, model=self.model)


def make(folder: Path) -> None:
    """Write the journals into `folder`."""
    options = parser().parse_args([*OPTIONS, "--output", "unused"])
    models = settings_from(options)
    with tempfile.TemporaryDirectory() as output:
        sources = find_sources(options.input)
        rephrase(plan_of(options, models), sources, models, output, engine=Written())
        folder.mkdir(exist_ok=True)
        for path in sorted(Path(output).glob("journal/part-*.jsonl")):
            copyfile(path, folder / path.name)


if __name__ == "__main__":
    make(HERE / "journal")
