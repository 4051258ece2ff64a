"""Passages with calls: sampled, placed, executed, weighed, and made into rows.

Toolformer (Schick et al. 2023) with one difference: a chat model is asked to write the passage again with its
calls, in place of reading off where a call is likely to begin. Every call that was read is a line of
`calls.jsonl` with its three losses, kept or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from corpusforge.hashing import make_id
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import (
    Ask,
    Check,
    Made,
    Origin,
    Question,
    Trail,
    asked,
    checked,
    lineage,
    sampling_text,
    seeded,
    unanswered,
)
from corpusforge.instruct.ground.passages import Passage
from corpusforge.instruct.profile import Finding
from corpusforge.instruct.records import Row
from corpusforge.instruct.tools.calls import inline, placed, spoken, with_calls
from corpusforge.instruct.tools.errors import ToolError
from corpusforge.instruct.tools.execute import Execute
from corpusforge.instruct.tools.losses import Losses, texts, weighted
from corpusforge.instruct.tools.settings import Settings
from corpusforge.models.likelihood import ask_likelihood, read_likelihood
from corpusforge.models.prompts import prompt
from corpusforge.models.records import Request

__all__ = ["CALLS", "INSTRUCTION", "Call", "make_calls", "may_fit"]

CALLS = "calls.jsonl"
"""The table of all calls that were read and could be placed."""

INSTRUCTION = {
    "en": "Continue the text. Where a tool helps, call it.",
    "zh": "请接着写下去。需要时可以使用工具。",
}
_CHUNK = 16  # passages whose requests are asked together
_NUMBERS = re.compile(r"(?<![\d,.])\d[\d,.]*+[^\d,.]\D*+\d")
_DATE = re.compile(
    r"\b(?:1\d|20)\d\d\b|day\b|week|\b(?:today|tomorrow|yesterday)\b"
    r"|\d\s?[年月日天]|星期|今天|昨天|明天",
    re.IGNORECASE,
)
_FITS = {
    "calculator": _NUMBERS,
    "python": _NUMBERS,
    "calendar": _DATE,
    "convert": re.compile(r"\d"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call at its place in a passage, its result, and the three losses in nats."""

    id: str
    passage: str
    document: str
    language: str
    tool: str
    argument: str
    place: int
    """Character of the passage before which it stands."""
    result: str
    loss_plain: float
    loss_call: float
    loss_result: float
    gain: float
    kept: bool
    row: str = ""
    request: str = ""
    prompt_version: str = ""


@dataclass(frozen=True, slots=True)
class _Found:
    """A call that has a result and waits for its losses."""

    passage: Passage
    tool: str
    argument: str
    place: int
    result: str
    trail: Trail

    @property
    def key(self) -> str:
        return f"{self.passage.id}\x00{self.tool}\x00{self.place}\x00{self.argument}"


def may_fit(tool: str, text: str) -> bool:
    """Whether a tool may be of use in a text: numbers to reckon with, a date, a number with a unit."""
    pattern = _FITS.get(tool)
    return pattern is None or pattern.search(text) is not None


def make_calls(
    language: str, passages: Sequence[Passage], settings: Settings, execute: Execute, ask: Ask,
    origin: Origin, check: Check,
) -> Iterator[Made]:  # fmt: skip
    """Yield the rows of one language in parts: one row at most of each passage."""
    maker = _Maker(language, settings, execute, origin)
    for start in range(0, len(passages), _CHUNK):
        yield maker.part(passages[start : start + _CHUNK], ask, check)


class _Maker:
    """One language's passages."""

    def __init__(self, language: str, settings: Settings, execute: Execute, origin: Origin) -> None:
        self.language, self.settings = language, settings
        self.execute, self.origin = execute, origin

    def part(self, passages: Sequence[Passage], ask: Ask, check: Check) -> Made:
        made = Made()
        calls = self._weighed(self._executed(passages, ask, made), ask, made)
        best = self._best(calls)
        rows = {
            passage.id: self._row(passage, best[passage.id])
            for passage in passages
            if passage.id in best
        }
        checked(made, list(rows.values()), check)
        good = {row.id for row in made.rows}
        kept = {call.id for own in best.values() for call in own}
        made.tables[CALLS] = [
            replace(call, kept=call.id in kept, row=rows[call.passage].id)
            if call.id in kept and rows[call.passage].id in good else replace(call, kept=False)
            for call in calls
        ]  # fmt: skip
        return made

    def _executed(self, passages: Sequence[Passage], ask: Ask, made: Made) -> list[_Found]:
        """The calls of passages that are placed and have a result, each once."""
        questions = [
            self._sample(passage, tool, number)
            for passage in passages for tool in self.settings.tools if may_fit(tool, passage.text)
            for number in range(self.settings.samples)
        ]  # fmt: skip
        found: dict[str, _Found] = {}
        seen: set[str] = set()
        for question, reply in asked(ask, questions):
            (passage, tool), text = question.subject, parse.answer(reply.text)
            said = [one for one in spoken(text) if one.tool == tool]
            finding: Finding | None = unanswered(reply, cut=not said)
            if finding is None and not said:
                finding = "no_call", "0", "a call"
            if not made.decide(self.language, f"{tool}.sample", text, finding, key=reply.key):
                continue
            trail = ((reply.key, question.prompt_version),)
            for order, one in enumerate(said):
                place = placed(passage.text, one.before)
                call = _Found(passage, tool, one.argument, place, "", trail)
                finding, call = self._try(call, seen)
                seen.add(call.key)
                shown = f"{one.before[-60:]}{inline(tool, one.argument)}"
                if made.decide(
                    self.language, f"{tool}.execute", shown, finding, key=f"{reply.key}:{order}"
                ):
                    found[call.key] = call
        return list(found.values())

    def _sample(self, passage: Passage, tool: str, number: int) -> Question[tuple[Passage, str]]:
        made_of = prompt(f"tool_{tool}", self.language)
        sampling = seeded(self.settings.sample, self.settings.seed, tool, passage.id)
        request = Request(
            messages=made_of.render(text=passage.text), sampling=sampling, repeat=number,
            purpose=f"tool_calls.{tool}",
        )  # fmt: skip
        return Question(request, made_of.version, (passage, tool))

    def _try(self, call: _Found, seen: set[str]) -> tuple[Finding | None, _Found]:
        """Carry out one call; why it is refused, and the call with its result."""
        if call.place < 0:
            return ("misplaced", call.argument, "a place in the text"), call
        if call.place == 0:
            return ("at_start", "0", "text before it"), call
        if call.key in seen:
            return ("duplicate_call", call.argument, "another call"), call
        try:
            result = self.execute(call.tool, call.argument, self.language, call.passage.document.id)
        except ToolError as error:
            return ("tool_error", str(error), "a result"), call
        return None, replace(call, result=result)

    def _weighed(self, found: Sequence[_Found], ask: Ask, made: Made) -> list[Call]:
        """All calls with their losses; those whose result helps too little are refused."""
        questions = [
            Question(
                ask_likelihood(text, "tool_calls.loss", self.settings.echo_model),
                "",
                (number, place),
            )
            for number, one in enumerate(found)
            for text, place in texts(
                one.passage.text, one.place, one.tool, one.argument, one.result
            )
        ]
        losses: dict[int, list[float | None]] = {}
        keys: dict[int, list[str]] = {}
        for question, reply in asked(ask, questions):
            number, place = question.subject
            likely = read_likelihood(reply)
            losses.setdefault(number, []).append(weighted(likely, place) if likely else None)
            keys.setdefault(number, []).append(reply.key)
        calls = []
        for number, one in enumerate(found):
            call, finding = self._judged(one, losses[number])
            key = f"{keys[number][-1]}:{one.key}"
            if made.decide(self.language, f"{one.tool}.loss", _shown(one), finding, key=key):
                call = replace(call, kept=True)
            calls.append(call)
        return calls

    def _judged(self, one: _Found, found: Sequence[float | None]) -> tuple[Call, Finding | None]:
        known = [value for value in found if value is not None]
        losses = None
        if len(known) == len(found):
            losses = Losses(plain=known[0], call=known[1], result=known[2])
        gain = losses.gain if losses else 0.0
        call = Call(
            id=make_id("tool_calls", one.key), passage=one.passage.id, document=one.passage.document.id,
            language=self.language, tool=one.tool, argument=one.argument, place=one.place, result=one.result,
            loss_plain=round(losses.plain, 4) if losses else 0.0,
            loss_call=round(losses.call, 4) if losses else 0.0,
            loss_result=round(losses.result, 4) if losses else 0.0,
            gain=round(gain, 4), kept=False, request=one.trail[0][0], prompt_version=one.trail[0][1],
        )  # fmt: skip
        if losses is None:
            return call, ("no_loss", "", "the log-probabilities of the text")
        if gain < self.settings.threshold:
            return call, ("no_gain", f"{gain:.3f}", f">= {self.settings.threshold:g}")
        return call, None

    def _best(self, calls: Sequence[Call]) -> dict[str, list[Call]]:
        """The calls that go into each passage: the best at each place, the best places."""
        places: dict[tuple[str, int], Call] = {}
        for call in calls:
            held = places.get((call.passage, call.place))
            if call.kept and (held is None or (-call.gain, call.id) < (-held.gain, held.id)):
                places[call.passage, call.place] = call
        found: dict[str, list[Call]] = {}
        for call in sorted(places.values(), key=lambda one: (-one.gain, one.id)):
            own = found.setdefault(call.passage, [])
            if len(own) < self.settings.most:
                own.append(call)
        return {name: sorted(own, key=lambda one: one.place) for name, own in found.items()}

    def _row(self, passage: Passage, calls: Sequence[Call]) -> Row:
        first = calls[0].place
        written = [(one.place - first, inline(one.tool, one.argument, one.result)) for one in calls]
        trail = tuple(dict.fromkeys((one.request, one.prompt_version) for one in calls))
        return Row(
            id=make_id("instruct.tool", "\x00".join((passage.id, *(one.id for one in calls)))),
            task=f"tool.{passage.id}", kind="tool", language=self.language,
            instruction=INSTRUCTION[self.language], input=passage.text[:first].rstrip(),
            output=with_calls(passage.text[first:], written),
            flags=tuple(sorted({one.tool for one in calls})), group=passage.document.id,
            lineage=lineage(
                trail, self.origin, [sampling_text("sample", self.settings.sample)], (passage.document.id,)
            ),
        )  # fmt: skip


def _shown(one: _Found) -> str:
    text, place = one.passage.text, one.place
    written = inline(one.tool, one.argument, one.result)
    return f"{text[max(0, place - 40) : place]}{written} {text[place : place + 40]}"
