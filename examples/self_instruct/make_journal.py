"""Turns the hand-written replies beside this file into a journal that the loop can replay.

    python -m examples.self_instruct.make_journal

Plays the loop once with an engine that answers out of `replies/`, and keeps what the loop wrote
down. Needed again whenever a prompt, a built-in seed or a setting below changes: they are part of a
request's key. The replies themselves do not depend on any of these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpusforge.errors import InputError
from corpusforge.instruct.run import job
from corpusforge.models.records import Completion, FinishReason, Request
from examples.journals import play
from pipelines import self_instruct

__all__ = ["COMMAND", "make"]

HERE = Path(__file__).parent
COMMAND = (HERE / "journal.args").read_text(encoding="utf-8").split()
"""Options of the demonstration; a replay of the journal takes them from there."""

_BLOCK = re.compile(r"^=== (.+)\n((?:(?!=== ).*\n)*)", re.MULTILINE)
_SPLIT = re.compile(r"^---(.*)\n", re.MULTILINE)


def _finish(note: str) -> FinishReason:
    return "length" if note.strip(" ,").endswith("cut") else "stop"


class Scripted:
    """Answers from the text files: generation prompts in their order, the rest by instruction."""

    name = "hand-written"
    model = "hand-written"
    context = 0

    def __init__(self, folder: Path) -> None:
        self._lists: dict[str, list[tuple[str, FinishReason]]] = {}
        self._answers: dict[tuple[str, str], tuple[str, FinishReason]] = {}
        for language in ("en", "zh"):
            text = (folder / f"generate.{language}.txt").read_text(encoding="utf-8")
            blocks = _BLOCK.findall(text)
            self._lists[language] = [(body.strip("\n"), _finish(head)) for head, body in blocks]
            text = (folder / f"answers.{language}.txt").read_text(encoding="utf-8")
            for instruction, body in _BLOCK.findall(text):
                verdict, note, instances = _SPLIT.split(body, maxsplit=1)
                self._answers["classify", instruction] = (verdict.strip("\n"), "stop")
                self._answers["instance", instruction] = (instances.strip("\n"), _finish(note))
        self.unused = {instruction for _, instruction in self._answers}

    def complete(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """Yield the written reply to each request; raises InputError where none was written."""
        for request in requests:
            text, finish = self._reply(request)
            yield Completion(key=request.key, text=text, finish_reason=finish, model=self.model)

    def _reply(self, request: Request) -> tuple[str, FinishReason]:
        step = request.purpose.removeprefix("instruct.")
        asked = request.messages[-1].content
        if step == "generate":
            language = "zh" if "这些任务" in asked else "en"
            return self._lists[language].pop(0)
        instruction = asked.split("<data>\n")[1].split("\n</data>")[0]
        if (step, instruction) not in self._answers:
            raise InputError(f"replies/answers.*.txt: no {step} reply to {instruction!r}")
        self.unused.discard(instruction)
        return self._answers[step, instruction]


def make(path: Path) -> Scripted:
    """Write the journal to `path`; return the engine, which knows what it did not use."""
    engine = Scripted(HERE / "replies")
    play(path, engine, self_instruct, job, COMMAND)
    return engine


def main() -> int:
    """Write `journal.jsonl` beside this file."""
    engine = make(HERE / "journal.jsonl")
    for instruction in sorted(engine.unused):
        print(f"never asked: {instruction}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
