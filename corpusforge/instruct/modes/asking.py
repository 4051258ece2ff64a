"""What the modes that ask a model have in common: drafts that go through steps, and become rows.

A draft holds the texts that replies gave so far; a step asks about all drafts of a part at once and lets
through those whose reply passes its check. Limit: a step has one request for each draft.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from corpusforge.hashing import make_id
from corpusforge.instruct import parse
from corpusforge.instruct.accounts import (
    Ask,
    Made,
    Origin,
    Question,
    Trail,
    asked,
    lineage,
    sampling_text,
    seeded,
    unanswered,
)
from corpusforge.instruct.echo import copied
from corpusforge.instruct.forms import fields, shaped
from corpusforge.instruct.modes.settings import Settings
from corpusforge.instruct.novelty import Gate
from corpusforge.instruct.profile import Finding, profile
from corpusforge.instruct.records import Row
from corpusforge.instruct.rules import check_instance, check_text
from corpusforge.models.prompts import Value, prompt
from corpusforge.models.records import Completion, Message, Request, Sampling
from corpusforge.models.structured import Form

__all__ = ["Draft", "Judge", "Maker", "whole"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A row on its way. `key` tells it from all others of its mode and language; draws hash it."""

    key: str
    parents: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    trail: Trail = ()
    sampling: tuple[str, ...] = ()
    model: str = ""

    def with_texts(self, **texts: str) -> Draft:
        """Return the draft with further texts, or others in their place."""
        return replace(self, texts={**self.texts, **texts})


Judge = Callable[[Draft], tuple[Finding | None, str]]
"""Looks at a draft with the texts of its newest reply: why it is refused, and the pool member nearest."""


@dataclass(slots=True)
class Maker:
    """One mode in one language: how its steps ask, and which instructions it has had."""

    mode: str
    language: str
    settings: Settings
    ask: Ask
    origin: Origin
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(profile(self.language))

    def step(
        self, name: str, drafts: Sequence[Draft], prompt_name: str,
        values: Callable[[Draft], Mapping[str, Value]], judge: Judge, made: Made, *,
        form: Form | None = None, sampling: Sampling | None = None,
    ) -> list[Draft]:  # fmt: skip
        """Return the drafts that a step lets through, with the fields of `form`, or `reply` without one."""
        text, sampling = prompt(prompt_name, self.language), sampling or self.settings.write
        questions = []
        for draft in drafts:
            request = self._request(name, draft, text.render(**values(draft)), sampling)
            shape = request, text.version
            if form:
                shape = shaped(form, *shape, self.language, structured=self.settings.structured)
            questions.append(Question(*shape, draft))
        return self.taken(name, questions, judge, made, form)

    def answered(self, drafts: Sequence[Draft], made: Made) -> list[Draft]:
        """Return the drafts with an `output`: the answer to `task` and `input`, by the prompt of evol."""
        return self.step(
            "answer", drafts, "evol_answer", lambda draft: {"instruction": whole(draft)},
            self.judge_answer, made, sampling=self.settings.answer,
        )  # fmt: skip

    def chatted(self, drafts: Sequence[Draft], made: Made) -> list[Draft]:
        """Return the drafts with an `output`: the answer to the task as a chat, with no other prompt."""
        questions = [
            Question(
                self._request("answer", one, (Message("user", whole(one)),), self.settings.answer),
                "chat", one,
            )
            for one in drafts
        ]  # fmt: skip
        return self.taken("answer", questions, self.judge_answer, made)

    def _request(
        self, name: str, draft: Draft, messages: tuple[Message, ...], sampling: Sampling
    ) -> Request:
        tuned = seeded(sampling, self.settings.seed, self.mode, name, self.language, draft.key)
        return Request(messages=messages, sampling=tuned, purpose=f"instruct.{self.mode}.{name}")

    def taken(
        self, name: str, questions: Sequence[Question[Draft]], judge: Judge, made: Made,
        form: Form | None = None,
    ) -> list[Draft]:  # fmt: skip
        """Ask a whole step; return the drafts whose replies are let through."""
        kept = []
        for question, reply in asked(self.ask, questions):
            text, nearest = parse.answer(reply.text).strip(), ""
            draft, finding = _told(question, reply, name), unanswered(reply)
            found = (
                fields(text, form, structured=self.settings.structured) if form else {"reply": text}
            )
            missing = [one.name for one in form.fields if one.name not in found] if form else []
            if finding is None and missing:
                finding = "no_fields", ", ".join(missing), "every field of the form"
            if finding is None:
                draft = draft.with_texts(**found)
                finding, nearest = judge(draft)
            step = f"{self.mode}.{name}"
            key = f"{reply.key}:{draft.key}"  # greedy requests of two drafts may be one
            if made.decide(self.language, step, text, finding, key=key, nearest=nearest):
                kept.append(draft)
        return kept

    def new_task(self, draft: Draft, text: str, given: str = "") -> tuple[Finding | None, str]:
        """Judge a task that a model wrote: the language's profile, text rules, copies, novelty."""
        finding = profile(self.language).check_instruction(text)
        finding = (
            finding or check_text(text, self.settings.allow) or copied(text, self.language, given)
        )
        if finding:
            return finding, ""
        verdict = self.gate.admit(draft.trail[-1][0], text)
        if verdict.accepted:
            return None, ""
        return ("near_copy", verdict.nearest[0].fraction, "<= 0.7"), verdict.nearest[0].id

    def judge_answer(self, draft: Draft) -> tuple[Finding | None, str]:
        """Judge the reply to a draft's task as its output."""
        texts = draft.texts
        finding = check_instance(
            texts["task"], texts.get("input", ""), texts["reply"], self.language, "stop",
            self.settings.allow,
        )  # fmt: skip
        return finding, ""

    def row(self, draft: Draft, task: str = "") -> Row:
        """Return the row of a draft with `task`, `input` and `reply`; `task` names its group."""
        texts = draft.texts
        given, output = texts.get("input", ""), texts["reply"]
        task = task or f"{self.mode}.{draft.trail[0][0]}"
        return Row(
            id=make_id(f"instruct.{self.mode}", "\x00".join((draft.key, texts["task"], given, output))),
            task=task, instruction=texts["task"], input=given, output=output, language=self.language,
            kind=self.mode, group=task, flags=draft.flags, reasoning=texts.get("reasoning", ""),
            lineage=lineage(
                draft.trail, self.origin, draft.sampling, draft.parents, draft.seeds, draft.model
            ),
        )  # fmt: skip


def whole(draft: Draft) -> str:
    """Return a draft's task with its input as one message."""
    given = draft.texts.get("input", "")
    return f"{draft.texts['task']}\n\n{given}" if given else draft.texts["task"]


def _told(question: Question[Draft], reply: Completion, name: str) -> Draft:
    """The draft with what its newest reply says of its making."""
    draft = question.subject
    return replace(
        draft, trail=(*draft.trail, (reply.key, question.prompt_version)), model=reply.model,
        sampling=(*draft.sampling, sampling_text(name, _plain(question), reply.left_out)),
    )  # fmt: skip


def _plain(question: Question[Draft]) -> Sampling:
    """The sampling of a request without the seed of its own."""
    return replace(question.request.sampling, seed=None)
