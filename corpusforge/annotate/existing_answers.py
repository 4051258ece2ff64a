"""Answers that are there already, joined to prompts by id or by text.

A row holds a prompt (or its `id`) and one answer (`response`, `output`, `completion`, `answer`) or
a list of them (`answers`, `responses`, `completions`, `candidates`), each a text or an object with
`text` and `model`. Answers as servers and benches keep them are read too: a completion with its `choices`,
a batch's result (`custom_id`, `response.body`), MT-bench's answers (`question_id`, `model_id`, turns; the
first turn's), a chat that ends with the answer. Answers are spooled to a scratch
file, so memory is one index entry per prompt. Placeholders replace personal data in them as in prompts;
a model asked here saw only redacted text.
"""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from corpusforge.annotate.candidates import Item, Shortfall, candidate_id, chosen
from corpusforge.annotate.prompts import names, prompt_id, row_messages
from corpusforge.annotate.records import Candidate, Prompt
from corpusforge.annotate.settings import CandidateSettings
from corpusforge.annotate.understand import role_of
from corpusforge.filter.redact import redact
from corpusforge.io import layouts
from corpusforge.io.decoding import decode_json
from corpusforge.io.jsonl import Bad

__all__ = ["ANSWERS", "GivenAnswers", "answer_of", "row_answers"]

ANSWERS = ("answers", "responses", "completions", "candidates")
"""Fields with a list of answers."""
_ONE = ("response", "output", "completion", "answer", "text")
_CHUNK = 1024


def row_answers(row: Mapping[str, Any], default_model: str) -> list[tuple[str, str, str, str]]:
    """Return (text, model, params, finish reason) of every answer a row holds."""
    row = _unwrapped(row)
    names = (_name(row.get(key)) for key in ("model", "generator", "model_id"))
    model = next(filter(None, names), default_model)
    for key in (*ANSWERS, "choices"):
        if isinstance(row.get(key), list):
            return [answer for item in row[key] if (answer := answer_of(item, model)) is not None]
    found = {key: row[key] for key in _ONE[:-1] if key in row}
    chat = row.get("messages")
    if not found and isinstance(chat, list) and chat and role_of(chat[-1]) == "assistant":
        found = chat[-1]
    answer = answer_of(found, model)
    return [] if answer is None else [answer]


def _unwrapped(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a batch's result wraps in `response.body`: the completion."""
    response = row.get("response")
    body = response.get("body") if isinstance(response, Mapping) else None
    return body if isinstance(body, Mapping) else row


def _name(value: Any) -> str:
    return value if isinstance(value, str) else ""


def answer_of(item: Any, model: str) -> tuple[str, str, str, str] | None:
    """Return (text, model, params, finish reason) of a text or object, None where it has no text."""
    if isinstance(item, str):
        return _clean(item), model, "", "stop"
    if not isinstance(item, Mapping):
        return None
    if isinstance(item.get("message"), Mapping):  # a choice of a chat completion
        item = {**item["message"], "finish_reason": item.get("finish_reason")}
    elif isinstance(item.get("turns"), list) and item["turns"]:  # MT-bench
        return answer_of(item["turns"][0], model)
    text = next(
        (item[key] for key in (*_ONE, "content", "value") if isinstance(item.get(key), str)), None
    )
    if text is None:
        return None
    params = item.get("params", "")
    return (
        _clean(text),
        _name(item.get("model")) or model,
        params if isinstance(params, str) else msgspec.json.encode(params).decode(),
        _name(item.get("finish_reason")) or "stop",
    )


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\x00", "")


class GivenAnswers:
    """The answers of some files, by prompt id; a context manager that owns a scratch file."""

    def __init__(
        self, paths: Iterable[str], aliases: Mapping[str, str], rules: tuple[str, ...]
    ) -> None:
        self._aliases, self._rules = aliases, rules
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._directory = tempfile.TemporaryDirectory(prefix="corpusforge-answers-")
        self._stream = (Path(self._directory.name) / "answers").open("w+b")
        self.counts: Counter[str] = Counter()
        self.redacted: Counter[str] = Counter()
        try:
            for path in paths:
                self._spool(path)
            self._stream.flush()
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> GivenAnswers:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()
        self._directory.cleanup()

    def _spool(self, path: str) -> None:
        default = Path(path).name.split(".")[0]
        encoder, place = msgspec.json.Encoder(), self._stream.tell()
        for read in layouts.values(path):
            self.counts["rows"] += 1
            if isinstance(read, Bad) or not isinstance(read.value, dict):
                self.counts["no_object"] += 1
                continue
            row = read.value
            answers = row_answers(row, default)
            prompt = self._prompt_of(row)
            if not answers or prompt is None:
                self.counts["without_answer" if not answers else "unknown_prompt"] += 1
                continue
            line = encoder.encode([self._candidate(prompt, answer) for answer in answers])
            self._stream.write(line)
            self._places[prompt].append((place, len(line)))
            self.counts["answers"] += len(answers)
            place += len(line)

    def _prompt_of(self, row: Mapping[str, Any]) -> str | None:
        named = names(row)
        own = [f"{key}={value}" for key, value in named]  # `id` 7 before a `question_id` 7
        for alias in (str(row.get("prompt_id", "")), *own, *(value for _, value in named)):
            if alias in self._aliases:
                return self._aliases[alias]
        messages = row_messages(row)
        return self._aliases.get(prompt_id(messages)) if messages else None

    def _candidate(self, prompt: str, answer: tuple[str, str, str, str]) -> Candidate:
        text, model, params, reason = answer
        if self._rules:
            found = redact(text, self._rules)
            text = found.text
            self.redacted.update(found.counts)
        name = candidate_id(prompt, model, params, text)
        return Candidate(id=name, text=text, model=model, params=params, finish_reason=reason)

    def of(self, prompt: str) -> list[Candidate]:
        """Return the answers to one prompt, without repeats of one id."""
        found: dict[str, Candidate] = {}
        for place, size in self._places.get(prompt, ()):
            self._stream.seek(place)
            for candidate in decode_json(self._stream.read(size), list[Candidate]):
                found.setdefault(candidate.id, candidate)
        return list(found.values())

    def items(
        self, prompts: Sequence[Prompt], settings: CandidateSettings, seed: int
    ) -> Iterator[Item | Shortfall]:
        """Yield an `Item` a prompt, preceded by its `Shortfall` where answers are missing."""
        for first in range(0, len(prompts), _CHUNK):
            some = prompts[first : first + _CHUNK]
            answers = [self.of(prompt.id) for prompt in some]
            yield from chosen(some, answers, settings, seed)
